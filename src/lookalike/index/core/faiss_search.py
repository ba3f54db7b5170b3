"""A search of a faiss index with search parameters: one query, the hot path of a service, by its C call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.engine_library import EngineLibrary

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions

__all__ = ["faiss_search"]

faiss = EngineLibrary("faiss")

#: Results that are allocated together: whoever keeps the answer to one query keeps so many numbers at most.
_NUMBERS = 640


class _Rows(threading.local):
    """Results that no search has written to yet, by k: (distances, positions, and the addresses of both)."""

    def __init__(self) -> None:
        self.by_k: dict[int, list[tuple[Floats, Positions, Any, Any]]] = {}


_rows = _Rows()


def faiss_search(engine: Any, queries: Floats, k: int, parameters: Any) -> tuple[Floats, Positions]:
    """`(q, k)` distances and positions by `engine`, under a faiss `SearchParameters`.

    Args:
        engine: a faiss index over float32 vectors.
        queries: `(q, d)` float32, C-contiguous, of the engine's dimension.
        k: at least 1.
        parameters: of the engine's kind, or None.

    faiss's Python layer makes arrays and their addresses for each call; here those of one query wait, made many at a
    time. `faiss.contrib.torch_utils`, which pytorch-metric-learning and others import, replaces `search` of every index
    class by one that takes no parameters; it keeps the original as `search_numpy`.
    """
    if len(queries) == 1:
        waiting = _rows.by_k.get(k) or _more(k)
        distances, positions, at_distances, at_positions = waiting.pop()
        engine.search_c(1, faiss.swig_ptr(queries), k, at_distances, at_positions, parameters)
        return distances, positions
    search = getattr(engine, "search_numpy", None) or engine.search
    found: tuple[Floats, Positions] = search(queries, k, params=parameters)
    return found


def _more(k: int) -> list[tuple[Floats, Positions, Any, Any]]:
    rows = max(1, _NUMBERS // k)
    distances, positions = np.empty((rows, 1, k), np.float32), np.empty((rows, 1, k), np.int64)
    waiting = [(d, p, faiss.swig_ptr(d), faiss.swig_ptr(p)) for d, p in zip(distances, positions, strict=True)]
    _rows.by_k[k] = waiting
    return waiting
