"""Facts of many places at once: from a CSV of theirs, from one of their photos, or from the photos themselves.

Serving reads the facts that were enrolled, and does not import this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lookalike.csv_rows import named_rows
from lookalike.datasets.coordinates import LocatedPictures, header, read_located_pictures, read_place_rows
from lookalike.datasets.google_landmarks import category_name, checked_landmark
from lookalike.datasets.places import NON_LANDMARK
from lookalike.errors import DatasetError
from lookalike.images import Picture
from lookalike.landmarks.photo_position import place_from_photos
from lookalike.landmarks.place import Place, middle_position

__all__ = ["located_places", "photographed_places", "read_places"]


def read_places(path: str | Path) -> dict[str, Place]:
    """Places by identity, from whichever CSV this is.

    Args:
        path: of a CSV with the columns `identity,name,latitude,longitude`; or `path,identity,latitude,longitude[,name]`
            with a row a photo, of which each place gets the median; or Google Landmarks' `landmark_id,category`, which
            gives names alone.

    Raises:
        DatasetError: the columns are none of these, or a row is malformed.

    Example:
        >>> read_places("places.csv")["sacre_coeur"].map_url  # doctest: +SKIP
        'https://www.openstreetmap.org/?mlat=48.886700&mlon=2.343100#map=17/48.886700/2.343100'
    """
    path = Path(path)
    columns = set(header(path))
    if {"path", "identity"} <= columns:
        return located_places(read_located_pictures(path))
    if "identity" in columns:
        return {row.identity: Place(row.identity, row.name, *(row.position or ())) for row in read_place_rows(path)}
    if {"landmark_id", "category"} <= columns:
        rows = named_rows(path, ("landmark_id", "category"), ("category",))
        places: dict[str, Place] = {}
        for where, (landmark, category) in rows:
            number = checked_landmark(landmark, where)
            place = Place(number, category_name(category))
            if places.setdefault(number, place) != place:
                raise DatasetError(
                    f"{where}: landmark {number} is {place.name!r} here and {places[number].name!r} above; choose one"
                )
        return places
    raise DatasetError(
        f"{path} has the columns {sorted(columns)}; expected identity,name,latitude,longitude, or "
        "path,identity,latitude,longitude, or landmark_id,category"
    )


def located_places(located: LocatedPictures) -> dict[str, Place]:
    """Each place at the median position of its photos; without a position where none is known."""
    places = {}
    for identity, rows in located.pictures.groups():
        if identity == NON_LANDMARK:
            continue
        known = located.positions[rows]
        known = known[~np.isnan(known).any(axis=1)]
        middle = middle_position([(a, b) for a, b in known.tolist()]) if len(known) else ()
        places[identity] = Place(identity, located.names.get(identity, ""), *middle)
    return places


def photographed_places(photos: Sequence[Picture], places: Sequence[str]) -> dict[str, Place]:
    """Each place at the median of the positions in its photos' EXIF; without a position where none has one.

    Args:
        photos: paths, bytes or Pillow images.
        places: the id of each photo's place.

    Raises:
        ImageError: a photo cannot be opened.
    """
    of_place: dict[str, list[Picture]] = defaultdict(list)
    for photo, place in zip(photos, places, strict=True):
        if place != NON_LANDMARK:
            of_place[place].append(photo)
    return {place: place_from_photos(place, of_place[place]) for place in sorted(of_place)}
