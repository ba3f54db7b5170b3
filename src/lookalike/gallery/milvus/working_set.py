"""What a write is about, in a database in memory, on which the statements of embedded galleries run.

So that renaming, merging, undoing, tags, keys and forgetting follow one rule in both kinds of gallery: the identities
that a write names, their templates without vectors, acts and keys are read from Milvus into tables with the schema of
an embedded gallery; the same functions change them; the difference is what is written to Milvus.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lookalike.gallery.database import SCHEMA, Database
from lookalike.gallery.milvus.documents import Document, DocumentKind, Stored
from lookalike.gallery.milvus.state import State
from lookalike.gallery.milvus.template_rows import TemplateRow, marks_of, owner_number

__all__ = ["Difference", "WorkingSet"]


@dataclass(frozen=True)
class Difference:
    """What a write changes.

    Attributes:
        state: the next one; its serial is the write's.
        added: rows that are complete.
        moved: rows whose vectors are still to be read, with what they become.
        marks: of the tags of the identities of these rows.
        documents: versions that are new.
        dropped_rows: numbers of rows that go once the write counts.
        dropped_documents: keys of documents that go then.
        forgets: whether templates or identities are deleted, not only replaced.
    """

    state: State
    added: list[TemplateRow]
    moved: dict[int, TemplateRow]
    marks: dict[str, dict[str, str]]
    documents: list[Document]
    dropped_rows: list[int]
    dropped_documents: list[str]
    forgets: bool

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.added or self.moved or self.documents or self.dropped_rows or self.dropped_documents)


@dataclass
class _Loaded:
    """What was read, to compare with."""

    identities: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    rows: dict[int, TemplateRow] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    documents: dict[tuple[DocumentKind, str], tuple[Any, tuple[str, ...]]] = field(default_factory=dict)


class WorkingSet(Database):
    """The tables, in memory.

    Args:
        shown: the gallery's address, for messages.
        state: before the write.
    """

    def __init__(self, shown: str, state: State) -> None:
        self.folder: Any = shown
        self._state, self._loaded = state, _Loaded()
        self._memory = sqlite3.connect(":memory:", isolation_level=None)
        self._memory.execute("PRAGMA foreign_keys = ON")
        self._memory.executescript(SCHEMA)
        for table in ("template", "act"):
            self.run("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, state.next - 1))
        if state.kind is not None:
            self.run("INSERT INTO kind VALUES (1, ?)", (state.kind,))
        self._first_change = self.run("INSERT INTO change (token) VALUES (x'')").lastrowid

    def run(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        return self._memory.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement that writes, for every row of values."""
        self._memory.executemany(sql, rows)

    def latest_change(self) -> int:
        """The number of the last change before the write."""
        return self._state.change

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()

    # --- reading ------------------------------------------------------------------------------------------

    def load_identities(self, found: Iterable[Stored], rows: Iterable[TemplateRow]) -> None:
        """Take in identities and their templates."""
        owners: dict[str, int] = {}
        for one in found:
            created, tags = one.body["created_at"], one.body["tags"]
            made = self.one("INSERT INTO identity (name, created_at) VALUES (?, ?) RETURNING id", (one.name, created))
            owners[one.name] = int(made[0])
            self._memory.executemany(
                "INSERT INTO tag VALUES (?, ?, ?)", [(made[0], key, value) for key, value in tags.items()]
            )
            self._loaded.documents[DocumentKind.IDENTITY, one.name] = (one.body, one.keys)
            self._loaded.marks[one.name] = marks_of(tags)
        for row in rows:
            if row.identity in owners:  # the number of an owner may be that of another name
                self._loaded.rows[row.id] = row
                self.run(
                    "INSERT INTO template (id, identity_id, change_id, vector, digest, source, enrolled_at, quality) "
                    "VALUES (?, ?, ?, x'', ?, '', ?, NULL)",
                    (row.id, owners[row.identity], self._first_change, bytes.fromhex(row.digest), row.enrolled_at),
                )

    def load_acts(self, found: Iterable[Stored]) -> None:
        """Take in acts; templates that they moved count where these are taken in."""
        for one in found:
            body = one.body
            self.run(
                "INSERT INTO act (id, kind, at, templates, tags, undone) VALUES (?, ?, ?, ?, ?, ?)",
                (int(one.name), body["kind"], body["at"], body["templates"], json.dumps(body["tags"]), body["undone"]),
            )
            for name in body["names"]:
                made = self.one(
                    "INSERT INTO act_name (act_id, name, becomes, created_at, tags) VALUES (?, ?, ?, ?, ?) "
                    "RETURNING id",
                    (int(one.name), name["name"], name["becomes"], name["created_at"], json.dumps(name["tags"])),
                )
                self._note_moves(int(made[0]), name["moved"])
            self._loaded.documents[DocumentKind.ACT, one.name] = (body, one.keys)

    def _note_moves(self, note: int, templates: Sequence[int]) -> None:
        for template in templates:
            self._stand_in(template)
            self.run("INSERT INTO template_move VALUES (?, ?)", (template, note))

    def _stand_in(self, template: int) -> None:
        """A row for a template that was not taken in, so that what refers to it can be."""
        if self.one("SELECT 1 FROM template WHERE id = ?", (template,)) is None:
            self.run("INSERT OR IGNORE INTO identity (id, name, created_at) VALUES (0, '', '')")
            self.run(
                "INSERT INTO template (id, identity_id, change_id, vector, digest, source, enrolled_at) "
                "VALUES (?, 0, ?, x'', ?, '', '9999')",  # later than any moment before which templates are forgotten
                (template, self._first_change, str(template).encode()),
            )

    def load_keys(self, found: Iterable[Stored]) -> None:
        """Take in keys, with what was answered under them."""
        for one in found:
            body = one.body
            digest = None if body["digest"] is None else bytes.fromhex(body["digest"])
            made = self.one(
                "INSERT INTO enrolled_key (key, digest, answer, at) VALUES (?, ?, ?, ?) RETURNING id",
                (body["key"], digest, json.dumps(body["answer"]), body["at"]),
            )
            for template in {one for ids in body["answer"] for one in ids} if digest is not None else ():
                self._stand_in(template)
                self.run("INSERT INTO key_template VALUES (?, ?)", (template, made[0]))
            self._loaded.documents[DocumentKind.KEY, one.name] = (body, one.keys)

    # --- the difference -----------------------------------------------------------------------------------

    def difference(self, write: str) -> Difference:
        """What changed since everything was taken in."""
        state = replace(
            self._state,
            serial=self._state.serial + 1,
            change=self._state.change + self._changes(),
            kind=None if (row := self.one("SELECT kind FROM kind")) is None else row[0],
            write=write,
        )
        names = dict(self.run("SELECT id, name FROM identity WHERE id != 0"))
        documents = self._documents(names)
        new, gone = self._document_changes(documents)
        marks = {
            name: marks_of(body["tags"]) for (kind, name), body in documents.items() if kind == DocumentKind.IDENTITY
        }
        added, moved, dropped, number = self._row_changes(names, marks, state.serial)
        deleted = len(dropped) - len(moved)
        before = {name for kind, name in self._loaded.documents if kind == DocumentKind.IDENTITY}
        lost = before - set(names.values())
        state = replace(
            state,
            identities=state.identities + len(names) - len(before),
            templates=state.templates + len(added) - deleted,
            next=number,
        )
        forgets = deleted > 0 or bool(lost)
        return Difference(state, added, moved, marks, new, dropped, gone, forgets)

    def _changes(self) -> int:
        return int(self.one("SELECT count(*) FROM change")[0]) - 1

    def _row_changes(
        self, names: Mapping[int, str], marks: Mapping[str, Any], serial: int
    ) -> tuple[list[TemplateRow], dict[int, TemplateRow], list[int], int]:
        """Rows that are new, that take the place of others, numbers of those that go, and the next free number."""
        import numpy as np

        highest = self.one("SELECT max(seq) FROM sqlite_sequence WHERE name IN ('template', 'act')")[0]
        number = int(highest) + 1
        added, moved, here = [], {}, set()
        for id_, owner, vector, digest, source, at, quality in self.run(
            "SELECT id, identity_id, vector, digest, source, enrolled_at, quality FROM template "
            "WHERE identity_id != 0 ORDER BY id"
        ):
            old, name = self._loaded.rows.get(id_), names[owner]
            here.add(id_)
            if old is None:
                array = np.frombuffer(vector, "<f4").astype(np.float32)
                added.append(TemplateRow(id_, id_, serial, name, digest.hex(), source, at, quality, array))
            elif (old.identity, old.digest) != (name, digest.hex()) or self._loaded.marks[old.identity] != marks[name]:
                moved[old.row] = replace(old, row=number, serial=serial, identity=name, digest=digest.hex())
                number += 1
        dropped = [row.row for id_, row in self._loaded.rows.items() if id_ not in here]
        return added, moved, [*dropped, *moved], number

    def _documents(self, names: Mapping[int, str]) -> dict[tuple[DocumentKind, str], Any]:
        """All documents as they are to be."""
        return {
            **{(DocumentKind.IDENTITY, name): body for name, body in self._identities(names)},
            **{
                (DocumentKind.ACT, f"{act:016d}"): self._act(act)
                for (act,) in self.run("SELECT id FROM act").fetchall()
            },
            **{(DocumentKind.KEY, key_name(key)): body for key, body in self._keys()},
        }

    def _identities(self, names: Mapping[int, str]) -> Iterable[tuple[str, Any]]:
        tags: dict[int, dict[str, str]] = {}
        for owner, key, value in self.run("SELECT identity_id, key, value FROM tag ORDER BY key"):
            tags.setdefault(owner, {})[key] = value
        counts = dict(self.run("SELECT identity_id, count(*) FROM template GROUP BY identity_id"))
        created = dict(self.run("SELECT id, created_at FROM identity"))
        for owner, name in names.items():
            yield name, {"created_at": created[owner], "templates": counts.get(owner, 0), "tags": tags.get(owner, {})}

    def _act(self, act: int) -> Any:
        kind, at, templates, tags, undone = self.one(
            "SELECT kind, at, templates, tags, undone FROM act WHERE id = ?", (act,)
        )
        names = [
            {
                "name": name, "becomes": becomes, "created_at": created, "tags": json.loads(own),
                "moved": [row[0] for row in self.run(
                    "SELECT template_id FROM template_move WHERE name_id = ? ORDER BY template_id", (note,))],
            }
            for note, name, becomes, created, own in self.run(
                "SELECT id, name, becomes, created_at, tags FROM act_name WHERE act_id = ? ORDER BY id", (act,)
            ).fetchall()
        ]  # fmt: skip
        return {
            "kind": kind,
            "at": at,
            "templates": templates,
            "tags": json.loads(tags),
            "undone": undone,
            "names": names,
        }

    def _keys(self) -> Iterable[tuple[str, Any]]:
        for key, digest, answer, at in self.run("SELECT key, digest, answer, at FROM enrolled_key"):
            yield (
                key,
                {
                    "key": key,
                    "digest": None if digest is None else digest.hex(),
                    "answer": json.loads(answer),
                    "at": at,
                },
            )

    def _document_changes(self, now: Mapping[tuple[DocumentKind, str], Any]) -> tuple[list[Document], list[str]]:
        """Versions that are new, and keys of those that they replace, or that are gone."""
        new, gone = list[Document](), list[str]()
        for place, (body, keys) in self._loaded.documents.items():
            if now.get(place) != body:
                gone += keys
        for (kind, name), body in now.items():
            if self._loaded.documents.get((kind, name), (None,))[0] != body:
                owner = int(name, 16) if kind == DocumentKind.KEY else owner_number(name)
                new.append(Document(kind, name, body, owner, _marks(kind, body)))
        return new, gone


def _marks(kind: DocumentKind, body: Any) -> dict[str, Any]:
    """What conditions ask about a document: tags of an identity, the range of the templates of a key."""
    if kind == DocumentKind.IDENTITY:
        return dict(marks_of(body["tags"]))
    if kind == DocumentKind.KEY and body["digest"] is not None:
        ids = [id_ for own in body["answer"] for id_ in own]
        return {"first": min(ids), "last": max(ids)}
    return {}


def key_name(key: str) -> str:
    """How the document of an idempotency key is named."""
    return f"{owner_number(key):016x}"
