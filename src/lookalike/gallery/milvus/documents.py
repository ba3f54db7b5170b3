"""Documents: what a gallery on Milvus keeps besides templates, as rows of JSON text.

A document is never changed in place: a newer version is inserted, and the older one deleted once the newer counts. Each
version has the serial number of the write that made it; those of a write that was not committed do not count. Texts
that are longer than Milvus can hold lie in several rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from lookalike.errors import ArtefactError

if TYPE_CHECKING:
    from lookalike.gallery.milvus.server import Server

__all__ = ["Document", "DocumentKind", "Documents", "Stored", "quoted"]

#: Characters of a part; JSON as ASCII has as many bytes.
_PART = 60_000
#: Rows that are read or written at once; Milvus answers 16,384 rows at most.
_PAGE, _ROWS, _BYTES = 8_000, 5_000, 4_000_000
#: Numbers in one condition.
_AMONG = 2_000
_END = "\x7f"


class DocumentKind(IntEnum):
    """What a document is."""

    STATE = 0
    LEASE = 1
    WRITE = 2
    IDENTITY = 3
    ACT = 4
    KEY = 5


@dataclass(frozen=True)
class Document:
    """One version of a document that is to be written.

    Attributes:
        kind: what it is.
        name: which one, among those of its kind.
        body: ready for JSON.
        owner: a number by which it is looked up.
        marks: JSON that conditions may ask about.
    """

    kind: DocumentKind
    name: str
    body: Any
    owner: int = 0
    marks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A version of a document that was read.

    Attributes:
        name: which one.
        serial: of the write that made it.
        body: as it was written.
        keys: of its rows.
    """

    name: str
    serial: int
    body: Any
    keys: tuple[str, ...]


