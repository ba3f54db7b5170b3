"""Templates as rows of a collection of Milvus.

A row is never changed in place. A template that gets another identity or other tags is inserted as a new row with the
same id, and the older row deleted once the new one counts. `serial` is the number of the write that made the row.

Tenants share a collection and number their rows each for itself; the primary key is both, as fixed-width hexadecimal,
so that keys are in the order of the numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.gallery.milvus.collections import LONGEST_TEXT
from lookalike.gallery.records import Template

if TYPE_CHECKING:
    from lookalike.gallery.identity_tags import Matching
    from lookalike.gallery.milvus.server import Server

__all__ = ["TemplateRow", "TemplateRows", "marks_of", "owner_number", "tags_condition"]

#: Rows and bytes that are sent at once, rows that are read at once, and numbers in one condition.
_ROWS, _BYTES, _PAGE, _AMONG = 5_000, 8_000_000, 5_000, 2_000
_WITHOUT_VECTOR = ["key", "id", "serial", "identity", "digest", "source", "enrolled_at", "quality"]


@dataclass(frozen=True, eq=False)
class TemplateRow:
    """A row.

    Attributes:
        row: its number, never used again.
        id: of the template.
        serial: of the write that made it.
        identity: whose it is.
        digest: hexadecimal, of the vector; a longer one of a vector that came from another identity.
        source: as of `Template`.
        enrolled_at: as of `Template`.
        quality: as of `Template`.
        vector: `(d,)` float32; None where it was not asked for.
    """

    row: int
    id: int
    serial: int
    identity: str
    digest: str
    source: str
    enrolled_at: str
    quality: float | None
    vector: npt.NDArray[np.float32] | None = None

    def template(self) -> Template:
        """As callers of the gallery see it."""
        assert self.vector is not None
        return Template(self.id, self.identity, self.vector, self.source, self.enrolled_at, self.quality)


def owner_number(name: str) -> int:
    """An identity as a number: 63 bits of a digest, compared faster than a text. Names are compared besides."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def marks_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as a filter finds them: digests, which need no quotation marks.

    Example:
        >>> marks_of({})
        {}
    """
    return {f"t{_digest(key)}": f"v{_digest(value)}" for key, value in tags.items()}


def tags_condition(matching: Matching) -> str:
    """A filter as a condition of Milvus; empty where nothing is asked for."""
    conditions = []
    for key, values in matching:
        wanted = ", ".join(f'"v{_digest(value)}"' for value in values)
        conditions.append(f'marks["t{_digest(key)}"] in [{wanted}]')
    return " and ".join(conditions)


class TemplateRows:
    """The rows of one tenant in one collection.

    Args:
        server: where they are.
        collection: that holds them.
        tenant: its number.
    """

    def __init__(self, server: Server, collection: str, tenant: int) -> None:
        self._server, self.collection, self.mine = server, collection, f"tenant == {tenant}"
        self._tenant = tenant

    def _key(self, row: int) -> str:
        return f"{self._tenant:016x}{row:012x}"

    def insert(
        self, rows: Iterable[TemplateRow], marks: Mapping[str, Mapping[str, str]], beat: Callable[[], None]
    ) -> None:
        """Insert rows; `marks` are those of the tags of each identity."""
        ready: list[dict[str, Any]] = []
        size = 0
        for one in rows:
            assert one.vector is not None
            if len(one.source.encode()) > LONGEST_TEXT:
                raise InputError(f"the source {one.source[:40]!r}… is longer than {LONGEST_TEXT} bytes; shorten it")
            ready.append({
                "key": self._key(one.row), "tenant": self._tenant, "id": one.id, "serial": one.serial,
                "owner": owner_number(one.identity), "identity": one.identity, "digest": one.digest,
                "source": one.source, "enrolled_at": one.enrolled_at,
                "quality": -1.0 if one.quality is None else one.quality,
                "marks": dict(marks.get(one.identity, {})), "vector": one.vector,
            })  # fmt: skip
            size += 4 * len(one.vector) + len(one.source) + 300
            if len(ready) >= _ROWS or size > _BYTES:
                beat()
                self._server.change("insert", self.collection, ready)
                ready, size = [], 0
        if ready:
            beat()
            self._server.change("insert", self.collection, ready)

    def delete(self, rows: Sequence[int], beat: Callable[[], None]) -> None:
        """Delete rows by their numbers."""
        for start in range(0, len(rows), _ROWS):
            beat()
            self._server.change("delete", self.collection, ids=[self._key(row) for row in rows[start : start + _ROWS]])

    def left(self, rows: Sequence[int]) -> int:
        """How many of these rows are still there, as all is now."""
        found = 0
        for start in range(0, len(rows), _AMONG):
            some = ", ".join(f'"{self._key(row)}"' for row in rows[start : start + _AMONG])
            found += len(
                self._server.ask(
                    "query", self.collection, filter=f"key in [{some}]", output_fields=["key"], limit=_AMONG,
                    consistency_level="Strong",
                )
            )  # fmt: skip
        return found

    def of_write(self, serial: int) -> list[int]:
        """Numbers of the rows that a write made."""
        return [one.row for one in self.every(f"serial == {serial}", strong=True)]

    def among(self, column: str, numbers: Sequence[int], strong: bool, vectors: bool = False) -> Iterator[TemplateRow]:
        """Rows whose `row`, `id` or `owner` is one of these."""
        for start in range(0, len(numbers), _AMONG):
            some = numbers[start : start + _AMONG]
            keys = (f'"{self._key(row)}"' for row in some)
            listed = f"key in [{', '.join(keys)}]" if column == "row" else f"{column} in [{', '.join(map(str, some))}]"
            yield from self.every(listed, strong, vectors)

    def every(
        self, condition: str, strong: bool, vectors: bool = False, limit: int | None = None
    ) -> Iterator[TemplateRow]:
        """Rows that meet a condition, in order of their numbers."""
        fields, last, given = [*_WITHOUT_VECTOR, *(["vector"] if vectors else [])], 0, 0
        # With a limit Milvus answers the rows of the least primary keys.
        while limit is None or given < limit:
            page = _PAGE if limit is None else min(_PAGE, limit - given)
            found = self._server.ask(
                "query", self.collection, filter=f'{self.mine} and key > "{self._key(last)}" and {condition}',
                output_fields=fields, limit=page, consistency_level="Strong" if strong else "Session",
            )  # fmt: skip
            rows = sorted((_row(one) for one in found), key=lambda one: one.row)
            yield from rows
            given += len(rows)
            if len(rows) < page:
                return
            last = rows[-1].row

    def count(self, condition: str, strong: bool = False) -> int:
        """How many rows meet a condition."""
        found = self._server.ask(
            "query", self.collection, filter=f"{self.mine}{condition and f' and {condition}'}",
            output_fields=["count(*)"], consistency_level="Strong" if strong else "Session",
        )  # fmt: skip
        return int(found[0]["count(*)"])


def _row(found: Mapping[str, Any]) -> TemplateRow:
    quality, vector = float(found["quality"]), found.get("vector")
    return TemplateRow(
        int(found["key"][16:], 16), int(found["id"]), int(found["serial"]), found["identity"], found["digest"],
        found["source"], found["enrolled_at"], None if quality < 0 else quality,
        None if vector is None else np.asarray(vector, np.float32),
    )  # fmt: skip
