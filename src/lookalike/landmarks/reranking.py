"""Re-ranking: of the places whose centroids are near, the one whose own photos are nearest comes first.

A centroid is the mean of many photos and lies where none of them does; the nearest single photos tell look-alikes
apart that their means do not. The winners of Google's landmark recognition search train photos and add up the
similarities of those of one landmark (Henkel & Singer, "Supporting large-scale image recognition with out-of-domain
samples", 2020; Yokoo et al., "Two-stage Discriminative Re-ranking for Large-scale Landmark Retrieval", 2020). Here the
centroids are searched, and only the photos of the few places found are looked at.

Re-ranking decides *which* place, never *whether* it is one: the thresholds were promised for the distance to centroids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, pairwise
from lookalike.errors import InputError

__all__ = ["CANDIDATES", "PHOTOS", "RankedPlace", "rerank"]

Floats = npt.NDArray[np.float32]

#: Places that a search brings before any is decided about: photos and densities may change who comes first.
CANDIDATES = 10
#: The nearest photos of a place that count. One may be a mislabelled or an odd one; many reach into other looks.
PHOTOS = 3


@dataclass(frozen=True)
class RankedPlace:
    """A place a photo may show.

    Attributes:
        place: its id.
        distance: to its nearest centroid.
        ranking: what places are sorted by, smaller first.
        photos: its nearest photos as positions among its own, nearest first.
        photo_distances: of these.
    """

    place: str
    distance: float
    ranking: float
    photos: tuple[int, ...] = ()
    photo_distances: tuple[float, ...] = ()


def rerank(
    vector: npt.ArrayLike,
    places: Sequence[str],
    distances: Sequence[float],
    photos_of: Callable[[str], Floats],
    metric: MetricName = "cosine",
    *,
    photos: int = PHOTOS,
    by_photos: bool = True,
    offsets: Sequence[float] | None = None,
) -> list[RankedPlace]:
    """Sort places by the mean of two distances: to the nearest centroid, and to the nearest photos on average.

    Args:
        vector: `(d,)` of the photo asked about.
        places: candidates.
        distances: of each to its nearest centroid.
        photos_of: gives a place's photos, `(m, d)`; where there are none, its centroid alone counts.
        metric: of all distances.
        photos: how many of the nearest count, at least 1; fewer where a place has fewer.
        by_photos: False sorts by centroids alone, and still names the nearest photos.
        offsets: added to each place's ranking, such as the density of non-landmarks around it; by default nothing.

    Returns:
        the places, best first; of equal ones, the nearer centroid's and then the earlier comes first.

    Raises:
        InputError: not one distance and one offset per place, or `photos` below 1.

    Example:
        >>> photos = {"church": np.array([[3.0], [4.0]]), "bridge": np.array([[0.5], [9.0]])}
        >>> ranked = rerank([0.0], ["church", "bridge"], [1.0, 1.1], photos.__getitem__, "euclidean", photos=1)
        >>> [(one.place, round(one.ranking, 2)) for one in ranked]
        [('bridge', 0.8), ('church', 2.0)]
    """
    added = [0.0] * len(places) if offsets is None else offsets
    if not len(places) == len(distances) == len(added):
        raise InputError(
            f"{len(distances)} distances and {len(added)} offsets were given for {len(places)} places; give one each"
        )
    if photos < 1:
        raise InputError(f"photos is {photos}; expected how many of the nearest count, at least 1")
    probe = np.atleast_2d(np.asarray(vector, np.float32))
    ranked = []
    for place, distance, offset in zip(places, distances, added, strict=True):
        own = photos_of(place)
        nearest: list[int] = []
        away: list[float] = []
        if len(own):
            line = pairwise(probe, own, metric)[0]
            nearest = np.argsort(line, kind="stable")[:photos].tolist()
            away = [float(line[at]) for at in nearest]
        ranking = (distance + sum(away) / len(away)) / 2 if by_photos and away else float(distance)
        ranked.append(RankedPlace(place, float(distance), float(ranking + offset), tuple(nearest), tuple(away)))
    return sorted(ranked, key=lambda one: (one.ranking, one.distance))
