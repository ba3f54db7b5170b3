"""Exact search: faiss flat, every vector compared with every query. The truth other kinds are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss as _faiss
import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.vector_index import Floats, Found, Positions, VectorIndex

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.spec import IndexSpec, SearchSettings

__all__ = ["ExactIndex", "nearest_among"]

# faiss' type stubs lack what its Python layer adds to the C++ classes.
faiss: Any = _faiss

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

    Removal keeps no tombstones: the rest moves up, at the cost of one pass, so give ids in one call.
    Euclidean differences below about 1e-19 count as 0 (float32 squares).
    """

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._flat = self._new()
        self._longest = 0.0

    def _new(self) -> Any:
        return faiss.IndexFlat(self.dimension, _METRICS[self._space.metric])

    def _engine(self) -> Any:
        return self._flat

    def _stored(self) -> Floats:
        """`(n, d)` the vectors inside faiss; a view that dies with the next change."""
        flat: Floats = faiss.rev_swig_ptr(self._flat.get_xb(), self._flat.ntotal * self.dimension)
        return flat.reshape(-1, self.dimension)

    def _vectors_at(self, positions: Positions) -> Floats:
        return self._stored()[positions]

    def _append(self, vectors: Floats) -> None:
        self._flat.add(vectors)
        self._longest = max(self._longest, _longest(vectors))

    def _discard(self, positions: Positions) -> None:
        if self._mapped:  # the file is not ours to write: tombstones, as elsewhere
            return
        self._flat.remove_ids(faiss.IDSelectorBatch(positions))
        self._ids.compact()

    def _rebuilt(self, positions: Positions) -> Any:
        flat = self._new()
        flat.add(self._vectors_at(positions))
        return flat

    def _adopt(self, state: Any) -> None:
        self._flat = state

    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        distances, positions = _nearest(self._flat, self._stored, self._longest, queries, k, self._space.metric)
        return distances, positions, len(queries) * self._flat.ntotal

    def _bytes(self) -> int:
        return 0 if self._mapped else int(self._flat.ntotal * self.dimension * 4)

    def _write(self, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", self._flat)

    def _read(self, folder: IndexFolder) -> None:
        self._flat = folder.faiss("index.faiss")
        if (self._flat.ntotal, self._flat.d) != (self._ids.size, self.dimension):
            raise ArtefactError(
                f"index.faiss holds {self._flat.ntotal} × {self._flat.d}, expected {self._ids.size} × {self.dimension}"
            )
        if self._flat.ntotal:
            self._longest = _longest(self._stored())


def nearest_among(queries: Floats, vectors: Floats, k: int, metric: str) -> tuple[Floats, Positions]:
    """Exact `(q, k)` distances and rows of the k nearest of `(n, d)` prepared vectors, `k <= n`."""
    flat = faiss.IndexFlat(vectors.shape[1], _METRICS[metric])
    flat.add(np.ascontiguousarray(vectors))
    return _nearest(flat, lambda: vectors, _longest(vectors), queries, k, metric)


def _longest(vectors: Floats) -> float:
    """The greatest squared length."""
    return max(
        float(np.einsum("ij,ij->i", part, part).max()) for part in np.array_split(vectors, len(vectors) // 65536 + 1)
    )


def _compare(flat: Any, queries: Floats, k: int) -> tuple[Floats, Positions]:
    small = len(queries) * flat.ntotal * flat.d < _SMALL
    threads = faiss.omp_get_max_threads()
    if small:
        faiss.omp_set_num_threads(1)  # OpenMP keeps this number per calling thread
    try:
        found: tuple[Floats, Positions] = flat.search(queries, k)
    finally:
        if small:
            faiss.omp_set_num_threads(threads)
    return found


def _nearest(flat: Any, stored: Any, longest: float, queries: Floats, k: int, metric: str) -> tuple[Floats, Positions]:
    if metric == "euclidean":
        return _nearest_euclidean(flat, stored, longest, queries, k)
    distances, positions = _compare(flat, queries, k)
    if metric == "inner_product":
        distances = -distances
    elif metric == "cosine":
        # Rounding takes unit vectors past 1; a distance is never negative.
        distances = np.clip(1 - distances, 0, 2)
    return distances, positions


def _nearest_euclidean(flat: Any, stored: Any, longest: float, queries: Floats, k: int) -> tuple[Floats, Positions]:
    few = faiss.cvar.distance_compute_blas_threshold
    if len(queries) < few:
        squares, positions = _compare(flat, queries, k)
        return np.sqrt(squares), positions
    # From `few` queries on, faiss computes |x|² - 2xy + |y|², which loses the small distances: a vector may lie
    # 0.001 from itself. So we fetch some more, compute their distances again directly, and where the error
    # could reach past the spare ones, ask that query alone, which faiss answers directly.
    fetched = min(k + _SPARE, flat.ntotal)
    rough, positions = _compare(flat, queries, fetched)
    vectors, squares = stored(), np.empty_like(rough)
    for row, query in enumerate(queries):
        squares[row] = ((vectors[positions[row]] - query) ** 2).sum(axis=1)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    positions, squares = np.take_along_axis(positions, order, 1), np.take_along_axis(squares, order, 1)
    if fetched < flat.ntotal:
        lengths = np.einsum("ij,ij->i", queries, queries)
        error = 2 * (flat.d + 4) * np.finfo(np.float32).eps * (lengths + longest)
        unsure = np.flatnonzero(rough[:, -1] - error <= squares[:, -1])
        for start in range(0, len(unsure), few - 1):
            rows = unsure[start : start + few - 1]
            squares[rows], positions[rows] = _compare(flat, queries[rows], k)
    return np.sqrt(squares), positions
