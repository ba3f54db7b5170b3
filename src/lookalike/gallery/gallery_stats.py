"""How much a gallery holds: counts, bytes, and a line about it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from lookalike.counted_nouns import how_many
from lookalike.gallery.database import Database
from lookalike.gallery.kind import held_kind
from lookalike.gallery.records import Counts, Kind, Model

__all__ = ["bytes_below", "current_state", "described", "stats"]


def current_state(database: Database) -> tuple[Counts, int]:
    """Counts of the state that the transaction sees, and how often its segments were replaced by others.

    In one statement: every search asks, and with several threads each statement is a wait for the interpreter's lock.
    """
    try:
        change, layout, identities, templates = database.one(
            "SELECT (SELECT coalesce(max(id), 0) FROM change), layout, identities, templates FROM tally"
        )
    except sqlite3.OperationalError:
        if database.version() >= 3:
            raise
        change, layout = database.latest_change(), 0  # of an earlier version, on a disk that cannot be written to
        identities, templates = (database.one(f"SELECT count(*) FROM {table}")[0] for table in ("identity", "template"))
    return Counts(identities, templates, change), layout


def bytes_below(folder: Path) -> int:
    """Of all files; another process may delete some while we look, caches for example, which then count nothing."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(parent, name).lstat().st_size
    return size


def stats(database: Database, model: Model | None, counts: Counts) -> dict[str, Any]:
    """Counts, model and bytes on disk, ready for JSON; call inside a transaction."""
    return {
        "path": str(database.folder),
        "format_version": database.version(),
        "kind": held_kind(database),
        "encrypted": database.sealing.encrypted,
        "identities": counts.identities,
        "templates": counts.templates,
        "forgotten_templates": database.one("SELECT count(*) FROM tombstone")[0],
        "bytes_on_disk": bytes_below(database.folder),
        "model": None if model is None else model.__dict__.copy(),
    }


def described(counts: Counts, model: Model | None, kind: Kind | None) -> str:
    """What a gallery holds, in a line."""
    if model is None or kind is None:
        return "empty"
    nouns = ("place", None, "centroid") if kind == "landmarks" else ("person", "people", "template")
    held = f"{how_many(counts.identities, nouns[0], nouns[1])}, {how_many(counts.templates, nouns[2])}"
    return f"{held}, of model {model.name!r}"
