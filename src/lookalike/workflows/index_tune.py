"""A file of vectors to the fastest index that keeps a recall, measured and explained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.index.tuning.options import TuneOptions
from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.index.tuning.tune import Tuning

__all__ = ["IndexTuneOptions", "TunedIndex", "index_tune"]


@dataclass(frozen=True, kw_only=True)
class IndexTuneOptions(TuneOptions):
    """What to index, what it has to achieve, and where to.

    Attributes:
        vectors: `.npy`, `.fvecs`, `.bvecs`, `.hdf5`, or a folder that `embed` wrote.
        output: the index folder to write.
        metric: euclidean, cosine, inner_product, manhattan or mahalanobis; None for the file's, or cosine.
        queries: a file of vectors as they will be asked for, none of them indexed; None for the file's own, or some
            held out.
        plot: picture of what was tried; None for the output's name with .png added.
        replace: replace an older index.
    """

    vectors: str | Path
    output: Path
    metric: str | None = None
    queries: Path | None = None
    plot: Path | None = None
    replace: bool = False


@dataclass(frozen=True, eq=False)  # holds arrays
class TunedIndex:
    """The index that was written, and why it was chosen.

    Attributes:
        output: its folder.
        plot: the picture of what was tried.
        tuning: the index, and everything that was tried.
        notes: remarks.
    """

    output: Path
    plot: Path
    tuning: Tuning
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"output": str(self.output), "plot": str(self.plot), **self.tuning.to_dict()}


def index_tune(options: IndexTuneOptions, progress: ProgressSink | None = None) -> TunedIndex:
    """Choose the fastest kind and settings that keep a recall, build the index, save it, and draw what was tried.

    Raises:
        InputError: the vectors cannot be read, a value is out of range, nothing fits the memory, or nothing reaches
            the recall.
        VectorError: vectors or queries are unusable.
        StorageError: the output is there and may not be replaced, or the disk is full or failing.

    Example:
        >>> tuned = index_tune(    # doctest: +SKIP
        ...     IndexTuneOptions(vectors="faces.npy", output=Path("faces.index"), recall=0.95, memory="8GiB")
        ... )
        >>> tuned.tuning.index.kind    # doctest: +SKIP
        'hnsw'
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.index.core.artefact import HEADER
    from lookalike.index.tuning.tune import tune_index
    from lookalike.index.vector_files import open_vectors
    from lookalike.workflows.index_input import (
        check_kinds,
        chosen_metric,
        fitted_covariance,
        read_queries,
        read_source,
    )
    from lookalike.workflows.output_folder import check_writable

    report = Reporter(progress)
    check_replaceable(options.output, HEADER, options.replace)
    check_writable(options.output)
    if options.plot is not None:
        check_writable(options.plot)
    source = open_vectors(options.vectors)
    metric = chosen_metric(options.metric, source)
    check_kinds(options.kinds, metric, source.dimension)
    queries = read_queries(options.queries, source)
    tuning = tune_index(
        read_source(source, report),
        metric=metric,
        ids=source.ids,
        queries=queries,
        fingerprint=source.fingerprint,
        covariance=fitted_covariance(metric, source),
        progress=report,
        **{field.name: getattr(options, field.name) for field in fields(TuneOptions)},
    )
    done = report.counted(f"Writing {options.output}", 1)
    done(0)
    tuning.save(options.output)
    plot = options.plot or options.output.with_name(options.output.name + ".png")
    tuning.plot(plot)
    done(1)
    return TunedIndex(options.output, plot, tuning, tuple(report.remarks))
