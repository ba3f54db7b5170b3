"""The statements by which templates and names leave a gallery's database; call them inside its `write`."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence

from lookalike.errors import InputError
from lookalike.gallery.database import Database
from lookalike.gallery.enrolment import new_change
from lookalike.gallery.moments import now
from lookalike.gallery.records import Forgotten

__all__ = ["drop_identity", "drop_name", "drop_others", "drop_templates", "listed_ids"]


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
    """Delete an identity, its templates and tags by the foreign key, and its name in acts.

    Returns:
        how many templates these were.
    """
    drop_name(database, identity_id)
    deleted = database.run(
        "INSERT INTO tombstone SELECT id, ?, ? FROM template WHERE identity_id = ?", (change, now(), identity_id)
    ).rowcount
    database.run("DELETE FROM identity WHERE id = ?", (identity_id,))
    return int(deleted)


def drop_name(database: Database, identity_id: int) -> None:
    """Delete every act that names an identity, under the name it has or, before a renaming or merging, had."""
    earlier = """WITH RECURSIVE gone (name, before) AS (
        SELECT name, (SELECT coalesce(max(id), 0) + 1 FROM act) FROM identity WHERE id = ?
        UNION SELECT act_name.name, act_id FROM gone JOIN act_name ON becomes = gone.name AND act_id < before
            JOIN act ON act.id = act_id WHERE act.kind != 'split' AND NOT act.undone)
        SELECT act_id FROM gone JOIN act_name ON {} = gone.name AND act_id <= before"""
    found = {row[0] for column in ("act_name.name", "becomes")
             for row in database.run(earlier.format(column), (identity_id,)).fetchall()}  # fmt: skip
    for act in sorted(found):
        database.run("DELETE FROM act WHERE id = ?", (act,))


def drop_templates(database: Database, which: str, values: Sequence[object], change: int | None) -> Forgotten:
    """Delete templates, and identities of which none is left.

    Args:
        database: inside a transaction.
        which: a condition on `template`.
        values: its parameters.
        change: the change to write under; None begins one when a template matches.
    """
    owners = [row[0] for row in database.run(f"SELECT DISTINCT identity_id FROM template WHERE {which}", values)]
    if not owners:
        return Forgotten(0, 0)
    if change is None:
        change = new_change(database)
    deleted = database.run(
        f"INSERT INTO tombstone SELECT id, ?, ? FROM template WHERE {which}", (change, now(), *values)
    ).rowcount
    database.run(f"DELETE FROM template WHERE {which}", values)
    emptied = [
        one for one in owners if database.one("SELECT 1 FROM template WHERE identity_id = ? LIMIT 1", (one,)) is None
    ]
    for one in emptied:
        drop_identity(database, one, change)
    return Forgotten(len(emptied), int(deleted))


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
        database.run("INSERT INTO tombstone VALUES (?, ?, ?)", (template_id, change, now()))
        database.run("DELETE FROM template WHERE id = ?", (template_id,))
    return len(gone), change
