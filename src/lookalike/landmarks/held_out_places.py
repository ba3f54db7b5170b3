"""Places held out one after the other: how often would the best guess be right, and how sure were it?

Enrolled photos are asked about as if they came from users, in three kinds:

- a photo of a place that is *enrolled*: it is taken out of its centroid, and its place is to be found;
- the same photo while its whole place is *held out*: whatever is found is wrong, as for a place nobody enrolled;
- a photo *without a landmark*, out of those the thresholds were fitted to: it meets the density of the others.

Photos that went into no centroid are asked too, although some may not show their place: among them are those that look
like another place, and without these, held-out places would look less like the others than new ones do. So errors in
the labels make answers less sure. The density around a place counts every non-landmark, also the one that is asked
about, which makes it look a little denser than to a new photo. All of this holds for photos like those enrolled, and
for a network that was not trained on them: such a one has pushed these very places apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.decisions.density import density_without_itself
from lookalike.decisions.place_odds import NON_LANDMARK_SHARE, UNKNOWN_PLACE_SHARE, PlaceOdds
from lookalike.decisions.rejection import Rejection
from lookalike.distances import MetricName, blocks, pairwise, unit_length
from lookalike.evaluation.calibration.place_odds import NO_PLACE, PlaceQuestions, fit_place_odds
from lookalike.landmarks.centroids import leave_one_out_distances
from lookalike.landmarks.reranking import CANDIDATES, RankedPlace, rerank

__all__ = ["PlaceVectors", "held_out_odds", "held_out_questions"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: Photos asked about of one place, of all places, and of those without a landmark; drawn where there are more. About
#: two seconds of one core in all.
MOST_OF_A_PLACE, MOST_PHOTOS, MOST_OTHERS = 10, 600, 400


@dataclass(frozen=True, eq=False)
class PlaceVectors:
    """What a place is enrolled with.

    Attributes:
        centroids: `(c, d)` float32.
        photos: `(n, d)` float32; none for a place that was enrolled without photos.
        looks: `(n,)` which centroid each went into; negative for none.
    """

    centroids: Floats
    photos: Floats
    looks: Integers


def held_out_odds(
    places: Mapping[str, PlaceVectors],
    rejection: Rejection,
    *,
    unknown_places: float = UNKNOWN_PLACE_SHARE,
    non_landmarks: float = NON_LANDMARK_SHARE,
    seed: int = 0,
) -> PlaceOdds:
    """The probabilities of places, measured on the enrolled photos.

    Args:
        places: all places of the gallery, by id.
        rejection: the thresholds that were fitted to them.
        unknown_places: share of the photos of users that show a place which is not enrolled.
        non_landmarks: share that shows none.
        seed: of the photos drawn where there are many.

    Raises:
        InputError: shares that leave none for enrolled places.

    Example:
        >>> held_out_odds(places, rejection).among([0.1, -0.2])    # doctest: +SKIP
        (0.91, 0.002)
    """
    usual = float(np.median([-density for density in rejection.densities.values()] or [1.0]))
    return fit_place_odds(
        held_out_questions(places, rejection, seed=seed),
        usual_margin=usual if usual > 0 else 1.0,
        unknown_places=unknown_places,
        non_landmarks=non_landmarks,
    )


def held_out_questions(places: Mapping[str, PlaceVectors], rejection: Rejection, *, seed: int = 0) -> PlaceQuestions:
    """Margins of the candidates of photos whose places are known; see the module.

    Args:
        places: all places of the gallery, by id.
        rejection: the thresholds that were fitted to them.
        seed: of the photos drawn where there are many.
    """
    asked = _Asked.of(places, rejection)
    number = {name: at for at, name in enumerate(asked.names)}
    rows: list[_Row] = []
    photos = _drawn(places, rejection.metric, seed)
    if photos:
        vectors = np.stack([photo.vector for photo in photos])
        densities = rejection.density(vectors).tolist()
        for photo, density, away in zip(photos, densities, asked.distances(vectors), strict=True):
            group = number[photo.place]
            away[group] = np.inf if photo.own is None else photo.own
            ranked = asked.ranked(photo.vector, away, CANDIDATES + 1, photo)
            if photo.own is not None:
                rows.append(asked.row(ranked, density, group))
            if others := [one for one in ranked if one.place != photo.place]:
                rows.append(asked.row(others, density, group, enrolled=False))
    rows += _of_others(asked, seed)
    margins = np.full((len(rows), CANDIDATES), -np.inf)
    for at, row in enumerate(rows):
        margins[at, : len(row.margins)] = row.margins
    return PlaceQuestions(
        margins,
        np.array([row.right for row in rows], np.int64),
        np.array([row.group for row in rows], np.int64),
        np.array([row.enrolled for row in rows], bool),
    )


@dataclass(frozen=True, eq=False)
class _Photo:
    """A photo of a place: which it is, and how far it is from its place without it; None where it is the only one."""

    place: str
    position: int
    vector: Floats
    own: float | None


@dataclass(frozen=True)
class _Row:
    """A question: margins of the candidates, and as in `PlaceQuestions`."""

    margins: tuple[float, ...]
    right: int
    group: int
    enrolled: bool


@dataclass(frozen=True, eq=False)
class _Asked:
    """The places that are asked about, as a search sees them."""

    places: Mapping[str, PlaceVectors]
    names: tuple[str, ...]
    centroids: Floats
    starts: Integers
    rejection: Rejection

    @classmethod
    def of(cls, places: Mapping[str, PlaceVectors], rejection: Rejection) -> _Asked:
        sizes = [len(one.centroids) for one in places.values()]
        starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
        return cls(places, tuple(places), np.concatenate([one.centroids for one in places.values()]), starts, rejection)

    def distances(self, vectors: Floats) -> Iterator[npt.NDArray[np.float64]]:
        """Of every photo `(p,)` distances from the nearest centroid of each place, in an array of its own."""
        for rows in blocks(len(vectors), len(self.centroids)):
            away = np.asarray(pairwise(vectors[rows], self.centroids, self.rejection.metric), np.float64)
            yield from np.minimum.reduceat(away, self.starts, axis=1)

    def ranked(
        self, vector: Floats, away: npt.NDArray[np.float64], count: int, without: _Photo | None = None
    ) -> list[RankedPlace]:
        """So many of the nearest places, sorted as `PlaceRecognition` does."""
        few = min(count, len(away))
        near = np.argpartition(away, few - 1)[:few]
        near = near[np.isfinite(away[near])]
        near = near[np.argsort(away[near], kind="stable")]
        names = [self.names[at] for at in near.tolist()]
        return rerank(
            vector,
            names,
            away[near].tolist(),
            lambda place: self._photos(place, without),
            self.rejection.metric,
            offsets=[self.rejection.rule.offset_of(name) for name in names],
        )

    def row(self, ranked: Sequence[RankedPlace], density: float, group: int = -1, *, enrolled: bool = True) -> _Row:
        """A question, from at least the `CANDIDATES` nearest places, sorted."""
        kept = set(sorted(range(len(ranked)), key=lambda at: ranked[at].distance)[:CANDIDATES])
        candidates = [one for at, one in enumerate(ranked) if at in kept]
        own = None if group < 0 else self.names[group]
        right = [at for at, one in enumerate(candidates) if one.place == own]
        margins = tuple(self.rejection.margin(one.ranking, density) for one in candidates)
        return _Row(margins, right[0] if right else NO_PLACE, group, group >= 0 and enrolled)

    def _photos(self, place: str, without: _Photo | None) -> Floats:
        own = self.places[place]
        used = own.looks >= 0
        if without is not None and without.place == place:
            used[without.position] = False
        return own.photos[used]


def _drawn(places: Mapping[str, PlaceVectors], metric: MetricName, seed: int) -> list[_Photo]:
    """Photos to be asked about, at most so many of each place and of all."""
    rng = np.random.default_rng(seed)
    drawn: list[_Photo] = []
    for name, place in places.items():
        if not len(place.photos):
            continue
        unit = np.asarray(unit_length(place.photos), np.float32) if metric == "cosine" else place.photos
        own = leave_one_out_distances(unit, place.looks, place.centroids, metric)[0].tolist()
        drawn += [
            _Photo(name, at, unit[at], own[at] if len(unit) > 1 else None)
            for at in rng.permutation(len(unit))[:MOST_OF_A_PLACE].tolist()
        ]
    return [drawn[at] for at in np.sort(rng.permutation(len(drawn))[:MOST_PHOTOS]).tolist()]


def _of_others(asked: _Asked, seed: int) -> Iterator[_Row]:
    """Photos without a landmark, those that the thresholds were fitted to."""
    rejection, bank = asked.rejection, asked.rejection.bank
    around = np.zeros(len(bank))
    if rejection.query_weight and len(bank) > rejection.neighbours:
        around = density_without_itself(bank, rejection.neighbours, rejection.metric)
    chosen = np.sort(np.random.default_rng([seed, 1]).permutation(len(bank))[:MOST_OTHERS])
    for at, away in zip(chosen.tolist(), asked.distances(bank[chosen]), strict=True):
        yield asked.row(asked.ranked(bank[at], away, CANDIDATES), float(around[at]))
