"""CSVs that say where pictures or places are.

| what | columns |
|---|---|
| pictures | `path,identity,latitude,longitude`, and `name` if wanted |
| places | `identity,name,latitude,longitude` |

Degrees with a decimal point, north and east positive. Both coordinates may be empty, where they are not known; 0,0 lies
in the sea and counts as not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.csv_rows import csv_rows, named_rows
from lookalike.datasets.image_folder import read_csv
from lookalike.datasets.listed_files import ListedFiles
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["LocatedPictures", "PlaceRow", "header", "read_located_pictures", "read_place_rows"]

COORDINATES = ("latitude", "longitude")


@dataclass(frozen=True, eq=False)
class LocatedPictures:
    """Labelled pictures with their positions.

    Attributes:
        pictures: and their places.
        positions: `(n, 2)` float64 latitude and longitude in degrees, NaN where not known.
        names: readable names by identity, as far as the CSV gives them.
    """

    pictures: PictureSet
    positions: npt.NDArray[np.float64]
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlaceRow:
    """A row about a place; the position is None where not known."""

    identity: str
    name: str
    position: tuple[float, float] | None


def header(path: Path) -> tuple[str, ...]:
    """The names of a CSV's columns, in lower case.

    Raises:
        DatasetError: the file cannot be read as a CSV.
    """
    found: tuple[str, ...] = ()

    def choose(columns: Sequence[str]) -> tuple[str, ...]:
        nonlocal found
        found = tuple(columns)
        return ()

    next(csv_rows(path, choose), None)
    return found


def read_located_pictures(path: str | Path) -> LocatedPictures:
    """A CSV with a row `path,identity,latitude,longitude[,name]` a picture; as a set, `read_csv` reads it the same.

    Raises:
        DatasetError: as `read_csv`; no degrees in a row; one picture at two positions, or one place under two names;
            with the line.

    Example:
        >>> read_located_pictures("photos.csv").positions[0]  # doctest: +SKIP
        array([48.8867,  2.3431])
    """
    path = Path(path)
    named = "name" in header(path)
    columns = ("path", "identity", *COORDINATES, *(("name",) if named else ()))
    pictures = read_csv(path)
    positions: dict[Path, tuple[float, float] | None] = {}
    names: dict[str, str] = {}
    files = ListedFiles(path.parent)
    for where, (file, spelling, latitude, longitude, *name) in named_rows(
        path, columns, may_be_empty=(*COORDINATES, "name"), with_blanks=("path",)
    ):
        identity = canonical_name(spelling)
        name = list(map(canonical_name, name))
        position = _position(where, latitude, longitude)
        picture = files.found(file, where).resolve()
        if positions.setdefault(picture, position) != position:
            raise DatasetError(f"{where}: {file} is at {position} here and at {positions[picture]} above; choose one")
        if any(name) and names.setdefault(identity, name[0]) != name[0]:
            raise DatasetError(f"{where}: {identity} is {name[0]!r} here and {names[identity]!r} above; choose one")
    table = [positions[file.resolve()] or (math.nan, math.nan) for file in pictures.paths]
    return LocatedPictures(pictures, np.array(table, np.float64).reshape(-1, 2), names)


def read_place_rows(path: str | Path) -> tuple[PlaceRow, ...]:
    """A CSV with a row `identity,name,latitude,longitude` a place; the name may be empty.

    Raises:
        DatasetError: unreadable, other columns, no degrees in a row, a place listed twice, or none at all.

    Example:
        >>> read_place_rows("places.csv")[0]  # doctest: +SKIP
        PlaceRow(identity='sacre_coeur', name='Sacré-Cœur', position=(48.8867, 2.3431))
    """
    path = Path(path)
    rows: dict[str, PlaceRow] = {}
    optional = ("name", *COORDINATES)
    for where, (spelling, name, latitude, longitude) in named_rows(path, ("identity", *optional), optional):
        identity = canonical_name(spelling)
        if identity in rows:
            raise DatasetError(f"{where}: {identity} stands above already; a place has one row")
        rows[identity] = PlaceRow(identity, canonical_name(name), _position(where, latitude, longitude))
    if not rows:
        raise DatasetError(f"{path} lists no places; expected a row of identity,name,latitude,longitude for each")
    return tuple(rows.values())


def _position(where: str, *written: str) -> tuple[float, float] | None:
    if not any(written):
        return None
    try:
        latitude, longitude = (float(degrees) for degrees in written)
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise DatasetError(
            f"{where}: latitude {written[0]!r} and longitude {written[1]!r}; expected degrees such as 48.8867, "
            "-90 to 90 and -180 to 180, or both empty"
        )
    return None if latitude == longitude == 0 else (latitude, longitude)
