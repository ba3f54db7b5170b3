"""Pictures of places, and pictures that show none.

A folder per place may hold a subfolder `non-landmark` with pictures that show no landmark: food, faces, rooms, streets.
They teach a network and a threshold what to refuse, and are never enrolled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.image_folder import read_image_folder, readable_pictures_below
from lookalike.datasets.picture_set import PictureSet
from lookalike.datasets.readers import read_pictures
from lookalike.errors import DatasetError

__all__ = ["NON_LANDMARK", "non_landmark_pictures", "place_pictures", "split_non_landmarks"]

#: The identity of pictures that show no landmark; no place may have this name.
NON_LANDMARK = "non-landmark"


def place_pictures(
    source: str | Path, non_landmarks: str | Path | None = None, classes_at: int | None = None
) -> PictureSet:
    """Read photos of places, and pictures that show none.

    Args:
        source: a folder per place, a CSV of `path,identity` (with or without coordinates), or a folder of Google
            Landmarks v2, whose train set is read.
        non_landmarks: a folder; all pictures in it and below get the identity `NON_LANDMARK`, after the others.
        classes_at: as `read_pictures`; a subfolder `non-landmark` directly in the folder keeps its meaning.

    Returns:
        identities being names of places, or landmark ids as text.

    Raises:
        DatasetError: as the readers, a folder of non-landmarks without a picture, or one picture both under a place
            and among the non-landmarks.

    Example:
        >>> place_pictures("places/", non_landmarks="others/").identities[-1]  # doctest: +SKIP
        'non-landmark'
    """
    folder = Path(source)
    own, google = folder / NON_LANDMARK, GoogleLandmarks.is_one(folder)
    # The layout of Google Landmarks has no place for them; a folder beside train/ is ours. Nor have folders of folders.
    deep = classes_at is not None and classes_at > 1 and not google and own.is_dir()
    places = read_image_folder(folder, classes_at, NON_LANDMARK) if deep else read_pictures(source, classes_at)
    found = non_landmark_pictures(own) if deep or (google and own.is_dir()) else []
    if non_landmarks is not None:
        found += non_landmark_pictures(non_landmarks)
    if not found:
        return places
    whose = {path.resolve(): name for path, name in zip(places.paths, places.identities, strict=True)}
    extra = {path.resolve(): path for path in found if whose.get(path.resolve()) != NON_LANDMARK}
    shown = next((path for path in extra if path in whose), None)
    if shown is not None:
        raise DatasetError(
            f"{extra[shown]} shows {whose[shown]!r} in {source} and stands among the non-landmarks; it is one or other"
        )
    return PictureSet(
        places.paths + tuple(extra.values()), places.identities + (NON_LANDMARK,) * len(extra), places.notes
    )


def split_non_landmarks(pictures: PictureSet) -> tuple[PictureSet, PictureSet]:
    """The photos of places, and the pictures that show none; both keep the set's order, the first its notes.

    Example:
        >>> both = PictureSet((Path("a.jpg"), Path("b.jpg")), ("Paris", NON_LANDMARK))
        >>> [part.identities for part in split_non_landmarks(both)]
        [('Paris',), ('non-landmark',)]
    """
    other = np.array([name == NON_LANDMARK for name in pictures.identities], bool)
    places, others = (pictures.select(np.flatnonzero(chosen)) for chosen in (~other, other))
    return PictureSet(places.paths, places.identities, pictures.notes), others


def non_landmark_pictures(folder: str | Path) -> list[Path]:
    """All pictures in a folder that shows no landmark, and below it, sorted.

    Raises:
        DatasetError: it is no folder, cannot be read, or holds no pictures.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; give one that holds pictures without a landmark")
    found = readable_pictures_below(folder)
    if not found:
        raise DatasetError(f"{folder} holds no pictures; expected some that show no landmark")
    return [Path(one) for one in found]
