"""A copy of a gallery's folder in one consistent state, made while others search and write.

The database is copied by SQLite's backup API (https://sqlite.org/backup.html) inside one reading transaction, so that
it is of one change, and what is kept beside landmarks is that which this change names. Segments are not copied: they
are built from the database. The copy is opened and checked before it gets its name.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol, runtime_checkable

from lookalike.atomic_files import written_folder
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery.annex.store import AnnexStore
from lookalike.gallery.database import FILE_NAME, Database
from lookalike.gallery.gallery import Gallery
from lookalike.gallery.records import Counts

__all__ = ["BacksUp", "back_up", "with_backup"]

#: Another process may replace what is kept beside landmarks while it is copied; then all is copied again.
_ATTEMPTS = 5


@runtime_checkable
class BacksUp(Protocol):
    """A gallery that can be copied as it is."""

    def backup(self, path: str | Path) -> Counts:
        """Copy it to a new folder; returns how much the copy holds."""


def with_backup(gallery: Gallery, shown: str) -> BacksUp:
    """The gallery as one that can be copied.

    Raises:
        InputError: it cannot.
    """
    if isinstance(gallery, BacksUp):
        return gallery
    raise InputError(
        f"{shown} lies on a server, which has backups of its own (docs/milvus.md); `lookalike gallery export` writes "
        "its people into a folder"
    )


def back_up(database: Database, path: Path) -> None:
    """Copy an open gallery to a new folder, whole or not at all.

    Raises:
        StorageError: the folder is there already, or a disk is full or failing.
        ArtefactError: the copy is damaged, and with it most likely the gallery.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StorageError(f"{path} exists and is not empty; give another folder")
    for last in [False] * (_ATTEMPTS - 1) + [True]:
        try:
            with written_folder(path) as partial:
                partial.chmod(0o700)
                _copy(database, partial)
                _check(partial / FILE_NAME)
            return
        except FileNotFoundError as error:
            if last:
                raise StorageError(
                    f"{path} could not be written: {database.folder} keeps changing; try again"
                ) from error


def _copy(database: Database, partial: Path) -> None:
    with database.read("copied"), closing(sqlite3.connect(partial / FILE_NAME)) as copy:
        database.copy_into(copy)
        AnnexStore(database).copy_into(partial)


def _check(file: Path) -> None:
    """Refuse a copy that SQLite finds damaged; empties its log into the file."""
    with closing(sqlite3.connect(file)) as copy:
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if found != "ok":
        raise ArtefactError(f"the copy is damaged ({found}), as the gallery may be; restore an earlier backup")
