"""What a workflow over indexes is given: files of vectors, the metric they are searched by, and queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.distances import Covariance
from lookalike.index.vector_files import open_vectors

if TYPE_CHECKING:
    from lookalike.index.vector_source import Floats, VectorSource
    from lookalike.progress import Reporter

__all__ = ["check_kind", "check_kinds", "chosen_metric", "fitted_covariance", "read_queries", "read_source"]

#: Vectors that a covariance is fitted to.
_SAMPLE = 200_000


def chosen_metric(metric: str | None, source: VectorSource) -> str:
    """The metric that was asked for, else the one the file names, else cosine."""
    return metric or source.metric or "cosine"


def check_kind(kind: str, metric: str, dimension: int, settings: Mapping[str, Any]) -> None:
    """Refuse an index that cannot be built, before its vectors are read.

    Args:
        kind: its name, or auto, which chooses by the vectors.
        metric: that it is searched by.
        dimension: numbers per vector.
        settings: of the kind.

    Raises:
        InputError: an unknown kind, metric or setting, a metric that the kind cannot, or a value out of range.
        MissingDependencyError: its engine is not installed.
    """
    from lookalike.index.kinds.registry import KINDS
    from lookalike.index.spec import IndexSpec

    IndexSpec.create("exact" if kind == "auto" else kind, metric, dimension, **({} if kind == "auto" else settings))
    if kind != "auto":
        KINDS[kind].load()


def check_kinds(kinds: Sequence[str] | None, metric: str, dimension: int) -> None:
    """The same of kinds that are to be tried; None for all that there are.

    Raises:
        InputError, MissingDependencyError: as `check_kind`.
    """
    check_kind("auto", metric, dimension, {})
    for kind in kinds or ():
        check_kind(kind, metric, dimension, {})


def fitted_covariance(metric: str, source: VectorSource) -> Covariance | None:
    """For Mahalanobis, the covariance of a sample of the vectors; None for other metrics."""
    if metric != "mahalanobis":
        return None
    rows = np.sort(np.random.default_rng(0).permutation(source.count)[:_SAMPLE])
    return Covariance.fit(source.rows(rows))


def read_source(source: VectorSource, report: Reporter) -> Floats:
    """All vectors of a source, `(n, d)`; progress is reported."""
    return source.read(report.counted(f"Reading {source.count:,} × {source.dimension} vectors", source.count))


def read_queries(path: str | Path | None, source: VectorSource) -> Floats | None:
    """The `(q, d)` queries of a file, else those that the vectors' file has (ann-benchmarks), else None."""
    return source.queries if path is None else open_vectors(path).read()
