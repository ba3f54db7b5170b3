"""Vectors that are compared one by one, exactly: faiss flat, and float64 where float32 cannot tell.

Exact means in float64, over the vectors as the index holds them: float32, and of length 1 under cosine, whose distance
is ``|x - y|² / 2`` (``1 - x·y`` in float32 loses all that is nearer than 1e-7). faiss finds some more neighbours than
asked for in float32; `float64_order` puts them in order, and tells which queries float32 cannot decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.float64_order import (
    Wide,
    exact_values,
    in_order,
    least_of_expanded_squares,
    least_of_sums,
    most_of_products,
    nearest_in_float64,
    squared_lengths,
)
from lookalike.index.core.hits import Floats, Positions

__all__ = ["AUTO_EXACT_LIMIT", "FlatVectors", "Near", "kept_vectors", "merged", "nearest_among", "nearest_at"]

faiss = EngineLibrary("faiss")

#: Kind `auto` compares one by one up to here: about 1 ms a query at 128 dimensions, without anything to build.
AUTO_EXACT_LIMIT = 20_000

#: The name of faiss' metric.
_METRICS = {
    "euclidean": "METRIC_L2",
    "cosine": "METRIC_INNER_PRODUCT",
    "inner_product": "METRIC_INNER_PRODUCT",
    "manhattan": "METRIC_L1",
}

#: `(q, k)` distances, float32 or float64, and positions.
Near = tuple[npt.NDArray[Any], Positions]

#: How many neighbours beyond k, and a share of k, are fetched before their distances are computed again in float64; and
#: how many for queries that these do not decide.
_SPARE, _MORE = 16, 256

#: Up to so many multiplications (about 10 ms) one thread works alone: on a busy machine, waiting for a second one
#: costs a time slice (16 ms instead of 0.4 ms for one query among 20,000 × 128).
_SMALL = 1 << 27

#: Vectors that are fetched from an engine at a time.
_BLOCK = 1 << 16


class FlatVectors:
    """Prepared vectors that are compared one by one; at positions 0, 1, 2, ... in the order they were added.

    Args:
        dimension: numbers per vector.
        metric: `euclidean`, `cosine` (of unit vectors), `inner_product` or `manhattan`.
        flat: a faiss flat index that holds some already.
    """

    def __init__(self, dimension: int, metric: str, flat: Any = None) -> None:
        self.flat = _new_flat(dimension, metric) if flat is None else flat
        self._metric = metric
        self._by_products = self.flat.metric_type == faiss.METRIC_INNER_PRODUCT
        #: Of the squared lengths: the greatest, and the most that one is off 1; None until somebody asks.
        self._lengths: tuple[float, float] | None = None if len(self) else (0.0, 0.0)

    def __len__(self) -> int:
        return int(self.flat.ntotal)

    @property
    def nbytes(self) -> int:
        """Memory of the vectors."""
        return len(self) * int(self.flat.d) * 4

    def view(self) -> Floats:
        """`(n, d)` the vectors inside faiss; dies with the next change."""
        flat: Floats = faiss.rev_swig_ptr(self.flat.get_xb(), self.flat.ntotal * self.flat.d)
        return flat.reshape(-1, self.flat.d)

    def add(self, vectors: Floats) -> None:
        """Put `(m, d)` vectors at the next positions."""
        self.flat.add(np.ascontiguousarray(vectors))
        if len(vectors) and self._lengths is not None:
            (longest, off_unit), (before, off_before) = _squares(vectors), self._lengths
            self._lengths = max(before, longest), max(off_before, off_unit)

    def _extremes(self) -> tuple[float, float]:
        """Of the squared lengths: the greatest, and the most that one is off 1."""
        if self._lengths is None:
            self._lengths = _squares(self.view())
        return self._lengths

    def remove(self, positions: Positions) -> None:
        """Take vectors out; those after them move up."""
        self.flat.remove_ids(faiss.IDSelectorBatch(positions))

    def truncate(self, count: int) -> None:
        """Take out the vectors from position `count` on, where there are any."""
        if len(self) > count:
            self.remove(np.arange(count, len(self)))

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        """Exact `(q, k)` distances and positions of the k nearest, `k` at most as many as there are."""
        distances, positions = self.nearest_wide(queries, k)
        return distances.astype(np.float32), positions

    def nearest_wide(self, queries: Floats, k: int) -> tuple[Wide, Positions]:
        """The same with float64 distances; equal ones in order of position."""
        count = len(self)
        vectors = self.view()
        rough, positions = self._compare(queries, min(k + _SPARE + k // 32, count))
        values, positions, unsure = self._ordered(queries, vectors, rough, positions, k)
        step = _few() - 1 if len(unsure) else 1
        for start in range(0, len(unsure), step):
            rows = unsure[start : start + step]
            asked = queries[rows]
            rough, found = self._compare(asked, min(k + _MORE + k // 8, count), differences=True)
            values[rows], positions[rows], left = self._ordered(asked, vectors, rough, found, k, differences=True)
            if len(left):
                at = rows[left]
                values[at], positions[at] = nearest_in_float64(asked[left], vectors, k, self._metric)
        if self._metric == "euclidean":
            np.sqrt(values, out=values)
        elif self._metric == "cosine":
            values /= 2
            np.minimum(values, 2, out=values)  # rounding
        return values, positions

    def _ordered(
        self,
        queries: Floats,
        vectors: Floats,
        rough: Floats,
        positions: Positions,
        k: int,
        differences: bool = False,
    ) -> tuple[Wide, Positions, Positions]:
        """The k nearest of those fetched, and the queries for which another vector may belong among them.

        Args:
            queries: `(q, d)`.
            vectors: all of them.
            rough: `(q, c)` what faiss computed.
            positions: `(q, c)`.
            k: at most c.
            differences: whether faiss computed squares of differences.
        """
        values, found = in_order(exact_values(queries, vectors, positions, self._metric), positions, k)
        if rough.shape[1] == len(vectors):
            return values, found, np.empty(0, np.int64)
        last, d = rough[:, -1].astype(np.float64), queries.shape[1]
        if self._by_products and not (differences and self._metric == "cosine"):
            squares, (longest, off_unit) = squared_lengths(queries), self._extremes()
            beyond = -most_of_products(last, d, squares, math.sqrt(longest))
            if self._metric == "cosine":  # |x - y|² = |x|² + |y|² - 2xy
                beyond = 2 * beyond + squares + (1 - off_unit)
        elif differences or self._metric == "manhattan" or len(queries) < _few():
            beyond = least_of_sums(last, d)
        else:
            beyond = least_of_expanded_squares(last, d, squared_lengths(queries), math.sqrt(self._extremes()[0]))
        # Not beyond it: a vector that was not fetched may be as near as the k-th.
        return values, found, np.flatnonzero(~(beyond > values[:, -1]))

    def _compare(self, queries: Floats, k: int, differences: bool = False) -> tuple[Floats, Positions]:
        """What faiss finds; of few queries under cosine, by `differences` where the index itself takes products."""
        small = len(queries) * self.flat.ntotal * self.flat.d < _SMALL
        threads = faiss.omp_get_max_threads()
        if small:
            faiss.omp_set_num_threads(1)  # OpenMP keeps this number per calling thread
        try:
            found: tuple[Floats, Positions]
            if differences and self._by_products and self._metric == "cosine":
                found = faiss.knn(queries, self.view(), k, faiss.METRIC_L2)
            else:
                found = self.flat.search(queries, k)
        finally:
            if small:
                faiss.omp_set_num_threads(threads)
        return found


def _new_flat(dimension: int, metric: str) -> Any:
    return faiss.IndexFlat(dimension, getattr(faiss, _METRICS[metric]))


def _few() -> int:
    """From so many queries on, faiss computes squares as ``|x|² - 2xy + |y|²``, of fewer from differences."""
    return int(faiss.cvar.distance_compute_blas_threshold)


def nearest_among(queries: Floats, vectors: Floats, k: int, metric: str) -> tuple[Wide, Positions]:
    """Exact `(q, k)` float64 distances and rows of the k nearest of `(n, d)` prepared vectors, `k <= n`."""
    return _BorrowedVectors(np.ascontiguousarray(vectors), metric).nearest_wide(queries, k)


def kept_vectors(vectors: Floats, metric: str) -> FlatVectors:
    """A copy of `(n, d)` prepared vectors that compares as `nearest_among` does, for many searches."""
    kept = FlatVectors(vectors.shape[1], metric, faiss.IndexFlat(vectors.shape[1], _by_differences(metric)))
    kept.add(vectors)
    return kept


def _by_differences(metric: str) -> int:
    # Cosine by differences: what a store decodes is not quite of length 1.
    metric_type: int = getattr(faiss, "METRIC_L2" if metric == "cosine" else _METRICS[metric])
    return metric_type


class _Borrowed(NamedTuple):
    """An array in the place of a faiss flat index."""

    vectors: Floats
    metric_type: int

    @property
    def ntotal(self) -> int:
        return len(self.vectors)

    @property
    def d(self) -> int:
        return int(self.vectors.shape[1])

    def search(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        found: tuple[Floats, Positions] = faiss.knn(queries, self.vectors, k, self.metric_type)
        return found


class _BorrowedVectors(FlatVectors):
    """Vectors that are compared where they lie, without the copy that faiss would make; for one search."""

    def __init__(self, vectors: Floats, metric: str) -> None:
        super().__init__(vectors.shape[1], metric, _Borrowed(vectors, _by_differences(metric)))

    def view(self) -> Floats:
        vectors: Floats = self.flat.vectors
        return vectors


def nearest_at(
    queries: Floats, positions: Positions, vectors_at: Callable[[Positions], Floats], k: int, metric: str
) -> tuple[Floats, Positions]:
    """Exact `(q, k)` distances and positions of the k nearest, `k` at most as many positions as are given.

    Args:
        queries: `(q, d)`, prepared.
        positions: `(n,)` which vectors are compared; block by block, so that memory does not grow with them.
        vectors_at: gives the `(m, d)` prepared vectors at positions.
        k: neighbours.
        metric: of the prepared vectors.
    """
    best: Near = np.empty((len(queries), 0)), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(positions), _BLOCK):
        block = positions[start : start + _BLOCK]
        distances, found = nearest_among(queries, vectors_at(block), min(k, len(block)), metric)
        best = merged(best, (distances, block[found]), k)
    return best[0].astype(np.float32), best[1]


def merged(one: Near, other: Near, k: int) -> Near:
    """The k nearest of two answers to the same queries, fewer where both hold fewer; `one` goes first in a tie."""
    distances, positions = np.hstack([one[0], other[0]]), np.hstack([one[1], other[1]])
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(positions, order, 1)


def _squares(vectors: Floats) -> tuple[float, float]:
    """The greatest squared length, and how far one may be off 1: of float32 sums, with their rounding added.

    Zeros do not count for that: under cosine nobody is enrolled with them, they stand where a vector was erased
    (`erasing`), and whoever erased it passes over its place.
    """
    longest, shortest = 0.0, 1.0
    for part in np.array_split(vectors, len(vectors) // 65536 + 1):
        squares = np.einsum("ij,ij->i", part, part)
        longest = max(longest, float(squares.max()))
        shortest = float(squares[squares > 0].min(initial=shortest))
    rounding = (vectors.shape[1] + 2) * (1.01 * 2.0**-24 * longest + 2.0**-126)
    return longest + rounding, max(longest - 1, 1 - shortest) + rounding
