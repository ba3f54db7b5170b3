"""The cells of an inverted file: k-means for tens of thousands of centroids, and the nearest of them, fast.

Comparing a vector with 32,768 centroids costs 8 MFLOP; a hundred million of them would take two cores hours. So the
centroids are themselves grouped: a vector is compared with the group centers, then with the centroids nearest to that
center only, many vectors of one group as one matrix product. Measured at 32,768 centroids of embedding-like vectors of
128 dimensions: about ten times as fast as comparing with all; the very nearest centroid for 64 of 100 vectors, one
nearly as near for the rest, so that a search probes some 15 in 100 more lists to find the same. K-means itself goes
the same way: in two levels (as `faiss.contrib.clustering` does), then once more over all centroids.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["SAMPLE_PER_LIST", "CoarseLists", "grouped", "list_count", "train_centroids"]

faiss = EngineLibrary("faiss")

Floats = npt.NDArray[np.float32]
ListNumbers = npt.NDArray[np.int32]

#: Vectors a centroid is learned from; faiss asks for 39 at least.
SAMPLE_PER_LIST = 40

#: Up to so many centroids are compared with one and all: there the detour saves nothing.
_PLAIN = 1024
_CANDIDATES = 512
_REFINEMENTS = 1


def list_count(count: int, asked: int = 0) -> int:
    """How many lists for `count` vectors: as asked, else the power of two nearest to 4·√n; never above `count` / 39.

    Example:
        >>> list_count(1_000_000), list_count(100_000_000), list_count(1_000_000, asked=1000)
        (4096, 32768, 1000)
    """
    if asked:
        return min(asked, count)
    lists = 1 << round(float(np.log2(4 * count**0.5)))
    while lists > 1 and lists * 39 > count:
        lists //= 2
    return lists


def _kmeans(vectors: Floats, lists: int, iterations: int) -> Floats:
    if lists >= len(vectors):
        return vectors[np.arange(lists) % max(1, len(vectors))]
    learner = faiss.Kmeans(
        vectors.shape[1], lists, niter=iterations, seed=1234, min_points_per_centroid=1, max_points_per_centroid=256
    )
    learner.train(vectors)
    return np.asarray(learner.centroids, np.float32).reshape(lists, -1)


def train_centroids(sample: Floats, lists: int) -> Floats:
    """Learn `(lists, d)` centroids from an `(n, d)` sample; a function of both, in one thread.

    Args:
        sample: float32, at least `lists` rows.
        lists: how many centroids.
    """
    if lists <= _PLAIN:
        return _kmeans(sample, lists, 20)
    groups = round(lists**0.5)
    coarse = CoarseLists(_kmeans(sample, groups, 10))
    order, ends = grouped(coarse.nearest(sample), groups)
    # A group gets as many centroids as its share of the sample is worth.
    shares = np.diff(np.concatenate([[0], ends * lists // len(sample)]))
    centroids = np.vstack(
        [
            _kmeans(sample[order[end - size : end]], int(share), 8)
            for end, size, share in zip(ends, np.diff(ends, prepend=0), shares, strict=True)
            if share
        ]
    )
    for _ in range(_REFINEMENTS):
        numbers = CoarseLists(centroids).nearest(sample)
        order, ends = grouped(numbers, lists)
        sizes = np.diff(ends, prepend=0)
        filled = np.flatnonzero(sizes)
        sums = np.add.reduceat(sample[order], (ends - sizes)[filled], axis=0)
        centroids[filled] = sums / sizes[filled, None].astype(np.float32)
    return centroids


def grouped(numbers: ListNumbers, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Rows in the order of their number, and where each number's rows end."""
    # Sixteen-bit keys are sorted by radix, several times as fast.
    keys = numbers.astype(np.uint16) if count <= 1 << 16 else numbers
    return np.argsort(keys, kind="stable"), np.cumsum(np.bincount(numbers, minlength=count))


class CoarseLists:
    """Which of many centroids is (nearly) nearest; read-only, so any number of threads may ask.

    Args:
        centroids: `(lists, d)` float32.
    """

    def __init__(self, centroids: Floats) -> None:
        self.centroids = np.ascontiguousarray(centroids)
        self._centers: Floats | None = None
        if len(centroids) > _PLAIN:
            groups = min(1024, len(centroids) // 32)
            self._centers = _kmeans(self.centroids, groups, 10)
            nearby = faiss.knn(self._centers, self.centroids, min(_CANDIDATES, len(centroids)))[1]
            self._candidates: list[ListNumbers] = [np.sort(row).astype(np.int32) for row in nearby]

    def nearest(self, vectors: Floats) -> ListNumbers:
        """`(n,)` int32, the list of each of `(n, d)` vectors; thousands at a time are fastest."""
        if self._centers is None:
            return np.asarray(faiss.knn(vectors, self.centroids, 1)[1][:, 0], np.int32)
        groups = faiss.knn(vectors, self._centers, 1)[1][:, 0]
        order, ends = grouped(groups.astype(np.int32), len(self._centers))
        arranged = vectors[order]
        numbers = np.empty(len(vectors), np.int32)
        start = 0
        for group, end in enumerate(ends.tolist()):
            if end > start:
                candidates = self._candidates[group]
                found = faiss.knn(arranged[start:end], self.centroids[candidates], 1)[1][:, 0]
                numbers[order[start:end]] = candidates[found]
            start = end
        return numbers
