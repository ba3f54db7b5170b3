"""The tables of a gallery's annex; made when they are first needed, so that galleries of people have none."""

from __future__ import annotations

from lookalike.gallery.database import Database

__all__ = ["has_tables", "make_tables"]

_ADD_LIVE = "UPDATE annex_file SET live = live + new.length WHERE id = new.file;"
_NOTE_GONE = (
    "INSERT INTO annex_gone (file, start, length) VALUES (old.file, old.start, old.length); "
    "UPDATE annex_file SET live = live - old.length WHERE id = old.file;"
)

#: One row: the version of the format, the model, the change whose templates it was made for, the columns of records and
#: the document. `annex_file` names the files; `end` is where the next record begins, `live` how many bytes of it are in
#: use. Rows of `annex_gone` are to be overwritten, whatever statement took the record away that was there.
_TABLES = (
    """CREATE TABLE annex_state (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1), version INTEGER NOT NULL, model TEXT NOT NULL,
    covers INTEGER NOT NULL, columns TEXT, document TEXT NOT NULL)""",
    """CREATE TABLE annex_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, end INTEGER NOT NULL, live INTEGER NOT NULL)""",
    """CREATE TABLE annex_record (
    id INTEGER PRIMARY KEY, identity_id INTEGER UNIQUE REFERENCES identity ON DELETE CASCADE, name TEXT UNIQUE,
    file INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, entry TEXT NOT NULL)""",
    """CREATE TABLE annex_gone (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL)""",
    f"CREATE TRIGGER annex_record_put AFTER INSERT ON annex_record BEGIN {_ADD_LIVE} END",
    f"CREATE TRIGGER annex_record_gone AFTER DELETE ON annex_record BEGIN {_NOTE_GONE} END",
    f"CREATE TRIGGER annex_record_moved AFTER UPDATE OF file, start ON annex_record BEGIN {_NOTE_GONE} {_ADD_LIVE} END",
)


def has_tables(database: Database) -> bool:
    """Whether the gallery has them; call inside a transaction."""
    return database.one("SELECT 1 FROM sqlite_master WHERE name = 'annex_state'") is not None


def make_tables(database: Database) -> None:
    """Make them where they are missing; call inside a writing transaction."""
    if not has_tables(database):
        for statement in _TABLES:
            database.run(statement)
