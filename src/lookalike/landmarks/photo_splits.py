"""Photos of places and of none, each for one purpose: to learn from, to set thresholds on, or to be asked about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lookalike.csv_rows import named_rows
from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.datasets.listed_files import ListedFiles
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["PhotoSplits", "read_azimuths", "read_splits"]


@dataclass(frozen=True)
class PhotoSplits:
    """Photos, each for one purpose: no photo without a landmark serves twice.

    Attributes:
        places: photos of places, learned from and enrolled.
        test: photos of the same places from viewpoints that are not among them.
        learn_others: photos without a landmark, learned from.
        calibration: others, that thresholds are set on.
        test_others: others still, that are asked about.
    """

    places: PictureSet
    test: PictureSet
    learn_others: PictureSet
    calibration: PictureSet
    test_others: PictureSet

    def __post_init__(self) -> None:
        parts = vars(self)
        for name, part in parts.items():
            if not len(part):
                raise DatasetError(f"{name} holds no photos; the comparison needs some of each kind")
        whose: dict[Path, str] = {}
        for name, part in parts.items():
            for path in part.paths:
                if whose.setdefault(path, name) != name:
                    raise DatasetError(f"{path} is in {whose[path]} and in {name}; a photo serves one purpose")
        unknown = sorted(set(self.test.names) - set(self.places.names))
        if unknown:
            raise DatasetError(f"{unknown[0]!r} is tested and has no photo to learn from; give some, or leave it out")

    @property
    def learn(self) -> PictureSet:
        """What a network is trained on: places, and one class more of photos that show none."""
        return PictureSet(
            self.places.paths + self.learn_others.paths,
            self.places.identities + (NON_LANDMARK,) * len(self.learn_others),
            self.places.notes,
        )

    @property
    def questions(self) -> tuple[Path, ...]:
        """The photos asked about: those of places, then the others."""
        return self.test.paths + self.test_others.paths

    @property
    def truth(self) -> tuple[str | None, ...]:
        """Their places."""
        return self.test.identities + (None,) * len(self.test_others)


def read_splits(listing: str | Path) -> PhotoSplits:
    """The photos of a CSV with a row a photo and the columns `path,identity,split`, as the renderer writes it.

    Photos of places have the split `train` or `test`; those with the identity `NON_LANDMARK` also `calibration`.

    Raises:
        DatasetError: unreadable, other columns or splits, a photo listed twice, or no photos of some kind.

    Example:
        >>> len(read_splits("landmarks/photos.csv").test)    # doctest: +SKIP
        384
    """
    path = Path(listing)
    found: dict[tuple[bool, str], list[tuple[Path, str]]] = {
        (False, "train"): [], (False, "test"): [],
        (True, "train"): [], (True, "calibration"): [], (True, "test"): [],
    }  # fmt: skip
    files, seen = ListedFiles(path.parent), set[Path]()
    for where, (photo, spelling, split) in named_rows(path, ("path", "identity", "split"), with_blanks=("path",)):
        identity = canonical_name(spelling)
        kind = (identity == NON_LANDMARK, split)
        if kind not in found:
            known = ", ".join(name for other, name in found if other == kind[0])
            raise DatasetError(f"{where}: {identity} has the split {split!r}; expected {known}")
        file = files.sought(photo, where)
        if (file_itself := file.resolve()) in seen:  # a/../b.jpg and b.jpg are one photo
            raise DatasetError(f"{where}: {photo} stands above already; a photo has one row")
        seen.add(file_itself)
        found[kind].append((file, identity))
    sets = [PictureSet(tuple(p for p, _ in rows), tuple(name for _, name in rows)) for rows in found.values()]
    return PhotoSplits(*sets)


def read_azimuths(listing: str | Path) -> dict[str, float]:
    """Of every photo in a CSV with the columns `path,azimuth` that has one, the degrees clockwise from north.

    Raises:
        DatasetError: unreadable, other columns, an azimuth that is no number, or two of one photo.
    """
    path = Path(listing)
    files = ListedFiles(path.parent)
    found: dict[str, float] = {}
    for where, (photo, azimuth) in named_rows(path, ("path", "azimuth"), ("azimuth",), with_blanks=("path",)):
        if not azimuth:
            continue
        try:
            degrees = float(azimuth)
        except ValueError:
            degrees = math.nan
        if not math.isfinite(degrees):
            raise DatasetError(f"{where}: the azimuth is {azimuth!r}; expected degrees, or nothing")
        if found.setdefault(str(files.sought(photo, where)), degrees) != degrees:
            raise DatasetError(f"{where}: {photo} has another azimuth above; choose one")
    return found
