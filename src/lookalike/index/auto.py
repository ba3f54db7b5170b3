"""`build_index`: an index of the kind that is named, or of the one that measuring chooses."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.building import build_kind
from lookalike.index.core.checks import checked_vectors
from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
from lookalike.index.tuning.options import TuneOptions

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.vector_index import VectorIndex

__all__ = ["build_index"]

#: What `auto` passes on to `tune_index`, beside queries and progress.
_TUNING = sorted(field.name for field in fields(TuneOptions))


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
        InputError: unknown kind, metric or setting, or a metric the kind does not support.
        MissingDependencyError: the kind's engine is not installed; the message says what to install.
        VectorError: vectors or ids of a wrong shape, dtype or value.

    Example:
        >>> index = build_index([[0.0, 0.0], [3.0, 4.0]], "exact", metric="euclidean", ids=[10, 20])
        >>> index.search([[3.0, 3.0]], k=1).ids.tolist()
        [[20]]
    """
    common: dict[str, Any] = {"fingerprint": fingerprint, "covariance": covariance}
    if kind != "auto":
        return build_kind(vectors, kind, metric, ids=ids, **common, **settings)
    ready = checked_vectors(vectors)
    if len(ready) > AUTO_EXACT_LIMIT:
        from lookalike.index.tuning.tune import tune_index

        if unknown := sorted(set(settings) - {*_TUNING, "queries", "progress"}):
            raise InputError(
                f"kind 'auto' has no setting {', '.join(unknown)}; name a kind, or give {', '.join(_TUNING)}"
            )
        return tune_index(ready, metric=metric, ids=ids, **common, **settings).index
    if settings:
        raise InputError(f"kind 'auto' chose exact, which has no setting {', '.join(settings)}; name a kind")
    return build_kind(ready, "exact", metric, ids=ids, **common)
