"""Indexes: many vectors, and the few nearest to a query.

One protocol (`VectorIndex`) over several engines: `exact`, `trees` (random-projection forest), `nsw` and `hnsw`
(navigable small worlds), `ivf` and `ivfpq` (inverted file, product quantisation), `vamana`, `scann`. `auto` is exact
up to `AUTO_EXACT_LIMIT` vectors and measures above it, as `tune_index` does at length. Importing this package loads
nothing: each name is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.index.auto import build_index
    from lookalike.index.building import empty_index
    from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
    from lookalike.index.core.hits import Hits
    from lookalike.index.core.vector_index import VectorIndex
    from lookalike.index.loading import load_index
    from lookalike.index.planning.capacity import plan_capacity
    from lookalike.index.spec import IndexSpec
    from lookalike.index.tuning.comparison import compare_indexes
    from lookalike.index.tuning.tune import tune_index

__all__ = [
    "AUTO_EXACT_LIMIT",
    "Hits",
    "IndexSpec",
    "VectorIndex",
    "build_index",
    "compare_indexes",
    "empty_index",
    "load_index",
    "plan_capacity",
    "tune_index",
]

_HOMES = {
    "AUTO_EXACT_LIMIT": "core.flat_vectors",
    "Hits": "core.hits",
    "IndexSpec": "spec",
    "VectorIndex": "core.vector_index",
    "build_index": "auto",
    "compare_indexes": "tuning.comparison",
    "empty_index": "building",
    "load_index": "loading",
    "plan_capacity": "planning.capacity",
    "tune_index": "tuning.tune",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"lookalike.index.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lookalike.index' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
