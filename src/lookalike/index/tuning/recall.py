"""Recall: the share of the true nearest neighbours that a search finds, with an interval, against exact search.

Equally distant vectors may stand for one another: where the k-th place is tied, any of the tied ones counts. So
duplicates in a gallery make no index look bad.

The truth is that of float64 over the vectors as every index holds them (`MetricSpace.vectors`: float32, of length 1
under cosine). So an index answers for what it loses itself, and not for what float32 lost of the vectors before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.binomial_intervals import Z_ONE_SIDED_95, Z_TWO_SIDED_95, wilson_interval
from lookalike.index.core.flat_vectors import Near, merged, nearest_among
from lookalike.index.core.metric_space import MetricSpace

__all__ = ["Recall", "Truth", "exact_truth", "floor_without_misses", "queries_to_show"]

Floats = npt.NDArray[np.float32]

#: Places after the k-th that are looked at for ties.
_TIES = 16
#: Vectors compared at a time.
_BLOCK = 1 << 17
#: Distances closer than this share of the k-th are tied: an engine that computes in float32 cannot tell them apart. No
#: absolute number would do: in a narrow cone of vectors, all distances are below 1e-7.
_TIED = 1e-6


@dataclass(frozen=True)
class Recall:
    """Mean recall over queries, and a 95% interval of it.

    Attributes:
        mean: of the queries' recalls.
        low: lower end; the true recall lies below it with a probability of 2.5% (normal approximation over queries; or,
            where all queries have the same recall and so no spread, Wilson's interval over all neighbours asked for).
        high: upper end.
        floor: one-sided 95% bound: a recall promised at this value is kept with 95% confidence.
    """

    mean: float
    low: float
    high: float
    floor: float

    @classmethod
    def over(cls, shares: npt.NDArray[np.float64], k: int) -> Recall:
        """From the `(q,)` recalls of single queries, which asked for `k` neighbours each."""
        q, mean = len(shares), float(shares.mean())
        if shares.min() == shares.max():
            # Mostly all 1: answers without a miss do not prove that there is never one. By neighbours, as the spread
            # of a single miss counts, too: by queries, a perfect answer would show less than one with a miss.
            hits, asked = round(mean * q * k), q * k
            low, high = wilson_interval(hits, asked, Z_TWO_SIDED_95)
            return cls(mean, low, high, wilson_interval(hits, asked, Z_ONE_SIDED_95)[0])
        error = float(shares.std(ddof=1)) / math.sqrt(q)
        low, high = max(0.0, mean - Z_TWO_SIDED_95 * error), min(1.0, mean + Z_TWO_SIDED_95 * error)
        return cls(mean, low, high, mean - Z_ONE_SIDED_95 * error)


def floor_without_misses(queries: int, k: int) -> float:
    """The `Recall.floor` of so many queries for `k` neighbours of which none was missed; none can be higher.

    Example:
        >>> round(floor_without_misses(250, 10), 4), round(floor_without_misses(250, 1), 4)
        (0.9989, 0.9893)
    """
    return wilson_interval(queries * k, queries * k, Z_ONE_SIDED_95)[0]


def queries_to_show(recall: float, k: int) -> float:
    """How many queries for `k` neighbours show a recall with 95% confidence where none is missed; infinite for 1.

    Example:
        >>> math.ceil(queries_to_show(0.99, 10)), math.ceil(queries_to_show(0.99, 1))
        (27, 268)
    """
    return Z_ONE_SIDED_95**2 * recall / (1 - recall) / k if recall < 1 else math.inf


@dataclass(frozen=True)
class Truth:
    """The exact neighbours of queries.

    Attributes:
        k: how many are asked for.
        positions: `(q, k + spare)` int64, nearest first; or ids, after `as_ids`.
        counts: `(q, k + spare)` bool, whether finding it counts: the first k and what is tied with the k-th.
        distances: `(q, k)` float64.
    """

    k: int
    positions: npt.NDArray[np.int64]
    counts: npt.NDArray[np.bool_]
    distances: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)

    def as_ids(self, ids: npt.NDArray[np.int64]) -> Truth:
        """With the `(n,)` ids of these positions in their place."""
        return Truth(self.k, ids[self.positions], self.counts, self.distances)

    def first(self, count: int) -> Truth:
        """Of the first `count` queries."""
        return Truth(self.k, self.positions[:count], self.counts[:count], self.distances[:count])

    def recall(self, found: npt.NDArray[np.int64]) -> Recall:
        """Of `(q, k)` found positions or ids, -1 for none."""
        same = (found[:, : self.k, None] == self.positions[:, None, :]) & self.counts[:, None, :]
        hits = same.any(axis=2).sum(axis=1)
        return Recall.over(np.minimum(hits, self.k) / self.k, self.k)


def exact_truth(
    vectors: Floats,
    queries: Floats,
    k: int,
    space: MetricSpace,
    progress: Callable[[int], None] | None = None,
    own: npt.NDArray[np.int64] | None = None,
) -> Truth:
    """Compare every query with every vector, a block of vectors at a time.

    Args:
        vectors: `(n, d)` prepared by `space`; an array or a memory map.
        queries: `(q, d)` prepared by `space`.
        k: neighbours, at most n.
        space: of the index.
        progress: called with the number of vectors done since the last call.
        own: `(q,)` the position of each query's own vector, which is no neighbour of its own; None where there is none.

    Returns:
        `Truth` over positions 0..n-1.
    """
    others = len(vectors) - (own is not None)
    wanted = min(len(vectors), k + _TIES + (own is not None))
    best: Near = np.empty((len(queries), 0)), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK])
        distances, positions = nearest_among(queries, block, min(wanted, len(block)), space.metric)
        best = merged(best, (distances, positions + start), wanted)
        if progress is not None:
            progress(len(block))
    far, where = best
    if own is not None:  # to the end, and off; where a query's own vector is not among them, the last one goes
        front = np.argsort(where == own[:, None], axis=1, kind="stable")[:, :-1]
        far, where = np.take_along_axis(far, front, 1), np.take_along_axis(where, front, 1)
    k = min(k, others)
    last = far[:, k - 1, None]
    counts = far <= last + _TIED * np.abs(last)
    return Truth(k, where, counts, far[:, :k])
