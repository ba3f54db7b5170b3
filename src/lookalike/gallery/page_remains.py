"""What SQLite leaves in the unused part of a page when it moves rows to another page, and how it is overwritten.

`secure_delete` overwrites a row where it lies when it is deleted. But SQLite moves rows between neighbouring pages when
these become too full or too empty, and writes a page anew without overwriting what the moved rows leave there: copies
that no later deletion of the row reaches. Of 1,000 processes killed at random moments some ten left a vector or a name
of somebody forgotten in the file.

A page has such remains only after it was written, so that it is in the write-ahead log. Before the log is emptied, the
pages in it that have remains are noted in a file beside the database, `remains`; then they are overwritten with zeros
in the database file, between the page's list of cells and the cells themselves, where SQLite reads nothing. So a
process that was killed in between leaves the rest to the next one that empties the log. Where the file is missing, as
in a new gallery, in one of an earlier version or in a backup, all pages are looked at once.

Formats: https://sqlite.org/fileformat2.html, "B-tree Pages" and "The Write-Ahead Log".
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Remains"]

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

_LOG_HEADER, _FRAME_HEADER, _FILE_HEADER = 32, 24, 100
#: The first byte of a page of a tree, and the length of its header: inner pages of an index and of a table, leaves.
_TREE_PAGES = {2: 12, 5: 12, 10: 8, 13: 8}
_HEADER = np.zeros(256, np.int64)
_HEADER[list(_TREE_PAGES)] = list(_TREE_PAGES.values())
#: Bytes in a row that are not zero, from which on they may be of a row.
_SHORTEST = 5
#: Frames of the log that are looked at at a time: 16 MiB.
_AT_A_TIME = 4096


class Remains:
    """The remains in one database.

    Args:
        file: the database; its log and the file `remains` lie beside it.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._log = file, file.with_name(f"{file.name}-wal")
        self.noted = file.with_name("remains")

    def note(self) -> None:
        """Note the pages that have remains as the log holds them last; on the disk when it returns.

        Call before the log is emptied, while nobody writes to it.
        """
        pages = _pages_with_remains(self._log)
        held = self._pages() if pages else None
        if held is None or pages <= held:
            return
        with self.noted.open("a", encoding="ascii") as file:
            file.write("".join(f"{number}\n" for number in sorted(pages - held)))
            file.flush()
            os.fsync(file.fileno())

    @property
    def pending(self) -> bool:
        """Whether pages are noted, or all are to be looked at."""
        return not self.noted.exists() or self.noted.stat().st_size > 0

    def overwrite(self) -> int:
        """Overwrite the unused parts of the pages that are noted; on the disk when it returns.

        Call while nobody writes to the database, with an empty log; then see to it that nobody goes on with pages read
        before, and call `done`.

        Returns:
            in how many pages there was something.
        """
        return _overwrite(self._file, self._pages())

    def done(self) -> None:
        """No pages are noted any more."""
        self.noted.write_bytes(b"")

    def _pages(self) -> set[int] | None:
        """The pages that are noted; None for all."""
        try:
            words = self.noted.read_text("ascii", errors="replace").split()
        except FileNotFoundError:
            return None
        # A word may be half written: then the log was not emptied, and the page is noted again.
        return {int(word) for word in words if word.isdecimal()}


def _pages_with_remains(log: Path) -> set[int]:
    """Numbers of the pages that have remains as the log holds them last.

    Args:
        log: the write-ahead log, to which nobody writes meanwhile; it may be missing or empty.
    """
    found: dict[int, bool] = {}
    for numbers, pages in _frames(log):
        found.update(zip(numbers.tolist(), _has_remains(numbers, pages).tolist(), strict=True))
    return {number for number, remains in found.items() if remains}


