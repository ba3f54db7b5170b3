"""One search of a faiss index with search parameters, whoever else uses faiss in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions

__all__ = ["parametrised_search"]


def parametrised_search(engine: Any, queries: Floats, k: int, parameters: Any) -> tuple[Floats, Positions]:
    """`(q, k)` distances and positions by `engine`, under a faiss `SearchParameters`.

    `faiss.contrib.torch_utils`, which pytorch-metric-learning and others import, replaces `search` of every index
    class by one that takes no parameters; it keeps the original as `search_numpy`.
    """
    search = getattr(engine, "search_numpy", None) or engine.search
    found: tuple[Floats, Positions] = search(queries, k, params=parameters)
    return found
