"""What a gallery holds, people or landmarks: settled by what is enrolled first, stored in its database.

Version 1 stored no kind. There it follows from what the gallery holds, and is stored when the gallery is next opened;
where that cannot be written now, on a full disk for example, it is inferred each time.
"""

from __future__ import annotations

import logging
from typing import get_args

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery.database import FORMAT_VERSION, KIND_TABLE, VERSION_3, VERSION_4, Database
from lookalike.gallery.failpoints import reached
from lookalike.gallery.records import Kind

__all__ = ["checked_kind", "held_kind", "migrate", "settle", "upgrade"]

_log = logging.getLogger(__name__)


def checked_kind(kind: str) -> Kind:
    """A kind of gallery, or an `InputError` that lists them."""
    if kind not in get_args(Kind):
        raise InputError(f"the kind of a gallery is {kind!r}; expected {' or '.join(get_args(Kind))}")
    return kind  # type: ignore[return-value]  # it is one of them


def held_kind(database: Database) -> Kind | None:
    """What is held; None while nobody was enrolled and no kind was settled. Call inside a transaction.

    Raises:
        ArtefactError: another kind is stored than this Lookalike knows.
    """
    if database.version() >= 2:
        row = database.one("SELECT kind FROM kind")
        if row is not None:
            if row[0] not in get_args(Kind):
                raise ArtefactError(
                    f"{database.folder} holds {row[0]!r}, which this Lookalike does not know; upgrade it"
                )
            return row[0]  # type: ignore[no-any-return]  # it is one of them
    return _inferred(database)


def _inferred(database: Database) -> Kind | None:
    """What a gallery without a stored kind holds: places have an annex, people have none."""
    annex = database.one("SELECT 1 FROM sqlite_master WHERE name = 'annex'") is not None
    if annex and database.one("SELECT 1 FROM annex") is not None:
        return "landmarks"
    return None if database.one("SELECT 1 FROM identity LIMIT 1") is None else "people"


def settle(database: Database, kind: Kind) -> None:
    """Store the kind, or make sure that it is this one; call inside a writing transaction.

    Raises:
        InputError: the gallery holds the other kind.
    """
    upgrade(database)
    if kind == "landmarks" and database.sealing.encrypted:
        raise InputError(
            f"{database.folder} is encrypted, and landmarks were asked of it: what is kept of their photos is not "
            "encrypted yet; give a gallery without a key"
        )
    held = held_kind(database)
    if held is None:
        database.run("INSERT INTO kind VALUES (1, ?)", (kind,))
    elif held != kind:
        raise InputError(
            f"{database.folder} is a gallery of {held}, and {kind} were asked of it; "
            f"give a gallery of {kind}, or a new path"
        )


def migrate(database: Database) -> None:
    """Bring an earlier version's gallery to this one, without waiting for others; reading goes on where that fails."""
    with database.lock, database.errors("opened"):
        if database.version() >= FORMAT_VERSION:
            return
    try:
        with database.write("migrated", wait=False):
            upgrade(database)
            reached("before commit of upgrade")
    except StorageError as error:
        _log.info("the kind of %s is not stored yet: %s", database.folder, error)


def upgrade(database: Database) -> None:
    """Add what earlier versions have not; inside a writing transaction."""
    version = database.version()
    if version < 2:
        database.run(KIND_TABLE)
        kind = _inferred(database)
        if kind is not None:
            database.run("INSERT INTO kind VALUES (1, ?)", (kind,))
    if version < 3:
        for statement in VERSION_3:
            database.run(statement)
    if version < FORMAT_VERSION:
        for statement in VERSION_4:
            database.run(statement)
        database.run(f"PRAGMA user_version = {FORMAT_VERSION}")
