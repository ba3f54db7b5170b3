"""The statements by which templates and names enter a gallery's database; call them inside its `write`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lookalike.gallery.database import Database
from lookalike.gallery.enrolment import CheckedEnrolment
from lookalike.gallery.identity_tags import change_tags
from lookalike.gallery.kept_pictures import keep
from lookalike.gallery.moments import now
from lookalike.gallery.sealing import sealed_text

__all__ = ["DIGEST_BYTES", "Stored", "identity_of", "new_change", "new_identity", "store"]

#: Of the digest by which an identity's own vectors are told apart. A longer one is of a vector that came from another
#: identity, beside the same one.
DIGEST_BYTES = 16
#: Rows that are held until they are written by one call: some MiB.
_AT_A_TIME = 10_000

_TEMPLATE = (
    "INSERT INTO template (id, identity_id, change_id, vector, digest, source, enrolled_at, quality, "
    "other_vector, other_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, x'', randomblob(16))"
)


@dataclass
class Stored:
    """What was stored.

    Attributes:
        ids: of the templates of each identity, in the order of its vectors.
        owners: the number of each identity.
        change: the change that it was written under; None where nothing is new.
    """

    ids: dict[str, list[int]] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    change: int | None = None


def new_change(database: Database) -> int:
    """Begin a change, which indexes follow."""
    return int(database.one("INSERT INTO change (token) VALUES (randomblob(8)) RETURNING id")[0])


def identity_of(database: Database, name: str) -> int | None:
    """The id of an identity; None where nobody has the name."""
    row = database.one("SELECT id FROM identity WHERE name = ?", (database.sealing.stored_name(name),))
    return None if row is None else int(row[0])


def new_identity(database: Database, name: str, created_at: str, key: str = "") -> int:
    """Make an identity of a name that nobody has; returns its id.

    Args:
        database: inside a transaction.
        name: checked.
        created_at: of the first enrolment.
        key: as of `Sealing.add_identity`.
    """
    stored = database.sealing.stored_name(name)
    (new,) = database.one("INSERT INTO identity (name, created_at) VALUES (?, ?) RETURNING id", (stored, created_at))
    database.sealing.add_identity(new, name, key)
    return int(new)


def store(database: Database, people: Sequence[CheckedEnrolment], change: int | None) -> Stored:
    """Add templates to identities, made where they are new; templates that they have already keep their ids.

    Args:
        database: inside a transaction.
        people: what is to be added; every identity once.
        change: the change to write under; None begins one when the first template or tag is new.
    """
    many = sum(len(one.vectors) for one in people) >= _AT_A_TIME
    with database.counted_at_once() if many else nullcontext():
        stored = _inserted(database, people, change)
    for one in people:
        owner = stored.owners[one.name]
        if one.pictures is not None:
            keep(database, owner, stored.ids[one.name], one.pictures)
        if one.tags and change_tags(database, owner, one.tags) and stored.change is None:
            stored.change = new_change(database)
    return stored


def _inserted(database: Database, people: Sequence[CheckedEnrolment], change: int | None) -> Stored:
    """Write rows of identities and templates."""
    moment = now()
    known = _known(database, [one.name for one in people])
    stored = Stored({}, {**known, **_made(database, people, known, moment)}, change)
    number, rows = database.next_id("template"), list[tuple[Any, ...]]()
    for one in people:
        owner = stored.owners[one.name]
        own, number = _rows(database, one, owner, one.name in known, number, moment, rows)
        stored.ids[one.name] = own
        if len(rows) >= _AT_A_TIME:
            _write(database, stored, rows)
    _write(database, stored, rows)
    return stored


def _known(database: Database, names: Sequence[str]) -> dict[str, int]:
    """The ids of those identities that there are."""
    by_stored = {database.sealing.stored_name(name): name for name in names}
    rows = database.run(
        "SELECT name, id FROM identity WHERE name IN (SELECT value FROM json_each(?))", (json.dumps(list(by_stored)),)
    )
    return {by_stored[stored]: number for stored, number in rows}


def _made(database: Database, people: Iterable[CheckedEnrolment], known: dict[str, int], moment: str) -> dict[str, int]:
    """Make the identities that are not known; returns their ids."""
    sealing, number = database.sealing, database.next_id("identity")
    new = [one for one in people if one.name not in known]
    owners = {one.name: number + at for at, one in enumerate(new)}
    database.run_many(
        "INSERT INTO identity (id, name, created_at) VALUES (?, ?, ?)",
        [(owners[one.name], sealing.stored_name(one.name), min(one.moments or [moment])) for one in new],
    )
    if sealing.encrypted:
        for name, owner in owners.items():
            sealing.add_identity(owner, name)
    return owners


def _rows(
    database: Database,
    given: CheckedEnrolment,
    owner: int,
    known: bool,
    number: int,
    moment: str,
    rows: list[tuple[Any, ...]],
) -> tuple[list[int], int]:
    """Put what is new of an identity into `rows`, without the change; returns its ids and the next free one.

    Args:
        database: inside a transaction.
        given: templates of one identity.
        owner: its id.
        known: whether it was there before.
        number: the next free id of a template.
        moment: when they are enrolled, where none is given.
        rows: as `_TEMPLATE` takes them.
    """
    sealing, ids, own = database.sealing, list[int](), dict[bytes, int]()
    moments = given.moments or [moment] * len(given.vectors)
    vectors = np.ascontiguousarray(given.vectors, "<f4")
    for vector, text, quality, at in zip(vectors, given.sources, given.qualities, moments, strict=True):
        blob = vector.tobytes()
        digest = sealing.digest(blob)[:DIGEST_BYTES]
        template = own.get(digest)
        if template is None and known:
            template = _template_of(database, owner, digest)
        if template is None:
            template, number = number, number + 1
            source: str | bytes = text
            if sealing.encrypted:  # what is encrypted is bound to the id
                sealing.add_key("template", template)
                blob = sealing.seal("template.vector", template, blob, owner)
                source = sealed_text(sealing, "template.source", template, text, owner)
            rows.append((template, owner, blob, digest, source, at, quality))
        own[digest] = template
        ids.append(template)
    return ids, number


def _template_of(database: Database, owner: int, digest: bytes) -> int | None:
    """The template of an identity that has this vector."""
    # A longer digest is of the same vector, too.
    row = database.one(
        "SELECT id FROM template WHERE identity_id = ? AND digest BETWEEN ? AND ? ORDER BY digest LIMIT 1",
        (owner, digest, digest + b"\xff"),
    )
    return None if row is None else int(row[0])


def _write(database: Database, stored: Stored, rows: list[tuple[Any, ...]]) -> None:
    """Write rows, and empty the list."""
    if not rows:
        return
    if stored.change is None:
        stored.change = new_change(database)
    change = stored.change
    database.run_many(_TEMPLATE, ((row, owner, change, *rest) for row, owner, *rest in rows))
    rows.clear()