def _frames(log: Path) -> Iterator[tuple[Integers, Bytes]]:
    """Page numbers and `(n, page size)` contents of the frames that are valid, in order, some at a time."""
    try:
        with log.open("rb") as file:
            header = file.read(_LOG_HEADER)
            size, length = int.from_bytes(header[8:12], "big"), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return
    count = (length - _LOG_HEADER) // (_FRAME_HEADER + size) if len(header) == _LOG_HEADER and size else 0
    if count < 1:
        return
    frames = np.memmap(log, np.uint8, "r", _LOG_HEADER, (count, _FRAME_HEADER + size))
    # Frames from before the log was last begun anew have other salts.
    salts = np.frombuffer(header[16:24], np.uint8)
    for start in range(0, count, _AT_A_TIME):
        some = frames[start : start + _AT_A_TIME]
        valid = int(np.argmin(np.append((some[:, 8:16] == salts).all(axis=1), False)))
        if valid:
            yield _number(some[:valid], 0, 4), np.ascontiguousarray(some[:valid, _FRAME_HEADER:])
        if valid < len(some):
            return


def _number(rows: Bytes, start: int | Integers, width: int) -> Integers:
    """The unsigned number that some bytes of every row are, the highest first."""
    columns = np.asarray(start).reshape(-1, 1) + np.arange(width)
    parts = np.take_along_axis(rows, np.broadcast_to(columns, (len(rows), width)), 1).astype(np.int64)
    return parts @ (256 ** np.arange(width - 1, -1, -1))


def _unused(numbers: Integers, pages: Bytes) -> tuple[Integers, Integers]:
    """Where the unused part of every page starts and ends; nothing of pages that are of no tree."""
    size = pages.shape[1]
    first = np.where(numbers == 1, _FILE_HEADER, 0)
    header = _HEADER[np.take_along_axis(pages, first[:, None], 1)[:, 0]]
    start = first + header + 2 * _number(pages, first + 3, 2)
    end = _number(pages, first + 5, 2)
    end = np.where(end == 0, 65536, end)
    fine = (header > 0) & (start <= end) & (end <= size)
    return np.where(fine, start, 0), np.where(fine, end, 0)


def _has_remains(numbers: Integers, pages: Bytes) -> npt.NDArray[np.bool_]:
    """Whether more is in the unused part of a page than what SQLite notes there itself, which tells nothing.

    Behind the list of cells stay numbers of places in the page when a cell is deleted, and where a free block was, four
    bytes: the place of the next one, and its own length. A row has longer runs of bytes that are not zero.
    """
    start, end = _unused(numbers, pages)
    words = pages.view(">u2")  # the list of cells begins at an even place
    place = np.arange(words.shape[1])
    other = (place >= start[:, None] // 2) & ((words < start[:, None]) | (words >= pages.shape[1]))
    first = 2 * np.where(other.any(axis=1), other.argmax(axis=1), words.shape[1])
    at = np.arange(pages.shape[1])
    filled = (at >= first[:, None]) & (at < end[:, None]) & (pages != 0)
    runs = filled[:, : 1 - _SHORTEST]
    for shift in range(1, _SHORTEST):
        runs = runs & filled[:, shift : filled.shape[1] - _SHORTEST + 1 + shift]
    found: npt.NDArray[np.bool_] = runs.any(axis=1)
    return found


def _overwrite(file: Path, pages: Collection[int] | None) -> int:
    """Overwrite the unused part of pages of a database file, None for all; in how many was something."""
    changed = 0
    with file.open("r+b") as opened:
        size = int.from_bytes(opened.read(_FILE_HEADER)[16:18], "big")
        size = 65536 if size == 1 else size
        count = os.fstat(opened.fileno()).st_size // size
        for number in range(1, count + 1) if pages is None else sorted(pages):
            if number > count:
                break
            opened.seek((number - 1) * size)
            content = np.frombuffer(opened.read(size), np.uint8)
            start, end = (int(one[0]) for one in _unused(np.array([number]), content[None]))
            if _has_remains(np.array([number]), content[None])[0]:
                opened.seek((number - 1) * size + start)
                opened.write(bytes(end - start))
                changed += 1
        opened.flush()
        os.fsync(opened.fileno())
    return changed
