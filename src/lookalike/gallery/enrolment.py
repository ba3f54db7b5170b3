"""The statements by which templates enter and leave a gallery's database; call them inside its `write`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from lookalike.gallery.database import Database

__all__ = ["digest_of", "drop_identity", "drop_others", "new_change", "store"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def digest_of(vector: bytes) -> bytes:
    """What tells a vector from others of the same identity, by its bytes."""
    return hashlib.sha256(vector).digest()[:16]


def new_change(database: Database) -> int:
    """Begin a change, which indexes follow."""
    return int(database.one("INSERT INTO change (token) VALUES (randomblob(8)) RETURNING id")[0])


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
    now, ids = _now(), []
    database.run("INSERT INTO identity (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, now))
    owner = database.one("SELECT id FROM identity WHERE name = ?", (name,))[0]
    for vector, text in zip(vectors, sources, strict=True):
        blob = vector.astype("<f4").tobytes()
        digest = digest_of(blob)
        known = database.one("SELECT id FROM template WHERE identity_id = ? AND digest = ?", (owner, digest))
        if known is None:
            if change is None:
                change = new_change(database)
            known = database.one(
                "INSERT INTO template (identity_id, change_id, vector, digest, source, enrolled_at) "
                "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                (owner, change, blob, digest, text, now),
            )
        ids.append(int(known[0]))
    return ids, change


def drop_others(database: Database, name: str, ids: Sequence[int], change: int | None) -> tuple[int, int | None]:
    """Delete the templates of an identity but these; returns how many, and the change, begun where needed."""
    kept = set(ids)
    held = database.run(
        "SELECT template.id FROM template JOIN identity ON identity.id = identity_id WHERE name = ?", (name,)
    ).fetchall()
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
