"""What SQLite leaves in the unused part of a page when it moves rows to another page, and how it is overwritten.

`secure_delete` overwrites a row where it lies when it is deleted. But SQLite moves rows between neighbouring pages when
these become too full or too empty, and writes a page anew without overwriting what the moved rows leave there: copies
that no later deletion of the row reaches. Of 1,000 processes killed at random moments some ten left a vector or a name
of somebody forgotten in the file.

A page has such remains only after it was written, so that it is in the write-ahead log. Before the log is emptied, the
pages in it that have remains are noted in a file beside the database, `remains`; then they are overwritten with zeros
in the database file, between the page's list of cells and the cells themselves, where SQLite reads nothing. So a
process that was killed in between leaves the rest to the next one that empties the log. Where the file is missing, as
in a gallery of an earlier version or in a backup, all pages are looked at once.

Formats: https://sqlite.org/fileformat2.html, "B-tree Pages" and "The Write-Ahead Log".
"""

from __future__ import annotations

import bisect
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from lookalike.gallery.file_helper import asked, has_remains

__all__ = ["Remains", "frames_in"]

_LOG_HEADER, _FRAME_HEADER = 32, 24
#: Frames of the log that are read at a time: 16 MiB.
_AT_A_TIME = 4096


class Remains:
    """The remains in one database.

    Args:
        file: the database; its log and the file `remains` lie beside it.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._log = file, file.with_name(f"{file.name}-wal")
        self.noted = file.with_name("remains")

    def begin(self) -> None:
        """Make the file that names pages; of a new database, in which nothing remains."""
        self.noted.touch(0o600)

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
        pages = self._pages()
        return int(asked("overwrite", file=str(self._file), pages=None if pages is None else sorted(pages)))

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
    with suppress(FileNotFoundError), log.open("rb") as file:
        size, count = _frames(file)
        width = _FRAME_HEADER + size
        file.seek(_LOG_HEADER)
        for start in range(0, count, _AT_A_TIME):
            some = file.read(width * min(_AT_A_TIME, count - start))
            last = {int.from_bytes(some[at : at + 4], "big"): at for at in range(0, len(some) // width * width, width)}
            found |= {number: has_remains(number, some[at + _FRAME_HEADER : at + width]) for number, at in last.items()}
    return {number for number, remains in found.items() if remains}


def frames_in(log: Path) -> int:
    """How many pages were written to a log since it was last begun anew."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        return _frames(file)[1]
    return 0


def _frames(file: BinaryIO) -> tuple[int, int]:
    """The page size of a log, and how many pages were written to it since it was last begun anew."""
    header = file.read(_LOG_HEADER)
    size, length = int.from_bytes(header[8:12], "big"), os.fstat(file.fileno()).st_size
    if len(header) < _LOG_HEADER or not size:
        return 0, 0

    def older(frame: int) -> bool:
        """Frames from before come last, and have other salts."""
        file.seek(_LOG_HEADER + frame * (_FRAME_HEADER + size) + 8)
        return file.read(8) != header[16:24]

    return size, bisect.bisect_left(range((length - _LOG_HEADER) // (_FRAME_HEADER + size)), True, key=older)
