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


class _Unfinished(NamedTuple):
    """A change that is under way, or was interrupted.

    Attributes:
        recover: undoes or completes the change, from any point of it and of itself; called while nobody reads.
        torn: whether the state is neither the one before nor one that may be seen.
    """

    recover: Callable[[], None]
    torn: bool


class RecoverableChanges:
    """Lets any number of threads read a state that one of them at a time changes.

    Work is passed as a function, for only `with` on one of the interpreter's own locks is safe from signals.

    Attributes:
        turn: a change holds it from beginning to end: ``with changes.turn: ...``. All methods but `read` are called
            with it held.

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
        change.recover()
        self._unfinished = None

    def _step(self, work: Callable[[], None], undo: Callable[[], None]) -> None:
        self._unfinished = _Unfinished(undo, torn=True)
        work()
        self._unfinished = _Unfinished(undo, torn=False)
