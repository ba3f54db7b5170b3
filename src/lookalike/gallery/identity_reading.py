"""The statements that read identities and templates; call them inside the database's `read`."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery.database import Database
from lookalike.gallery.identity_tags import Matching, matching_identities, tags_by_identity
from lookalike.gallery.live_index import vector_from
from lookalike.gallery.records import Identity, Template
from lookalike.gallery.sealing import opened_text
from lookalike.identity_names import canonical_name

__all__ = ["LARGEST", "all_identities", "checked_limit", "identities", "identity_row", "named", "names", "templates"]

#: The largest number that SQLite holds.
LARGEST = 2**63 - 1
_ROW = "SELECT id, name, (SELECT count(*) FROM template WHERE identity_id = identity.id), created_at FROM identity"
#: No name that begins so is greater: a prefix followed by it.
_LAST = "\U0010ffff"


def identity_row(database: Database, name: str) -> tuple[int, str]:
    """Id and first enrolment of an identity.

    Raises:
        UnknownIdentityError: no such name.
    """
    stored = database.sealing.stored_name(name)
    row = database.one("SELECT id, created_at FROM identity WHERE name = ?", (stored,))
    if row is None:
        raise UnknownIdentityError(f"{name!r} is not in {database.folder}; `people` lists who is")
    return int(row[0]), str(row[1])


def named(database: Database, names: Sequence[str]) -> tuple[str, tuple[str]]:
    """A condition on `identity` that chooses these names, and its parameters."""
    stored = json.dumps([database.sealing.stored_name(name) for name in names])
    return "name IN (SELECT value FROM json_each(?))", (stored,)


def checked_limit(limit: object) -> int:
    """How many are asked for, at least 1."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InputError(f"the limit is {limit!r}; give a whole number of at least 1")
    return min(limit, LARGEST)


def identities(
    database: Database, limit: int, after: str = "", matching: Matching = (), prefix: str = ""
) -> list[Identity]:
    """Some identities by name, as `Gallery.page` takes them."""
    after, prefix = canonical_name(after), unicodedata.normalize("NFC", prefix)
    if database.sealing.encrypted:
        return _sealed_identities(database, limit, after, matching, prefix)
    # One lower and one upper bound, by which SQLite's index of names finds them.
    values: list[Any] = [max(after, prefix), after]
    conditions = ["name >= ?", "name != ?"]
    if prefix:
        conditions.append("name < ? AND substr(name, 1, ?) = ?")
        values += [prefix + _LAST, len(prefix), prefix]
    if matching:
        if database.version() < 4:  # a disk that cannot be written to
            return []
        chosen, asked = matching_identities(database, matching)
        conditions.append(f"id IN ({chosen})")
        values += asked
    chosen = f"SELECT id FROM identity WHERE {' AND '.join(conditions)} ORDER BY name LIMIT ?"
    values.append(limit)
    rows = database.run(f"{_ROW} WHERE id IN ({chosen}) ORDER BY name", values).fetchall()
    return _with_tags(rows, tags_by_identity(database, chosen, values))


def all_identities(database: Database) -> list[Identity]:
    """All identities by name."""
    if database.sealing.encrypted:
        return _sealed_identities(database, None, "", (), "")
    rows = database.run(f"{_ROW} ORDER BY name").fetchall()
    return _with_tags(rows, tags_by_identity(database))


def _with_tags(rows: list[tuple[int, str, int, str]], tags: dict[int, dict[str, str]]) -> list[Identity]:
    return [
        Identity(name, templates, created_at, tags.get(identity, {})) for identity, name, templates, created_at in rows
    ]


def _sealed_identities(
    database: Database, limit: int | None, after: str, matching: Matching, prefix: str
) -> list[Identity]:
    """The same of an encrypted gallery, whose database knows no order of names: all names are decrypted."""
    chosen, values = matching_identities(database, matching) if matching else ("SELECT id FROM identity", [])
    rows = database.run(f"SELECT id, name, created_at FROM identity WHERE id IN ({chosen})", values).fetchall()
    opened = database.sealing.names([row[:2] for row in rows])
    named = sorted((name, identity, at) for name, (identity, _, at) in zip(opened, rows, strict=True))
    page = [one for one in named if one[0] > after and one[0].startswith(prefix)][:limit]
    ids = json.dumps([identity for _, identity, _ in page])
    counts = dict(
        database.run(
            "SELECT identity_id, count(*) FROM template WHERE identity_id IN (SELECT value FROM json_each(?)) "
            "GROUP BY identity_id",
            (ids,),
        ).fetchall()
    )
    tags = tags_by_identity(database, "SELECT value FROM json_each(?)", [ids])
    return [Identity(name, counts.get(identity, 0), at, tags.get(identity, {})) for name, identity, at in page]


def names(database: Database) -> list[str]:
    """Names of all identities, in order."""
    rows = database.run("SELECT id, name FROM identity ORDER BY name").fetchall()
    opened = database.sealing.names(rows)
    return sorted(opened) if database.sealing.encrypted else opened


def templates(
    database: Database, dimension: int, where: str = "", values: tuple[Any, ...] = (), limit: int = -1
) -> list[Template]:
    """Templates in the order of their ids.

    Args:
        database: inside a transaction.
        dimension: of the vectors.
        where: a condition on `template` and `identity`; by default all.
        values: its parameters.
        limit: how many at most; -1 for all.

    Raises:
        ArtefactError: a vector is damaged.
    """
    quality = "quality" if database.version() >= 4 else "NULL"  # of an earlier version on a disk that is read-only
    rows = database.run(
        f"SELECT template.id, identity_id, name, vector, source, enrolled_at, {quality} FROM template "
        f"JOIN identity ON identity.id = identity_id {where and 'WHERE ' + where} ORDER BY template.id LIMIT ?",
        (*values, limit),
    ).fetchall()
    sealing = database.sealing
    blobs = sealing.open_all("template.vector", [(row[0], row[3], row[1]) for row in rows])
    owners = {row[1]: row[2] for row in rows}
    named = dict(zip(owners, sealing.names(list(owners.items())), strict=True))
    return [
        Template(
            row[0],
            named[row[1]],
            vector_from(blob, dimension, row[0]),
            opened_text(sealing, "template.source", row[0], row[4], row[1]),
            *row[5:],
        )
        for row, blob in zip(rows, blobs, strict=True)
    ]
