"""A set of ids that is searched again and again: where its vectors are is found out once, not at every search."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from lookalike.index.core.allowed import Allowed
from lookalike.index.core.checks import checked_ids

if TYPE_CHECKING:
    from lookalike.index.core.ids import IdMap

__all__ = ["Subset"]


class _Located(NamedTuple):
    """Where the ids are under one state of an index."""

    ids: weakref.ref[IdMap]
    generation: object
    allowed: Allowed


class Subset:
    """Ids to search among (`VectorIndex.search(..., among=subset)`), prepared once for many searches.

    The answers are those of the ids given anew: of the vectors that are live when a search starts, whatever was added,
    removed or compacted before. After such a change the next search finds the ids' places again, and that is all it
    does where the change concerned other vectors.

    Where comparing the subset's vectors one by one is the quicker way, a copy of them is kept, 4 bytes a number, as
    long as this object (up to 256 MiB; larger subsets are fetched at each search).

    Any number of threads may share one. It may be used with several indexes, but does best with one each.

    Args:
        ids: `(m,)` int64, in any order, repeated or not; those that are not live are passed over.

    Raises:
        VectorError: ids of a wrong shape, dtype or value.

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index([[0.0], [1.0], [2.0]], "exact", "euclidean", ids=[10, 11, 12])
        >>> index.search([[0.0]], k=1, among=Subset([11, 12])).ids
        array([[11]])
    """

    def __init__(self, ids: npt.ArrayLike) -> None:
        self._ids = np.unique(checked_ids(ids))
        self._ids.flags.writeable = False
        self._located: _Located | None = None

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """`(m,)` the ids in ascending order, each once (read-only)."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"<Subset of {len(self._ids)} ids>"

    def located(self, ids: IdMap) -> Allowed:
        """Where the live ones are in the index of this map; for `VectorIndex`, while nobody changes it."""
        last = self._located
        if last is not None and last.ids() is ids:  # a change makes another map
            return last.allowed
        positions = ids.find(self._ids)
        allowed = Allowed(ids.size, positions[positions >= 0], kept=True)
        if (
            last is not None
            and last.generation is ids.generation
            and last.allowed.vectors is not None
            and np.array_equal(last.allowed.positions, allowed.positions)
        ):
            allowed.vectors = last.allowed.vectors
        self._located = _Located(weakref.ref(ids), ids.generation, allowed)
        return allowed

    def __getstate__(self) -> npt.NDArray[np.int64]:
        return self._ids

    def __setstate__(self, state: npt.NDArray[np.int64]) -> None:
        self.__init__(state)  # type: ignore[misc]
