"""What a workflow over indexes is given: files of vectors, the metric they are searched by, and queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookalike.distances import Covariance
from lookalike.index.vector_files import open_vectors

if TYPE_CHECKING:
    from lookalike.index.vector_source import Floats, VectorSource
    from lookalike.progress import Reporter

__all__ = ["chosen_metric", "fitted_covariance", "read_queries", "read_source"]

#: Vectors that a covariance is fitted to.
_SAMPLE = 200_000


def chosen_metric(metric: str | None, source: VectorSource) -> str:
    """The metric that was asked for, else the one the file names, else cosine."""
    return metric or source.metric or "cosine"


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
