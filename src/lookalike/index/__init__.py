"""Indexes: many vectors, and the few nearest to a query.

One protocol (`VectorIndex`) over several engines. Kinds now: `exact` (faiss flat, any metric), `hnsw` (graph), and
`auto`, which is exact up to `AUTO_EXACT_LIMIT` vectors and hnsw above; choosing by measurement comes with `tune_index`.
Importing this package loads neither faiss nor pydantic.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.checks import checked_ids, checked_vectors
from lookalike.index.vector_index import Hits, VectorIndex

if TYPE_CHECKING:
    from lookalike.index.spec import IndexSpec

__all__ = ["AUTO_EXACT_LIMIT", "Hits", "IndexSpec", "VectorIndex", "build_index", "empty_index", "load_index"]

#: `auto` searches exactly up to here: about 1 ms a query at 128 dimensions, without a graph to build.
AUTO_EXACT_LIMIT = 20_000

# kind -> (module, class); a module is imported, and its engine loaded, when an index of its kind is made.
_HOMES = {
    "exact": ("lookalike.index.exact", "ExactIndex"),
    "hnsw": ("lookalike.index.hnsw", "HnswIndex"),
}


def __getattr__(name: str) -> Any:
    if name == "IndexSpec":
        return importlib.import_module("lookalike.index.spec").IndexSpec
    raise AttributeError(f"module 'lookalike.index' has no attribute {name!r}")


def _class(kind: str) -> Any:
    module, name = _HOMES[kind]
    return getattr(importlib.import_module(module), name)


def empty_index(
    dimension: int, kind: str = "exact", metric: str = "cosine", *, fingerprint: str = "", **settings: Any
) -> VectorIndex:
    """Make an index that holds no vectors yet; arguments as for `build_index`, without `auto`."""
    from lookalike.index.spec import IndexSpec

    spec = IndexSpec.create(kind, metric, dimension, fingerprint, **settings)
    index: VectorIndex = _class(spec.kind)(spec)
    return index


def build_index(
    vectors: npt.ArrayLike,
    kind: str = "auto",
    metric: str = "cosine",
    *,
    ids: npt.ArrayLike | None = None,
    fingerprint: str = "",
    **settings: Any,
) -> VectorIndex:
    """Build an index over vectors.

    Args:
        vectors: `(n, d)` real numbers, at least one row; kept as float32.
        kind: `exact`, `hnsw` or `auto` (exact up to 20,000 vectors or where only exact can the metric, else hnsw).
        metric: `euclidean`, `cosine`, `inner_product` or `manhattan` (exact only).
        ids: `(n,)` int64, any value but -1, none twice; by default 0..n-1.
        fingerprint: of the model that made the vectors; saved with the index.
        **settings: build and search settings of the kind; hnsw: `M`, `ef_construction`, `ef_search`.

    Raises:
        InputError: unknown kind, metric or setting, or a metric the kind cannot.
        VectorError: vectors or ids of a wrong shape, dtype or value.

    Example:
        >>> index = build_index([[0.0, 0.0], [3.0, 4.0]], "exact", metric="euclidean", ids=[10, 20])
        >>> index.search([[3.0, 3.0]], k=1).ids.tolist()
        [[20]]
    """
    ready = checked_vectors(vectors)
    given = None if ids is None else checked_ids(ids, len(ready))
    if kind == "auto":
        kind = "exact" if len(ready) <= AUTO_EXACT_LIMIT or metric == "manhattan" else "hnsw"
        if kind == "exact" and settings:
            raise InputError(f"kind 'auto' chose exact, which has no setting {', '.join(settings)}; name a kind")
    index = empty_index(ready.shape[1], kind, metric, fingerprint=fingerprint, **settings)
    index.add(ready, given)
    return index


def load_index(path: str | Path) -> VectorIndex:
    """Open an index that `save` wrote, after checking every file against its checksum.

    Raises:
        ArtefactError: missing, damaged (the message names the file) or written by a newer Lookalike.

    Example:
        >>> load_index("people.index").search(queries)    # doctest: +SKIP
    """
    from lookalike.index.artefact import read

    spec, ids, engine = read(Path(path))
    index: VectorIndex = _class(spec.kind)(spec, ids, engine)
    return index
