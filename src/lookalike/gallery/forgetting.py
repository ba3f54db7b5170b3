"""The statements by which templates and names leave a gallery's database; call them inside its `write`."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence

from lookalike.errors import InputError
from lookalike.gallery.audit import append, pseudonyms
from lookalike.gallery.database import Database
from lookalike.gallery.kind import held_kind
from lookalike.gallery.moments import now
from lookalike.gallery.records import Forgotten
from lookalike.gallery.storing import Stored, new_change

__all__ = ["drop_identity", "drop_names", "drop_others", "drop_templates", "listed_ids"]


def listed_ids(ids: Sequence[int]) -> str:
    """Ids of templates as JSON, which SQLite reads as a table.

    Raises:
        InputError: one is no whole number.
    """
    try:
        return json.dumps([operator.index(one) for one in ids])
    except TypeError:
        raise InputError(f"template ids are {ids!r:.80}; give a list of whole numbers") from None


def drop_identity(database: Database, identity_id: int, change: int) -> int:
    """Delete an identity, its templates and tags, and its names in acts; returns how many templates these were."""
    drop_names(database, database.one("SELECT name FROM identity WHERE id = ?", (identity_id,))[0])
    deleted = _delete(database, "identity_id = ?", (identity_id,), change)
    database.run("DELETE FROM identity WHERE id = ?", (identity_id,))
    return deleted


def drop_templates(database: Database, which: str, values: Sequence[object], change: int | None) -> Forgotten:
    """Delete templates, and identities of which none is left.

    Args:
        database: inside a transaction.
        which: a condition on `template`.
        values: its parameters.
        change: the change to write under; None begins one when a template matches.

    Raises:
        InputError: the gallery holds landmarks.
    """
    if held_kind(database) == "landmarks":
        raise InputError(f"{database.folder} is a gallery of landmarks, which are forgotten as a whole; use `forget`")
    rows = database.run(f"SELECT DISTINCT identity_id FROM template WHERE {which}", values).fetchall()
    if not rows:
        return Forgotten(0, 0)
    if change is None:
        change = new_change(database)
    owners = [row[0] for row in rows]
    subjects = pseudonyms(database, owners)
    deleted = _delete(database, which, values, change)
    emptied = [
        one for one in owners if database.one("SELECT 1 FROM template WHERE identity_id = ? LIMIT 1", (one,)) is None
    ]
    for one in emptied:
        drop_identity(database, one, change)
    append(database, "forget_templates", subjects, {"templates": deleted, "identities": len(emptied)})
    return Forgotten(len(emptied), deleted)


def drop_others(database: Database, stored: Stored) -> int:
    """Delete the templates of identities but those that were just stored; returns how many.

    Args:
        database: inside a transaction.
        stored: what was stored; a change is begun where there is none and a template goes.
    """
    deleted, which = 0, "identity_id = ? AND id NOT IN (SELECT value FROM json_each(?))"
    for name, owner in stored.owners.items():
        values = (owner, listed_ids(stored.ids[name]))
        if stored.change is None and database.one(f"SELECT 1 FROM template WHERE {which} LIMIT 1", values) is not None:
            stored.change = new_change(database)
        deleted += 0 if stored.change is None else _delete(database, which, values, stored.change)
    return deleted


def drop_names(database: Database, name: str, until: int | None = None) -> None:
    """Delete the acts that name an identity, under this name and those that it had before a renaming or merging.

    Args:
        database: inside a transaction.
        name: that it has, or had until an act.
        until: that act; None for now. Later acts under the name are somebody else's.
    """
    earlier = """WITH RECURSIVE gone (name, until) AS (
        VALUES (?, coalesce(?, 9223372036854775807))
        UNION SELECT act_name.name, act_id FROM gone JOIN act_name ON becomes = gone.name AND act_id < until
            JOIN act ON act.id = act_id WHERE act.kind != 'split' AND NOT act.undone)
        SELECT act_id FROM gone JOIN act_name ON {} = gone.name AND act_id <= until"""
    found = {row[0] for column in ("act_name.name", "becomes")
             for row in database.run(earlier.format(column), (name, until)).fetchall()}  # fmt: skip
    for act in sorted(found):
        database.run("DELETE FROM act WHERE id = ?", (act,))


def _delete(database: Database, which: str, values: Sequence[object], change: int) -> int:
    """Delete templates; who was merged into another and has none left is forgotten by name, too."""
    merged = database.run(
        "SELECT DISTINCT act_name.id, name, act_id FROM template_move JOIN act_name ON act_name.id = name_id "
        "JOIN act ON act.id = act_id WHERE kind = 'merge' AND NOT undone "
        f"AND template_id IN (SELECT id FROM template WHERE {which})",
        values,
    ).fetchall()
    deleted = database.run(
        f"INSERT INTO tombstone SELECT id, ?, ? FROM template WHERE {which}", (change, now(), *values)
    ).rowcount
    database.run(f"DELETE FROM template WHERE {which}", values)
    for note, name, act in merged:
        if database.one("SELECT 1 FROM act_name WHERE id = ?", (note,)) is None:
            drop_names(database, name, act)
    return int(deleted)
