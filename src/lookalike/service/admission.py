"""How much is worked on at once: a few requests in threads, some that wait, and for further ones a plain refusal.

A service that takes whatever comes answers nobody in time once it is asked more than it can do. So the queue is
bounded; who is refused hears at once, and when to come again.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

__all__ = ["Admission", "Overloaded", "TookTooLong"]

P = ParamSpec("P")
T = TypeVar("T")

#: How much a new duration counts in the mean of those before.
_NEW_SHARE = 0.1


class Overloaded(Exception):  # noqa: N818 - says what happened
    """The queue is full.

    Attributes:
        retry_after: whole seconds after which there will most likely be room.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the service is busy; ask again in {retry_after} s")
        self.retry_after = retry_after


class TookTooLong(Exception):  # noqa: N818 - says what happened
    """A request was not answered in the time that it may take."""


class Admission:
    """Threads with a bounded queue before them; used from one event loop.

    Args:
        threads: that work.
        queue: requests that wait for one.
        seconds: a request may take so long in all.

    Attributes:
        working: requests that are worked on or wait, those that nobody waits for any more included.
        refused: how many were turned away.
    """

    def __init__(self, threads: int, queue: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._threads, self._most, self._seconds = threads, threads + queue, seconds
        self._mean = 0.05
        self.working = self.refused = 0

    def check_room(self) -> None:
        """Refuse what there is no room for, before anything of it is read.

        Raises:
            Overloaded: the queue is full.
        """
        if self.working >= self._most:
            self.refused += 1
            waiting = self._mean * self.working / self._threads
            raise Overloaded(max(1, round(waiting)))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread.

        Raises:
            Overloaded: the queue is full; nothing was begun.
            TookTooLong: what waited is not begun any more; what runs goes on to its end, unseen.
        """
        self.check_room()
        self.working += 1
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        future: Future[T] = self._pool.submit(self._timed, partial(context.run, work, *args, **kwargs))
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            if future.done() and not future.cancelled():  # the work's own
                raise
            raise TookTooLong(f"not answered within {self._seconds:g} s") from None

    def close(self) -> None:
        """Wait for what runs; what waits is not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._mean += _NEW_SHARE * (time.perf_counter() - began - self._mean)

    def _done(self) -> None:
        self.working -= 1
