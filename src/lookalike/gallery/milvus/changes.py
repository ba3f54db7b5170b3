"""An act on some identities of a gallery on Milvus: what it needs is read, changed in memory, and written whole."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, TypeVar

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.milvus.documents import DocumentKind, Stored
from lookalike.gallery.milvus.server import Interrupted
from lookalike.gallery.milvus.state import State
from lookalike.gallery.milvus.template_rows import TemplateRow, TemplateRows, owner_number
from lookalike.gallery.milvus.working_set import WorkingSet, key_name
from lookalike.gallery.milvus.writes import Writer

if TYPE_CHECKING:
    from lookalike.gallery.milvus.address import MilvusAddress
    from lookalike.gallery.milvus.documents import Documents
    from lookalike.gallery.records import Model

__all__ = ["Changes", "Needed", "newest_rows"]

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Needed:
    """What an act reads and may change.

    Attributes:
        names: identities, in canonical form.
        acts: whether it needs the acts there are.
        keys: idempotency keys.
        forgets: whether it needs the keys under which the identities' templates were enrolled.
    """

    names: Sequence[str]
    acts: bool = False
    keys: Sequence[str] = ()
    forgets: bool = False


class Changes:
    """Acts on one tenant's identities, for the threads of one process.

    Args:
        address: of the gallery.
        documents: of the tenant.
        rows: of the templates of a model.
        timeout: seconds to wait for others who write.
    """

    def __init__(
        self, address: MilvusAddress, documents: Documents, rows: Callable[[Model], TemplateRows], timeout: float
    ) -> None:
        self._address, self._documents, self._rows = address, documents, rows
        self.writer = Writer(documents, str(address), timeout)
        self.lock = threading.RLock()

    def make(self, needed: Needed, act: Callable[[WorkingSet], _Answer], wait: bool = True) -> _Answer:
        """Carry out an act, so that it counts as a whole; once more where the server went away meanwhile.

        Args:
            needed: what it touches.
            act: changes a working set that holds that.
            wait: for another program that is just writing.
        """
        word, answer = secrets.token_hex(8), list[_Answer]()
        for last in (False, True):
            try:
                with self.lock:
                    before = self.writer.begin(wait, self._rows)
                    try:
                        if answer and before is not None and before.write == word:
                            return answer[0]  # the server went away after it counted
                        return self._carried_out(before, word, needed, act, answer)
                    finally:
                        self.writer.end()
            except Interrupted as error:
                if last:
                    raise
                _log.info("%s; once more", error)
                self._documents.coordination()  # waits for the server
        raise AssertionError("unreachable")

    def _carried_out(
        self,
        before: State | None,
        word: str,
        needed: Needed,
        act: Callable[[WorkingSet], _Answer],
        answer: list[_Answer],
    ) -> _Answer:
        """Change a working set and write the difference; `answer` is filled before anything can count."""
        if before is None:
            raise ArtefactError(f"there is no gallery at {self._address} any more; enroll somebody to make it")
        work = WorkingSet(str(self._address), before)
        try:
            self._load(work, before, needed)
            answer[:] = [act(work)]
            difference = work.difference(word)
            if not difference.empty:
                if before.model is None:
                    raise InputError(f"{self._address} belongs to no model yet; call bind first")
                self.writer.commit(difference, self._rows(before.model))
            elif difference.state.kind != before.kind:
                self.writer.settle(changed(before, kind=difference.state.kind))
            return answer[0]
        finally:
            work.close()

    def _load(self, work: WorkingSet, state: State, needed: Needed) -> None:
        documents, serial = self._documents, state.serial
        if state.identities and state.model is not None:
            wanted = set(needed.names)
            owners = [owner_number(name) for name in needed.names]
            found = documents.owned(DocumentKind.IDENTITY, owners, serial, strong=True)
            held = [one for one in found if one.name in wanted]
            rows = self._rows(state.model)
            templates = list(rows.among("owner", [owner_number(one.name) for one in held], strong=True))
            work.load_identities(held, newest_rows(templates, serial))
            if needed.acts:
                work.load_acts(documents.all(DocumentKind.ACT, serial, strong=True))
            if needed.forgets:
                work.load_keys(self._keys_of([one.id for one in templates], serial))
        if needed.keys:
            names = [int(key_name(key), 16) for key in needed.keys]
            work.load_keys(documents.owned(DocumentKind.KEY, names, serial, strong=True))

    def _keys_of(self, templates: Sequence[int], serial: int) -> list[Stored]:
        """Keys under which some of these templates were enrolled."""
        if not templates:
            return []
        among = set(templates)
        near = f'marks["first"] <= {max(templates)} and marks["last"] >= {min(templates)}'
        found = self._documents.all(DocumentKind.KEY, serial, strong=True, where=near)
        return [one for one in found if any(id_ in among for ids in one.body["answer"] for id_ in ids)]

    def settle(self, change: Callable[[State], State], wait: bool = True) -> State:
        """Replace the state by one that says more of the gallery itself, and end what others began."""
        with self.lock:
            before = self.writer.begin(wait, self._rows)
            try:
                held = before or State(tenant=self._address.tenant)
                new = change(held)
                return held if before is not None and new == held else self.writer.settle(new)
            finally:
                self.writer.end()


def newest_rows(rows: Iterable[TemplateRow], serial: int) -> list[TemplateRow]:
    """Of every template the newest row that counts, in order of ids."""
    best: dict[int, TemplateRow] = {}
    for one in rows:
        if one.serial <= serial and (one.id not in best or best[one.id].serial < one.serial):
            best[one.id] = one
    return [best[id_] for id_ in sorted(best)]
