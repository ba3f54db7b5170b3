"""Centroids: the few vectors that stand for a place, one for each cluster of its photos.

Sources: Boiarov & Tyantov, "Large Scale Landmark Recognition via Deep Metric Learning" (2019): hierarchical clustering
of a landmark's training photos, small clusters dropped, the centroid of each of the others. How the number of clusters
is found is in `centroid_count.py`.

The centroids of a place depend on its own photos alone, so adding a place leaves all others as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.distances import MetricName, pairwise, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors
from lookalike.identity_names import canonical_name
from lookalike.landmarks.centroid_count import find_clusters

__all__ = ["LARGEST_PLACE", "Centroids", "checked_places", "find_centroids", "leave_one_out_distances"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: Of a place with more photos so many are clustered, drawn at random, and the others join the nearest cluster: the
#: distances of all pairs of 2,000 photos take 32 MB.
LARGEST_PLACE = 2000
#: By default a cluster has at least a twentieth of a place's photos, within these limits.
SHARE_OF_PHOTOS, FEWEST_PHOTOS, ENOUGH_PHOTOS = 0.05, 2, 10
#: The mean of vectors that point everywhere has no direction.
NO_DIRECTION = 1e-6


@dataclass(frozen=True, eq=False)
class Centroids:
    """The centroids of some places, in order of places, the largest cluster of each first.

    Attributes:
        vectors: `(c, d)` float32; of unit length under the cosine metric.
        places: `(c,)` the place of each.
        sizes: `(c,)` int64, how many photos are in each.
        spread_mean: `(c,)` float32, mean distance of its photos from it.
        spread_max: `(c,)` float32, the largest of these.
        spread_deviation: `(c,)` float32, their standard deviation.
        members: `(n,)` int64, of every photo the centroid it went into; -1 where it went into none.
        metric: of the distances.
    """

    vectors: Floats
    places: tuple[str, ...]
    sizes: Integers
    spread_mean: Floats
    spread_max: Floats
    spread_deviation: Floats
    members: Integers
    metric: MetricName

    def __len__(self) -> int:
        return len(self.places)

    def starts(self) -> Integers:
        """`(p,)` the first centroid of every place."""
        return np.array(
            [at for at, place in enumerate(self.places) if at == 0 or place != self.places[at - 1]], np.int64
        )

    def names(self) -> tuple[str, ...]:
        """`(p,)` the places, each once, in order."""
        return tuple(self.places[at] for at in self.starts().tolist())


def find_centroids(
    vectors: npt.ArrayLike,
    places: Sequence[str],
    metric: MetricName = "cosine",
    *,
    min_photos: int | None = None,
    max_centroids: int | None = 8,
    max_spread: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Centroids:
    """Find every place's centroids.

    Args:
        vectors: `(n, d)` embeddings of the training photos.
        places: `(n,)` the place of each, a text that is not empty.
        metric: `cosine`, `euclidean` or `manhattan`. A centroid is the mean of its photos, under `cosine` the mean of
            their directions.
        min_photos: a smaller cluster gets no centroid, unless a place has no larger one. By default a twentieth of the
            place's photos, at least 2 and at most 10.
        max_centroids: of one place at most; None for no limit, 1 for a single mean.
        max_spread: cut the tree at this mean distance between two clusters, in place of the best silhouette.
        seed: of the photos drawn where a place has more than `LARGEST_PLACE`.
        progress: called with the photos done and their number.

    Raises:
        VectorError: wrong shapes, NaN, a vector of zeros under `cosine`, or not one place per vector.
        InputError: another metric, or a number out of range.

    Example:
        >>> outside, inside = [[1.0, 0.0], [1.0, 0.1], [0.9, 0.1]], [[0.1, 1.0], [0.0, 0.9]]
        >>> found = find_centroids(outside + inside + [[-1.0, 0.2]], ["church"] * 5 + ["bridge"])
        >>> found.places, found.sizes.tolist(), found.members.tolist()
        (('bridge', 'church', 'church'), [1, 3, 2], [1, 1, 1, 2, 2, 0])
    """
    _check(metric, min_photos, max_centroids, max_spread)
    given = np.asarray(checked_vectors(vectors, "vectors"), np.float32)
    if not np.isfinite(given).all():
        raise VectorError("vectors are beyond float32, in which they are compared; scale them down")
    x = np.asarray(unit_length(given), np.float32) if metric == "cosine" else given
    codes, names = checked_places(places, len(x))
    order = np.argsort(codes, kind="stable")
    found: list[_Cluster] = []
    of_place: list[str] = []
    done = 0
    for photos in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        fewest = min_photos or min(ENOUGH_PHOTOS, max(FEWEST_PHOTOS, math.ceil(SHARE_OF_PHOTOS * len(photos))))
        labels = _cluster_labels(x[photos], metric, fewest, max_centroids, max_spread, seed)
        mine = [_Cluster.of(photos[labels == label], x, metric) for label in range(int(labels.max()) + 1)]
        found += mine
        of_place += [names[codes[photos[0]]]] * len(mine)
        if progress is not None and (done + len(photos)) // 1000 > done // 1000:
            progress(done + len(photos), len(x))
        done += len(photos)
    members = np.full(len(x), -1, np.int64)
    for number, cluster in enumerate(found):
        members[cluster.photos] = number
    return Centroids(
        vectors=np.stack([cluster.centroid for cluster in found]),
        places=tuple(of_place),
        sizes=np.array([len(cluster.photos) for cluster in found], np.int64),
        spread_mean=np.array([cluster.distances.mean() for cluster in found], np.float32),
        spread_max=np.array([cluster.distances.max() for cluster in found], np.float32),
        spread_deviation=np.array([cluster.distances.std() for cluster in found], np.float32),
        members=members,
        metric=metric,
    )


def checked_places(places: Sequence[str], count: int) -> tuple[Integers, tuple[str, ...]]:
    """Number places 0, 1, ... in sorted order: codes `(count,)` and canonical names, or a `VectorError`."""
    if isinstance(places, str) or len(places) != count:
        what = "one text was" if isinstance(places, str) else how_many(len(places), "place was", "places were")
        raise VectorError(f"{what} given for {how_many(count, 'vector')}; give the place of each vector")
    given = [str(place) if isinstance(place, np.str_) else place for place in places]
    for position, place in enumerate(given):
        if not isinstance(place, str) or not place.strip():
            raise VectorError(f"place {position} is {place!r}; expected its id as a text that is not empty")
    canonical = {place: canonical_name(place) for place in set(given)}
    names = tuple(sorted(set(canonical.values())))
    number_of = {name: number for number, name in enumerate(names)}
    code = {place: number_of[name] for place, name in canonical.items()}
    return np.fromiter((code[place] for place in given), np.int64, count), names


def leave_one_out_distances(
    mine: Floats, members: Integers, vectors: Floats, metric: MetricName
) -> tuple[npt.NDArray[np.float64], Integers]:
    """How far one place's photos would be from its nearest centroid, were they not in it.

    Args:
        mine: `(n, d)` photos of the place.
        members: `(n,)` which of its centroids each went into; negative for none.
        vectors: `(c, d)` its centroids.
        metric: of the distances.

    Returns:
        `(n,)` distances, 0 for an only photo; `(n,)` which centroid is nearest.

    Example:
        >>> at, centroid = np.array([[0.0], [1.0], [2.0]], np.float32), np.array([[1.0]], np.float32)
        >>> leave_one_out_distances(at, np.zeros(3, np.int64), centroid, "euclidean")[0].tolist()
        [1.5, 0.0, 1.5]
    """
    distances = np.asarray(pairwise(mine, vectors, metric), np.float64)
    for look in range(len(vectors)):
        inside = np.flatnonzero(members == look)
        if len(inside) == 1 and len(mine) > 1:
            distances[inside, look] = np.inf
        elif len(inside) > 1:
            wide = mine[inside].astype(np.float64)
            others = (wide.sum(axis=0) - wide) / (len(inside) - 1)
            if metric == "cosine":
                lengths = np.linalg.norm(others, axis=1)
                distances[inside, look] = 1 - (wide * others).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
            else:
                order = 1 if metric == "manhattan" else 2
                distances[inside, look] = np.linalg.norm(wide - others, ord=order, axis=1)
    looks = distances.argmin(axis=1)
    nearest = distances[np.arange(len(mine)), looks]
    # Without the centroid that it makes up alone, a photo may have none.
    return np.where(np.isfinite(nearest), nearest, 0.0), looks


@dataclass(frozen=True, eq=False)
class _Cluster:
    """Photos that look alike, their centroid and how far they are from it."""

    photos: Integers
    centroid: Floats
    distances: Floats

    @classmethod
    def of(cls, photos: Integers, x: Floats, metric: MetricName) -> _Cluster:
        mine = x[photos]
        mean = mine.mean(axis=0, dtype=np.float64)
        if metric == "cosine":
            length = float(np.linalg.norm(mean))
            # Photos that cancel out are represented by the one that is nearest to all.
            mean = mean / length if length > NO_DIRECTION else mine[(mine @ mine.T).sum(axis=1).argmax()]
        centroid = mean.astype(np.float32)
        return cls(photos, centroid, np.asarray(pairwise(mine, centroid[None], metric)[:, 0], np.float32))


def _cluster_labels(
    x: Floats, metric: MetricName, min_photos: int, max_clusters: int | None, max_spread: float | None, seed: int
) -> Integers:
    """The cluster of each of one place's photos, -1 for none, `find_clusters` of a sample where there are too many."""
    squares = metric == "cosine"
    if len(x) <= LARGEST_PLACE:
        return find_clusters(_all_pairs(x, metric), min_photos, max_clusters, max_spread, squares=squares)
    drawn = np.sort(np.random.default_rng(seed).choice(len(x), LARGEST_PLACE, replace=False))
    sample, fewest = x[drawn], max(FEWEST_PHOTOS, math.ceil(min_photos * LARGEST_PLACE / len(x)))
    of_sample = find_clusters(_all_pairs(sample, metric), fewest, max_clusters, max_spread, squares=squares)
    clusters = [
        _Cluster.of(np.flatnonzero(of_sample == label), sample, metric) for label in range(int(of_sample.max()) + 1)
    ]
    distances = np.stack([pairwise(x, cluster.centroid[None], metric)[:, 0] for cluster in clusters], axis=1)
    nearest: Integers = distances.argmin(axis=1).astype(np.int64)
    # A photo that was not drawn belongs to a cluster where it would not be the farthest; the drawn ones are decided.
    reach = np.array([cluster.distances.max() for cluster in clusters])
    nearest[distances[np.arange(len(x)), nearest] > reach[nearest]] = -1
    nearest[drawn] = of_sample
    return nearest


def _all_pairs(x: Floats, metric: MetricName) -> npt.NDArray[np.float64]:
    wide = x.astype(np.float64)
    distances = (1 - wide @ wide.T).clip(0, 2) if metric == "cosine" else pairwise(wide, wide, metric)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0.0)
    return np.asarray(distances, np.float64)


def _check(metric: str, min_photos: int | None, max_centroids: int | None, max_spread: float | None) -> None:
    if metric not in get_args(MetricName):
        raise InputError(f"metric {metric!r} is unknown; choose cosine, euclidean or manhattan")
    if metric == "inner_product":
        raise InputError("a mean is no centre under inner_product, which has no nearest point; use cosine or euclidean")
    for name, number in (("min_photos", min_photos), ("max_centroids", max_centroids)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise InputError(f"{name} is {number!r}; expected a whole number, at least 1")
    if max_spread is not None and not 0 <= max_spread < math.inf:
        raise InputError(f"max_spread is {max_spread}; expected a distance, at least 0")
