"""Fit the thresholds of open-set rejection (`decisions.rejection`) to photos that show no landmark.

Every non-landmark serves twice, as a neighbour that makes up densities and as a photo that may be accepted. Each
therefore meets densities that were measured without it; otherwise it would look denser, and so farther, than a photo
that was never seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.decisions.density import density_without_itself
from lookalike.decisions.rejection import Rejection
from lookalike.distances import BLOCK_NUMBERS, MetricName, pairwise, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.promised_rate import promised_threshold
from lookalike.evaluation.labels import checked_vectors

__all__ = ["PlaceCentroids", "RejectionOptions", "fit_rejection"]

#: A centroid of fewer photos says nothing about how far its photos spread.
FEWEST_FOR_BOUND = 5

Floats = npt.NDArray[np.float64]


class PlaceCentroids(Protocol):
    """Centroids of places, in order of places; `lookalike.landmarks.centroids.Centroids` is one."""

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """`(c, d)`; of unit length under the cosine metric."""

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """`(c,)` photos in each."""

    @property
    def spread_mean(self) -> npt.NDArray[np.float32]:
        """`(c,)` mean distance of its photos from it."""

    @property
    def spread_deviation(self) -> npt.NDArray[np.float32]:
        """`(c,)` their standard deviation."""

    @property
    def metric(self) -> MetricName:
        """Of the distances."""

    def __len__(self) -> int:
        """How many centroids."""

    def starts(self) -> npt.NDArray[np.int64]:
        """`(p,)` the first centroid of every place."""

    def names(self) -> tuple[str, ...]:
        """`(p,)` the places, each once, in order."""


@dataclass(frozen=True, kw_only=True)
class RejectionOptions:
    """How thresholds of places are fitted.

    Attributes:
        density_k: non-landmarks that make up a density, at least 1.
        query_weight: of the density around a photo; 0 leaves it out. Where non-landmarks came in kinds and some places
            looked like one, 1 found 99% of places at a promise of 1%, and 0 found 74% (simulated, as in the tests).
        place_weight: of the density around a place; 0 gives all places one threshold. There, 0.25 cost nothing, and 1
            lost a tenth: a density of 5 neighbours is too coarse to be believed in full.
        spread_bound: also refuse what is farther from a place than the mean distance of its training photos plus so
            many standard deviations. Off by default, for a network that was trained on these very photos pulls them
            nearer together than it will any others; 4 suits one that was not.

    Raises:
        InputError: a number out of range.
    """

    density_k: int = 5
    query_weight: float = 1.0
    place_weight: float = 0.25
    spread_bound: float | None = None

    def __post_init__(self) -> None:
        k = self.density_k
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InputError(f"density_k is {k!r}; expected a whole number, at least 1, such as 5")
        for name in ("query_weight", "place_weight", "spread_bound"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"{name} is {value!r}; expected a finite number, at least 0")


def fit_rejection(
    non_landmarks: npt.ArrayLike,
    centroids: PlaceCentroids,
    options: RejectionOptions | None = None,
    *,
    promise_fpr: float = 0.01,
    confidence: float | None = 0.95,
    seed: int = 0,
) -> Rejection:
    """Choose thresholds so that photos without a landmark are accepted at most at the promised rate.

    Fit again whenever places are added or forgotten: the more places, the more often one of them is near by chance.

    Args:
        non_landmarks: `(n, d)` embeddings of photos that show no landmark, none of which trained the network. Equal
            ones count once.
        centroids: of all places; their metric is used.
        options: further choices.
        promise_fpr: the largest share of such photos that may be accepted, by all places together.
        confidence: that the promise is kept; None for the measured rate only. See `promised_rate.promised_threshold`.
        seed: of the bootstrap, where the promise lies beyond the data.

    Raises:
        VectorError: wrong shapes, NaN, other dimensions than the centroids, or a vector of zeros under `cosine`.
        InputError: no centroids, or too few photos for the promise; says how many are needed.

    Example:
        >>> from lookalike.landmarks.centroids import find_centroids
        >>> rng = np.random.default_rng(0)
        >>> church = rng.normal(size=16)
        >>> centroids = find_centroids(church + 0.3 * rng.normal(size=(9, 16)), ["church"] * 9, max_centroids=1)
        >>> rejection = fit_rejection(rng.normal(size=(500, 16)), centroids, promise_fpr=0.02)
        >>> rejection.promised.rate <= rejection.promised.upper <= 0.02
        True
        >>> distance = pairwise(church[None], centroids.vectors, "cosine")[0].tolist()
        >>> around = float(rejection.density(church[None])[0])
        >>> rejection.rule.decide(["church"], distance, distance, around).decision
        'match'
    """
    chosen, metric = options or RejectionOptions(), centroids.metric
    bank = _bank(non_landmarks, centroids, chosen)
    neighbours = min(chosen.density_k, max(1, len(bank) - 1))
    bounds = {} if chosen.spread_bound is None else _spread_bounds(centroids, chosen.spread_bound)
    densities, reached = _nearest_place(bank, centroids, neighbours, chosen.place_weight, bounds)
    if chosen.query_weight:
        reached = reached + chosen.query_weight * density_without_itself(bank, neighbours, metric)
    return Rejection(
        metric=metric,
        promised=promised_threshold(reached, promise_fpr, confidence=confidence, seed=seed),
        neighbours=neighbours,
        query_weight=float(chosen.query_weight),
        place_weight=float(chosen.place_weight),
        densities=densities,
        bounds=bounds,
        bank=bank,
    )


def _bank(
    non_landmarks: npt.ArrayLike, centroids: PlaceCentroids, options: RejectionOptions
) -> npt.NDArray[np.float32]:
    """The photos without a landmark, checked, of unit length under the cosine metric, each once."""
    if not len(centroids):
        raise InputError("there are no centroids, so nothing can be accepted; enroll at least one place first")
    given = np.asarray(checked_vectors(non_landmarks, "non-landmarks"), np.float32)
    if given.shape[1] != centroids.vectors.shape[1]:
        raise VectorError(
            f"non-landmarks have {given.shape[1]} dimensions and centroids {centroids.vectors.shape[1]}; embed both "
            "with one model"
        )
    bank = _distinct(np.asarray(unit_length(given), np.float32) if centroids.metric == "cosine" else given)
    if len(bank) < 2 and (options.query_weight > 0 or options.place_weight > 0):
        raise InputError(
            "one photo without a landmark has no others to measure a density on; give more, or set both weights to 0"
        )
    return bank


def _nearest_place(
    bank: npt.NDArray[np.float32], centroids: PlaceCentroids, k: int, weight: float, bounds: dict[str, float]
) -> tuple[dict[str, float], Floats]:
    """The density around every place, and each non-landmark's smallest ``distance + weight * density`` of a place.

    The density that a non-landmark meets is measured without it. In blocks of whole places.
    """
    n = len(bank)
    starts, names = centroids.starts(), centroids.names()
    densities: dict[str, float] = {}
    reached = np.full(n, np.inf)
    ends = np.append(starts[1:], len(centroids))
    # A quarter, for as many numbers of double the width are held besides.
    first, block = 0, max(1, BLOCK_NUMBERS // 4 // n)
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + block, side="right")))
        rows = slice(int(starts[first]), int(ends[last - 1]))
        distances = np.asarray(pairwise(centroids.vectors[rows], bank, centroids.metric), np.float32)
        distances = np.minimum.reduceat(distances, starts[first:last] - starts[first], axis=0)
        around = np.zeros(last - first)
        adjusted = distances.astype(np.float64)
        if n > 1:
            nearest = np.argpartition(distances, k, axis=1)[:, : k + 1]
            near = np.take_along_axis(adjusted, nearest, axis=1)
            order = np.argsort(near, axis=1, kind="stable")
            nearest, near = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(near, order, axis=1)
            sums = near[:, :k].sum(axis=1)
            around = -sums / k
            # In place of each of the k nearest the next one moves up.
            without = -(sums[:, None] - near[:, :k] + near[:, k:]) / k
            adjusted += weight * around[:, None]
            np.put_along_axis(adjusted, nearest[:, :k], near[:, :k] + weight * without, axis=1)
        if bounds:
            limits = np.array([bounds.get(name, math.inf) for name in names[first:last]])
            adjusted[distances > limits[:, None]] = np.inf
        reached = np.minimum(reached, adjusted.min(axis=0))
        densities.update(zip(names[first:last], around.tolist(), strict=True))
        first = last
    return densities, reached


def _spread_bounds(centroids: PlaceCentroids, deviations: float) -> dict[str, float]:
    """The farthest that a new photo of a place is expected from its centroids; of places with enough photos."""
    sizes = centroids.sizes.astype(np.float64)
    # The centroid is the mean of these very photos: a new one is farther, by this factor of the squared distance.
    wider = (sizes + 1) / np.maximum(sizes - 1, 1)
    factor = wider if centroids.metric == "cosine" else np.sqrt(wider)
    limits = (centroids.spread_mean + deviations * centroids.spread_deviation) * factor
    starts = centroids.starts()
    largest = np.maximum.reduceat(limits, starts)
    enough = np.minimum.reduceat(sizes, starts) >= FEWEST_FOR_BOUND
    return {name: float(limit) for name, limit, has in zip(centroids.names(), largest, enough, strict=True) if has}


def _distinct(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The vectors without repetitions, in the order given."""
    _, first = np.unique(vectors, axis=0, return_index=True)
    return np.ascontiguousarray(vectors[np.sort(first)])
