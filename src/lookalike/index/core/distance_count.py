"""How many distances a search computed, where the engine counts them.

faiss keeps its counters per process, not per call. So a count is the difference of two readings, and where another
counted search ran meanwhile, there is none: an honest `None` rather than the sum of both.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

__all__ = ["counted"]

T = TypeVar("T")
#: Threads that search now. Storing and taking out are single steps of the interpreter, and do no harm done twice.
_running: dict[int, None] = {}
#: Another object after every overlap.
_overlap = object()


def counted(read: Callable[[], int], search: Callable[[], T]) -> tuple[T, int | None]:
    """Run `search`; returns what it returns, and how much `read()` grew, or None where searches overlapped."""
    global _overlap
    this = get_ident()
    try:
        _running[this] = None
        # In this order: of two that begin at once, each has entered before either looks; the later one tells both.
        mark = _overlap
        if len(_running) > 1:
            mark, _overlap = None, object()
        before = read()
        result = search()
        grown = read() - before
        alone = mark is _overlap and len(_running) == 1
    finally:
        _running.pop(this, None)
    return result, grown if alone else None
