"""Exact search: faiss flat, every vector compared with every query. The truth other kinds are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from lookalike.index.ids import IdMap
from lookalike.index.vector_index import Floats, Positions, VectorIndex

if TYPE_CHECKING:
    from lookalike.index.spec import IndexSpec

__all__ = ["ExactIndex"]

_METRICS = {
    "euclidean": faiss.METRIC_L2,
    "cosine": faiss.METRIC_INNER_PRODUCT,
    "inner_product": faiss.METRIC_INNER_PRODUCT,
    "manhattan": faiss.METRIC_L1,
}

#: How many neighbours beyond k a batch fetches before their distances are computed again exactly.
_SPARE = 16

#: Up to so many multiplications (about 10 ms) one thread works alone: on a busy machine, waiting for a second one
#: costs a time slice (16 ms instead of 0.4 ms for one query among 20,000 × 128).
_SMALL = 1 << 27


class ExactIndex(VectorIndex):
    """Brute force over all vectors; recall is 1 by construction, time grows with their number.

    Removal is immediate and keeps the order of the rest, at the cost of moving them up: give ids in one call.
    Euclidean differences below about 1e-19 count as 0 (float32 squares).
    """

    def __init__(self, spec: IndexSpec, ids: IdMap | None = None, engine: Any = None) -> None:
        super().__init__(spec, ids)
        self._flat = faiss.IndexFlat(spec.dimension, _METRICS[spec.metric]) if engine is None else engine
        self._longest = 0.0
        if self._flat.ntotal:
            self._note_lengths(self._stored())

    def _engine(self) -> Any:
        return self._flat

    def _stored(self) -> Floats:
        """`(n, d)` the vectors inside faiss; a view that dies with the next change."""
        flat: Floats = faiss.rev_swig_ptr(self._flat.get_xb(), self._flat.ntotal * self.dimension)
        return flat.reshape(-1, self.dimension)

    def _note_lengths(self, vectors: Floats) -> None:
        self._longest = max(self._longest, float(np.einsum("ij,ij->i", vectors, vectors).max()))

    def _append(self, vectors: Floats) -> None:
        self._flat.add(vectors)
        self._note_lengths(vectors)

    def _discard(self, positions: Positions) -> None:
        self._flat.remove_ids(faiss.IDSelectorBatch(positions))
        self._ids.compact()

    def _compare(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        small = len(queries) * self._flat.ntotal * self.dimension < _SMALL
        threads = faiss.omp_get_max_threads()
        if small:
            faiss.omp_set_num_threads(1)  # OpenMP keeps this number per calling thread
        try:
            found: tuple[Floats, Positions] = self._flat.search(queries, k)
        finally:
            if small:
                faiss.omp_set_num_threads(threads)
        return found

    def _nearest(self, queries: Floats, k: int) -> tuple[Positions, Floats]:
        if self.metric == "euclidean":
            return self._nearest_euclidean(queries, k)
        distances, positions = self._compare(queries, k)
        if self.metric == "inner_product":
            distances = -distances
        elif self.metric == "cosine":
            # Rounding takes unit vectors past 1; a distance is never negative.
            distances = np.clip(1 - distances, 0, 2)
        return positions, distances

    def _nearest_euclidean(self, queries: Floats, k: int) -> tuple[Positions, Floats]:
        few = faiss.cvar.distance_compute_blas_threshold
        if len(queries) < few:
            squares, positions = self._compare(queries, k)
            return positions, np.sqrt(squares)
        # From `few` queries on, faiss computes |x|² - 2xy + |y|², which loses the small distances: a vector may lie
        # 0.001 from itself. So we fetch some more, compute their distances again directly, and where the error
        # could reach past the spare ones, ask that query alone, which faiss answers directly.
        fetched = min(k + _SPARE, self._flat.ntotal)
        rough, positions = self._compare(queries, fetched)
        stored, squares = self._stored(), np.empty_like(rough)
        for row, query in enumerate(queries):
            squares[row] = ((stored[positions[row]] - query) ** 2).sum(axis=1)
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]
        positions, squares = np.take_along_axis(positions, order, 1), np.take_along_axis(squares, order, 1)
        if fetched < self._flat.ntotal:
            lengths = np.einsum("ij,ij->i", queries, queries)
            error = 2 * (self.dimension + 4) * np.finfo(np.float32).eps * (lengths + self._longest)
            unsure = np.flatnonzero(rough[:, -1] - error <= squares[:, -1])
            for start in range(0, len(unsure), few - 1):
                rows = unsure[start : start + few - 1]
                squares[rows], positions[rows] = self._compare(queries[rows], k)
        return positions, np.sqrt(squares)

    def _bytes(self) -> int:
        return int(self._flat.ntotal * self.dimension * 4)
