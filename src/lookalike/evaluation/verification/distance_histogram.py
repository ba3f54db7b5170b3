"""Counts of any number of distances in fine bins, in bounded memory.

A bin is all float32 numbers that share their sign, exponent and first `MANTISSA_BITS` bits of the mantissa; as these
bits order floats by size, a bin is an interval. Its width is at most 2**-16 (0.0015%) of the distance: 7.6e-6 at
cosine distance 0.5 to 1. So one histogram fits every metric, bounded or not, and any two can be merged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MANTISSA_BITS", "Bins", "DistanceHistogram"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MANTISSA_BITS = 16
_DROPPED = 23 - MANTISSA_BITS
#: Counters are kept for 8 powers of two together (4 MiB), and only for those that occur: 2**-7 to 2 are one page.
_PAGE_BITS = MANTISSA_BITS + 3
_PAGE, _PAGES = 1 << _PAGE_BITS, 1 << (32 - _DROPPED - _PAGE_BITS)
#: Distances binned at a time, so that their bins stay in the cache.
_CHUNK = 1 << 17


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins that are not empty, ascending.

    Attributes:
        low: `(b,)` the smallest number of each bin.
        high: `(b,)` the largest one.
        counts: `(b,)` how many distances each holds.
        up_to: `(b + 1,)` how many the first 0, 1, … bins hold together.
    """

    low: Floats
    high: Floats
    counts: Integers
    up_to: Integers


class DistanceHistogram:
    """Counts float32 numbers in bins of 2**-16 of their size.

    Memory: 4 MiB for every 8 powers of two that occur; for cosine distances one to four of these, and 256 MiB if every
    magnitude of float32 occurred.

    Example:
        >>> histogram = DistanceHistogram()
        >>> histogram.add(np.array([0.25, 0.25, 0.5], np.float32))
        >>> histogram.total, histogram.bins().low.tolist(), histogram.bins().counts.tolist()
        (3, [0.25, 0.5], [2, 1])
    """

    def __init__(self) -> None:
        #: Which of the pages of `_counts` holds the bins of a page of keys; -1 while none of them occurred.
        self._place = np.full(_PAGES, -1)
        self._counts: Integers = np.zeros(0, np.int64)
        self._bins: Bins | None = None
        self.total = 0

    def add(self, distances: npt.NDArray[np.float32]) -> None:
        """Count finite `(p,)` float32 numbers."""
        for start in range(0, len(distances), _CHUNK):
            self._count(_keys(distances[start : start + _CHUNK]))
        self.total += len(distances)
        self._bins = None

    def _count(self, keys: npt.NDArray[np.int32]) -> None:
        bins = np.bitwise_and(keys, _PAGE - 1, dtype=np.int64)
        first, last = int(keys.min()) >> _PAGE_BITS, int(keys.max()) >> _PAGE_BITS
        if first == last:
            bins += self._start(first)
        else:
            pages = (keys >> _PAGE_BITS) + _PAGES // 2
            for page in np.flatnonzero(np.bincount(pages)).tolist():
                self._start(page - _PAGES // 2)
            bins += (self._place << _PAGE_BITS)[pages]
        # Not np.bincount, which would allocate as many counters as there are bins, for every chunk.
        np.add.at(self._counts, bins, 1)

    def _start(self, page: int) -> int:
        """Where in `_counts` the page of keys begins; a new page is added."""
        slot = page + _PAGES // 2
        if self._place[slot] < 0:
            self._place[slot] = len(self._counts) >> _PAGE_BITS
            self._counts = np.concatenate([self._counts, np.zeros(_PAGE, np.int64)])
        return int(self._place[slot]) << _PAGE_BITS

    def _page(self, page: int) -> Integers:
        start = self._start(page)
        return self._counts[start : start + _PAGE]

    def _pages(self) -> list[int]:
        """The pages of keys that occurred, ascending."""
        return [int(slot) - _PAGES // 2 for slot in np.flatnonzero(self._place >= 0)]

    def merge(self, other: DistanceHistogram) -> None:
        """Add the counts of another histogram, which stays as it is."""
        for page in other._pages():
            counts = self._page(page)
            counts += other._page(page)
        self.total += other.total
        self._bins = None

    def bins(self) -> Bins:
        """The bins that are not empty."""
        if self._bins is None:
            keys, counts = [], []
            for page in self._pages():
                filled = np.flatnonzero(self._page(page))
                keys.append(filled + (page << _PAGE_BITS))
                counts.append(self._page(page)[filled])
            key = np.concatenate([np.empty(0, np.int64), *keys])
            count = np.concatenate([np.empty(0, np.int64), *counts])
            last = (key << _DROPPED) + (1 << _DROPPED) - 1
            last[last == -1] = -2  # -1 would be -0, which is counted as 0
            low, high = _numbers(key << _DROPPED), _numbers(last)
            self._bins = Bins(low, high, count, np.concatenate([[0], np.cumsum(count)]))
        return self._bins


def _keys(distances: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """The bin of every distance: whole numbers in the order of the distances."""
    bits = (distances + np.float32(0)).view(np.int32)  # -0 becomes 0
    if bits.min() < 0:  # larger magnitudes of negative numbers come first
        bits ^= (bits >> 31) & 0x7FFFFFFF
    bits >>= _DROPPED
    return bits


def _numbers(bits: Integers) -> Floats:
    """Back from ordered bits to the numbers."""
    ordered = bits.astype(np.int32)
    return (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).view(np.float32).astype(np.float64)
