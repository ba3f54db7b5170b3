"""Searches of a faiss index with search parameters: of many queries, and prepared ones of a single query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.engine_library import EngineLibrary

if TYPE_CHECKING:
    from lookalike.distances import MetricName
    from lookalike.index.core.hits import Floats, Found, Positions
    from lookalike.index.core.one_query import FindOne

__all__ = ["faiss_search", "prepared_faiss_search"]

faiss = EngineLibrary("faiss")

#: Results that are allocated together: who keeps the answer to one query keeps at most so many numbers.
_NUMBERS = 640

#: Factors c by which `x + c x`, which takes no rounding, is what our convention makes of faiss' values (x / 2, -x).
_FACTORS = {"cosine": -0.5, "inner_product": -2.0}

#: No distance in our convention is above it, nor as much as faiss writes where it found none (`FLT_MAX`, or its root).
_MOST = {"cosine": 2.0, "euclidean": 1e19}
_MOST_OF_OTHERS = 1e38


def faiss_search(engine: Any, queries: Floats, k: int, parameters: Any) -> tuple[Floats, Positions]:
    """`(q, k)` distances as faiss gives them and positions by `engine`, under a faiss `SearchParameters`.

    `faiss.contrib.torch_utils`, which pytorch-metric-learning and others import, replaces `search` of every index
    class by one that takes no parameters; it keeps the original as `search_numpy`.
    """
    search = getattr(engine, "search_numpy", None) or engine.search
    found: tuple[Floats, Positions] = search(queries, k, params=parameters)
    return found


def prepared_faiss_search(engine: Any, row: Floats, k: int, parameters: Any, metric: MetricName) -> FindOne:
    """A function that searches for the query in `row`, whatever stands there when it is called.

    It goes past faiss' Python layer, which makes arrays and their addresses for every call: here they wait. It does not
    count distances, which would take longer than all else that it does beside faiss. It is for one thread, and for as
    long as `engine` does not change.

    Args:
        engine: a faiss index; its distances are never below zero.
        row: `(1, d)` float32, C-contiguous.
        k: at least 1.
        parameters: of the engine's kind, or None.
        metric: of the prepared vectors.
    """
    search, add, at_row, last = engine.search_c, faiss.fvec_madd, faiss.swig_ptr(row), k - 1
    factor, rooted, most = _FACTORS.get(metric), metric == "euclidean", _MOST.get(metric, _MOST_OF_OTHERS)
    waiting: list[tuple[Floats, Positions, Any, Any]] = []

    def find() -> Found | None:
        distances, positions, at_distances, at_positions = waiting.pop() if waiting else _results(k, waiting)
        search(1, at_row, k, at_distances, at_positions, parameters)
        if factor is not None:
            add(k, at_distances, factor, at_distances, at_distances)  # NumPy's first step costs more than this
        elif rooted:
            np.sqrt(distances, out=distances)
        if distances.item(last) > most:
            if positions.item(last) < 0:
                return None
            np.minimum(distances, most, out=distances)  # rounding
        return distances, positions, None

    return find


def _results(k: int, waiting: list[tuple[Floats, Positions, Any, Any]]) -> tuple[Floats, Positions, Any, Any]:
    """Distances and positions that no search has written to yet, with their addresses; more of them go to `waiting`."""
    rows = max(1, _NUMBERS // k)
    distances, positions = np.empty((rows, 1, k), np.float32), np.empty((rows, 1, k), np.int64)
    waiting += [(d, p, faiss.swig_ptr(d), faiss.swig_ptr(p)) for d, p in zip(distances, positions, strict=True)]
    return waiting.pop()
