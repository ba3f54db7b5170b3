"""Which positions of an index a search may find, in the forms that engines ask for, each made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lookalike.index.core.flat_vectors import FlatVectors
    from lookalike.index.core.hits import Mask, Positions
    from lookalike.index.core.kind import SearchSettings

__all__ = ["Allowed", "FilterPlan"]

#: Fewer positions than this share of all are sorted; of more, a mask of all positions is quicker.
_SORTED_SHARE = 8


class FilterPlan(NamedTuple):
    """How a search among some positions is done.

    Attributes:
        settings: of the search that was asked for.
        k: neighbours that were asked for.
        queries: how many there were.
        widened: settings that reach as many of those positions as `settings` do of all.
        fetched: neighbours to ask an engine for that knows of no filter.
        one_by_one: whether all of them are compared instead.
    """

    settings: SearchSettings
    k: int
    queries: int
    widened: SearchSettings
    fetched: int
    one_by_one: bool


class Allowed:
    """Some positions of an index of `size` positions, dead ones included.

    Several threads may use one object: what one of them makes, another makes once more at worst.

    Args:
        size: positions in use, dead ones included.
        positions: those that may be found, in any order, repeated or not; None where a mask is given.
        mask: `(size,)` bool, the same; not copied.
        kept: whether the object outlives a search, so that it pays to keep a copy of the vectors.

    Attributes:
        size: as given.
        count: how many different positions may be found.
        kept: as given.
        plan: of the last search; None before the first.
        selecting: an engine's parameters of the last search, with whose and for what they are; for the engine.
        vectors: a copy of their vectors in order of position, for comparing them one by one; None until one is made.

    Example:
        >>> Allowed(4, np.array([3, 1, 1])).mask.tolist()
        [False, True, False, True]
    """

    __slots__ = ("_bits", "_mask", "_positions", "count", "kept", "plan", "selecting", "size", "vectors")

    def __init__(
        self, size: int, positions: Positions | None = None, mask: Mask | None = None, kept: bool = False
    ) -> None:
        self.size, self.kept = size, kept
        self.vectors: FlatVectors | None = None
        self.plan: FilterPlan | None = None
        self.selecting: tuple[object, int, Any] | None = None
        self._bits: npt.NDArray[np.uint8] | None = None
        self._mask, self._positions = mask, None
        if positions is not None and len(positions) * _SORTED_SHARE < size:
            self._positions = np.unique(positions)
            self.count = len(self._positions)
        else:
            if positions is not None:
                self._mask = _mask(size, positions)
            self.count = int(np.count_nonzero(self.mask))

    @property
    def positions(self) -> Positions:
        """`(count,)` in ascending order (do not write)."""
        positions = self._positions
        if positions is None:
            positions = self._positions = np.flatnonzero(self.mask)
        return positions

    @property
    def mask(self) -> Mask:
        """`(size,)` whether a position may be found (do not write)."""
        mask = self._mask
        if mask is None:
            mask = self._mask = _mask(self.size, self.positions)
        return mask

    @property
    def bits(self) -> npt.NDArray[np.uint8]:
        """The mask, 8 positions a byte, the lowest bit first, as faiss' `IDSelectorBitmap` wants it (do not write)."""
        bits = self._bits
        if bits is None:
            bits = self._bits = np.packbits(self.mask, bitorder="little")
        return bits


def _mask(size: int, positions: Positions) -> Mask:
    mask = np.zeros(size, bool)
    mask[positions] = True
    return mask
