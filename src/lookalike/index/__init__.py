"""Indexes: many vectors, and the few nearest to a query.

One protocol (`VectorIndex`) over several engines: `exact`, `trees` (random-projection forest), `nsw` and `hnsw`
(navigable small worlds), `ivf` and `ivfpq` (inverted file, product quantisation), `vamana`, `scann`. `auto` is exact
up to `AUTO_EXACT_LIMIT` vectors and measures above it, as `tune_index` does at length. Importing this package loads
nothing: each name is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.lazy_names import lazy_names

if TYPE_CHECKING:
    from lookalike.index.auto import build_index
    from lookalike.index.building import empty_index
    from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
    from lookalike.index.core.hits import Hits
    from lookalike.index.core.subset import Subset
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
    "Subset",
    "VectorIndex",
    "build_index",
    "compare_indexes",
    "empty_index",
    "load_index",
    "plan_capacity",
    "tune_index",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AUTO_EXACT_LIMIT": "lookalike.index.core.flat_vectors",
        "Hits": "lookalike.index.core.hits",
        "IndexSpec": "lookalike.index.spec",
        "Subset": "lookalike.index.core.subset",
        "VectorIndex": "lookalike.index.core.vector_index",
        "build_index": "lookalike.index.auto",
        "compare_indexes": "lookalike.index.tuning.comparison",
        "empty_index": "lookalike.index.building",
        "load_index": "lookalike.index.loading",
        "plan_capacity": "lookalike.index.planning.capacity",
        "tune_index": "lookalike.index.tuning.tune",
    },
)
