"""The space an engine searches in: unit vectors for cosine, whitened ones for Mahalanobis, else vectors as given."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import Covariance, MetricName, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.index.core.checks import LARGEST_LENGTH, checked_vectors
from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["LONGEST_SQUARE", "SHORTEST_SQUARE", "MetricSpace", "in_our_convention"]

Floats = npt.NDArray[np.float32]

faiss = EngineLibrary("faiss")

_HALF = np.float32(0.5)

#: Between these is the squared length of a query that is prepared the short way: beyond it, float32 squares overflow.
LONGEST_SQUARE = LARGEST_LENGTH**2
#: Below this, float32 squares lose digits; `unit_length` scales first.
SHORTEST_SQUARE = 1e-20


class _AlignedRow(threading.local):
    """A `(1, d)` row for every thread, at the start of a cache line.

    An engine reads the query again for every vector; where its registers' loads span two lines, as in most arrays that
    NumPy makes, exact search takes a tenth longer.
    """

    def __init__(self, dimension: int) -> None:
        memory = np.empty(dimension + 16, np.float32)
        start = -(memory.ctypes.data // 4) % 16
        self.row = memory[start : start + dimension].reshape(1, dimension)


class MetricSpace:
    """Prepares vectors and queries, so that an engine needs to know four metrics only.

    Args:
        metric: of the index.
        dimension: numbers per vector.
        covariance: for Mahalanobis.

    Raises:
        InputError: Mahalanobis without a covariance of this dimension, or a covariance with another metric.
    """

    def __init__(self, metric: str, dimension: int, covariance: Covariance | None = None) -> None:
        if (metric == "mahalanobis") != (covariance is not None):
            needs = "needs covariance=Covariance.fit(vectors)" if covariance is None else "takes no covariance"
            raise InputError(f"metric {metric!r} {needs}")
        if covariance is not None and len(covariance.matrix) != dimension:
            raise InputError(f"the covariance is for {len(covariance.matrix)} dimensions, the vectors have {dimension}")
        self.covariance = covariance
        self.dimension = dimension
        #: What the engine computes over prepared vectors.
        self.metric: MetricName = "euclidean" if metric == "mahalanobis" else metric  # type: ignore[assignment]
        self._unit = metric == "cosine"
        self._row = _AlignedRow(dimension)
        self._plain = covariance is None

    def vectors(self, vectors: Floats, name: str = "vectors") -> Floats:
        """Prepare checked `(n, d)` vectors; raises a `VectorError` for a zero vector under cosine."""
        if self.covariance is not None:
            # In float64: the whitening of a large vector keeps the digits of small differences.
            whitened = self.covariance.whiten(vectors.astype(np.float64))
            return checked_vectors(whitened, self.dimension, f"whitened {name}", allow_none=True)
        if not self._unit:
            return vectors
        try:
            return np.ascontiguousarray(unit_length(vectors), dtype=np.float32)
        except VectorError as error:
            raise VectorError(f"{name}: {error}; the cosine metric cannot place it") from error

    def queries(self, queries: Any) -> Floats:
        """Check and prepare `(q, d)` queries. One float32 query takes a short way, as in `one_query`.

        What comes back may be written over by this thread's next call.
        """
        if (
            self._plain
            and type(queries) is np.ndarray
            and queries.shape == (1, self.dimension)
            and queries.dtype == np.float32
        ):
            row = np.ascontiguousarray(queries)
            # As `one_query` does, to the last bit: both paths give one answer.
            square = faiss.fvec_norm_L2sqr(faiss.swig_ptr(row), self.dimension)
            if SHORTEST_SQUARE < square <= LONGEST_SQUARE:  # neither is true of NaN
                return np.multiply(row, 1 / math.sqrt(square), out=self._row.row) if self._unit else row
        return self.vectors(checked_vectors(queries, self.dimension, "queries", allow_none=True), "queries")

    @property
    def row(self) -> Floats:
        """`(1, d)` where the calling thread prepares a single query."""
        return self._row.row


def in_our_convention(raw: Floats, metric: MetricName) -> Floats:
    """What engines compute as our distances, in place: smaller is more alike.

    Args:
        raw: `(q, k)` float32, nearest first: squared Euclidean distances, which order unit vectors as cosine does;
            inner products; or Manhattan distances.
        metric: of the prepared vectors.
    """
    if metric == "euclidean":
        np.sqrt(raw, out=raw)
    elif metric == "inner_product":
        np.negative(raw, out=raw)
    elif metric == "cosine":
        raw *= _HALF  # for unit vectors |x - y|² = 2 (1 - cos); this form keeps the digits of near duplicates
        np.minimum(raw, 2, out=raw)  # rounding
    return raw
