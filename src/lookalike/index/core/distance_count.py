"""How many distances a search computed, where the engine counts them.

faiss keeps its counters per process, not per call. So a count is the difference of two readings, and where another
counted search ran meanwhile, there is none: an honest `None` rather than the sum of both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["counted"]

T = TypeVar("T")
_lock = threading.Lock()
_running: set[object] = set()
_overlaps = 0


def counted(read: Callable[[], int], search: Callable[[], T]) -> tuple[T, int | None]:
    """Run `search`; returns what it returns, and how much `read()` grew, or None where searches overlapped."""
    global _overlaps
    this = object()  # a set instead of a number: taking out twice, or what never went in, does no harm after a signal
    try:
        with _lock:
            alone = not _running
            _running.add(this)
            if not alone:
                _overlaps += 1
            mark, before = _overlaps, read()
        result = search()
    finally:
        with _lock:
            _running.discard(this)
            after, overlaps = read(), _overlaps
    alone = alone and mark == overlaps
    return result, after - before if alone else None
