"""Tags of identities, and filters that ask for them; statements are for callers inside a transaction."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError
from lookalike.gallery.database import Database
from lookalike.gallery.records import Filter
from lookalike.identity_names import canonical_name

__all__ = [
    "LONGEST_TEXT",
    "MOST_TAGS",
    "Matching",
    "change_tags",
    "checked_filter",
    "checked_tags",
    "matching_identities",
    "tags_by_identity",
    "tags_of",
]

#: Characters of a key or a value, at most; and keys of an identity.
LONGEST_TEXT, MOST_TAGS = 200, 50

#: A filter as it is looked up: of every key, in order, the values that match.
Matching = tuple[tuple[str, tuple[str, ...]], ...]


def checked_tags(tags: Mapping[str, str | None] | None, removable: bool = False) -> dict[str, str | None]:
    """Tags that can be stored.

    Args:
        tags: by key; None for none.
        removable: whether a value may be None, which takes the tag away.

    Raises:
        InputError: a key or value that is no text of 1 to 200 characters, or too many.

    Example:
        >>> checked_tags({"site": "Berlin"})
        {'site': 'Berlin'}
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise InputError(f'tags are {tags!r}; give a mapping of texts, such as {{"site": "Berlin"}}')
    _check_number(len(tags))
    return {
        _text(key, "key"): None if removable and value is None else _text(value, f"value of {key!r}")
        for key, value in tags.items()
    }


def checked_filter(where: Filter | None) -> Matching:
    """A filter as it is looked up; empty where nothing is asked for.

    Raises:
        InputError: a key or value that no tag can have, or a key without a value.

    Example:
        >>> checked_filter({"site": ["Paris", "Berlin"], "role": "staff"})
        (('role', ('staff',)), ('site', ('Berlin', 'Paris')))
    """
    if where is None:
        return ()
    if not isinstance(where, Mapping):
        raise InputError(f'the filter is {where!r}; give a mapping, such as {{"site": "Berlin"}}')
    asked = []
    for key, given in where.items():
        values = [given] if isinstance(given, str) or not isinstance(given, Sequence | set | frozenset) else list(given)
        if not values:
            raise InputError(f"the filter names no value of {_text(key, 'key')!r}; give at least one, or leave it out")
        asked.append((_text(key, "key"), tuple(sorted({_text(value, f"value of {key!r}") for value in values}))))
    return tuple(sorted(asked))


def matching_identities(database: Database, matching: Matching) -> tuple[str, list[str]]:
    """A SELECT of the ids of the identities that match, and its parameters."""
    stored = database.sealing.stored_tag
    one = "SELECT identity_id FROM tag WHERE key = ? AND value IN (SELECT value FROM json_each(?))"
    values = [
        text
        for key, wanted in matching
        for text in (stored(key, "")[0], json.dumps([stored(key, value)[1] for value in wanted]))
    ]
    return " INTERSECT ".join([one] * len(matching)), values


def tags_of(database: Database, identity_id: int) -> dict[str, str]:
    """Of one identity, by key."""
    stored = database.run("SELECT key, value FROM tag WHERE identity_id = ? ORDER BY key", (identity_id,))
    return database.sealing.tags(identity_id, dict(stored.fetchall()))


def tags_by_identity(database: Database, among: str = "", values: Sequence[Any] = ()) -> dict[int, dict[str, str]]:
    """Of several identities, by their ids; of those that have any.

    Args:
        database: inside a transaction; of an earlier version, nobody has any.
        among: a SELECT of the ids; by default of all.
        values: its parameters.
    """
    found: dict[int, dict[str, str]] = {}
    if database.version() >= 4:  # else a disk that cannot be written to
        where = f"WHERE identity_id IN ({among})" if among else ""
        rows = database.run(f"SELECT identity_id, key, value FROM tag {where}", values)
        for identity, key, value in rows.fetchall():
            found.setdefault(identity, {})[key] = value
    return {identity: database.sealing.tags(identity, stored) for identity, stored in found.items()}


def change_tags(database: Database, identity_id: int, tags: Mapping[str, str | None]) -> bool:
    """Set tags, or take those that are None away; returns whether anything changed.

    Raises:
        InputError: too many; nothing is stored once the transaction is rolled back.
    """
    before, stored = tags_of(database, identity_id), database.sealing.stored_tag
    for key, value in tags.items():
        if value is None:
            database.run("DELETE FROM tag WHERE identity_id = ? AND key = ?", (identity_id, stored(key, "")[0]))
        elif before.get(key) != value:
            database.run("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", (identity_id, *stored(key, value)))
    after = {key: value for key, value in ({**before, **tags}).items() if value is not None}
    _check_number(len(after))
    if after == before:
        return False
    database.sealing.keep_tags(identity_id, after)
    return True


def _check_number(tags: int) -> None:
    if tags > MOST_TAGS:
        raise InputError(f"an identity would have {how_many(tags, 'tag')}; it may have {MOST_TAGS}")


def _text(given: object, what: str) -> str:
    """A key or a value in the form that names have, so that one text is one tag however it is typed."""
    text = canonical_name(given) if isinstance(given, str) else ""
    if not 1 <= len(text) <= LONGEST_TEXT:
        shown = repr(given[:20] if isinstance(given, str) else given)
        raise InputError(f"a tag's {what} is {shown}; give text of 1 to {LONGEST_TEXT} characters")
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in text):
        raise InputError(f"a tag's {what} is {text[:20]!r}; leave out control characters")
    return text
