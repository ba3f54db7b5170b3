"""Confidence intervals of identification rates, by resampling whom was searched for.

A search by identity i counts as often as i is drawn. Mated identities are drawn among the mated, non-mated ones among
the non-mated, since their numbers are chosen and not found. The gallery stays as it is: such an interval says how far
a rate would move with other people *searching in this gallery*. How it moves with another gallery is not in it; for
that, draw who is enrolled anew (`enrolment`).

Source: as `bootstrap`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.identification.gallery_search import Searches
from lookalike.evaluation.statistics.bootstrap import (
    CHUNK_NUMBERS,
    Curves,
    Interval,
    checked_bootstrap,
    drawn_counts,
    percentile_intervals,
    running_sum,
)

__all__ = ["SearchIntervals", "bootstrap_searches", "search_replicates"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SearchIntervals:
    """Intervals of the rates of one set of searches; the gallery is kept.

    Attributes:
        rank_k: of the closed-set rate per rank.
        dir_at_fpir: of DIR per FPIR target, the threshold chosen anew in every replicate.
        fpir_at: of FPIR per fixed threshold.
        fnir_at: of FNIR at rank 1 per fixed threshold.
        replicates: how many were drawn.
    """

    rank_k: Mapping[int, Interval]
    dir_at_fpir: Mapping[float, Interval]
    fpir_at: Mapping[float, Interval]
    fnir_at: Mapping[float, Interval]
    replicates: int


def bootstrap_searches(
    searches: Searches,
    *,
    ranks: Sequence[int] = (1,),
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> SearchIntervals:
    """Bootstrap rank-k rates, DIR at FPIR targets and the rates at fixed thresholds over the identities searched for.

    Args:
        searches: of at least 2 mated identities, and 2 non-mated ones where targets or thresholds are given.
        ranks: for the closed-set rates.
        targets: FPIR targets.
        thresholds: fixed thresholds.
        replicates: how many; 1000 of 20,000 searches take about a second.
        level: of the intervals.
        seed: of the draws; the same seed gives the same intervals.

    Raises:
        InputError: too few identities, a rank below 1, no replicates, or a level outside 0 to 1.

    Example:
        >>> from lookalike.evaluation.identification.gallery_search import search
        >>> found = search([[0.0], [1.0]], ["a", "b"], [[0.1], [0.9]], ["a", "b"], "euclidean")
        >>> bootstrap_searches(found).rank_k[1]
        Interval(low=1.0, high=1.0, level=0.95)
    """
    values = search_replicates(
        searches, ranks=ranks, targets=targets, thresholds=thresholds, replicates=replicates, level=level, seed=seed
    )
    intervals = iter(percentile_intervals(values, level))
    return SearchIntervals(
        rank_k={rank: next(intervals) for rank in ranks},
        dir_at_fpir={target: next(intervals) for target in targets},
        fpir_at={threshold: next(intervals) for threshold in thresholds},
        fnir_at={threshold: next(intervals) for threshold in thresholds},
        replicates=replicates,
    )


def search_replicates(
    searches: Searches,
    *,
    ranks: Sequence[int] = (1,),
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Floats:
    """The replicates behind `bootstrap_searches`: `(replicates, ·)` rank-k, DIR, FPIR and FNIR, in its order."""
    if any(rank < 1 for rank in ranks):
        raise InputError(f"ranks are {list(ranks)}; ranks start at 1")
    mated = np.flatnonzero(searches.mated)
    strangers = np.flatnonzero(~searches.mated)
    open_set = bool(len(targets) or len(thresholds))
    # Identified mates by distance, then whoever no threshold brings to rank 1.
    first = searches.rank[mated] == 1
    mated = mated[np.lexsort((searches.mate_distance[mated], ~first))]
    hits = searches.mate_distance[mated[: int(first.sum())]]
    strangers = strangers[np.argsort(searches.top_distance[strangers], kind="stable")]
    alarms = searches.top_distance[strangers]
    grid = np.unique(np.concatenate([hits, alarms]))
    at_hits = np.concatenate([[0], np.searchsorted(hits, grid, side="right")])
    at_alarms = np.concatenate([[0], np.searchsorted(alarms, grid, side="right")])
    fixed_hits = np.searchsorted(hits, np.asarray(thresholds, np.float64), side="right")
    fixed_alarms = np.searchsorted(alarms, np.asarray(thresholds, np.float64), side="right")
    whose, mated_code = np.unique(searches.identity[mated], return_inverse=True)
    others, stranger_code = np.unique(searches.identity[strangers], return_inverse=True)
    checked_bootstrap(len(whose), replicates, level, "mated ")
    if open_set:
        checked_bootstrap(len(others), replicates, level, "non-mated ")
    found_at = (
        np.stack([searches.rank[mated] <= rank for rank in ranks], axis=1) if ranks else np.empty((len(mated), 0))
    )
    per_identity = np.zeros((len(whose), len(ranks) + 1))
    np.add.at(per_identity, mated_code, np.column_stack([found_at, np.ones(len(mated))]))

    generators = [np.random.default_rng([seed, side]) for side in range(2)]
    rows = max(1, CHUNK_NUMBERS // len(searches.mated))
    found: list[Floats] = []
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        counts = drawn_counts(generators[0], size, len(whose))
        sums = counts @ per_identity
        columns = [sums[:, :-1] / sums[:, -1:]]
        if open_set:
            accepted_hits = running_sum(counts[:, mated_code])
            accepted_alarms = running_sum(drawn_counts(generators[1], size, len(others))[:, stranger_code])
            curve = Curves(accepted_hits, accepted_alarms, at_hits, at_alarms)
            columns += [curve.tar_at_far(target)[:, None] for target in targets]
            columns += [accepted_alarms[:, [i]] / accepted_alarms[:, -1:] for i in fixed_alarms]
            columns += [1 - accepted_hits[:, [i]] / accepted_hits[:, -1:] for i in fixed_hits]
        found.append(np.concatenate(columns, axis=1))
    return np.concatenate(found)
