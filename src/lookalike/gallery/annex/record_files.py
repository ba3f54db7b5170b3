"""Files of records: only appended to, overwritten where a record is gone, and never read but where the database says.

The transaction that names a record decides whether it is there. Its bytes are on the disk before that transaction
commits; a process killed earlier leaves bytes behind the `end` that the database knows, which the next one cuts off.
What was replaced or forgotten is noted in the same transaction (`annex_gone`), and overwritten with zeros once no
transaction of any process is older; a process killed in between leaves it to the next one. No place of a file is used
twice, so nobody ever reads another record than the one asked for. A file of which a third is gone is written again
without that, and deleted; files are small enough for this to be quick.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import make_folders, sync_folder
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.annex.tables import has_tables
from lookalike.gallery.database import Database
from lookalike.gallery.failpoints import reached

__all__ = ["FOLDER", "Appender", "Extent", "Gone", "RecordFiles"]

FOLDER = "landmarks"
#: A file that is longer gets no more records; that much is written again at most.
_FULL = 64 * 2**20
#: The share of a file in use below which it is written again.
_SPARSE = 2 / 3
_ZEROS = bytes(2**20)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Extent:
    """Where a record lies: the file's number, and bytes `start` to `start + length` of it."""

    file: int
    start: int
    length: int


@dataclass(frozen=True)
class Gone:
    """An extent to be overwritten, and its row of `annex_gone`."""

    id: int
    file: int
    start: int
    length: int


class Appender:
    """Appends records to the last file, or to a new one; made by `RecordFiles.appending`."""

    def __init__(self, database: Database, folder: Path, open_files: ExitStack) -> None:
        self._database, self._folder, self._open_files = database, folder, open_files
        self._opened: list[BinaryIO] = []
        self._file: BinaryIO | None = None
        row = database.one("SELECT id, name, end FROM annex_file ORDER BY id DESC LIMIT 1")
        self._number: int = 0 if row is None else row[0]
        self._path = folder if row is None else folder / row[1]
        self._end: int = _FULL if row is None else row[2]

    def append(self, record: bytes) -> Extent:
        """Write a record, it is on the disk when `RecordFiles.appending` ends."""
        if self._end >= _FULL:
            self.begin()
        if self._file is None:
            self._file = self._open(self._path, "r+b")
            self._file.truncate(self._end)  # what a killed process left
            self._file.seek(self._end)
        self._file.write(record)
        reached("record of the annex appended")
        start = self._end
        self._end += len(record)
        return Extent(self._number, start, len(record))

    def begin(self) -> None:
        """Go on in a new file."""
        self._note_end()
        make_folders(self._folder)
        self._path = self._folder / f"records-{secrets.token_hex(8)}"
        self._file = self._open(self._path, "xb")
        row = self._database.one(
            "INSERT INTO annex_file (name, end, live) VALUES (?, 0, 0) RETURNING id", (self._path.name,)
        )
        self._number, self._end = row[0], 0

    def _open(self, path: Path, mode: str) -> BinaryIO:
        file: BinaryIO = self._open_files.enter_context(path.open(mode))  # type: ignore[assignment]  # it is binary
        self._opened.append(file)
        return file

    def _note_end(self) -> None:
        if self._file is not None:
            self._database.run("UPDATE annex_file SET end = ? WHERE id = ?", (self._end, self._number))

    def finish(self) -> None:
        """Force all to disk, names of files included."""
        self._note_end()
        for file in self._opened:
            file.flush()
            os.fsync(file.fileno())
        if any(file.mode == "xb" for file in self._opened):
            sync_folder(self._folder)


