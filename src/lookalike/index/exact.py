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

__all__ = ["ExactIndex", "FlatVectors", "merged", "nearest_among"]

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


class FlatVectors:
    """Prepared vectors that are compared one by one; at positions 0, 1, 2, ... in the order they were added.

    Args:
        dimension: numbers per vector.
        metric: `euclidean`, `cosine` (of unit vectors), `inner_product` or `manhattan`.
        flat: a faiss flat index that holds some already.
    """

    def __init__(self, dimension: int, metric: str, flat: Any = None) -> None:
        self.flat = faiss.IndexFlat(dimension, _METRICS[metric]) if flat is None else flat
        self._metric = metric
        self._longest = _longest(self.view()) if len(self) else 0.0

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
        if len(vectors):
            self._longest = max(self._longest, _longest(vectors))

    def remove(self, positions: Positions) -> None:
        """Take vectors out; those after them move up."""
        self.flat.remove_ids(faiss.IDSelectorBatch(positions))

    def truncate(self, count: int) -> None:
        """Take out the vectors from position `count` on, where there are any."""
        if len(self) > count:
            self.remove(np.arange(count, len(self)))

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        """Exact `(q, k)` distances and positions of the k nearest, `k` at most as many as there are."""
        if self._metric == "euclidean":
            return self._nearest_euclidean(queries, k)
        distances, positions = self._compare(queries, k)
        if self._metric == "inner_product":
            distances = -distances
        elif self._metric == "cosine":
            # Rounding takes unit vectors past 1; a distance is never negative.
            distances = np.clip(1 - distances, 0, 2)
        return distances, positions

    def _compare(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        small = len(queries) * self.flat.ntotal * self.flat.d < _SMALL
        threads = faiss.omp_get_max_threads()
        if small:
            faiss.omp_set_num_threads(1)  # OpenMP keeps this number per calling thread
        try:
            found: tuple[Floats, Positions] = self.flat.search(queries, k)
        finally:
            if small:
                faiss.omp_set_num_threads(threads)
        return found

    def _nearest_euclidean(self, queries: Floats, k: int) -> tuple[Floats, Positions]:
        few = faiss.cvar.distance_compute_blas_threshold
        if len(queries) < few:
            squares, positions = self._compare(queries, k)
            return np.sqrt(squares), positions
        # From `few` queries on, faiss computes |x|² - 2xy + |y|², which loses the small distances: a vector may lie
        # 0.001 from itself. So we fetch some more, compute their distances again directly, and where the error
        # could reach past the spare ones, ask that query alone, which faiss answers directly.
        fetched = min(k + _SPARE, self.flat.ntotal)
        rough, positions = self._compare(queries, fetched)
        vectors, squares = self.view(), np.empty_like(rough)
        for row, query in enumerate(queries):
            squares[row] = ((vectors[positions[row]] - query) ** 2).sum(axis=1)
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]
        positions, squares = np.take_along_axis(positions, order, 1), np.take_along_axis(squares, order, 1)
        if fetched < self.flat.ntotal:
            lengths = np.einsum("ij,ij->i", queries, queries)
            error = 2 * (self.flat.d + 4) * np.finfo(np.float32).eps * (lengths + self._longest)
            unsure = np.flatnonzero(rough[:, -1] - error <= squares[:, -1])
            for start in range(0, len(unsure), few - 1):
                rows = unsure[start : start + few - 1]
                squares[rows], positions[rows] = self._compare(queries[rows], k)
        return np.sqrt(squares), positions


def nearest_among(queries: Floats, vectors: Floats, k: int, metric: str) -> tuple[Floats, Positions]:
    """Exact `(q, k)` distances and rows of the k nearest of `(n, d)` prepared vectors, `k <= n`."""
    flat = FlatVectors(vectors.shape[1], metric)
    flat.add(vectors)
    return flat.nearest(queries, k)


def merged(one: tuple[Floats, Positions], other: tuple[Floats, Positions], k: int) -> tuple[Floats, Positions]:
    """The k nearest of two answers to the same queries, fewer where both hold fewer; `one` goes first in a tie."""
    distances, positions = np.hstack([one[0], other[0]]), np.hstack([one[1], other[1]])
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(positions, order, 1)


def _longest(vectors: Floats) -> float:
    """The greatest squared length, a block at a time."""
    parts = np.array_split(vectors, len(vectors) // 65536 + 1)
    return max(float(np.einsum("ij,ij->i", part, part).max()) for part in parts)


class ExactIndex(VectorIndex):
    """Brute force over all vectors; recall is 1 by construction, time grows with their number.

    Removal keeps no tombstones: the rest moves up, at the cost of one pass, so give ids in one call.
    Euclidean differences below about 1e-19 count as 0 (float32 squares).
    """

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._vectors = FlatVectors(self.dimension, self._space.metric)

    def _engine(self) -> Any:
        return self._vectors.flat

    def _vectors_at(self, positions: Positions) -> Floats:
        return self._vectors.view()[positions]

    def _append(self, vectors: Floats) -> None:
        self._vectors.add(vectors)

    def _shorten(self, size: int) -> int:
        self._vectors.truncate(size)
        return 0

    def _discard(self) -> None:
        if self._mapped:  # the file is not ours to write: tombstones, as elsewhere
            return
        if len(self._vectors) == self._ids.size:  # else they went before an interruption
            self._vectors.remove(np.flatnonzero(self._ids.dead))
        self._ids = self._ids.compacted()

    def _rebuilt(self, positions: Positions) -> Any:
        vectors = FlatVectors(self.dimension, self._space.metric)
        vectors.add(self._vectors_at(positions))
        return vectors

    def _adopt(self, state: Any) -> None:
        self._vectors = state

    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return *self._vectors.nearest(queries, k), len(queries) * len(self._vectors)

    def _bytes(self) -> int:
        return 0 if self._mapped else self._vectors.nbytes

    def _write(self, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", self._vectors.flat)

    def _read(self, folder: IndexFolder) -> None:
        flat = folder.faiss("index.faiss")
        if (flat.ntotal, flat.d) != (self._ids.size, self.dimension):
            raise ArtefactError(
                f"index.faiss holds {flat.ntotal} × {flat.d}, expected {self._ids.size} × {self.dimension}"
            )
        self._vectors = FlatVectors(self.dimension, self._space.metric, flat)
