"""The genuine or the impostor pairs of a measurement: all counted in bins, the hardest kept one by one.

Where only bins are known, every answer is a conservative bound: an upper bound of the impostor pairs accepted, a lower
bound of the genuine pairs accepted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.verification.distance_histogram import DistanceHistogram
from lookalike.evaluation.verification.hardest_pairs import HardestPairs, HardPairs, PairsOf

__all__ = ["SideCounts"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class SideCounts:
    """Impostor or genuine distances.

    Args:
        size: how many of the hardest pairs are kept one by one.
        impostors: the nearest are the hard ones, and a bound is above the number accepted; else genuine pairs: the
            farthest are the hard ones, and a bound is below it.

    Example:
        >>> side = SideCounts(size=2, impostors=True)
        >>> side.add(np.array([0.5, 0.25, 0.75]), None)
        >>> side.at_most(np.array([0.3, 0.6])).tolist(), side.largest_below(0.5)
        ([1, 2], 0.25)
    """

    def __init__(self, size: int, impostors: bool) -> None:
        self.histogram = DistanceHistogram()
        self.tail = HardestPairs(size, nearest=impostors)
        self._impostors = impostors
        self._values: Floats | None = None

    @property
    def total(self) -> int:
        """How many distances were counted."""
        return self.histogram.total

    @property
    def whole(self) -> bool:
        """Whether every pair is kept."""
        return self.total <= self.tail.size

    def add(self, distances: Floats, pairs: PairsOf | None) -> None:
        """Count float64 distances, rounded to float32 conservatively: impostor pairs nearer, genuine pairs farther."""
        rounded = distances.astype(np.float32)
        worse = -np.inf if self._impostors else np.inf
        better = rounded > distances if self._impostors else rounded < distances
        self._count(np.where(better, np.nextafter(rounded, np.float32(worse)), rounded), distances, pairs)

    def add_float32(self, distances: npt.NDArray[np.float32], pairs: PairsOf) -> None:
        """Count float32 distances as they are."""
        self._count(distances, distances, pairs)

    def _count(
        self, binned: npt.NDArray[np.float32], distances: npt.NDArray[np.floating[Any]], pairs: PairsOf | None
    ) -> None:
        self.histogram.add(binned)
        self.tail.offer(distances, pairs)
        self._values = None

    def merge(self, other: SideCounts) -> None:
        """Add what another one counted."""
        self.histogram.merge(other.histogram)
        self.tail.merge(other.tail)
        self._values = None

    def values(self) -> Floats:
        """The distances kept, ascending."""
        if self._values is None:
            self._values = np.sort(self.tail.kept().distances)
        return self._values

    def at_most(self, thresholds: Floats) -> Integers:
        """How many pairs each threshold accepts: exact, or the conservative bound."""
        kept = self.values()
        exact = np.searchsorted(kept, thresholds, side="right").astype(np.int64)
        if self.whole:
            return exact
        bins = self.histogram.bins()
        if self._impostors:
            rough = bins.up_to[np.searchsorted(bins.low, thresholds, side="right")]
            return np.where(thresholds < kept[-1], exact, rough)
        rough = bins.up_to[np.searchsorted(bins.high, thresholds, side="right")]
        return np.where(thresholds >= kept[0], exact + self.total - len(kept), rough)

    def exact_at(self, thresholds: Floats) -> npt.NDArray[np.bool_]:
        """Where `at_most` is exact and not a bound."""
        if self.whole:
            return np.ones(len(thresholds), bool)
        kept, bins = self.values(), self.histogram.bins()
        within = np.searchsorted(bins.low, thresholds, side="right") > np.searchsorted(bins.high, thresholds, "right")
        among_kept = thresholds < kept[-1] if self._impostors else thresholds >= kept[0]
        return np.asarray(~within | among_kept)

    def edges(self) -> Floats:
        """Distances at which the number accepted changes: of every pair kept, and the upper edges of bins elsewhere."""
        kept = self.values()
        if self.whole:
            return kept
        high = self.histogram.bins().high
        return np.concatenate([kept, high[high >= kept[-1]] if self._impostors else high[high < kept[0]]])

    def first_beyond(self, count: int, high: bool = False) -> float:
        """The distance of the pair after the nearest `count`; within a bin its lower (or `high`) edge.

        `count` is below the total.
        """
        kept = self.values()
        position = count if self._impostors or self.whole else count - (self.total - len(kept))
        if 0 <= position < len(kept):
            return float(kept[position])
        bins = self.histogram.bins()
        at = int(np.searchsorted(bins.up_to, count, side="right")) - 1
        if high:
            return float(bins.high[at])
        # Where the bin begins within the impostors kept, all that are nearer than the last of these are known.
        return max(float(bins.low[at]), float(kept[-1])) if self._impostors else float(bins.low[at])

    def largest_below(self, limit: float) -> float | None:
        """The largest accepted distance, or upper edge of a bin, below a limit; None if there is none."""
        kept = self.values()
        known = self.whole or (limit <= kept[-1] if self._impostors else kept[0] < limit)
        among = kept if known else self.histogram.bins().high
        position = int(np.searchsorted(among, limit, side="left"))
        return float(among[position - 1]) if position else None

    def largest(self) -> float:
        """The largest distance, or the upper edge of its bin."""
        return float(self.values()[-1]) if self.whole or not self._impostors else float(self.histogram.bins().high[-1])

    def hardest(self, k: int) -> HardPairs:
        """The `k` hardest pairs, hardest first."""
        if not self.tail.named:
            raise InputError("pairs were added without their pictures; give add the pairs to name the hardest")
        if k < 1:
            raise InputError(f"k is {k}; at least 1 pair must be asked for")
        if k > self.tail.size and not self.whole:
            raise InputError(f"k is {k:,}, and {self.tail.size:,} pairs were kept; count again with tail={k}")
        pairs = self.tail.kept()
        return HardPairs(pairs.first[:k], pairs.second[:k], pairs.distances[:k])
