"""The nearest or the farthest pairs of a stream, exactly, with the pictures they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HardPairs", "HardestPairs"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: From positions in the offered distances to the positions of the two pictures of each.
PairsOf = Callable[[Integers], tuple[Integers, Integers]]


@dataclass(frozen=True, eq=False)
class HardPairs:
    """Pairs of pictures: positions `first` and `second` `(k,)` int64 and their `distances` `(k,)`, hardest first."""

    first: Integers
    second: Integers
    distances: Floats

    def __len__(self) -> int:
        return len(self.distances)


class HardestPairs:
    """Keeps the `size` nearest (or farthest) of all pairs offered; ties by the pictures' positions, so that the order
    and the number of the parts do not matter.

    Args:
        size: how many are kept.
        nearest: whether the nearest pairs are the hard ones (impostors), or the farthest (genuine).
    """

    def __init__(self, size: int, nearest: bool) -> None:
        self.size, self.nearest = size, nearest
        #: False after a pair was offered without its pictures.
        self.named = True
        self._parts: list[HardPairs] = []
        self._held = 0
        #: The last pair kept: (distance, first, second); nothing beyond it can enter.
        self._last: tuple[float, int, int] | None = None

    def offer(self, distances: npt.NDArray[np.floating], pairs: PairsOf | None) -> None:
        """Offer `(p,)` distances; `pairs` gives the pictures of those that are kept, or is None when unknown."""
        if self._last is None:
            at = np.arange(len(distances))
        else:
            limit = self._last[0]
            at = np.flatnonzero(distances <= limit if self.nearest else distances >= limit)
        if not len(at):
            return
        self.named = self.named and pairs is not None
        unknown = np.full(len(at), -1)
        first, second = pairs(at) if pairs is not None else (unknown, unknown)
        self._keep(HardPairs(first, second, distances[at].astype(np.float64)))

    def merge(self, other: HardestPairs) -> None:
        """Offer everything that another one keeps."""
        self.named = self.named and other.named
        for part in other._parts:
            self._keep(part)

    def kept(self) -> HardPairs:
        """What is kept, hardest first."""
        self._prune()
        if not self._parts:
            nothing = np.empty(0, np.int64)
            return HardPairs(nothing, nothing, np.empty(0))
        pairs = self._parts[0]
        return _taken(pairs, np.lexsort((pairs.second, pairs.first, self._rank(pairs.distances))))

    def _rank(self, distances: Floats) -> Floats:
        return distances if self.nearest else -distances

    def _keep(self, pairs: HardPairs) -> None:
        if self._last is not None:
            # Of distances that equal the last one (millions, where vectors repeat), only earlier pictures can enter.
            limit, first, second = self._last
            rank, limit = self._rank(pairs.distances), limit if self.nearest else -limit
            earlier = (pairs.first < first) | ((pairs.first == first) & (pairs.second < second))
            pairs = _taken(pairs, np.flatnonzero((rank < limit) | ((rank == limit) & earlier)))
        self._parts.append(pairs)
        self._held += len(pairs)
        if self._held >= 2 * self.size:
            self._prune()

    def _prune(self) -> None:
        """Concatenate all parts; drop pairs beyond `size`."""
        if len(self._parts) > 1:
            names = ("first", "second", "distances")
            self._parts = [
                HardPairs(*(np.concatenate([getattr(part, name) for part in self._parts]) for name in names))
            ]
        if self._held <= self.size:
            return
        pairs = self._parts[0]
        rank = self._rank(pairs.distances)
        limit = np.partition(rank, self.size - 1)[self.size - 1]
        before, ties = np.flatnonzero(rank < limit), np.flatnonzero(rank == limit)
        ties = ties[np.lexsort((pairs.second[ties], pairs.first[ties]))][: self.size - len(before)]
        last = ties[-1]
        self._last = (float(pairs.distances[last]), int(pairs.first[last]), int(pairs.second[last]))
        self._parts = [_taken(pairs, np.concatenate([before, ties]))]
        self._held = self.size


def _taken(pairs: HardPairs, at: Integers) -> HardPairs:
    return HardPairs(pairs.first[at], pairs.second[at], pairs.distances[at])
