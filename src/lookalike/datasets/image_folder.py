"""A folder with one subfolder an identity, or a CSV of path,identity, as a `PictureSet`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.csv_rows import csv_rows
from lookalike.datasets.listed_files import ListedFiles
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name, name_remarks
from lookalike.images import PICTURE_SUFFIXES, UNREAD_SUFFIXES

__all__ = [
    "note_of_unread",
    "pictures_among",
    "pictures_below",
    "pictures_of_one",
    "read_csv",
    "read_image_folder",
    "readable_pictures_below",
]


def read_image_folder(folder: Path, classes_at: int | None = None, without: str | None = None) -> PictureSet:
    """One identity per subfolder, named after it; its pictures lie in it or below.

    Hidden files and files without a picture's ending are passed over; pictures that belong to no identity and empty
    subfolders are reported in the notes. Names are the folders' in their canonical form (`identity_names`), so that two
    folders may hold pictures of one identity, which is reported too; pictures come sorted by path.

    Args:
        folder: holds the subfolders.
        classes_at: at which depth the folders of the identities lie: 1 are the subfolders, 2 those in them. An identity
            below the first depth is named by its path, such as `Greek/alpha`: folders of the same name in two places
            stay two identities. None is 1, but refused where the pictures tell otherwise: where no subfolder holds a
            picture itself, and one of them holds several folders with pictures.
        without: the name of a subfolder that is not looked into.

    Raises:
        DatasetError: the folder cannot be read, a subfolder's name is blank, no subfolder holds a picture, or it cannot
            be told at which depth the identities are.

    Example:
        >>> read_image_folder(Path("omniglot"), classes_at=2).names[0]    # doctest: +SKIP
        'Alphabet_of_the_Magi/character01'
    """
    if classes_at is not None and classes_at < 1:
        raise DatasetError(f"classes_at is {classes_at}; expected a depth of folders, 1 or more")
    depth = classes_at or 1
    try:
        found = _class_folders(folder, depth, without)
        unread: list[Path] = []
        pictures = {entry: pictures_below(entry, unread) for entry in found.folders}
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not any(pictures.values()):
        raise DatasetError("; ".join((_nothing(folder, depth, found.loose), *note_of_unread(unread))))
    if classes_at is None:
        _check_depth(folder, pictures)
    paths = tuple(path for mine in pictures.values() for path in mine)
    identities = tuple(entry.relative_to(folder).as_posix() for entry, mine in pictures.items() for _ in mine)
    notes = _notes(folder, depth, found.loose, pictures, identities)
    return PictureSet(paths, identities, (*notes, *note_of_unread(unread)))


@dataclass(frozen=True)
class _Found:
    """The folders of the identities, in order, and how many pictures lie above them."""

    folders: tuple[Path, ...]
    loose: int


def _class_folders(folder: Path, depth: int, without: str | None = None) -> _Found:
    """The folders at a depth, sorted by path."""
    folders, loose = [], 0
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name == without:
            continue
        if not entry.is_dir():
            loose += entry.suffix.lower() in PICTURE_SUFFIXES
            continue
        if entry.is_symlink() and folder.resolve().is_relative_to(entry.resolve()):
            raise DatasetError(f"{entry} links back to {entry.resolve()}, which holds it; remove the link")
        if not canonical_name(entry.name):
            raise DatasetError(f"{folder} has a subfolder {entry.name!r}, which names no identity; rename it")
        if depth == 1:
            folders.append(entry)
        else:
            below = _class_folders(entry, depth - 1)
            folders += below.folders
            loose += below.loose
    return _Found(tuple(folders), loose)


def _check_depth(folder: Path, pictures: Mapping[Path, Sequence[Path]]) -> None:
    """Refuse where subfolders hold no pictures themselves, but folders that do: each of these may be an identity."""
    holders = {entry: {path.parent for path in mine} for entry, mine in pictures.items() if mine}
    if any(entry in mine for entry, mine in holders.items()) or all(len(mine) == 1 for mine in holders.values()):
        return
    deeper = [one.relative_to(folder) for mine in holders.values() for one in mine]
    depth = min(len(one.parts) for one in deeper)
    example = min(one for one in deeper if len(one.parts) == depth)
    count = len({one.parts[:depth] for one in deeper})
    raise DatasetError(
        f"{folder} has its pictures at depth {depth}, such as in {folder / example}, and none in its "
        f"{how_many(len(holders), 'subfolder itself', 'subfolders themselves')}; say what an identity is: "
        f"--classes-at {depth} takes {count} folders such as {example.as_posix()!r}, --classes-at 1 takes the "
        f"{len(holders)} such as {example.parts[0]!r}"
    )


def _nothing(folder: Path, depth: int, loose: int) -> str:
    if depth == 1:
        lie = how_many(loose, "picture lies", "pictures lie")
        hint = f" ({lie} directly in it, without an identity)" if loose else ""
        return f"{folder} has no subfolder with pictures{hint}; expected one subfolder per identity"
    hint = f"; {how_many(loose, 'picture lies', 'pictures lie')} above that depth" if loose else ""
    return f"{folder} has no pictures in folders at depth {depth}{hint}; give another --classes-at"


def _notes(
    folder: Path, depth: int, loose: int, pictures: Mapping[Path, Sequence[Path]], identities: Sequence[str]
) -> tuple[str, ...]:
    """What the user should know of the folder, a line each."""
    notes = []
    where = f"directly in {folder}" if depth == 1 else f"in {folder} above depth {depth}"
    if loose:
        without = how_many(loose, "picture without an identity is", "pictures without an identity are")
        notes.append(f"{without} left out, {where}")
    if empty := [entry.relative_to(folder).as_posix() for entry, mine in pictures.items() if not mine]:
        notes.append(f"{how_many(len(empty), 'subfolder holds', 'subfolders hold')} no picture, such as {empty[0]!r}")
    if depth > 1:
        places = Counter(canonical_name(entry.name) for entry, mine in pictures.items() if mine)
        if twice := sorted(name for name, count in places.items() if count > 1):
            notes.append(
                f"{how_many(len(twice), 'folder name occurs', 'folder names occur')} in several places, such as "
                f"{twice[0]!r}: each folder is an identity of its own, named by its path"
            )
    return (*notes, *name_remarks(identities))


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
    unread: list[Path] = []
    paths = [Path(one) for one in pictures_among(given, unread)]
    notes = list(note_of_unread(unread))
    for folder in (one for one in given if Path(one).is_dir()):
        inside = [path for path in paths if path.parent != Path(folder) and path.is_relative_to(folder)]
        if inside:
            subfolders = how_many(len({path.parent for path in inside}), "subfolder")
            notes.append(f"{how_many(len(inside), 'picture')} in {subfolders} of {folder} count as {identity!r}, too")
    return PictureSet(tuple(paths), (identity,) * len(paths), tuple(notes))


def pictures_among(given: Sequence[str | Path], unread: list[Path] | None = None) -> list[str]:
    """Pictures as they are given, by their paths, with folders replaced by the pictures in them and below.

    Args:
        given: paths.
        unread: as of `pictures_below`.

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
        found = readable_pictures_below(one, unread)
        if not found:
            nothing = f"{one} holds no pictures; give photos, or a folder of them"
            raise DatasetError("; ".join((nothing, *note_of_unread(unread or ()))))
        paths += found
    return paths


