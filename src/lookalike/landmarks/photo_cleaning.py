"""Training photos that do not show what their folder says: found by where they lie, and left out.

Google Landmarks v2 has a *clean* list, made by asking of every photo whether its nearest neighbours bear the same
label (Ozaki & Yokoo, "Large-scale Landmark Retrieval/Recognition under a Noisy and Diverse Dataset", 2019). Here the
centroids are asked, which is linear in the number of photos. A photo is left out where it is

- *far from its place*: beyond the median of the distances of its place's photos by `deviations` times their spread,
  the median absolute deviation (Rousseeuw & Croux 1993), which outliers do not move; or
- *nearer to another place* than to its own.

A photo is compared with its own place as if it were not in it: it is taken out of the mean that is its centroid. Else
two pictures of the cathedral in the bridge's folder would be a look of the bridge, and near to it. Nor do these two
call all others of the cathedral to the bridge: a look of fewer than 5 photos, and fewer than the photo's own, is not
asked.

At least half of the photos of every place stay, the nearest ones: no place is ever lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lookalike.distances import unit_length
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors
from lookalike.index import build_index
from lookalike.landmarks.centroids import Centroids, checked_places, find_centroids, leave_one_out_distances

__all__ = ["Cleaned", "Reason", "clean_and_recluster", "clean_photos"]

Reason = Literal["", "far from its place", "nearer to another place"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: The median absolute deviation of a normal distribution times this is its standard deviation.
NORMAL = 1.4826
#: Fewer photos have no spread to speak of.
FEWEST_FOR_SPREAD = 4
#: Photos of one burst have next to none; the spread of a place is taken as at least this share of the usual.
LEAST_SPREAD = 0.5
#: A look of so many photos is believed to show its place.
ENOUGH_WITNESSES = 5
#: So many small looks are passed over on the way to the nearest of another place.
SMALL_LOOKS = 8
#: Two distances that differ by less are equal in float32.
ROUNDING = 1e-6
#: From so many pairs of photo and centroid on, an HNSW graph finds the nearest centroids instead of all of them being
#: compared: 16 minutes of one core in 512 dimensions. What it misses is kept.
MOST_COMPARED = 20_000_000_000


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Which photos were kept, and why the others were not.

    Attributes:
        kept: `(n,)` bool.
        reasons: `(n,)` why a photo was left out; empty where it was kept.
        distances: `(n,)` float64, from the nearest centroid of the other photos of its place, in the round in which it
            was last asked; 0 for an only photo.
    """

    kept: Mask
    reasons: tuple[Reason, ...]
    distances: Floats


def clean_photos(
    vectors: npt.ArrayLike,
    places: Sequence[str],
    centroids: Centroids,
    *,
    deviations: float = 3.5,
    nearer_to_another: bool = True,
) -> Cleaned:
    """Ask of every photo whether it lies where its place lies.

    Args:
        vectors: `(n, d)` embeddings of the training photos.
        places: `(n,)` the place of each.
        centroids: found from these very photos.
        deviations: how many standard deviations beyond the median are far; of a place with at least 4 photos.
        nearer_to_another: whether to leave out photos that are nearer to another place.

    Raises:
        VectorError: wrong shapes, NaN, or centroids of other photos.
        InputError: `deviations` is not above 0.

    Example:
        >>> at = [[0.0], [0.1], [0.2], [0.3], [5.0], [9.0], [9.1], [0.1]]
        >>> places = ["church"] * 5 + ["bridge"] * 3
        >>> centroids = find_centroids(at, places, "euclidean", max_centroids=1)
        >>> clean_photos(at, places, centroids).reasons[4:]
        ('far from its place', '', '', 'nearer to another place')
    """
    x, codes = _checked(vectors, places, centroids, deviations)
    kept = np.ones(len(x), bool)
    reasons, distances = _ask(
        x, codes, centroids, kept, np.bincount(codes), deviations=deviations, nearer_to_another=nearer_to_another
    )
    return Cleaned(reasons == "", tuple(reasons.tolist()), distances)


def clean_and_recluster(
    vectors: npt.ArrayLike,
    places: Sequence[str],
    metric: Literal["cosine", "euclidean", "manhattan"] = "cosine",
    *,
    rounds: int = 3,
    deviations: float = 3.5,
    nearer_to_another: bool = True,
    progress: Callable[[int, int], None] | None = None,
    **clustering: Any,
) -> tuple[Centroids, Cleaned]:
    """Find centroids, leave out the photos that do not fit, and again, until all that are left fit.

    Args:
        vectors: `(n, d)` embeddings of the training photos.
        places: `(n,)` the place of each.
        metric: as `find_centroids`.
        rounds: of cleaning at most; 0 leaves nothing out.
        deviations: as `clean_photos`.
        nearer_to_another: as `clean_photos`.
        progress: called after each round with the rounds done and `rounds`.
        **clustering: `min_photos`, `max_centroids`, `max_spread` and `seed` of `find_centroids`.

    Returns:
        the centroids of the photos kept (`members` has one entry for each of the n photos), and which these are.

    Raises:
        VectorError: as `find_centroids`.
        InputError: a number out of range.

    Example:
        >>> at = [[0.0], [0.1], [0.2], [0.3], [5.0]]
        >>> centroids, cleaned = clean_and_recluster(at, ["church"] * 5, "euclidean", max_centroids=1)
        >>> cleaned.kept.tolist(), centroids.sizes.tolist(), centroids.members.tolist()
        ([True, True, True, True, False], [4], [0, 0, 0, 0, -1])
    """
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 0:
        raise InputError(f"rounds is {rounds!r}; expected a whole number, at least 0, such as 3")
    centroids = find_centroids(vectors, places, metric, **clustering)
    x, codes = _checked(vectors, places, centroids, deviations)
    photos_of = np.bincount(codes)
    kept, reasons, distances = np.ones(len(x), bool), np.full(len(x), "", object), np.zeros(len(x))
    for number in range(rounds):
        asked = np.flatnonzero(kept)
        found, distances[asked] = _ask(
            x, codes, centroids, kept, photos_of, deviations=deviations, nearer_to_another=nearer_to_another
        )
        reasons[asked] = found
        kept[asked] = found == ""
        if progress is not None:
            progress(number + 1, rounds)
        if (found == "").all():
            break
        again = find_centroids(x[kept], [places[at] for at in np.flatnonzero(kept).tolist()], metric, **clustering)
        members = np.full(len(x), -1, np.int64)
        members[kept] = again.members
        centroids = replace(again, members=members)
    return centroids, Cleaned(kept, tuple(reasons.tolist()), distances)