class RecordFiles:
    """The files of one gallery's records. What writes is called inside a writing transaction.

    Args:
        database: of the gallery.
    """

    def __init__(self, database: Database) -> None:
        self._database, self.folder = database, database.folder / FOLDER
        self._mapped: dict[str, Bytes] = {}

    # --- reading ------------------------------------------------------------------------------------------

    def names(self) -> dict[int, str]:
        """Names of the files by their numbers; call inside a transaction."""
        return dict(self._database.run("SELECT id, name FROM annex_file").fetchall())

    def mapped(self) -> dict[int, Bytes]:
        """Every file by its number, mapped; call inside a transaction.

        Raises:
            ArtefactError: one is missing, or shorter than the database says.
        """
        found, by_name = {}, {}
        for number, name, end in self._database.run("SELECT id, name, end FROM annex_file").fetchall():
            held = self._mapped.get(name)
            if held is None or len(held) < end:
                held = _map(self.folder / name, end)
            found[number] = by_name[name] = held
        self._mapped = by_name
        return found

    def copy_into(self, folder: Path) -> None:
        """Copy every file, without what is to be overwritten; call inside a transaction.

        Raises:
            FileNotFoundError: another process wrote one again since the transaction began.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        gone = self.gone()
        for number, name, end in self._database.run("SELECT id, name, end FROM annex_file").fetchall():
            shutil.copyfile(self.folder / name, folder / name)
            os.truncate(folder / name, end)  # of who is just appending
            _write_zeros(folder / name, [one for one in gone if one.file == number])

    # --- writing ------------------------------------------------------------------------------------------

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """Append records; they are on the disk when the block ends, and count from the commit on."""
        with ExitStack() as open_files:
            appender = Appender(self._database, self.folder, open_files)
            yield appender
            appender.finish()

    # --- forgetting ---------------------------------------------------------------------------------------

    def gone(self) -> list[Gone]:
        """What is to be overwritten; call inside a transaction."""
        return [Gone(*row) for row in self._database.run("SELECT id, file, start, length FROM annex_gone").fetchall()]

    def overwrite(self, gone: Sequence[Gone]) -> None:
        """Overwrite extents with zeros; on the disk when it returns. Call outside of a transaction.

        Args:
            gone: extents that no transaction of any process reads any more.

        Raises:
            StorageError: the disk is read-only or failing.
        """
        if not gone:
            return
        with self._database.read("read"):
            names = self.names()
        by_file: dict[int, list[Gone]] = {}
        for one in gone:
            by_file.setdefault(one.file, []).append(one)
        with self._database.errors("scrubbed"):
            for number in by_file.keys() & names.keys():  # others were written again without their extents
                with suppress(FileNotFoundError):  # likewise, just now
                    _write_zeros(self.folder / names[number], by_file[number])
                    reached("records of the annex overwritten")
        with self._database.write("scrubbed"):
            for one in gone:
                self._database.run("DELETE FROM annex_gone WHERE id = ?", (one.id,))

    def sparse(self) -> list[int]:
        """Numbers of files that hold little that is in use; call inside a transaction."""
        rows = self._database.run("SELECT id, end, live FROM annex_file ORDER BY id").fetchall()
        return [number for number, end, live in rows if live < _SPARSE * end]

    def write_again(self) -> None:
        """Copy what is in use of sparse files; they no longer count then, and can be swept away."""
        sparse = self.sparse()
        if not sparse:
            return
        files = self.mapped()
        with self.appending() as appender:
            if max(files) in sparse:
                appender.begin()
            for number in sparse:
                records = self._database.run(
                    "SELECT id, start, length FROM annex_record WHERE file = ? ORDER BY start", (number,)
                ).fetchall()
                for record, start, length in records:
                    extent = appender.append(files[number][start : start + length].tobytes())
                    self._database.run(
                        "UPDATE annex_record SET file = ?, start = ? WHERE id = ?", (extent.file, extent.start, record)
                    )
                self._database.run("DELETE FROM annex_gone WHERE file = ?", (number,))
                self._database.run("DELETE FROM annex_file WHERE id = ?", (number,))
        reached("records of the annex written again")

    # --- leftovers ----------------------------------------------------------------------------------------

    def stale(self, used: str | None) -> list[Path]:
        """Files and folders that do not count, and files longer than they should be; call inside a transaction.

        Args:
            used: the name of a folder that counts, too.
        """
        if not self.folder.is_dir():
            return []
        ends = self._ends()
        return [path for path in self.folder.iterdir() if path.name != used and not _fits(path, ends)]

    def sweep(self, used: str | None) -> None:
        """Delete what is stale; call inside a writing transaction.

        Raises:
            StorageError: it could not be deleted.
        """
        ends = self._ends()
        for path in self.stale(used):
            try:
                if path.name in ends:
                    os.truncate(path, ends[path.name])
                else:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError as error:
                raise StorageError(
                    f"{path} could not be deleted: {error.strerror or error}; delete it by hand, nothing reads it"
                ) from error

    def _ends(self) -> dict[str, int]:
        if not has_tables(self._database):
            return {}
        return dict(self._database.run("SELECT name, end FROM annex_file").fetchall())


def _write_zeros(path: Path, extents: Sequence[Gone]) -> None:
    with path.open("r+b") as file:
        for one in extents:
            file.seek(one.start)
            for at in range(0, one.length, len(_ZEROS)):
                file.write(_ZEROS[: one.length - at])
        file.flush()
        os.fsync(file.fileno())


def _fits(path: Path, ends: dict[str, int]) -> bool:
    try:
        return path.name in ends and path.stat().st_size <= ends[path.name]
    except FileNotFoundError:
        return True  # another process deleted it


def _map(path: Path, end: int) -> Bytes:
    try:
        mapped: Any = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); restore the gallery from a backup or enroll again") from None
    if len(mapped) < end:
        raise ArtefactError(f"{path} is damaged (cut short); restore the gallery from a backup or enroll again")
    return np.asarray(mapped)
