"""The annex of one gallery on its disk: entries in the database, arrays and sources as records in files beside it."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery.annex.kept import Annex, AnnexUpdate, Kept, KeptOnDisk
from lookalike.gallery.annex.older_annex import older_folder, read_older
from lookalike.gallery.annex.record import Columns, packed, sound, unpacked
from lookalike.gallery.annex.record_files import Appender, Extent, Gone, RecordFiles
from lookalike.gallery.annex.tables import has_tables, make_tables
from lookalike.gallery.database import Database
from lookalike.gallery.failpoints import reached

__all__ = ["ANNEX_VERSION", "AnnexStore"]

_log = logging.getLogger(__name__)

#: The version that this code writes; 1 was a folder for each version, see `older_annex`.
ANNEX_VERSION = 2

Bytes = npt.NDArray[np.uint8]
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class _State:
    """What decides which annex is to be read.

    Attributes:
        change: the last one of the gallery.
        files: numbers of the files of records; None where the gallery has no tables for them.
        older: the folder of an annex that an earlier version wrote.
    """

    change: int
    files: tuple[int, ...] | None
    older: Path | None

    @property
    def there(self) -> bool:
        """Whether there may be an annex."""
        return self.files is not None or self.older is not None


class AnnexStore:
    """Reads and writes the annex of a gallery.

    Args:
        database: of the gallery.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._files = database, RecordFiles(database)
        self._held: tuple[_State, Annex] | None = None
        self._sound: set[Extent] = set()  # records whose bytes were compared with their checksum

    # --- reading --------------------------------------------------------------------------------------------

    def read(self, fingerprint: Callable[[], str], use: Callable[[Annex | None], _Found]) -> _Found:
        """Use the annex, and the database, as they are at one moment.

        Args:
            fingerprint: gives that of the gallery's model; asked for where there is an annex.
            use: is called inside a transaction, with None where nothing is kept.

        Raises:
            ArtefactError: it is damaged, of another version, or of another model.
        """
        failed: _State | None = None
        while True:
            with self._database.read("read"):
                state = self._state()
                try:
                    held = self._current(state, fingerprint()) if state.there else None
                except ArtefactError:
                    # Another process may have replaced files after this transaction began; then the next transaction
                    # sees others.
                    if state == failed:
                        raise
                    failed = state
                    continue
                return use(held)

    def uncovered(self, annex: Annex | None) -> list[str]:
        """Identities with templates that an annex was not made for, by name; call inside a transaction."""
        rows = self._database.run(
            "SELECT DISTINCT identity_id, name FROM template JOIN identity ON identity.id = identity_id "
            "WHERE change_id > ?",
            (-1 if annex is None else annex.covers,),
        )
        return sorted(self._database.sealing.names(rows.fetchall()))

    def _state(self) -> _State:
        files = tuple(self._files.names()) if has_tables(self._database) else None
        return _State(self._database.latest_change(), files, self._older())

    def _current(self, state: _State, fingerprint: str) -> Annex | None:
        held = self._held  # another thread may put another one there
        if held is not None and held[0] == state:
            return held[1]
        annex = self._read(fingerprint) if state.older is None else read_older(state.older, fingerprint)
        self._held = None if annex is None else (state, annex)
        return annex

    def _older(self) -> Path | None:
        return older_folder(self._database, self._files.folder)

    def _read(self, fingerprint: str) -> Annex | None:
        database, where = self._database, f"what {self._database.folder} keeps of landmarks"
        if not has_tables(database):
            return None
        row = database.one("SELECT version, model, covers, columns, document FROM annex_state")
        if row is None:
            return None
        version, model, covers, columns, document = row
        if version != ANNEX_VERSION:
            raise ArtefactError(
                f"{where} has format version {version}, this Lookalike reads {ANNEX_VERSION}; upgrade it"
            )
        if model != fingerprint:
            raise ArtefactError(f"{where} was made with model {model}, the gallery with {fingerprint}; enroll again")
        files = self._files.mapped()
        owned = database.run(
            "SELECT identity.name, identity_id, file, start, length, entry FROM annex_record "
            "JOIN identity ON identity.id = identity_id ORDER BY identity.name"
        ).fetchall()
        free = database.run(
            "SELECT name, file, start, length, entry FROM annex_record WHERE name IS NOT NULL ORDER BY name"
        ).fetchall()
        places = {name: (owner, Extent(file, start, length)) for name, owner, file, start, length, _ in owned}
        try:
            entries = dict(zip(places, json.loads(f"[{','.join(entry for *_, entry in owned)}]"), strict=True))
            written = json.loads(document)
        except ValueError as error:
            raise ArtefactError(f"{where} is damaged ({error}); restore it from a backup, or enroll again") from None
        layout = Columns(()) if columns is None else Columns.loaded(columns)

        def kept(name: str) -> Kept:
            owner, extent = places[name]
            return self._record(files, extent, owner, layout, entries[name])

        common = {}
        for name, file, start, length, entry in free:
            rows = self._record(files, Extent(file, start, length), 0, Columns.loaded(entry), None).rows
            if name not in rows:
                raise ArtefactError(f"{where} is damaged (no {name}); restore it from a backup, or enroll again")
            common[name] = rows[name]
        return Annex(entries, KeptOnDisk(places, kept), common, written, covers)

    def _record(self, files: Mapping[int, Bytes], extent: Extent, owner: int, columns: Columns, entry: Any) -> Kept:
        """A record, whose bytes are compared with their checksum when they are first read."""
        file = files.get(extent.file)
        record = np.empty(0, np.uint8) if file is None else file[extent.start : extent.start + extent.length]
        try:
            kept = unpacked(record, owner, columns, entry)
            if extent not in self._sound:
                if len(record) != extent.length or not sound(record):
                    raise ArtefactError("a record has other bytes than were written")
                self._sound.add(extent)
        except ArtefactError as error:
            raise ArtefactError(
                f"what {self._database.folder} keeps of landmarks is damaged ({error}); restore the gallery from a "
                "backup, or enroll again"
            ) from None
        return kept

    def copy_into(self, folder: Path) -> None:
        """Copy the files that the database names into another gallery's folder; call inside a transaction.

        Raises:
            FileNotFoundError: another process replaced one since the transaction began; begin a new one.
        """
        older = self._older()
        if older is not None:
            shutil.copytree(older, folder / older.relative_to(self._database.folder))
        if has_tables(self._database):
            self._files.copy_into(folder / self._files.folder.name)

    # --- writing: inside a writing transaction -------------------------------------------------------------

    def put(self, update: AnnexUpdate, covers: int, fingerprint: str) -> bool:
        """Write what differs from what is kept; on the disk when the transaction commits.

        Args:
            update: what is to be kept.
            covers: the change of the transaction.
            fingerprint: of the gallery's model.

        Returns:
            whether something was replaced, which is then to be overwritten.

        Raises:
            InputError: an identity that is not enrolled, or arrays of other columns than those that are kept.
        """
        database = self._database
        make_tables(database)
        columns = self._columns(update)
        before = database.one("SELECT model, document FROM annex_state")
        document = before[1] if before else "{}"
        if update.document is not None:
            document = _dumped(update.document)
        database.run(
            "INSERT OR REPLACE INTO annex_state VALUES (1, ?, ?, ?, ?, ?)",
            (ANNEX_VERSION, fingerprint, covers, None if columns is None else columns.dumped(), document),
        )
        replaced, files = before is not None and before[1] != document, self._files.mapped()
        with self._files.appending() as appender:
            for name, kept in update.kept.items():
                owner = database.one("SELECT id FROM identity WHERE name = ?", (name,))
                if owner is None or columns is None:
                    raise InputError(f"{name!r} is not enrolled, so nothing can be kept of it; enroll it as well")
                record = packed(owner[0], kept, columns)
                replaced |= self._put(appender, files, "identity_id", owner[0], record, _dumped(kept.entry))
            for name, array in update.common.items():
                own = Columns.of({name: array})
                record = packed(0, Kept(None, {name: array}, [""] * len(array)), own)
                replaced |= self._put(appender, files, "name", name, record, own.dumped())
        return replaced

    def _columns(self, update: AnnexUpdate) -> Columns | None:
        """The columns of all records of identities; None as long as there is none."""
        given = {Columns.of(kept.rows) for kept in update.kept.values()}
        held = self._database.one(
            "SELECT columns FROM annex_state WHERE EXISTS (SELECT 1 FROM annex_record WHERE identity_id IS NOT NULL)"
        )
        if held is not None and held[0] is not None:
            return Columns.loaded(held[0])
        return next(iter(given), None)

    def _put(
        self, appender: Appender, files: Mapping[int, Bytes], key: str, value: int | str, record: bytes, entry: str
    ) -> bool:
        """Write a record and its entry where they differ; returns whether something was replaced."""
        database = self._database
        held = database.one(f"SELECT id, file, start, length, entry FROM annex_record WHERE {key} = ?", (value,))
        if held is None:
            new = appender.append(record)
            database.run(
                f"INSERT INTO annex_record ({key}, file, start, length, entry) VALUES (?, ?, ?, ?, ?)",
                (value, new.file, new.start, new.length, entry),
            )
            return False
        number, file, start, length, before = held
        same = length == len(record) and file in files and files[file][start : start + length].tobytes() == record
        if not same:
            new = appender.append(record)
            database.run(
                "UPDATE annex_record SET file = ?, start = ?, length = ? WHERE id = ?",
                (new.file, new.start, new.length, number),
            )
        if entry != before:
            database.run("UPDATE annex_record SET entry = ? WHERE id = ?", (entry, number))
        return not same or entry != before

    def convert(self, fingerprint: str) -> bool:
        """Store what an earlier version kept as records; its folder no longer counts then, and can be swept away.

        Returns:
            whether there was such a folder.

        Raises:
            ArtefactError: it is damaged, or of another model.
        """
        path = self._older()
        if path is None:
            return False
        older = read_older(path, fingerprint)
        self._database.run("DROP TABLE annex")
        enrolled = {row[0] for row in self._database.run("SELECT name FROM identity")}
        kept = {name: one for name, one in older.kept.items() if name in enrolled}
        self.put(AnnexUpdate(kept, older.common, older.document), older.covers, fingerprint)
        _log.info("what %s keeps of landmarks is stored place by place now", self._database.folder)
        return True

    # --- forgetting ---------------------------------------------------------------------------------------

    def gone(self) -> list[Gone]:
        """What is to be overwritten; read it before the log is emptied, and `overwrite` it after."""
        with self._database.read("read"):
            return self._files.gone() if has_tables(self._database) else []

    def overwrite(self, gone: list[Gone]) -> None:
        """Overwrite what was forgotten or replaced, and write files again that hold little else.

        Args:
            gone: what no transaction of any process reads any more.

        Raises:
            StorageError: the disk is read-only or failing.
        """
        if not gone:
            return
        self._write_again()
        self._files.overwrite(gone)
        self._sound.difference_update(Extent(one.file, one.start, one.length) for one in gone)
        self.sweep()

    def _write_again(self) -> None:
        """Have sparse files no longer count, so that they are deleted, and need not be overwritten."""
        with self._database.read("read"):
            if not self._files.sparse():
                return
        try:
            with self._database.write("written again"):
                self._files.write_again()
        except (StorageError, ArtefactError) as error:  # a full disk, or a damaged file; they are overwritten then
            _log.info("files of %s that hold little were not written again: %s", self._database.folder, error)

    def sweep(self, wait: bool = True) -> None:
        """Delete files and folders that do not count.

        Raises:
            StorageError: one could not be deleted, or another program writes and `wait` is false.
        """
        if not self._files.folder.is_dir():
            return
        with self._database.read("read"):
            if not self._files.stale(self._used()):
                return
        with self._database.write("tidied", wait):
            self._files.sweep(self._used())
        reached("annexes swept")

    def sweep_if_nobody_writes(self) -> None:
        """The same, where it can be done at once; leftovers harm nobody."""
        try:
            self.sweep(wait=False)
        except StorageError as error:  # somebody is just writing, or the disk is read-only
            _log.info("leftovers of what %s keeps of landmarks stay: %s", self._database.folder, error)

    def _used(self) -> str | None:
        path = self._older()
        return None if path is None else path.name


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
