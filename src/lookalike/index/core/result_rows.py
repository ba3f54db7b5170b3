"""Arrays for the answer to one query, made many at a time with their addresses: each alone costs a microsecond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.engine_library import EngineLibrary

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions

__all__ = ["ResultRow", "next_row"]

faiss = EngineLibrary("faiss")

#: `(1, k)` distances and positions that nobody has written to yet, and the addresses of both, as faiss takes them.
ResultRow = tuple["Floats", "Positions", Any, Any]

#: Numbers that are allocated together: who keeps the answer to one query keeps at most so many.
_NUMBERS = 640


def next_row(k: int, waiting: list[ResultRow]) -> ResultRow:
    """A row for k results, after more of them went to `waiting`.

    Call it where `waiting` is empty: ``waiting.pop() if waiting else next_row(k, waiting)``.
    """
    rows = max(1, _NUMBERS // k)
    distances, positions = np.empty((rows, 1, k), np.float32), np.empty((rows, 1, k), np.int64)
    waiting += [(d, p, faiss.swig_ptr(d), faiss.swig_ptr(p)) for d, p in zip(distances, positions, strict=True)]
    return waiting.pop()
