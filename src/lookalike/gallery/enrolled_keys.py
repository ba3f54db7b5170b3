"""Idempotency keys: what was enrolled under a key, so that a repetition answers the same and does nothing.

Of the content a digest is kept, and of the answer only the templates' ids, in order: no name. When a template of it is
forgotten, the digest is emptied, because a name could be guessed by it; a repetition answers as before then, whatever
its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from lookalike.errors import InputError
from lookalike.gallery.database import Database
from lookalike.gallery.enrolment import CheckedEnrolment
from lookalike.gallery.moments import now, utc_moment

__all__ = ["KEPT", "LONGEST_KEY", "checked_key", "first_answer", "remember"]

#: How long a key is kept at least, and how long it may be.
KEPT, LONGEST_KEY = timedelta(days=7), 200


def checked_key(key: str | None) -> str | None:
    """A key that can be stored, or None.

    Raises:
        InputError: no text of 1 to 200 characters.
    """
    if key is None or (isinstance(key, str) and 1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        return key
    raise InputError(f"the key is {key!r:.40}; give text of 1 to {LONGEST_KEY} characters that can be seen")


def content_digest(database: Database, people: Sequence[CheckedEnrolment], replace: bool) -> bytes:
    """Of all that is to be enrolled; moments only where they were given."""
    digest = hashlib.sha256(str(bool(replace)).encode())
    for one in people:
        rest = [one.name, len(one.vectors), one.sources, sorted(one.tags.items()), one.qualities, one.moments]
        digest.update(json.dumps(rest).encode() + one.vectors.astype("<f4").tobytes())
    return database.sealing.digest(digest.digest())


def first_answer(
    database: Database, key: str, people: Sequence[CheckedEnrolment], replace: bool
) -> dict[str, list[int]] | None:
    """What was answered when this was enrolled under this key; None where it was not. Call inside a transaction.

    Raises:
        InputError: something else was.
    """
    row = database.one("SELECT digest, answer FROM enrolled_key WHERE key = ?", (key,))
    if row is None:
        return None
    digest, ids = row[0], json.loads(row[1])
    if (digest is not None and digest != content_digest(database, people, replace)) or len(ids) != len(people):
        raise InputError(f"something else was enrolled under the key {key!r} before; give another key")
    return {one.name: own for one, own in zip(people, ids, strict=True)}


def remember(
    database: Database, key: str, people: Sequence[CheckedEnrolment], replace: bool, answer: Mapping[str, list[int]]
) -> None:
    """Keep what was enrolled under a key; older keys go. Call inside the transaction that enrolls it."""
    database.run("DELETE FROM enrolled_key WHERE at < ?", (utc_moment(datetime.now(UTC) - KEPT),))
    made = database.one(
        "INSERT INTO enrolled_key (key, digest, answer, at) VALUES (?, ?, ?, ?) RETURNING id",
        (key, content_digest(database, people, replace), json.dumps(list(answer.values())), now()),
    )
    for template in sorted({one for ids in answer.values() for one in ids}):
        database.run("INSERT INTO key_template VALUES (?, ?)", (template, made[0]))
