"""What is to be enrolled of places: their photos, photos that show none, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.datasets import (
    NON_LANDMARK,
    GoogleLandmarks,
    PictureSet,
    place_pictures,
    split_non_landmarks,
)
from lookalike.datasets.coordinates import header
from lookalike.datasets.image_folder import pictures_of_one
from lookalike.datasets.places import non_landmark_pictures
from lookalike.errors import DatasetError, InputError
from lookalike.identity_names import canonical_name, checked_name
from lookalike.images import Picture
from lookalike.landmarks.atlas import known_better
from lookalike.landmarks.place import Place
from lookalike.landmarks.place_facts import read_places
from lookalike.progress import Reporter

__all__ = ["PlacePictures", "PlaceSources", "read_place_pictures"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacePictures:
    """Photos of places, and photos that show none.

    Attributes:
        photos: paths, bytes, arrays or Pillow images.
        places: the id of each photo's place.
        non_landmarks: photos without a landmark, of the kind that users send.
        facts: names and positions of places by id; where no position is given, photos tell where they were taken.

    Raises:
        InputError: not one place for each photo, or an id that no place may bear.
    """

    photos: Sequence[Picture] = ()
    places: Sequence[str] = ()
    non_landmarks: Sequence[Picture] = ()
    facts: Mapping[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.places, str) or len(self.places) != len(self.photos):
            count = "one text" if isinstance(self.places, str) else how_many(len(self.places), "place")
            raise InputError(f"{count} came with {how_many(len(self.photos), 'photo')}; give the place of each")
        object.__setattr__(self, "places", tuple(map(checked_name, self.places)))


@dataclass(frozen=True)
class PlaceSources:
    """Where photos of places come from.

    Attributes:
        data: with `name`, photos of one place; without, one data set of places, or nothing.
        name: the place that the photos show.
        non_landmarks: a folder of photos without a landmark.
        places: a CSV of identity,name,latitude,longitude.
        classes_at: of a folder per place: at which depth the places' folders lie, such as 2.
    """

    data: Sequence[str] = ()
    name: str | None = None
    non_landmarks: Path | None = None
    places: Path | None = None
    classes_at: int | None = None


def read_place_pictures(sources: PlaceSources, report: Reporter) -> PlacePictures:
    """Read what is to be enrolled: photos of one place by name, a data set, or nothing but non-landmarks.

    Args:
        sources: where it is.
        report: told of remarks on the data.

    Raises:
        InputError: photos without a name or a name without photos, or a name that no place may bear.
        DatasetError: the data cannot be read.
    """
    photos, others = split_non_landmarks(_pictures(sources))
    for line in photos.notes:
        report.remark(line)
    return PlacePictures(
        photos=photos.paths,
        places=photos.identities,
        non_landmarks=others.paths,
        facts=_facts(sources.data, sources.places, report),
    )


def _pictures(sources: PlaceSources) -> PictureSet:
    data, name = sources.data, sources.name
    if name is not None and canonical_name(name) == NON_LANDMARK:
        raise InputError(f"--name is {name!r}, which no place may bear; give these pictures as --non-landmarks FOLDER")
    if name is None and len(data) == 1:
        return place_pictures(data[0], sources.non_landmarks, sources.classes_at)
    if name is None and data:
        raise InputError(f"{len(data)} pictures were given without --name; say of which place they are")
    if name is not None and not data:
        raise InputError(f"--name is {name!r}, but no pictures were given; give some of that place")
    others = [] if sources.non_landmarks is None else non_landmark_pictures(sources.non_landmarks)
    photos = pictures_of_one(data, name or "")
    return PictureSet((*photos.paths, *others), (*photos.identities, *([NON_LANDMARK] * len(others))), photos.notes)


def _facts(data: Sequence[str], places: Path | None, report: Reporter) -> dict[str, Place]:
    """Names and positions, of two sources the surer: `places`, and before it the data set's own lists."""
    sources: list[dict[str, Place]] = []
    if len(data) == 1 and GoogleLandmarks.is_one(Path(data[0])):
        try:
            sources.append({key: Place(key, name) for key, name in GoogleLandmarks(Path(data[0])).names().items()})
        except DatasetError as error:
            report.remark(f"places go by their numbers: {error}")
    if len(data) == 1 and data[0].endswith(".csv") and {"latitude", "longitude"} <= set(header(Path(data[0]))):
        sources.append(read_places(data[0]))
    if places is not None:
        sources.append(read_places(places))
    known: dict[str, Place] = {}
    for source in sources:
        for key, place in source.items():
            known[key] = known_better(known.get(key, Place(key)), place)
    return known
