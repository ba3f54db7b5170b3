"""Searches of a faiss index with search parameters: of many queries, and prepared ones of a single query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.index.core.engine_library import EngineLibrary, compiled
from lookalike.index.core.result_rows import ResultRow, next_row

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions
    from lookalike.index.core.one_query import FindOne

__all__ = ["faiss_search", "prepared_faiss_search"]

faiss = EngineLibrary("faiss")


def faiss_search(engine: Any, queries: Floats, k: int, parameters: Any) -> tuple[Floats, Positions]:
    """`(q, k)` distances as faiss gives them and positions by `engine`, under a faiss `SearchParameters`.

    `faiss.contrib.torch_utils`, which pytorch-metric-learning and others import, replaces `search` of every index
    class by one that takes no parameters; it keeps the original as `search_numpy`.
    """
    search = getattr(engine, "search_numpy", None) or engine.search
    found: tuple[Floats, Positions] = search(queries, k, params=parameters)
    return found


def prepared_faiss_search(engine: Any, row: Floats, k: int, parameters: Any) -> FindOne:
    """A function that searches for the query in `row`, whatever stands there when it is called.

    It goes past faiss' Python layer, which makes arrays and their addresses for every call; here they wait. It does not
    count distances, which would take longer than all else that it does beside faiss. It is for one thread, and for as
    long as `engine` does not change.

    Args:
        engine: a faiss index; its distances are never below zero.
        row: `(1, d)` float32, C-contiguous; the caller keeps it for as long as the function.
        k: at least 1.
        parameters: of the engine's kind, or None.
    """
    search, at_row = compiled(type(engine).search_c), faiss.swig_ptr(row)
    waiting: list[ResultRow] = []

    def find() -> tuple[Floats, Positions, None, Any]:
        distances, positions, at_distances, at_positions = waiting.pop() if waiting else next_row(k, waiting)
        search(engine, 1, at_row, k, at_distances, at_positions, parameters)
        return distances, positions, None, at_distances

    return find
