"""A folder with one subfolder an identity, or a CSV of path,identity, as a `PictureSet`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.csv_rows import csv_rows
from lookalike.datasets.listed_files import ListedFiles
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name, name_remarks
from lookalike.images import PICTURE_SUFFIXES

__all__ = ["pictures_among", "pictures_below", "pictures_of_one", "read_csv", "read_image_folder"]


def read_image_folder(folder: Path) -> PictureSet:
    """One identity per subfolder, named after it; its pictures lie in it or below.

    Hidden files and files without a picture's ending are passed over; pictures directly in `folder` and empty
    subfolders are reported in the notes. Names are the folders' in their canonical form (`identity_names`), so that two
    folders may hold pictures of one identity, which is reported too; pictures come sorted by path.

    Raises:
        DatasetError: the folder cannot be read, a subfolder's name is blank, or no subfolder holds a picture.
    """
    paths: list[Path] = []
    identities: list[str] = []
    loose, empty = 0, []
    try:
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                loose += entry.suffix.lower() in PICTURE_SUFFIXES
                continue
            if entry.is_symlink() and folder.resolve().is_relative_to(entry.resolve()):
                raise DatasetError(f"{entry} links back to {entry.resolve()}, which holds it; remove the link")
            if not canonical_name(entry.name):
                raise DatasetError(f"{folder} has a subfolder {entry.name!r}, which names no identity; rename it")
            found = pictures_below(entry)
            paths += found
            identities += [entry.name] * len(found)
            if not found:
                empty.append(entry.name)
    except OSError as error:
        raise DatasetError(
            f"{error.filename or folder} cannot be read: {error.strerror}; check its permissions"
        ) from None
    if not paths:
        hint = (
            f" ({how_many(loose, 'picture lies', 'pictures lie')} directly in it, without an identity)" if loose else ""
        )
        raise DatasetError(f"{folder} has no subfolder with pictures{hint}; expected one subfolder per identity")
    notes = []
    if loose:
        without = how_many(loose, "picture without an identity is", "pictures without an identity are")
        notes.append(f"{without} left out, directly in {folder}")
    if empty:
        notes.append(f"{how_many(len(empty), 'subfolder holds', 'subfolders hold')} no picture, such as {empty[0]!r}")
    notes += name_remarks(identities)
    return PictureSet(tuple(paths), tuple(identities), tuple(notes))


def pictures_of_one(given: Sequence[str], identity: str) -> PictureSet:
    """Pictures of one identity, and those in the folders among them.

    Args:
        given: paths of pictures and of folders.
        identity: whom or what all of them show. Where they lie in subfolders, a note says how many these are, for such
            a folder may be one of many identities.

    Raises:
        DatasetError: as `pictures_among`.

    Example:
        >>> len(pictures_of_one(["ada/"], "Ada"))    # doctest: +SKIP
        12
    """
    paths = [Path(one) for one in pictures_among(given)]
    notes = []
    for folder in (one for one in given if Path(one).is_dir()):
        inside = [path for path in paths if path.parent != Path(folder) and path.is_relative_to(folder)]
        if inside:
            subfolders = how_many(len({path.parent for path in inside}), "subfolder")
            notes.append(f"{how_many(len(inside), 'picture')} in {subfolders} of {folder} count as {identity!r}, too")
    return PictureSet(tuple(paths), (identity,) * len(paths), tuple(notes))


def pictures_among(given: Sequence[str | Path]) -> list[str]:
    """Pictures as they are given, by their paths, with folders replaced by the pictures in them and below.

    Raises:
        DatasetError: a folder holds no picture, or cannot be read.

    Example:
        >>> pictures_among(["ada.png", "more/"])    # doctest: +SKIP
        ['ada.png', 'more/1.png', 'more/2.png']
    """
    paths: list[str] = []
    for one in given:
        if not Path(one).is_dir():
            paths.append(str(one))
            continue
        try:
            found = pictures_below(Path(one))
        except OSError as error:
            raise DatasetError(
                f"{error.filename or one} cannot be read: {error.strerror}; check its permissions"
            ) from None
        if not found:
            raise DatasetError(f"{one} holds no pictures; give photos, or a folder of them")
        paths += map(str, found)
    return paths


def pictures_below(folder: Path) -> list[Path]:
    """The picture files in a folder and its subfolders, sorted; hidden ones and other endings are passed over.

    Raises:
        OSError: a folder cannot be read.
    """

    def unreadable(error: OSError) -> None:
        raise error  # os.walk alone would leave the folder out silently

    found = []
    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in files
            if Path(name).suffix.lower() in PICTURE_SUFFIXES and not name.startswith(".")
        ]
    return sorted(found)


def read_csv(path: Path) -> PictureSet:
    """A UTF-8 CSV whose header names the columns `path` and `identity`; other columns are allowed.

    Relative paths start at the CSV's folder. A row given twice counts once, and is reported in the notes; so are
    identities spelled in several ways, and paths that are written otherwise than on the disk.

    Raises:
        DatasetError: as `csv_rows`, no such header, a file that does not exist, or one file under two identities; the
            message names the line.
    """
    files = ListedFiles(path.parent)
    spellings: set[str] = set()
    rows: dict[Path, str] = {}
    seen: dict[Path, str] = {}
    repeated = 0

    def choose(columns: Sequence[str]) -> tuple[str, str]:
        if not {"path", "identity"} <= set(columns):
            raise DatasetError(f"{path} has the columns {columns}; expected a header with path and identity")
        return "path", "identity"

    for where, (name, spelling) in csv_rows(path, choose, with_blanks=("path",)):
        spellings.add(spelling)
        identity = canonical_name(spelling)
        picture = files.found(name, where)
        file_itself = picture.resolve()  # a/../b.png and b.png are one picture
        if file_itself not in seen:
            rows[picture] = seen[file_itself] = identity
        elif seen[file_itself] != identity:
            other = seen[file_itself]
            raise DatasetError(f"{where}: {name} is {identity!r} here and {other!r} above; a picture has one identity")
        else:
            repeated += 1
    if not rows:
        raise DatasetError(f"{path} lists no pictures; expected a row of path,identity for each")
    notes = (f"{how_many(repeated, 'row')} of {path} repeated: counted once",) if repeated else ()
    return PictureSet(tuple(rows), tuple(rows.values()), (*notes, *files.remarks, *name_remarks(spellings)))
