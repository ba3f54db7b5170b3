"""What a user gives for pictures: files, folders, patterns that the shell left as they are, standard input.

The order given is kept, and so are duplicates: whoever gives a picture twice gets two answers.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.datasets.image_folder import note_of_unread, pictures_among, readable_pictures_below
from lookalike.errors import DatasetError, ImageError, InputError
from lookalike.images import MAX_BYTES, PICTURE_SUFFIXES, Picture

__all__ = ["STDIN", "GivenPictures", "given_pictures"]

#: Stands for one encoded picture on standard input. A file of this name is given as `./-`.
STDIN = "-"


@dataclass(frozen=True, eq=False)
class GivenPictures:
    """Pictures, and what each is called in results.

    Attributes:
        pictures: paths as text; bytes for what came on standard input.
        names: the paths; `"-"` for standard input.
        notes: what was passed over, for whoever reports it.
    """

    pictures: tuple[Picture, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def given_pictures(given: str | Path | Sequence[str | Path], *, skip_missing: bool = False) -> GivenPictures:
    """The pictures that were given, in order; nothing of them is decoded.

    A folder stands for the pictures in it and below, sorted. A text with `*`, `?` or `[...]` that is not the name of a
    file stands for the pictures and folders that match it, sorted; `**` matches folders at any depth. `"-"` stands for
    one encoded picture on standard input, which is read here.

    Args:
        given: one or several.
        skip_missing: a path that does not exist is kept, for whoever reports the pictures that cannot be used.

    Raises:
        InputError: nothing was given, or standard input is a terminal, empty or too large.
        DatasetError: a folder holds no picture or cannot be read, or nothing matches a pattern.
        ImageError: a path does not exist.

    Example:
        >>> given_pictures(["photos/", "more/*.jpg"]).names    # doctest: +SKIP
        ('photos/1.jpg', 'photos/2.jpg', 'more/3.jpg')
    """
    pictures: list[Picture] = []
    names: list[str] = []
    unread: list[Path] = []
    stdin: bytes | None = None
    for one in [given] if isinstance(given, str | Path) else given:
        if one == STDIN:  # a Path("-") is a file
            stdin = _from_stdin() if stdin is None else stdin
            pictures.append(stdin)
            names.append(STDIN)
            continue
        found = list(_paths(str(one), skip_missing, unread))
        pictures += found
        names += found
    if not pictures:
        raise InputError("no pictures were given; give at least one")
    return GivenPictures(tuple(pictures), tuple(names), note_of_unread(unread))


def _paths(text: str, skip_missing: bool, unread: list[Path]) -> Iterator[str]:
    if Path(text).is_dir():
        yield from pictures_among([text], unread)
    elif not os.path.lexists(text) and glob.has_magic(text):
        yield from _matching(text, unread)
    elif skip_missing or os.path.lexists(text):
        yield text
    else:
        raise ImageError(f"{text} does not exist; expected a picture file, a folder, or a pattern such as *.jpg")


def _matching(pattern: str, unread: list[Path]) -> list[str]:
    """Pictures that match, and those in folders that match; files with other endings are passed over."""
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    found: list[str] = []
    for one in matches:
        if not Path(one).is_dir():
            found += [one] if Path(one).suffix.lower() in PICTURE_SUFFIXES else []
        elif "**" not in pattern:  # which matches the pictures in the folders as well
            found += readable_pictures_below(one, unread)
    if not matches:
        raise DatasetError(f"nothing matches {pattern}; give pictures, a folder of them, or another pattern")
    if not found:
        raise DatasetError(
            f"{pattern} matches no picture, only others such as {matches[0]}; expected files that end in "
            f"{', '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return found


def _from_stdin() -> bytes:
    """All of standard input, but no more than a picture may have."""
    advice = "pipe one picture in, such as `lookalike identify - < who.jpg`, or give its path"
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(f"{STDIN} stands for a picture on standard input, and that is a terminal; {advice}")
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not content:
        raise InputError(f"{STDIN} stands for a picture on standard input, and that is empty (0 bytes); {advice}")
    if len(content) > MAX_BYTES:
        raise InputError(f"standard input has more than {MAX_BYTES:,} bytes; give one picture, and a smaller one")
    return content