def quoted(text: str) -> str:
    """A text in a condition of Milvus, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace(_END, "\\u007f")


class Documents:
    """The documents of one tenant.

    Args:
        server: where they are.
        collection: that holds them.
        tenant: its number.
    """

    def __init__(self, server: Server, collection: str, tenant: int) -> None:
        self._server, self._collection, self._tenant = server, collection, tenant
        self._mine = f"tenant == {tenant}"

    # --- writing ------------------------------------------------------------------------------------------

    def insert(self, documents: Iterable[Document], serial: int, beat: Any = None) -> list[str]:
        """Insert versions; calls `beat` between requests. Returns the keys of their rows."""
        rows: list[dict[str, Any]] = []
        keys: list[str] = []
        size = 0
        for document in documents:
            for row in self._rows(document, serial):
                rows.append(row)
                keys.append(row["key"])
                size += len(row["body"]) + 200
            if len(rows) >= _ROWS or size > _BYTES:
                self._send(rows, beat)
                rows, size = [], 0
        if rows:
            self._send(rows, beat)
        return keys

    def _send(self, rows: list[dict[str, Any]], beat: Any) -> None:
        if beat is not None:
            beat()
        self._server.change("insert", self._collection, rows)

    def replace(self, document: Document, serial: int) -> None:
        """Write a document in the place of the one with its name, in one step; of kinds with a single version."""
        (row,) = self._rows(document, serial)
        row["key"] = self.key(document.kind, document.name)
        self._server.change("upsert", self._collection, [row])

    def _rows(self, document: Document, serial: int) -> Iterator[dict[str, Any]]:
        text = json.dumps(document.body, separators=(",", ":"))
        for part, start in enumerate(range(0, max(len(text), 1), _PART)):
            yield {
                "key": f"{self.key(document.kind, document.name)}\x01{serial:013x}.{part:04x}",
                "tenant": self._tenant,
                "kind": int(document.kind),
                "owner": document.owner,
                "serial": serial,
                "marks": dict(document.marks),
                "body": text[start : start + _PART],
                "unused": [0.0, 0.0],
            }

    def key(self, kind: DocumentKind, name: str) -> str:
        """How the keys of a document's rows begin."""
        return f"{self._tenant:016x}/{int(kind)}/{name}"

    def delete(self, keys: Sequence[str], beat: Any = None) -> None:
        """Delete rows by their keys."""
        for start in range(0, len(keys), _AMONG):
            if beat is not None:
                beat()
            self._server.change("delete", self._collection, ids=list(keys[start : start + _AMONG]))

    # --- reading ------------------------------------------------------------------------------------------

    def singles(self, kind: DocumentKind, names: Sequence[str]) -> list[tuple[int, Any]]:
        """Serial and body of documents that `replace` wrote."""
        keys = [self.key(kind, name) for name in names]
        rows = self._query(f"key in [{', '.join(map(quoted, keys))}]", strong=False, limit=len(keys))
        return [(int(row["serial"]), json.loads(row["body"])) for row in rows]

    def coordination(self) -> tuple[list[tuple[int, Any]], list[Stored], list[Stored]]:
        """The state, leases and writes that are going on, as they are now, by one request."""
        kinds = f"[{int(DocumentKind.STATE)}, {int(DocumentKind.LEASE)}, {int(DocumentKind.WRITE)}]"
        rows = self._query(f"{self._mine} and kind in {kinds}", strong=True, limit=None)
        states = [row for row in rows if row["kind"] == DocumentKind.STATE]
        return (
            [(int(row["serial"]), json.loads(row["body"])) for row in states],
            list(_joined(row for row in rows if row["kind"] == DocumentKind.LEASE)),
            list(_joined(row for row in rows if row["kind"] == DocumentKind.WRITE)),
        )

    def owned(self, kind: DocumentKind, owners: Sequence[int], serial: int, strong: bool) -> list[Stored]:
        """Documents by the number of their owner."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(owners), _AMONG):
            some = ", ".join(map(str, owners[start : start + _AMONG]))
            found += self._query(f"{self._mine} and kind == {int(kind)} and owner in [{some}]", strong, limit=None)
        return newest(_joined(sorted(found, key=lambda row: str(row["key"]))), serial)

    def all(
        self, kind: DocumentKind, serial: int, strong: bool, where: str = "", after: str = "", prefix: str = ""
    ) -> Iterator[Stored]:
        """Documents of a kind by name, the newest version of each that counts.

        Args:
            kind: which.
            serial: of the last write that counts.
            strong: as all is now, not as this process knows it.
            where: a condition, empty for all.
            after: only those whose name follows this one.
            prefix: only those whose name begins so.
        """
        first = self.key(kind, after) + ("\x02" if after else "")
        begin, end = self.key(kind, prefix), self.key(kind, prefix) + "\U0010ffff"
        condition = f"{self._mine} and kind == {int(kind)}{where and f' and {where}'} and key < {quoted(end)}"
        last, held = max(first, begin), []
        exclusive = False
        while True:
            rows = self._query(f"{condition} and key {'>' if exclusive else '>='} {quoted(last)}", strong, limit=_PAGE)
            whole = len(rows) < _PAGE
            held += rows
            if not whole:
                last, exclusive = held[-1]["key"], True
            # The last name may go on in the next page.
            cut = len(held) if whole else _begin_of_last(held)
            yield from newest(_joined(held[:cut]), serial)
            held = held[cut:]
            if whole:
                return

    def count(self, kind: DocumentKind, where: str = "", strong: bool = False) -> int:
        """How many rows of a kind there are."""
        found = self._server.ask(
            "query", self._collection, filter=f"{self._mine} and kind == {int(kind)}{where and f' and {where}'}",
            output_fields=["count(*)"], consistency_level="Strong" if strong else "Session",
        )  # fmt: skip
        return int(found[0]["count(*)"])

    def left(self, keys: Sequence[str]) -> list[str]:
        """Which of these rows are still there, as all is now."""
        found: list[str] = []
        for start in range(0, len(keys), _AMONG):
            some = ", ".join(map(quoted, keys[start : start + _AMONG]))
            rows = self._server.ask(
                "query", self._collection, filter=f"key in [{some}]", output_fields=["key"], limit=_AMONG,
                consistency_level="Strong",
            )  # fmt: skip
            found += [row["key"] for row in rows]
        return found

    def rows_of_write(self, serial: int) -> list[str]:
        """Keys of the rows that a write made: identities, acts and keys."""
        kinds = ", ".join(str(int(kind)) for kind in (DocumentKind.IDENTITY, DocumentKind.ACT, DocumentKind.KEY))
        return [row["key"] for row in self._every(f"{self._mine} and serial == {serial} and kind in [{kinds}]")]

    def _every(self, condition: str) -> Iterator[dict[str, Any]]:
        last = ""
        while True:
            rows = self._query(f"{condition} and key > {quoted(last)}", strong=True, limit=_PAGE)
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1]["key"]

    def _query(self, condition: str, strong: bool, limit: int | None) -> list[dict[str, Any]]:
        if limit is None:
            limit = 2 * _PAGE
        rows = self._server.ask(
            "query", self._collection, filter=condition, output_fields=["key", "kind", "serial", "body"],
            limit=limit, consistency_level="Strong" if strong else "Session",
        )  # fmt: skip
        return sorted((dict(row) for row in rows), key=lambda row: str(row["key"]))


def _begin_of_last(rows: Sequence[Mapping[str, Any]]) -> int:
    name = rows[-1]["key"].partition("\x01")[0]
    cut = len(rows)
    while cut and rows[cut - 1]["key"].partition("\x01")[0] == name:
        cut -= 1
    return cut


def _joined(rows: Iterable[Mapping[str, Any]]) -> Iterator[Stored]:
    """Versions whose rows are given in order."""
    version, parts, serial = "", list[tuple[str, str]](), 0
    for row in rows:
        of = row["key"].rpartition(".")[0]
        if of != version:
            if parts:
                yield _read(version, serial, parts)
            version, parts, serial = of, [], int(row["serial"])
        parts.append((row["key"], row["body"]))
    if parts:
        yield _read(version, serial, parts)


def _read(version: str, serial: int, parts: Sequence[tuple[str, str]]) -> Stored:
    name = version.partition("\x01")[0].split("/", 2)[2]
    try:
        body = json.loads("".join(text for _, text in parts))
    except ValueError:
        raise ArtefactError(f"the document {name!r} of the gallery on Milvus is damaged; restore a backup") from None
    return Stored(name, serial, body, tuple(key for key, _ in parts))


def newest(versions: Iterable[Stored], serial: int) -> list[Stored]:
    """Of every name the newest version that counts, in order of names."""
    best: dict[str, Stored] = {}
    for one in versions:
        if one.serial <= serial and (one.name not in best or best[one.name].serial < one.serial):
            best[one.name] = one
    return list(best.values())