def _ask(
    x: npt.NDArray[np.float32],
    codes: Integers,
    centroids: Centroids,
    kept: Mask,
    photos_of: Integers,
    *,
    deviations: float,
    nearer_to_another: bool,
) -> tuple[npt.NDArray[Any], Floats]:
    """Reasons and distances of the photos still kept; `photos_of` is how many every place had at first."""
    mine, codes, members = x[kept], codes[kept], centroids.members[kept]
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    first = [*centroids.starts().tolist(), len(centroids)]
    own, looks = np.empty(len(mine)), np.empty(len(mine), np.int64)
    for code, photos in enumerate(groups):
        rows = slice(first[code], first[code + 1])
        own[photos], look = leave_one_out_distances(
            mine[photos], members[photos] - rows.start, centroids.vectors[rows], centroids.metric
        )
        looks[photos] = look + rows.start
    reasons = np.full(len(mine), "", object)
    if nearer_to_another and len(groups) > 1:
        of_centroid = np.repeat(np.arange(len(groups)), np.diff(first))
        other = _nearest_other(mine, codes, centroids.sizes[looks], centroids, of_centroid)
        reasons[other < own - ROUNDING * np.maximum(1.0, np.abs(own))] = "nearer to another place"
    reasons[own > _limits(own, groups, deviations)[codes] + ROUNDING] = "far from its place"
    for photos in groups:
        stay = math.ceil(photos_of[codes[photos[0]]] / 2)
        if np.count_nonzero(reasons[photos] == "") < stay:
            # First those with nothing against them, then the nearest of the others.
            reasons[photos[np.lexsort((own[photos], reasons[photos] != ""))[:stay]]] = ""
    return reasons, own


def _limits(own: Floats, groups: list[Integers], deviations: float) -> Floats:
    """Of every place, the distance beyond which a photo is far; infinite for a place of few photos."""
    limits = np.full(len(groups), np.inf)
    measured = [code for code, photos in enumerate(groups) if len(photos) >= FEWEST_FOR_SPREAD]
    if measured:
        medians = np.array([np.median(own[groups[code]]) for code in measured])
        spreads = np.array(
            [np.median(np.abs(own[groups[code]] - at)) for code, at in zip(measured, medians, strict=True)]
        )
        spreads = np.maximum(spreads, LEAST_SPREAD * np.median(spreads))
        limits[measured] = medians + deviations * NORMAL * spreads
    return limits


def _nearest_other(
    mine: npt.NDArray[np.float32], codes: Integers, look_sizes: Integers, centroids: Centroids, of_centroid: Integers
) -> Floats:
    """Distance of every photo from the nearest trusted centroid of another place; infinite where none was found."""
    kind = "exact" if len(mine) * len(centroids) <= MOST_COMPARED else "hnsw"
    index = build_index(centroids.vectors, kind, centroids.metric)
    # One more than a place's own centroids holds one of another place.
    most = int(np.bincount(of_centroid).max()) + 1 + SMALL_LOOKS
    other = np.empty(len(mine))
    for first in range(0, len(mine), 10_000):
        part = slice(first, first + 10_000)
        hits = index.search(mine[part], k=min(most, len(centroids)))
        foreign = (hits.ids >= 0) & (of_centroid[hits.ids] != codes[part, None])
        foreign &= centroids.sizes[hits.ids] >= np.minimum(look_sizes[part, None], ENOUGH_WITNESSES)
        other[part] = np.where(foreign, hits.distances, np.inf).min(axis=1)
    return other


def _checked(
    vectors: npt.ArrayLike, places: Sequence[str], centroids: Centroids, deviations: float
) -> tuple[npt.NDArray[np.float32], Integers]:
    """Vectors as the centroids' metric wants them, and the code of each one's place among the centroids' places."""
    if not 0 < deviations < math.inf:
        raise InputError(f"deviations is {deviations!r}; expected a number above 0, such as 3.5")
    given = np.asarray(checked_vectors(vectors, "vectors"), np.float32)
    if given.shape[1] != centroids.vectors.shape[1]:
        raise VectorError(f"vectors have {given.shape[1]} dimensions and centroids {centroids.vectors.shape[1]}")
    codes, names = checked_places(places, len(given))
    if len(centroids.members) != len(given) or centroids.names() != names:
        raise VectorError(
            f"the centroids were found from {len(centroids.members):,} photos of {len(centroids.names()):,} places, "
            f"and {len(given):,} of {len(names):,} were given; give the centroids that these photos have"
        )
    x = np.asarray(unit_length(given), np.float32) if centroids.metric == "cosine" else given
    return x, codes
