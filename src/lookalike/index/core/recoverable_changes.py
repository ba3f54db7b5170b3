"""Changes of several steps that an error or a signal may interrupt anywhere: they are undone then, or completed.

Engine and ids of an index cannot change in one step, and signals cannot be blocked in every thread. So a change first
records how it is undone or completed, and clears the record as its last step, which is one assignment. A search or
change that finds a record which no running change owns first calls it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from lookalike.index.core.readers_writer_lock import ReadersWriterLock

__all__ = ["RecoverableChanges"]

T = TypeVar("T")

_TORN = object()

#: So much is kept of what readers prepare; then they begin anew, as after a change.
_MOST_PREPARED = 256


class _Unfinished(NamedTuple):
    """A change that is under way, or was interrupted.

    Attributes:
        recover: undoes or completes the change, from any point of it and of itself; called while nobody reads.
        torn: whether the state is neither the one before nor one that may be seen.
    """

    recover: Callable[[], None]
    torn: bool


class Undisturbed(NamedTuple):
    """By what a thread knows that the state it has prepared something for is still there.

    It acquires `own`, by `with`; if then `gate` is not locked and `prepared` not empty, nothing changes until it lets
    go of `own`. This is `RecoverableChanges.read` without its calls.
    """

    own: threading.RLock
    gate: threading.Lock
    prepared: dict[Any, Any]


class RecoverableChanges:
    """Lets any number of threads read a state that one of them at a time changes.

    Work is passed as a function, for only `with` on one of the interpreter's own locks is safe from signals.

    Attributes:
        turn: a change holds it from beginning to end: ``with changes.turn: ...``. All methods but `read` and
            `prepare` are called with it held.
        prepared: what readers have prepared for the state as it is, by keys of theirs. The next change empties this
            dictionary and puts another in its place.

    Example:
        >>> changes, state = RecoverableChanges(), []
        >>> with changes.turn:
        ...     changes.recover()
        ...     changes.finish(lambda: state.append(1))
        >>> changes.read(lambda: state)
        [1]
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._lock = ReadersWriterLock()  # guards the short steps in which something really changes
        self._unfinished: _Unfinished | None = None
        self.prepared: dict[Any, Any] = {}

    def read(self, work: Callable[..., T], *given: Any) -> T:
        """Call `work(*given)` on the state before or after every change; returns what it returns."""
        while True:
            answer: Any = self._lock.read(self._if_whole, work, given)
            if answer is not _TORN:
                return answer  # type: ignore[no-any-return]
            with self.turn:
                self.recover()

    def _if_whole(self, work: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        unfinished = self._unfinished
        # While a change runs, the record is its own; what it has done so far may be seen between its steps.
        if unfinished is not None and (unfinished.torn or not self.turn.locked()):
            return _TORN
        return work(*given)

    def prepare(self, key: Any, make: Callable[[Undisturbed], T]) -> T | None:
        """Keep in `prepared` what `make` gives; None, and nothing is made, while a change is under way.

        Args:
            key: of the calling thread and of what it prepares.
            make: called while no writer runs; what it makes is valid as long as `Undisturbed` says.
        """
        if len(self.prepared) >= _MOST_PREPARED:
            self._lock.write(self._forget)
        return self._lock.read(self._prepare, key, make)

    def _prepare(self, key: Any, make: Callable[[Undisturbed], T]) -> T | None:
        if self._unfinished is not None:  # also between its steps: what is seen there may have to be undone first
            return None
        prepared = self.prepared
        made = prepared[key] = make(Undisturbed(self._lock.own(), self._lock.gate, prepared))
        return made

    def finish(self, change: Callable[[], None]) -> None:
        """Make a change that can be started again from any point of it; nobody reads meanwhile."""
        self._lock.write(self._run, _Unfinished(change, torn=True))

    def step(self, work: Callable[[], None], undo: Callable[[], None]) -> None:
        """Make a part of a change, after which readers may see what is done so far; nobody reads meanwhile.

        Args:
            work: that part.
            undo: undoes all parts, from any point of them and of itself.
        """
        self._lock.write(self._step, work, undo)

    def done(self) -> None:
        """All steps are made: what they did stays."""
        self._unfinished = None

    def recover(self) -> None:
        """Complete or undo a change that was interrupted, where there is one."""
        if self._unfinished is not None:
            self.finish(self._unfinished.recover)

    def without_readers(self, work: Callable[..., T], *given: Any) -> T:
        """Call `work(*given)`, which changes nothing that needs to be recovered, while nobody reads."""
        return self._lock.write(work, *given)

    def _run(self, change: _Unfinished) -> None:
        self._unfinished = change
        self._forget()
        change.recover()
        self._unfinished = None

    def _step(self, work: Callable[[], None], undo: Callable[[], None]) -> None:
        self._unfinished = _Unfinished(undo, torn=True)
        self._forget()
        work()
        self._unfinished = _Unfinished(undo, torn=False)

    def _forget(self) -> None:
        """What readers prepared holds no longer. In this order: nobody fills a dictionary again that was emptied."""
        self.prepared.clear()
        self.prepared = {}
