"""The space an engine searches in: unit vectors for cosine, whitened ones for Mahalanobis, else vectors as given."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import Covariance, MetricName, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.index.core.checks import LARGEST_LENGTH, checked_vectors
from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["MetricSpace", "Place", "in_our_convention", "one_in_our_convention"]

Floats = npt.NDArray[np.float32]

faiss = EngineLibrary("faiss")

_ARRAY, _FLOAT32 = np.ndarray, np.dtype(np.float32)
_HALF = np.float32(0.5)

_LONGEST_SQUARE = LARGEST_LENGTH**2
#: Below this, float32 squares lose digits; `unit_length` scales first.
_SHORTEST_SQUARE = 1e-20


#: Takes anything, tells whether it is a single usual query, and then has prepared it in its thread's row.
Place = Callable[[Any], bool]


class _Row(threading.local):
    """Where a thread's single queries are prepared: `row`, `(1, d)` float32 at the start of a cache line.

    An engine reads the query again for every vector; where its registers' loads span two lines, as in most arrays that
    NumPy makes, exact search takes a tenth longer.
    """

    def __init__(self, dimension: int, unit: bool) -> None:
        memory = np.empty(dimension + 16, np.float32)
        start = -(memory.ctypes.data // 4) % 16
        self.row = memory[start : start + dimension].reshape(1, dimension)
        self.place = _place(self.row, unit)


def _place(row: Floats, unit: bool) -> Place:
    """The function that prepares a query in `row`, at length 1 where `unit`.

    What is not float32, not contiguous, NaN, too long or too short has to be looked at in full. faiss' functions of
    addresses do in a microsecond what takes NumPy ten, whose code the last search has driven from the caches.
    """
    zeros, shape, dimension = np.zeros_like(row), row.shape, row.shape[1]
    address, add, squared, root = faiss.swig_ptr, faiss.fvec_madd, faiss.fvec_norm_L2sqr, math.sqrt
    at_row, at_zeros = address(row), address(zeros)

    # An address keeps no array: what is written to here, and read by engines, lives as long as this function.
    def place(queries: Any, _kept: tuple[Floats, Floats] = (row, zeros)) -> bool:
        if type(queries) is not _ARRAY or queries.shape != shape or queries.dtype != _FLOAT32:
            return False
        try:
            at_query = address(queries)
        except ValueError:  # not contiguous
            return False
        square = squared(at_query, dimension)
        if not _SHORTEST_SQUARE < square <= _LONGEST_SQUARE:  # neither is true of NaN
            return False
        add(dimension, at_zeros, 1 / root(square) if unit else 1.0, at_query, at_row)
        return True

    return place


def _never(queries: Any) -> bool:
    """Stands for `Place` where queries are whitened: that is done in float64."""
    return False


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
        self._row = _Row(dimension, self._unit)

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
        """Check and prepare `(q, d)` queries. What comes back may be written over by this thread's next call."""
        row, place = self.row()
        if place(queries):
            return row
        return self.vectors(checked_vectors(queries, self.dimension, "queries", allow_none=True), "queries")

    def row(self) -> tuple[Floats, Place]:
        """Where the calling thread prepares a single query, `(1, d)`, and the function that does.

        What the function declines, `queries` looks at in full.
        """
        return self._row.row, self._row.place if self.covariance is None else _never


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


#: Factors c by which `x + c x`, which takes no rounding, is what our convention makes of x: its half, or -x.
_FACTORS = {"cosine": -0.5, "inner_product": -2.0}
#: The most that rounding makes of the greatest cosine distance, 2.
_ROUNDED = 2.1
#: Longer distances are looked at in full: faiss writes the largest float32, or its root, where it found none.
_LONGEST = 1e19


def one_in_our_convention(metric: MetricName, k: int) -> Callable[[Floats, Any], bool]:
    """A function that does the same for one query, past NumPy, whose first step costs more than all of it.

    It takes the `(1, k)` array and its address (`faiss.swig_ptr`). False says that the last is no distance: fewer than
    k were found, in all likelihood.
    """
    add, last = faiss.fvec_madd, k - 1
    factor, rooted, most = _FACTORS.get(metric), metric == "euclidean", 2.0 if metric == "cosine" else _LONGEST

    def convert(distances: Floats, at: Any) -> bool:
        if factor is not None:
            add(k, at, factor, at, at)
        elif rooted:
            np.sqrt(distances, out=distances)
        farthest = distances.item(last)
        if not farthest <= most:
            if not farthest <= _ROUNDED:  # neither is true of NaN
                return False
            np.minimum(distances, 2, out=distances)
        return True

    return convert
