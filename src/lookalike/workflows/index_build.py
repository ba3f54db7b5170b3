"""A file of vectors to an index folder, read in blocks where the vectors are many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.index.vector_source import VectorSource

__all__ = ["BuiltIndex", "IndexBuildOptions", "index_build"]


@dataclass(frozen=True, kw_only=True)
class IndexBuildOptions:
    """What to index, and how.

    Attributes:
        vectors: `.npy`, `.fvecs`, `.bvecs`, `.hdf5`, or a folder that `embed` wrote.
        output: the index folder to write.
        kind: exact, trees, nsw, hnsw, ivf, ivfpq, vamana, scann, or auto, which measures.
        metric: euclidean, cosine, inner_product, manhattan or mahalanobis; None for the file's, or cosine.
        settings: build and search settings of the kind, such as `{"M": 32}`.
        stream: read the vectors in blocks (ivfpq only), and continue after an interruption; None for where they are
            many.
        work: folder for the parts of a streamed build; None for one beside the output.
        replace: replace an older index.
    """

    vectors: str | Path
    output: Path
    kind: str = "auto"
    metric: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stream: bool | None = None
    work: Path | None = None
    replace: bool = False


@dataclass(frozen=True)
class BuiltIndex:
    """The index that was written.

    Attributes:
        index: its folder.
        streamed: whether its vectors were read in blocks.
        stats: what `VectorIndex.stats` says of it; of a streamed build, what `build_bulk` returns.
        notes: remarks.
    """

    index: Path
    streamed: bool
    stats: dict[str, Any]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"index": str(self.index), **self.stats}


def index_build(options: IndexBuildOptions, progress: ProgressSink | None = None) -> BuiltIndex:
    """Build an index over a file of vectors, and save it.

    Raises:
        InputError: the vectors cannot be read; the kind is unknown, does not support the metric, or is not built in
            blocks.
        MissingDependencyError: the kind's engine is not installed.
        VectorError: a vector cannot be indexed; the message names its row.
        StorageError: the output is there and may not be replaced, the disk is full or failing, or another process
            builds the same index.

    Example:
        >>> index_build(IndexBuildOptions(vectors="faces.npy", output=Path("faces.index")))    # doctest: +SKIP
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.index.auto import build_index
    from lookalike.index.core.artefact import HEADER
    from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
    from lookalike.index.vector_files import open_vectors
    from lookalike.workflows.index_input import check_kind, chosen_metric, fitted_covariance, read_source
    from lookalike.workflows.output_folder import check_writable

    report = Reporter(progress)
    check_replaceable(options.output, HEADER, options.replace)
    check_writable(options.output)
    source = open_vectors(options.vectors)
    check_kind(options.kind, chosen_metric(options.metric, source), source.dimension, options.settings)
    if _is_streamed(options, source):
        return BuiltIndex(options.output, True, _streamed(options, source, report), tuple(report.remarks))
    metric = chosen_metric(options.metric, source)
    covariance = fitted_covariance(metric, source)
    data = read_source(source, report)
    settings = dict(options.settings)
    if options.kind == "auto" and source.count > AUTO_EXACT_LIMIT:
        settings["progress"] = report
    done = report.counted(f"Building {options.kind}", 1)
    done(0)
    index = build_index(
        data,
        options.kind,
        metric,
        ids=source.ids,
        fingerprint=source.fingerprint,
        covariance=covariance,
        **settings,
    )
    done(1)
    done = report.counted(f"Writing {options.output}", 1)
    done(0)
    index.save(options.output)
    done(1)
    return BuiltIndex(options.output, False, index.stats(), tuple(report.remarks))


def _is_streamed(options: IndexBuildOptions, source: VectorSource) -> bool:
    from lookalike.index.kinds.registry import KINDS

    able = [name for name, kind in KINDS.items() if kind.streamed]
    if options.stream is None:
        return options.kind in able and _large(source.count * source.dimension * 4)
    if options.stream and options.kind not in able:
        names = " or ".join(able)
        raise InputError(f"only {names} is built from a stream, not {options.kind}; choose {names}, or build in memory")
    return options.stream


def _large(size: int) -> bool:
    """Whether vectors of this size would fill more than a third of the memory that is free."""
    from lookalike.index.core.free_memory import available_bytes

    free = available_bytes()
    return free is not None and size > free // 3


def _streamed(options: IndexBuildOptions, source: VectorSource, report: Reporter) -> dict[str, Any]:
    from lookalike.index.bulk.build import BulkOptions, build_bulk
    from lookalike.index.spec import IndexSpec
    from lookalike.workflows.index_input import chosen_metric, fitted_covariance

    metric = chosen_metric(options.metric, source)
    spec = IndexSpec.create(options.kind, metric, source.dimension, source.fingerprint, **options.settings)
    return build_bulk(
        source,
        options.output,
        spec,
        BulkOptions(work=options.work),
        ids=source.ids,
        covariance=fitted_covariance(metric, source),
        progress=report,
    )
