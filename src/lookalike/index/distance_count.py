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
_running = 0
_overlaps = 0


def counted(read: Callable[[], int], search: Callable[[], T]) -> tuple[T, int | None]:
    """Run `search`; returns what it returns, and how much `read()` grew, or None where searches overlapped."""
    global _running, _overlaps
    with _lock:
        alone = _running == 0
        _running += 1
        if not alone:
            _overlaps += 1
        mark, before = _overlaps, read()
    try:
        result = search()
    finally:
        with _lock:
            _running -= 1
            alone = alone and mark == _overlaps
            after = read()
    return result, after - before if alone else None
