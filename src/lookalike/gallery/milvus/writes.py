"""A write to a gallery on Milvus: all of it or nothing, without transactions.

1. The lease is taken: writers of a tenant take turns.
2. What the write intends is stored as a document: its serial number, and what goes once it counts.
3. New rows and documents are inserted with that serial number. Readers pass over numbers above the state's.
4. The state is replaced: from then on the write counts. This is one request about one row.
5. What it replaced or forgot is deleted, and last the intention.

Whoever takes the lease and finds an intention deletes what was inserted where its state was not replaced, and else
goes on with step 5. Both may be done any number of times. Numbers that a write which did not count has used are not
used again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lookalike.errors import StorageError
from lookalike.gallery.milvus.documents import Document, DocumentKind, Documents, Stored
from lookalike.gallery.milvus.lease import Lease
from lookalike.gallery.milvus.state import State
from lookalike.gallery.milvus.template_rows import TemplateRow, TemplateRows

if TYPE_CHECKING:
    from lookalike.gallery.milvus.working_set import Difference

__all__ = ["Intention", "Writer"]

_log = logging.getLogger(__name__)

_NAME = "write"
#: How often it is asked whether what was deleted is gone.
_ATTEMPTS = 20


@dataclass(frozen=True)
class Intention:
    """What a write intends, as it is stored.

    Attributes:
        serial: its number.
        next: the least number that it does not use.
        rows: of templates that go once it counts.
        documents: keys of documents that go then.
        forgets: whether it is to be made sure that they are gone.
    """

    serial: int
    next: int
    rows: tuple[int, ...]
    documents: tuple[str, ...]
    forgets: bool

    def document(self) -> Document:
        """As it is stored."""
        return Document(DocumentKind.WRITE, _NAME, self.__dict__)

    @classmethod
    def read(cls, stored: Stored) -> Intention:
        """As it was stored."""
        body = stored.body
        return cls(body["serial"], body["next"], tuple(body["rows"]), tuple(body["documents"]), body["forgets"])


class Writer:
    """Writes of one tenant; call everything with the lock of the process held.

    Args:
        documents: of the tenant.
        shown: the gallery's address, for messages.
        timeout: seconds to wait for others.
    """

    def __init__(self, documents: Documents, shown: str, timeout: float) -> None:
        self._documents, self._shown = documents, shown
        self._lease = Lease(documents, shown, timeout)

    def begin(self, wait: bool, rows: RowsOf) -> State | None:
        """Take the lease and end what others began; the state, or None in a gallery that is not there yet.

        Raises:
            StorageError: others are writing, or the server does not answer.
        """
        state, begun = self._lease.taken(wait)
        try:
            for stored in begun:
                state = self._ended(state or State(), stored, rows)
        except BaseException:
            self.end()
            raise
        return state

    def end(self) -> None:
        """Let others write; where the server does not answer, they will find that this process does not renew."""
        try:
            self._lease.given_back()
        except StorageError as error:
            _log.info("the right to write to %s was not given back: %s", self._shown, error)

    def settle(self, state: State) -> State:
        """Replace the state by one that only says more of the gallery itself; no rows, no documents."""
        new = replace(state, serial=state.serial + 1, write=secrets.token_hex(8))
        self._lease.renew()
        new.write_to(self._documents)
        return new

    def commit(self, difference: Difference, rows: TemplateRows) -> State:
        """Write a difference; when it returns, it counts and what it forgets is gone.

        Raises:
            StorageError: it does not count; or, where the message says so, it does.
        """
        state, beat = difference.state, self._lease.renew
        intention = Intention(
            state.serial, state.next, tuple(difference.dropped_rows), tuple(difference.dropped_documents),
            difference.forgets,
        )  # fmt: skip
        beat()
        keys = self._documents.insert([intention.document()], state.serial, beat)
        rows.insert(_all_rows(difference, rows), difference.marks, beat)
        self._documents.insert(difference.documents, state.serial, beat)
        beat()
        state.write_to(self._documents)
        self._finish(intention, keys, rows)
        return state

    # --- ends ---------------------------------------------------------------------------------------------

    def _ended(self, state: State, stored: Stored, rows: RowsOf) -> State:
        """End what somebody began; returns the state after it."""
        intention = Intention.read(stored)
        _log.info("write %d to %s was interrupted and is ended", intention.serial, self._shown)
        own = None if state.model is None else rows(state.model)
        if intention.serial > state.serial:
            beat = self._lease.renew
            if own is not None:
                own.delete(own.of_write(intention.serial), beat)
            self._documents.delete(self._documents.rows_of_write(intention.serial), beat)
            state = replace(
                state, serial=intention.serial, next=max(state.next, intention.next), write=secrets.token_hex(8)
            )
            beat()
            state.write_to(self._documents)
            self._documents.delete(list(stored.keys), beat)
        else:
            self._finish(intention, stored.keys, own)
        return state

    def _finish(self, intention: Intention, keys: Iterable[str], rows: TemplateRows | None) -> None:
        beat = self._lease.renew
        if rows is not None:
            rows.delete(intention.rows, beat)
        self._documents.delete(intention.documents, beat)
        if intention.forgets:
            self._make_sure(intention, rows)
        self._documents.delete(list(keys), beat)

    def _make_sure(self, intention: Intention, rows: TemplateRows | None) -> None:
        """Ask, with Strong consistency, until nothing is left."""
        left = 0
        for _ in range(_ATTEMPTS):
            self._lease.renew()
            left = (0 if rows is None else rows.left(intention.rows)) + len(self._documents.left(intention.documents))
            if not left:
                return
        raise StorageError(
            f"the forgotten do not count any more, but {self._shown} still holds {left} of their rows; "
            "they are deleted by the next write"
        )


def _all_rows(difference: Difference, rows: TemplateRows) -> Iterator[TemplateRow]:
    yield from difference.added
    moved = difference.moved
    for old in rows.among("row", list(moved), strong=True, vectors=True):
        yield replace(moved[old.row], vector=old.vector)


if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.gallery.records import Model

    RowsOf = Callable[[Model], TemplateRows]
