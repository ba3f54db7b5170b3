"""What a long job prints where stderr is not a terminal: lines at a steady pace, with what is done and what is left.

A thread of its own prints the lines, so that they also come while one step takes long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from lookalike.progress import Progress

__all__ = ["FIRST", "PACE", "ProgressLog", "duration_text", "progress_line"]

#: Seconds before the first line: a job that is shorter prints none.
FIRST = 2.0
#: Seconds from one line to the next.
PACE = 10.0


class ProgressLog:
    """A sink that prints the newest event at a steady pace, for as long as its block runs.

    Args:
        print_line: prints one line; called by one thread at a time.
        every_change: also print a line at once for every new stage and every new detail.
        first: seconds before the first line.
        pace: seconds from one line to the next.

    Example:
        >>> with ProgressLog(print, every_change=True) as log:    # doctest: +SKIP
        ...     log(Progress("Embedding", 64, 400))
             0.0 s  Embedding: 64 of 400 (16%)
    """

    def __init__(
        self,
        print_line: Callable[[str], None],
        *,
        every_change: bool = False,
        first: float = FIRST,
        pace: float = PACE,
    ) -> None:
        self._print, self._every_change, self._first, self._pace = print_line, every_change, first, pace
        self._start = time.monotonic()
        self._began = (self._start, 0)  # when the stage was first reported, and how much of it was done then
        self._latest: Progress | None = None
        self._said = ("", "")
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress-log", daemon=True)

    def __enter__(self) -> ProgressLog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, event: Progress) -> None:
        """Keep an event for the next line."""
        if not event.stage:
            return
        with self._lock:
            if self._latest is None or event.stage != self._latest.stage or event.done < self._began[1]:
                self._began = time.monotonic(), event.done
            self._latest = event
            changed = event.stage != self._said[0] or event.detail not in ("", self._said[1])
            if self._every_change and changed:
                self._say()

    def _run(self) -> None:
        wait = self._first
        while not self._over.wait(wait):
            try:
                with self._lock:
                    self._say()
            except (OSError, ValueError):
                return  # nobody reads stderr any more; the job itself finds that out, and decides
            wait = self._pace

    def _say(self) -> None:
        now, event = time.monotonic(), self._latest
        text = "starting"
        if event is not None:
            self._said = event.stage, event.detail
            text = progress_line(event, event.done - self._began[1], now - self._began[0])
        self._print(f"{now - self._start:8.1f} s  {text}")


def progress_line(event: Progress, done_since: int, seconds: float) -> str:
    """An event as one line.

    Args:
        event: the newest.
        done_since: how much of its stage was done since it was first reported.
        seconds: since then; they tell how long the rest will take.

    Example:
        >>> progress_line(Progress("Embedding", 100, 400, "ada.jpg"), 100, 20.0)
        'Embedding: 100 of 400 (25%), about 1:00 left; ada.jpg'
        >>> progress_line(Progress("Embedding", 400, 400), 400, 80.0)
        'Embedding: 400 of 400 (100%); what follows is running'
    """
    parts = ""
    if event.total is None:
        parts = f": {event.done:,} done"
    elif event.done >= event.total:
        parts = f": {event.done:,} of {event.total:,} (100%)"
    elif event.done:
        parts = f": {event.done:,} of {event.total:,} ({int(100 * event.done / event.total)}%)"
        if done_since > 0 and seconds > 0:
            parts += f", about {duration_text(seconds / done_since * (event.total - event.done))} left"
    elif event.total > 1:
        parts = f": 0 of {event.total:,}"
    if event.total is not None and event.done >= event.total:
        return f"{event.stage}{parts}; what follows is running"
    if not event.detail:
        return f"{event.stage}{parts}"
    return f"{event.stage}{parts}; {event.detail}" if parts else f"{event.stage}: {event.detail}"


def duration_text(seconds: float) -> str:
    """Hours, minutes and seconds, as progress bars show them.

    Example:
        >>> duration_text(59.6), duration_text(3700)
        ('1:00', '1:01:40')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
