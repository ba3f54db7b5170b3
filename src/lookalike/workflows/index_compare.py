"""Every kind of index over the same vectors: a table, curves as JSON, and pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.index.tuning.options import CompareOptions
from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.tuning.comparison import Comparison
    from lookalike.index.vector_source import Floats

__all__ = ["ComparedIndexes", "IndexCompareOptions", "index_compare"]

_GENERATED = "generated:"


@dataclass(frozen=True, kw_only=True)
class IndexCompareOptions(CompareOptions):
    """What to compare, and where to.

    Attributes:
        vectors: `.npy`, `.fvecs`, `.bvecs`, `.hdf5`, a folder that `embed` wrote, or `generated:COUNTxDIM` such as
            `generated:1Mx128`: made like face embeddings.
        output: folder for `comparison.json`, `single.png` and `batch.png`.
        metric: euclidean, cosine, inner_product, manhattan or mahalanobis; None for the file's, or cosine.
        queries: a file of vectors that are asked for, none of them indexed; None for the file's own, or some held out.
    """

    vectors: str | Path
    output: Path = Path("comparison")
    metric: str | None = None
    queries: Path | None = None


@dataclass(frozen=True, eq=False)  # holds arrays
class ComparedIndexes:
    """What was measured, and the folder it was written to.

    Attributes:
        output: the folder.
        comparison: all figures.
        notes: remarks, for example on kinds that could not be measured.
    """

    output: Path
    comparison: Comparison
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"output": str(self.output), **self.comparison.to_dict()}


def index_compare(options: IndexCompareOptions, progress: ProgressSink | None = None) -> ComparedIndexes:
    """Measure every kind of index over the same vectors, and write the figures and two pictures.

    Raises:
        InputError: the vectors cannot be read, a value is out of range, or there is nothing to compare.
        VectorError: vectors or queries are unusable.
        StorageError: the disk is full or failing.

    Example:
        >>> done = index_compare(    # doctest: +SKIP
        ...     IndexCompareOptions(vectors="generated:5kx64", kinds=["exact", "hnsw", "ivf"])
        ... )
        >>> done.comparison.rows()[0]["name"]    # doctest: +SKIP
        'hnsw'
    """
    from lookalike.atomic_files import write_atomically
    from lookalike.index.tuning.comparison import compare_indexes
    from lookalike.workflows.evaluation_folder import check_output

    report = Reporter(progress)
    check_output(options.output)
    vectors, queries, metric, covariance = _read(options, report)
    comparison = compare_indexes(
        vectors,
        metric=metric,
        queries=queries,
        covariance=covariance,
        progress=report,
        **{field.name: getattr(options, field.name) for field in fields(CompareOptions)},
    )
    options.output.mkdir(parents=True, exist_ok=True)
    content = json.dumps(comparison.to_dict(), indent=1, allow_nan=False)
    write_atomically(options.output / "comparison.json", content.encode())
    comparison.plot(options.output / "single.png")
    comparison.plot(options.output / "batch.png", batch=True)
    return ComparedIndexes(options.output, comparison, tuple(report.remarks))


def _read(options: IndexCompareOptions, report: Reporter) -> tuple[Floats, Floats | None, str, Covariance | None]:
    """Vectors, queries (None: hold some out), metric and covariance."""
    from lookalike.index.vector_files import open_vectors
    from lookalike.workflows.index_input import (
        check_kinds,
        chosen_metric,
        fitted_covariance,
        read_queries,
        read_source,
    )

    if str(options.vectors).startswith(_GENERATED):
        check_kinds(options.kinds, options.metric or "cosine", _generated_shape(str(options.vectors))[1])
        made, queries = _generated(str(options.vectors), options.seed)
        return made, queries, options.metric or "cosine", None
    source = open_vectors(options.vectors)
    metric = chosen_metric(options.metric, source)
    check_kinds(options.kinds, metric, source.dimension)
    given = read_queries(options.queries, source)
    covariance = fitted_covariance(metric, source)
    return read_source(source, report), given, metric, covariance


def _generated(vectors: str, seed: int) -> tuple[Floats, Floats]:
    """Vectors of `generated:COUNTxDIM`, and probes of up to 1,000 of their identities."""
    from lookalike.index.generated_vectors import generated_probes, generated_vectors

    count, dimension = _generated_shape(vectors)
    made, identities = generated_vectors(count, dimension, seed=seed)
    step = max(1, len(made) // 1000)
    return made, generated_probes(identities[::step][:1000], dimension, seed=seed)


def _generated_shape(vectors: str) -> tuple[int, int]:
    """How many vectors of how many dimensions `generated:COUNTxDIM` asks for."""
    from lookalike.index.quantities import parse_count

    count, times, dimension = vectors.removeprefix(_GENERATED).partition("x")
    if not times or not dimension.isdigit():
        raise InputError(f"{vectors!r} is not generated:COUNTxDIM; give for example generated:1Mx128")
    return parse_count(count), int(dimension)
