"""An index of a kind that is named, empty or over vectors; `lookalike.index.build_index` also chooses the kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.index.core.checks import checked_ids, checked_vectors
from lookalike.index.kinds.registry import KINDS
from lookalike.index.spec import IndexSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.distances import Covariance
    from lookalike.index.core.vector_index import VectorIndex

__all__ = ["build_kind", "empty_index"]


def empty_index(
    dimension: int,
    kind: str = "exact",
    metric: str = "cosine",
    *,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    **settings: Any,
) -> VectorIndex:
    """Make an index that holds no vectors yet; arguments as for `lookalike.index.build_index`, without `auto`."""
    spec = IndexSpec.create(kind, metric, dimension, fingerprint, **settings)
    return KINDS[spec.kind].load()(spec, covariance)


def build_kind(
    vectors: npt.ArrayLike,
    kind: str,
    metric: str = "cosine",
    *,
    ids: npt.ArrayLike | None = None,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    **settings: Any,
) -> VectorIndex:
    """Build an index of this kind over vectors; arguments as for `lookalike.index.build_index`, without `auto`.

    Example:
        >>> build_kind([[0.0, 0.0], [3.0, 4.0]], "exact", "euclidean").search([[0.0, 1.0]], k=1).ids
        array([[0]])
    """
    ready = checked_vectors(vectors)
    given = None if ids is None else checked_ids(ids, len(ready))
    index = empty_index(ready.shape[1], kind, metric, fingerprint=fingerprint, covariance=covariance, **settings)
    index.add(ready, given)
    return index
