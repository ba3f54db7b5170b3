"""How many centroids a place takes: clusters of its photos, such as those taken inside and outside, by day and night.

Agglomerative clustering with average linkage, as Boiarov & Tyantov, "Large Scale Landmark Recognition via Deep Metric
Learning" (2019), cluster a landmark's training photos before they take centroids. How many clusters is read off the
photos: the cut of the tree with the largest mean silhouette (Rousseeuw, "Silhouettes", 1987), where

- one cluster counts as a silhouette of 0.25, below which Kaufman & Rousseeuw (*Finding Groups in Data*, 1990, table 4)
  find no structure, so that photos without structure stay one cluster;
- every further cluster has to earn 0.02, or cuts would chase noise;
- a photo in a cluster that is too small to be kept counts 0, or leaving out photos would pay.

Cosine distances are half the squares of lengths. Squares exaggerate contrasts, and 0.25 was found with lengths, so
silhouettes are of the square roots there: of Gaussian clouds of 10 photos in 16 dimensions, which have no structure,
squares split 45% and lengths 1%.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage

__all__ = ["find_clusters"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: The silhouette that two clusters must have to be two.
LEAST_SILHOUETTE = 0.25
#: What each cluster more than two must add to it.
SILHOUETTE_PER_CLUSTER = 0.02
#: Cuts of the tree with more clusters, small ones included, are not tried.
MOST_CLUSTERS = 24
#: Photos nearer to one another than float32 can tell are one cluster, whatever their last digits say.
ROUNDING = 1e-6


def find_clusters(
    distances: Floats,
    min_photos: int,
    max_clusters: int | None = None,
    max_spread: float | None = None,
    *,
    squares: bool = False,
) -> Integers:
    """Number the clusters of one place's photos.

    Args:
        distances: `(n, n)` float64, symmetric, 0 on the diagonal.
        min_photos: a smaller cluster is none.
        max_clusters: at most so many, the largest first; None for no limit.
        max_spread: cut the tree at this mean distance between two clusters, in place of the best silhouette.
        squares: whether distances grow like squares of lengths, as cosine distances do.

    Returns:
        `(n,)` int64: 0 for the largest cluster, 1 for the next (of equal sizes the one with the earliest photo), and -1
        for photos of none. At least one cluster is always found: without any large enough, all photos are one.

    Example:
        >>> at = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 9.0])
        >>> find_clusters(np.abs(at[:, None] - at), min_photos=2).tolist()
        [0, 0, 0, 1, 1, -1]
    """
    n = len(distances)
    one = np.zeros(n, np.int64)
    if n < 2 or max_clusters == 1 or (max_spread is None and (n < 2 * min_photos or distances.max() <= ROUNDING)):
        return one
    merges = linkage(distances[np.triu_indices(n, 1)], method="average")
    if max_spread is not None:
        clusters = n - int(np.searchsorted(merges[:, 2], max_spread, side="right"))
        return _largest_first(_cut(merges, clusters), min_photos, max_clusters)
    lengths = np.sqrt(distances) if squares else distances
    best, best_worth = one, LEAST_SILHOUETTE
    for clusters in range(2, min(n // min_photos + MOST_CLUSTERS // 2, n - 1, MOST_CLUSTERS) + 1):
        labels = _largest_first(_cut(merges, clusters), min_photos, None)
        found = int(labels.max()) + 1
        if found < 2 or (max_clusters is not None and found > max_clusters):
            continue
        worth = _silhouettes(lengths, labels, found).sum() / n - SILHOUETTE_PER_CLUSTER * (found - 2)
        if worth > best_worth:
            best, best_worth = labels, worth
    return best


def _cut(merges: Floats, clusters: int) -> Integers:
    """The cluster of every photo where the tree has so many; by the order of merges, so that ties do not matter."""
    n = len(merges) + 1
    parent = np.arange(2 * n - 1)
    for number, (left, right) in enumerate(merges[: n - clusters, :2].astype(np.int64).tolist()):
        parent[left] = parent[right] = n + number
    # A parent has a higher number than its children: from the top down, one step finds the root.
    for node in range(2 * n - 2 - (clusters - 1), -1, -1):
        parent[node] = parent[parent[node]]
    return parent[:n]


def _largest_first(clusters: Integers, min_photos: int, max_clusters: int | None) -> Integers:
    _, first, code, sizes = np.unique(clusters, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    kept = order[sizes[order] >= min_photos][:max_clusters]
    if not len(kept):
        return np.zeros(len(clusters), np.int64)
    numbers = np.full(len(sizes), -1, np.int64)
    numbers[kept] = np.arange(len(kept))
    return numbers[code]


def _silhouettes(lengths: Floats, labels: Integers, found: int) -> Floats:
    """`(n,)` silhouettes among the clusters; 0 for photos of none."""
    n = len(labels)
    member = np.zeros((n, found))
    inside = np.flatnonzero(labels >= 0)
    member[inside, labels[inside]] = 1.0
    sizes = member.sum(axis=0)
    sums = lengths[inside] @ member
    rows, own = np.arange(len(inside)), labels[inside]
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    between = means.min(axis=1)
    larger = np.maximum(within, between)
    silhouettes = np.zeros(n)
    np.divide(between - within, larger, out=larger, where=larger > 0)
    silhouettes[inside] = np.where(sizes[own] > 1, larger, 0.0)
    return silhouettes
