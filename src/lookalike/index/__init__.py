"""Indexes: many vectors, and the few nearest to a query.

One protocol (`VectorIndex`) over several engines: `exact`, `trees` (random-projection forest), `nsw` and `hnsw`
(navigable small worlds), `ivf` and `ivfpq` (inverted file, product quantisation), `vamana`, `scann`. `auto` is exact
up to `AUTO_EXACT_LIMIT` vectors and measures above it, as `tune_index` does at length. Importing this package loads
neither an engine nor pydantic.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.core.checks import checked_vectors
from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
from lookalike.index.core.hits import Hits
from lookalike.index.core.vector_index import VectorIndex

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.building import empty_index
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
    "IndexSpec": "spec",
    "compare_indexes": "tuning.comparison",
    "empty_index": "building",
    "plan_capacity": "planning.capacity",
    "tune_index": "tuning.tune",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"lookalike.index.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lookalike.index' has no attribute {name!r}")


def build_index(
    vectors: npt.ArrayLike,
    kind: str = "auto",
    metric: str = "cosine",
    *,
    ids: npt.ArrayLike | None = None,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    **settings: Any,
) -> VectorIndex:
    """Build an index over vectors.

    Args:
        vectors: `(n, d)` real numbers, at least one row; kept as float32.
        kind: `exact`, `trees`, `nsw`, `hnsw`, `ivf`, `ivfpq`, `vamana`, `scann`, or `auto`: exact up to 20,000
            vectors, above that the fastest by measurement that keeps recall@10 at 0.95 (see `tune_index`).
        metric: `euclidean`, `cosine`, `inner_product`, `mahalanobis`, or `manhattan` (not ivfpq, vamana, scann).
        ids: `(n,)` int64, any value but -1, none twice; by default 0..n-1.
        fingerprint: of the model that made the vectors; saved with the index.
        covariance: for the Mahalanobis metric, for example ``Covariance.fit(vectors)``.
        **settings: build and search settings of the kind, as its file in `lookalike.index.kinds` lists them; hnsw: `M`,
            `ef_construction`, `ef_search`. For `auto`: what `tune_index` takes.

    Raises:
        InputError: unknown kind, metric or setting, or a metric the kind cannot.
        MissingDependencyError: the kind's engine is not installed; the message says what to install.
        VectorError: vectors or ids of a wrong shape, dtype or value.

    Example:
        >>> index = build_index([[0.0, 0.0], [3.0, 4.0]], "exact", metric="euclidean", ids=[10, 20])
        >>> index.search([[3.0, 3.0]], k=1).ids.tolist()
        [[20]]
    """
    from lookalike.index.building import build_kind

    if kind == "auto":
        ready = checked_vectors(vectors)
        if len(ready) > AUTO_EXACT_LIMIT:
            from lookalike.index.tuning.tune import tune_index

            return tune_index(
                ready, metric=metric, ids=ids, fingerprint=fingerprint, covariance=covariance, **settings
            ).index
        if settings:
            raise InputError(f"kind 'auto' chose exact, which has no setting {', '.join(settings)}; name a kind")
        vectors, kind = ready, "exact"
    return build_kind(vectors, kind, metric, ids=ids, fingerprint=fingerprint, covariance=covariance, **settings)


def load_index(path: str | Path, mapped: bool = False) -> VectorIndex:
    """Open an index that `save` wrote, after checking every file against its checksum.

    Args:
        path: the directory.
        mapped: leave the vectors in their files and map these into memory, so that opening takes a moment and several
            processes share one copy. Files over 64 MiB are then checked by their size only. A mapped index is
            searched and removed from; it takes no additions.

    Raises:
        ArtefactError: missing, damaged (the message names the file) or written by a newer Lookalike.
        MissingDependencyError: its engine is not installed; the message says what to install.

    Example:
        >>> load_index("people.index").search(queries)    # doctest: +SKIP
    """
    from lookalike.index.loading import read

    return read(Path(path), mapped)
