"""How far a long job is: one event, and who is told of it.

Whoever works takes a `ProgressSink` and calls it; whoever shows it (the command line, a service) provides one. A job
without a sink is silent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["Progress", "ProgressSink", "Reporter", "counted"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """One event of a long job.

    Attributes:
        stage: what is being done, in words for people, such as `"Embedding"`; a new stage is a new name.
        done: how much of it is done in all, in the stage's own unit.
        total: how much there is; None where it is not known.
        detail: a figure that changes, such as `"loss 0.412"`, or empty.
        warning: something the user should know now, or empty; `done` and `total` are then as before.

    Example:
        >>> Progress("Embedding", 64, 400).share
        0.16
    """

    stage: str
    done: int
    total: int | None = None
    detail: str = ""
    warning: str = ""

    @property
    def share(self) -> float | None:
        """`done / total`, at most 1; None where the total is not known or 0."""
        return None if not self.total else min(1.0, self.done / self.total)


#: Told of every event; called from the thread that works, so it returns at once.
ProgressSink = Callable[[Progress], None]


def counted(sink: ProgressSink | None, stage: str, total: int | None) -> Callable[[int], None]:
    """A function that is called with the number of things done *since the last call*, and reports the sum to `sink`.

    Example:
        >>> done = counted(print, "Reading", 3)
        >>> done(2)
        Progress(stage='Reading', done=2, total=3, detail='', warning='')
        >>> done(1)
        Progress(stage='Reading', done=3, total=3, detail='', warning='')
    """
    finished = 0

    def advance(count: int) -> None:
        nonlocal finished
        finished += count
        if sink is not None:
            sink(Progress(stage, finished, total))

    return advance


class Reporter:
    """What a workflow reports through: progress goes to a sink; remarks go there at once, and are kept for the result.

    Args:
        sink: told of every event; None for nobody.

    Attributes:
        remarks: in the order in which they were made; a workflow returns them as `notes`.

    Example:
        >>> report = Reporter(None)
        >>> report.remark("2 pictures cannot be used")
        >>> report.remarks
        ['2 pictures cannot be used']
    """

    def __init__(self, sink: ProgressSink | None = None) -> None:
        self.sink = sink
        self.remarks: list[str] = []
        self._latest = Progress("", 0)
        self._began: dict[str, float] = {}

    def __call__(self, event: Progress) -> None:
        """Pass an event on: a reporter is a sink itself."""
        self._log(event)
        self._latest = event
        if event.warning:
            self.remarks.append(event.warning)
        if self.sink is not None:
            self.sink(event)

    def counted(self, stage: str, total: int | None) -> Callable[[int], None]:
        """As the function `counted`, reporting here."""
        self._began[stage] = time.perf_counter()
        return counted(self, stage, total)

    def remark(self, text: str) -> None:
        """Something the user should know now."""
        self(replace(self._latest, warning=text))
        self._latest = replace(self._latest, warning="")

    def _log(self, event: Progress) -> None:
        """A debug line where a stage begins, and one where all of it is done."""
        began = self._began.setdefault(event.stage, time.perf_counter())
        if event.stage != self._latest.stage:
            _LOGGER.debug("%s begins", event.stage)
        done, done_before = ((one.total is not None and one.done >= one.total) for one in (event, self._latest))
        if done and not (done_before and event.stage == self._latest.stage):
            _LOGGER.debug("%s: %d done in %.3f s", event.stage, event.done, time.perf_counter() - began)
