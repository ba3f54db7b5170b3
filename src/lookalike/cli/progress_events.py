"""Progress for programs: with `LOOKALIKE_PROGRESS=json`, verbs tell how far they are as JSON lines on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict

from lookalike.progress import Progress

__all__ = ["PROGRESS_VARIABLE", "ProgressEvents", "tells_events"]

PROGRESS_VARIABLE = "LOOKALIKE_PROGRESS"
#: Seconds between two lines of one stage.
_PACE = 0.2


def tells_events() -> bool:
    """Whether a program reads our progress."""
    return os.environ.get(PROGRESS_VARIABLE) == "json"


class ProgressEvents:
    """A sink that prints an event as a line, at most five a second of a stage; its last one and warnings always.

    Example:
        >>> ProgressEvents()(Progress("Embedding", 64, 400))    # doctest: +SKIP
        {"stage": "Embedding", "done": 64, "total": 400, "detail": "", "warning": ""}
    """

    def __init__(self) -> None:
        self._stage, self._said = "", 0.0

    def __call__(self, event: Progress) -> None:
        """Print it, unless one of its stage was printed just before."""
        now = time.monotonic()
        whole = event.total is not None and event.done >= event.total
        if event.stage == self._stage and not whole and not event.warning and now - self._said < _PACE:
            return
        self._stage, self._said = event.stage, now
        print(json.dumps(asdict(event), ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201
