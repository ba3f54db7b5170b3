"""The state of a gallery on Milvus: one small document, whose replacement commits a write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from lookalike.gallery.milvus.documents import Document, DocumentKind, Documents
from lookalike.gallery.records import Kind, Model

__all__ = ["SLOTS", "State"]

#: Two rows are written in turns: while one is replaced, a reader may miss it for a moment, and finds the other.
SLOTS = ("0", "1")


@dataclass(frozen=True)
class State:
    """What the last write that counts left.

    Attributes:
        serial: its number; documents and rows of higher numbers do not count.
        change: how many writes changed who is in the gallery; see `Gallery.change`.
        identities: names.
        templates: vectors.
        next: the least number that was never given to a template, an act or a row.
        kind: what it holds, where that is settled.
        model: whose vectors it holds, where it is bound.
        write: a random word of the write, by which its author knows it again.
        tenant: in words.
    """

    serial: int = 0
    change: int = 0
    identities: int = 0
    templates: int = 0
    next: int = 1
    kind: Kind | None = None
    model: Model | None = None
    write: str = ""
    tenant: str = ""

    @classmethod
    def newest(cls, found: Iterable[tuple[int, Any]]) -> State | None:
        """The one that counts of those that are there; None where there is none."""
        best = max(found, key=lambda one: one[0], default=None)
        if best is None:
            return None
        body = dict(best[1])
        model = body.pop("model")
        return cls(**body, model=None if model is None else Model(**model))

    def write_to(self, documents: Documents) -> None:
        """Replace the older of the two rows."""
        slot = SLOTS[self.serial % len(SLOTS)]
        documents.replace(Document(DocumentKind.STATE, slot, asdict(self)), self.serial)
