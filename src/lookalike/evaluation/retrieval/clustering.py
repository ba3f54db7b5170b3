"""Clustering: how well clusters of pictures agree with identities.

Any clusters can be evaluated; `k_means` makes them as metric-learning papers do, as many as there are identities.

- NMI: mutual information over the arithmetic mean of the two entropies (scikit-learn's default; the geometric mean and
  the maximum are also used, and give other numbers). It grows with the number of clusters even for random clusters, so
  compare at equal numbers only.
- Pairwise: of all pairs in one cluster, the share that shows one identity (precision), and the reverse (recall). Large
  clusters have a weight of the square of their size.
- BCubed: the same for each picture, averaged over pictures.

Source: Manning, Raghavan & Schütze, *Introduction to Information Retrieval* (2008), section 16.3; Amigó, Gonzalo,
Artiles & Verdejo, "A comparison of extrinsic clustering evaluation metrics based on formal constraints" (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.distances import unit_length
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.index.core.engine_library import EngineLibrary

faiss = EngineLibrary("faiss")

__all__ = ["Agreement", "ClusteringResult", "evaluate_clusters", "k_means"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """Precision, recall and their harmonic mean F, each 0 to 1."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class ClusteringResult:
    """How well clusters agree with identities.

    Attributes:
        nmi: normalised mutual information, 0 to 1.
        pairwise: over pairs of pictures. Where no pair is in one cluster, precision is 1 (no false pair); where no
            pair shows one identity, recall is 1 (no missed pair).
        bcubed: over pictures.
        clusters: how many.
        identities: how many.
        pictures: how many.
    """

    nmi: float
    pairwise: Agreement
    bcubed: Agreement
    clusters: int
    identities: int
    pictures: int


def evaluate_clusters(clusters: Any, labels: Any) -> ClusteringResult:
    """Compare clusters with identities; the names of the clusters do not matter.

    Args:
        clusters: `(n,)` integers or strings: the cluster of each picture.
        labels: `(n,)` integers or strings: its identity.

    Raises:
        VectorError: a label is neither integer nor string, or not one cluster per picture.

    Example:
        >>> result = evaluate_clusters([0, 0, 1, 1], ["ada", "ada", "ada", "bob"])
        >>> round(result.nmi, 3), result.pairwise.precision, round(result.pairwise.recall, 3), result.bcubed.precision
        (0.344, 0.5, 0.333, 0.75)
    """
    identity, names = identity_codes(labels)
    cluster, cluster_names = identity_codes(clusters)
    n = len(identity)
    if len(cluster) != n:
        raise VectorError(
            f"{how_many(len(cluster), 'cluster was', 'clusters were')} given for "
            f"{how_many(n, 'label')}; every picture needs one of each"
        )
    # Only cells of the table that hold a picture are made: clusters × identities may be billions.
    cells, together = np.unique(cluster * len(names) + identity, return_counts=True)
    in_cluster, of_identity = np.bincount(cluster), np.bincount(identity)
    sizes, numbers = in_cluster[cells // len(names)], of_identity[cells % len(names)]
    return ClusteringResult(
        nmi=_nmi(together, sizes, numbers, in_cluster, of_identity, n),
        pairwise=Agreement(
            _share(_pairs(together), _pairs(in_cluster)),
            _share(_pairs(together), _pairs(of_identity)),
        ),
        bcubed=Agreement(
            float((together * (together / sizes)).sum() / n),
            float((together * (together / numbers)).sum() / n),
        ),
        clusters=len(cluster_names),
        identities=len(names),
        pictures=n,
    )


def _pairs(sizes: Integers) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _nmi(
    together: Integers, sizes: Integers, numbers: Integers, in_cluster: Integers, of_identity: Integers, n: int
) -> float:
    if len(in_cluster) == len(of_identity) == 1:
        return 1.0  # both say that all is one: 0/0, and they agree
    entropies = sum(float(-(part / n * np.log(part / n)).sum()) for part in (in_cluster, of_identity))
    information = float((together / n * (np.log(together / n) - np.log(sizes / n) - np.log(numbers / n))).sum())
    return min(1.0, max(0.0, 2 * information / entropies))  # rounding alone leaves 0 to 1


def k_means(
    vectors: npt.ArrayLike, clusters: int, *, unit: bool = True, seed: int = 0, iterations: int = 20
) -> Integers:
    """Cluster vectors by k-means (faiss), as papers do before they report NMI, with one cluster per identity.

    All vectors take part in every iteration. The same seed gives the same clusters on one machine with one number of
    threads; elsewhere the last digit of a distance may decide otherwise.

    Args:
        vectors: `(n, d)`.
        clusters: how many, 1 to n.
        unit: bring vectors to unit length first, as befits the cosine distance.
        seed: of the first centres.
        iterations: how many.

    Returns:
        `(n,)` int64: the cluster of each, 0 to `clusters` - 1; some may be empty.

    Raises:
        VectorError: wrong shapes, NaN, or a vector of zeros that is to be brought to unit length.
        InputError: a number out of range.

    Example:
        >>> found = k_means([[0.0, 1.0], [1.0, 0.0], [0.1, 1.0], [1.0, 0.1]], 2)
        >>> evaluate_clusters(found, ["a", "b", "a", "b"]).nmi
        1.0
    """
    given = checked_vectors(vectors, "vectors")
    n = len(given)
    if not 1 <= clusters <= n or iterations < 1:
        raise InputError(f"{clusters} clusters of {n} vectors, {iterations} iterations; give 1 to {n}, and at least 1")
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(unit_length(given) if unit else given, np.float32)
    if not np.isfinite(x).all():
        raise VectorError("vectors are beyond float32, in which k-means works; scale them down")
    # faiss would use 256 vectors a cluster, and warn on standard error below 39.
    means = faiss.Kmeans(
        x.shape[1],
        clusters,
        niter=iterations,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=n,
    )
    means.train(x)
    nearest = faiss.IndexFlatL2(x.shape[1])
    nearest.add(means.centroids)
    return np.asarray(nearest.search(x, 1)[1][:, 0], np.int64)
