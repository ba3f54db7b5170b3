"""Rejection: is this the place, or a photo that shows no landmark at all?

A photo x is as far from a place p as from the nearest of its centroids, adjusted by how densely non-landmarks lie
around both (`density.py`)::

    adjusted(x, p) = distance(x, p) + query_weight * density(x) + place_weight * density(p)

The place with the smallest adjusted distance is the answer where that is at most one *global* threshold. The density
of a place makes it a threshold of the place's own: one that attracts non-landmarks has to be hit more exactly.

The promise is about all places at once: of photos that show no landmark, at most the promised share is accepted by
*any* place, so that it holds whichever of the accepted places a re-ranking prefers. Every non-landmark serves twice, as
a neighbour that makes up densities and as a photo that may be accepted. Each therefore meets densities that were
measured without it; otherwise it would look denser, and so farther, than a photo that was never seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from lookalike.distances import BLOCK_NUMBERS, MetricName, pairwise, unit_length
from lookalike.errors import ArtefactError, InputError, UnknownIdentityError, VectorError
from lookalike.evaluation.labels import checked_vectors
from lookalike.landmarks.centroids import Centroids
from lookalike.landmarks.density import density, density_without_itself
from lookalike.landmarks.promised_rate import PromisedRate, promised_threshold

__all__ = ["FORMAT_VERSION", "Decisions", "Rejection", "fit_rejection"]

#: Of what `Rejection.to_dict` gives.
FORMAT_VERSION = 1
#: A look of fewer photos says nothing about how far its photos spread.
FEWEST_FOR_BOUND = 5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decisions:
    """What was decided of some photos.

    Attributes:
        candidates: `(q,)` the place with the smallest adjusted distance; None where there was no candidate.
        distances: `(q,)` float64, from it.
        adjusted: `(q,)` float64, the same adjusted.
        margins: `(q,)` float64, by how much the adjusted distance is below the threshold, or the distance below the
            place's own bound where that is less; not negative where the candidate is accepted. The larger, the surer.
    """

    candidates: tuple[str | None, ...]
    distances: Floats
    adjusted: Floats
    margins: Floats

    @property
    def accepted(self) -> npt.NDArray[np.bool_]:
        """`(q,)` whether the candidate is the answer."""
        return np.asarray(self.margins >= 0)

    @property
    def places(self) -> tuple[str | None, ...]:
        """`(q,)` the place that a photo shows, or None for no landmark."""
        return tuple(place if good else None for place, good in zip(self.candidates, self.accepted, strict=True))


@dataclass(frozen=True, eq=False)
class Rejection:
    """Thresholds that keep a promise about photos without a landmark; made by `fit_rejection`.

    Attributes:
        metric: of the distances.
        promised: the global threshold of adjusted distances, and its promise.
        neighbours: of a density.
        query_weight: of the density around a photo.
        place_weight: of the density around a place.
        densities: of every place.
        bounds: largest distance accepted by a place, whatever the densities; of the places that have one.
        bank: `(n, d)` float32, the non-landmarks it was fitted to, no two of them equal.
    """

    metric: MetricName
    promised: PromisedRate
    neighbours: int
    query_weight: float
    place_weight: float
    densities: dict[str, float]
    bounds: dict[str, float]
    bank: npt.NDArray[np.float32]

    @property
    def threshold(self) -> float:
        """The global threshold, of adjusted distances."""
        return self.promised.threshold

    def threshold_of(self, place: str) -> float:
        """The place's own threshold: accepted is ``distance + query_weight * density(photo)`` of at most this.

        Raises:
            UnknownIdentityError: the place was not fitted.
        """
        return self.threshold - self.place_weight * self._density_of(place)

    def density(self, vectors: npt.ArrayLike) -> Floats:
        """`(q,)` density of non-landmarks around photos `(q, d)`; zeros where it has no weight."""
        given = checked_vectors(vectors, "vectors")
        if given.shape[1] != self.bank.shape[1]:
            raise VectorError(
                f"vectors have {given.shape[1]} dimensions and the non-landmarks {self.bank.shape[1]}; embed both with "
                "one model"
            )
        if not self.query_weight:
            return np.zeros(len(given))
        return density(given, self.bank, self.neighbours, self.metric)

    def adjusted(self, distances: npt.ArrayLike, places: Sequence[Sequence[str | None]], densities: Floats) -> Floats:
        """Adjusted distances of candidates, smaller is more alike; infinite where there is no candidate.

        Args:
            distances: `(q, k)` from each of a photo's candidates.
            places: `(q, k)` the place of each; None for no candidate.
            densities: `(q,)` around the photos, from `density`.

        Raises:
            VectorError: shapes differ, or NaN.
            UnknownIdentityError: a place was not fitted.
        """
        given, names = _candidates(distances, places)
        if np.shape(densities) != (len(given),):
            raise VectorError(f"{np.shape(densities)} densities for {len(given)} photos; expected one each")
        table = {name: self._density_of(name) for name in set(names.ravel().tolist()) - {None}}
        of_place = np.array([table.get(name, math.inf) for name in names.ravel()], np.float64).reshape(given.shape)
        known = np.isfinite(of_place)
        weighed = given + self.query_weight * np.asarray(densities)[:, None]
        return np.where(known, weighed + self.place_weight * np.where(known, of_place, 0.0), np.inf)

    def decide(
        self, vectors: npt.ArrayLike, distances: npt.ArrayLike, places: Sequence[Sequence[str | None]]
    ) -> Decisions:
        """Decide which place, if any, each of some photos shows.

        Args:
            vectors: `(q, d)` embeddings of the photos.
            distances: `(q, k)` from the nearest centroids, as a search gives them. With a weight on the density of
                places the best need not be the nearest, so give some ten.
            places: `(q, k)` the places of these centroids; None for no candidate.

        Raises:
            VectorError: shapes differ, or NaN.
            UnknownIdentityError: a place was not fitted; fit again after places were added.
        """
        dense = self.density(vectors)
        adjusted = self.adjusted(distances, places, dense)
        given, names = _candidates(distances, places)
        if not given.shape[1]:
            nothing = np.full(len(given), np.inf)
            return Decisions((None,) * len(given), nothing, nothing, -nothing)
        rows, best = np.arange(len(given)), adjusted.argmin(axis=1)
        far = adjusted[rows, best]
        candidates = [name if math.isfinite(a) else None for name, a in zip(names[rows, best], far, strict=True)]
        plain = np.where(np.isfinite(far), given[rows, best], np.inf)
        bounds = np.array([math.inf if name is None else self.bounds.get(name, math.inf) for name in candidates])
        room = np.full(len(given), np.inf)
        np.subtract(bounds, plain, out=room, where=np.isfinite(bounds))
        return Decisions(tuple(candidates), plain, far, np.minimum(self.threshold - far, room))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the bank, for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "metric": self.metric,
            "promised": asdict(self.promised),
            "neighbours": self.neighbours,
            "query_weight": self.query_weight,
            "place_weight": self.place_weight,
            "densities": self.densities,
            "bounds": self.bounds,
        }

    @classmethod
    def from_dict(cls, stored: Any, bank: npt.ArrayLike) -> Rejection:
        """The same again, from what `to_dict` gave and the `bank`.

        Raises:
            ArtefactError: another format version, a field that is missing or wrong, or another bank.
        """
        version = stored.get("format_version") if isinstance(stored, dict) else None
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"the thresholds have format version {version!r}; this Lookalike reads {FORMAT_VERSION}: "
                "enroll the places again, or update"
            )
        try:
            read = TypeAdapter(_Stored).validate_python(stored)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ArtefactError(f"the thresholds are damaged at {where}: {first['msg']}; enroll again") from None
        if not math.isfinite(read.promised.threshold):
            raise ArtefactError("the thresholds are damaged at promised.threshold: it is not finite; enroll again")
        vectors = np.asarray(bank)
        if vectors.ndim != 2 or len(vectors) != read.promised.photos or vectors.dtype != np.float32:
            raise ArtefactError(
                f"the thresholds were fitted to {read.promised.photos} float32 vectors of non-landmarks; got "
                f"{vectors.dtype} of shape {vectors.shape}: enroll again"
            )
        fields = {name: getattr(read, name) for name in cls.__dataclass_fields__ if name != "bank"}
        return cls(**fields, bank=vectors)

    def _density_of(self, place: str | None) -> float:
        if place not in self.densities:
            raise UnknownIdentityError(
                f"no threshold was fitted for place {place!r} ({len(self.densities):,} places have one); fit them again"
            )
        return self.densities[place]


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class _Stored:
    """`Rejection.to_dict` as it must be read."""

    format_version: Literal[1]
    metric: MetricName
    promised: PromisedRate
    neighbours: int
    query_weight: float
    place_weight: float
    densities: dict[str, float]
    bounds: dict[str, float]


def fit_rejection(
    non_landmarks: npt.ArrayLike,
    centroids: Centroids,
    *,
    promise_fpr: float = 0.01,
    confidence: float | None = 0.95,
    density_k: int = 5,
    query_weight: float = 1.0,
    place_weight: float = 0.25,
    spread_bound: float | None = None,
    seed: int = 0,
) -> Rejection:
    """Choose thresholds so that photos without a landmark are accepted at most at the promised rate.

    Fit again whenever places are added or forgotten: the more places, the more often one of them is near by chance.

    Args:
        non_landmarks: `(n, d)` embeddings of photos that show no landmark, none of which trained the network. Equal
            ones count once.
        centroids: of all places; their metric is used.
        promise_fpr: the largest share of such photos that may be accepted, by all places together.
        confidence: that the promise is kept; None for the measured rate only. See `promised_rate.promised_threshold`.
        density_k: non-landmarks that make up a density.
        query_weight: of the density around a photo; 0 leaves it out. Where non-landmarks came in kinds and some places
            looked like one, 1 found 99% of places at a promise of 1%, and 0 found 74% (simulated, as in the tests).
        place_weight: of the density around a place; 0 gives all places one threshold. There, 0.25 cost nothing, and 1
            lost a tenth: a density of 5 neighbours is too coarse to be believed in full.
        spread_bound: also refuse what is farther from a place than the mean distance of its training photos plus so
            many standard deviations. Off by default, for a network that was trained on these very photos pulls them
            nearer together than it will any others; 4 suits one that was not.
        seed: of the bootstrap, where the promise lies beyond the data.

    Raises:
        VectorError: wrong shapes, NaN, other dimensions than the centroids, or a vector of zeros under `cosine`.
        InputError: a number out of range, or too few photos for the promise; says how many are needed.

    Example:
        >>> from lookalike.landmarks.centroids import find_centroids
        >>> rng = np.random.default_rng(0)
        >>> church = rng.normal(size=16)
        >>> centroids = find_centroids(church + 0.3 * rng.normal(size=(9, 16)), ["church"] * 9, max_centroids=1)
        >>> rejection = fit_rejection(rng.normal(size=(500, 16)), centroids, promise_fpr=0.02)
        >>> rejection.promised.rate <= rejection.promised.upper <= 0.02
        True
        >>> new = np.stack([church, -church])
        >>> rejection.decide(new, pairwise(new, centroids.vectors, "cosine"), [["church"]] * 2).places
        ('church', None)
    """
    _check(density_k, query_weight, place_weight, spread_bound)
    if not len(centroids):
        raise InputError("there are no centroids, so nothing can be accepted; enroll at least one place first")
    metric = centroids.metric
    given = np.asarray(checked_vectors(non_landmarks, "non-landmarks"), np.float32)
    if given.shape[1] != centroids.vectors.shape[1]:
        raise VectorError(
            f"non-landmarks have {given.shape[1]} dimensions and centroids {centroids.vectors.shape[1]}; embed both "
            "with one model"
        )
    bank = _distinct(np.asarray(unit_length(given), np.float32) if metric == "cosine" else given)
    weighed = query_weight > 0 or place_weight > 0
    if weighed and len(bank) < 2:
        raise InputError(
            "one photo without a landmark has no others to measure a density on; give more, or set both weights to 0"
        )
    neighbours = min(density_k, max(1, len(bank) - 1))
    bounds = {} if spread_bound is None else _spread_bounds(centroids, spread_bound)
    densities, reached = _nearest_place(bank, centroids, neighbours, place_weight, bounds)
    if query_weight:
        reached = reached + query_weight * density_without_itself(bank, neighbours, metric)
    return Rejection(
        metric=metric,
        promised=promised_threshold(reached, promise_fpr, confidence=confidence, seed=seed),
        neighbours=neighbours,
        query_weight=float(query_weight),
        place_weight=float(place_weight),
        densities=densities,
        bounds=bounds,
        bank=bank,
    )


def _nearest_place(
    bank: npt.NDArray[np.float32], centroids: Centroids, k: int, weight: float, bounds: dict[str, float]
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


def _spread_bounds(centroids: Centroids, deviations: float) -> dict[str, float]:
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


def _candidates(distances: npt.ArrayLike, places: Sequence[Sequence[str | None]]) -> tuple[Floats, npt.NDArray[Any]]:
    given = np.asarray(distances, np.float64)
    if given.ndim != 2 or len(places) != len(given) or any(len(row) != given.shape[1] for row in places):
        raise VectorError(
            f"distances have shape {given.shape}, and places are not as many; give (photos, candidates) of both"
        )
    if np.isnan(given).any():
        raise VectorError("a distance is NaN; embed the photo again")
    names = np.empty(given.shape, object)
    for number, row in enumerate(places):
        names[number] = list(row)
    return given, names


def _distinct(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The vectors without repetitions, in the order given."""
    _, first = np.unique(vectors, axis=0, return_index=True)
    return np.ascontiguousarray(vectors[np.sort(first)])


def _check(density_k: int, query_weight: float, place_weight: float, spread_bound: float | None) -> None:
    if isinstance(density_k, bool) or not isinstance(density_k, int) or density_k < 1:
        raise InputError(f"density_k is {density_k!r}; expected a whole number, at least 1, such as 5")
    for name, value in (("query_weight", query_weight), ("place_weight", place_weight), ("spread_bound", spread_bound)):
        if value is not None and not 0 <= value < math.inf:
            raise InputError(f"{name} is {value!r}; expected a finite number, at least 0")