def readable_pictures_below(folder: str | Path, unread: list[Path] | None = None) -> list[str]:
    """As `pictures_below`, as texts.

    Raises:
        DatasetError: a folder cannot be read.
    """
    try:
        return [str(path) for path in pictures_below(Path(folder), unread)]
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(folder: str | Path, error: OSError) -> DatasetError:
    """What to say of a folder, or of one below it, that cannot be looked into."""
    return DatasetError(f"{error.filename or folder} cannot be read: {error.strerror}; check its permissions")


def pictures_below(folder: Path, unread: list[Path] | None = None) -> list[Path]:
    """The picture files in a folder and its subfolders, sorted; hidden ones and other endings are passed over.

    Args:
        folder: where to look.
        unread: those that are passed over though they are pictures, of a format that is not read, are added to it.

    Raises:
        OSError: a folder cannot be read.
    """

    def unreadable(error: OSError) -> None:
        raise error  # os.walk alone would leave the folder out silently

    found = []
    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            ending = "" if name.startswith(".") else Path(name).suffix.lower()
            if ending in PICTURE_SUFFIXES:
                found.append(Path(parent, name))
            elif unread is not None and ending in UNREAD_SUFFIXES:
                unread.append(Path(parent, name))
    return sorted(found)


def note_of_unread(unread: Sequence[Path]) -> tuple[str, ...]:
    """A line about pictures that were passed over, or none.

    Example:
        >>> note_of_unread([Path("a.dng"), Path("b.dng")])
        ('2 pictures in formats that are not read (.dng) are passed over, such as a.dng; convert them to JPEG',)
    """
    if not unread:
        return ()
    endings = ", ".join(sorted({path.suffix.lower() for path in unread}))
    pictures = how_many(len(unread), "picture in a format that is", "pictures in formats that are")
    passed = f"{pictures} not read ({endings}) {'is' if len(unread) == 1 else 'are'} passed over"
    return (f"{passed}, such as {min(unread)}; convert {'it' if len(unread) == 1 else 'them'} to JPEG",)


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
