"""A lock that many readers share and a writer has alone, and that no signal leaves held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["ReadersWriterLock"]

T = TypeVar("T")


class ReadersWriterLock:
    """Any number of readers, or one writer. A waiting writer goes before readers that come after it.

    Every thread that reads holds a lock of its own. A writer closes the gate, then waits for each of these locks once.

    Ctrl-C raises `KeyboardInterrupt` after any call, also after the one that has just acquired a lock and before the
    `try` that would release it. Only `with` on one of the interpreter's own locks has no such moment, so nothing else
    acquires here: no counter of readers, no generator as a context manager. That is why the work to be done under the
    lock is passed as a function.

    Attributes:
        gate: held by a writer from its wish to its end; only looked at from outside.

    Example:
        >>> lock = ReadersWriterLock()
        >>> lock.write(print, "alone")
        alone
    """

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self._own: dict[int, threading.RLock] = {}  # by thread; who inherits a dead thread's number, inherits its lock

    def read(self, work: Callable[..., T], *given: Any) -> T:
        """Call `work(*given)` while no writer runs; other readers may. Returns what it returns."""
        own = self.own()
        while True:
            with own:
                # In this order: a writer that came before is seen here, one that comes now waits for `own`.
                if not self.gate.locked():
                    return work(*given)
            with self.gate:  # wait for the writer, holding nothing that it waits for
                pass

    def own(self) -> threading.RLock:
        """The calling thread's lock. Who holds it and then sees `gate` open, reads undisturbed until it lets go."""
        # setdefault: one step, where looking first and then storing would be two.
        return self._own.get(threading.get_ident()) or self._own.setdefault(threading.get_ident(), threading.RLock())

    def write(self, work: Callable[..., T], *given: Any) -> T:
        """Call `work(*given)` while no reader and no other writer runs. Returns what it returns."""
        with self.gate:
            for own in list(self._own.values()):
                with own:  # its thread has left, and does not come in again while the gate is closed
                    pass
            return work(*given)
