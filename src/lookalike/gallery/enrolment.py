"""The statements by which templates enter and leave a gallery's database; call them inside its `write`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.gallery.database import Database
from lookalike.gallery.sealing import sealed_text

__all__ = ["added_identity", "drop_identity", "drop_others", "identity_of", "new_change", "store"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_change(database: Database) -> int:
    """Begin a change, which indexes follow."""
    return int(database.one("INSERT INTO change (token) VALUES (randomblob(8)) RETURNING id")[0])


def identity_of(database: Database, name: str) -> int | None:
    """The number of an identity; None where nobody has the name."""
    row = database.one("SELECT id FROM identity WHERE name = ?", (database.sealing.stored_name(name),))
    return None if row is None else int(row[0])


def added_identity(database: Database, name: str, created_at: str) -> int:
    """The number of an identity, made where nobody has the name."""
    known = identity_of(database, name)
    if known is not None:
        return known
    stored = database.sealing.stored_name(name)
    (new,) = database.one("INSERT INTO identity (name, created_at) VALUES (?, ?) RETURNING id", (stored, created_at))
    database.sealing.added(new, name)
    return int(new)


def store(
    database: Database, name: str, vectors: npt.NDArray[np.float32], sources: Sequence[str], change: int | None
) -> tuple[list[int], int | None]:
    """Add templates to an identity, made where it is new; those it has already keep their ids.

    Args:
        database: inside a transaction.
        name: the identity, checked.
        vectors: `(m, d)`, checked.
        sources: one text each.
        change: the change to write under; None begins one when the first template is new.

    Returns:
        The templates' ids, and the change.
    """
    now, ids, sealing = _now(), [], database.sealing
    owner = added_identity(database, name, now)
    for vector, text in zip(vectors, sources, strict=True):
        blob = vector.astype("<f4").tobytes()
        digest = sealing.digest(owner, blob)
        known = database.one("SELECT id FROM template WHERE identity_id = ? AND digest = ?", (owner, digest))
        if known is None:
            if change is None:
                change = new_change(database)
            row, source = None, cast("str | bytes", text)  # SQLite gives the next id
            if sealing.encrypted:  # what is encrypted is bound to the id, so that it must be known before
                (row,) = database.one("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'template'")
                blob = sealing.seal(owner, "template.vector", row, blob)
                source = sealed_text(sealing, owner, "template.source", row, text)
            known = database.one(
                "INSERT INTO template (id, identity_id, change_id, vector, digest, source, enrolled_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (row, owner, change, blob, digest, source, now),
            )
        ids.append(int(known[0]))
    return ids, change


def drop_others(database: Database, name: str, ids: Sequence[int], change: int | None) -> tuple[int, int | None]:
    """Delete the templates of an identity but these; returns how many, and the change, begun where needed."""
    kept = set(ids)
    owner = identity_of(database, name)
    held = database.run("SELECT id FROM template WHERE identity_id = ?", (owner,)).fetchall()
    gone = [row[0] for row in held if row[0] not in kept]
    if gone and change is None:
        change = new_change(database)
    for template_id in gone:
        database.run("INSERT INTO tombstone VALUES (?, ?, ?)", (template_id, change, _now()))
        database.run("DELETE FROM template WHERE id = ?", (template_id,))
    return len(gone), change


def drop_identity(database: Database, identity_id: int, change: int) -> int:
    """Delete an identity, and its templates by the foreign key; returns how many these were."""
    deleted = database.run(
        "INSERT INTO tombstone SELECT id, ?, ? FROM template WHERE identity_id = ?", (change, _now(), identity_id)
    ).rowcount
    database.run("DELETE FROM identity WHERE id = ?", (identity_id,))
    return int(deleted)
