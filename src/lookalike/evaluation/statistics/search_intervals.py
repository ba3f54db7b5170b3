"""Intervals of identification rates, by resampling the identities that are searched for.

A search with a picture of identity i has the weight c_i; see `intervals`. Mated identities are drawn among the mated,
non-mated ones among the non-mated, because their numbers were chosen and not observed. The gallery stays as it is: such
an interval says how much a rate would change with other people *searched in this gallery*. It does not say how much
the rate changes with another gallery; for that, draw anew who is enrolled (`identification.enrolment_trials`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.identification.gallery_search import Searches
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval
from lookalike.evaluation.statistics.resampled_curves import ResampledCurves, cumulative_weights, curve_points

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
    bootstrap = Bootstrap(replicates, level, seed)
    values = search_replicates(searches, bootstrap, ranks=ranks, targets=targets, thresholds=thresholds)
    intervals = iter(bootstrap.intervals(values))
    return SearchIntervals(
        rank_k={rank: next(intervals) for rank in ranks},
        dir_at_fpir={target: next(intervals) for target in targets},
        fpir_at={threshold: next(intervals) for threshold in thresholds},
        fnir_at={threshold: next(intervals) for threshold in thresholds},
        replicates=replicates,
    )


def search_replicates(
    searches: Searches,
    bootstrap: Bootstrap,
    *,
    ranks: Sequence[int] = (1,),
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
) -> Floats:
    """The replicates behind `bootstrap_searches`: `(replicates, ·)` rank-k, DIR, FPIR and FNIR, in its order."""
    if any(rank < 1 for rank in ranks):
        raise InputError(f"ranks are {list(ranks)}; ranks start at 1")
    mated = np.flatnonzero(searches.mated)
    strangers = np.flatnonzero(~searches.mated)
    # Mates found at rank 1 by distance, then the searches whose mate no threshold brings to rank 1.
    first = searches.rank[mated] == 1
    mated = mated[np.lexsort((searches.mate_distance[mated], ~first))]
    hits = searches.mate_distance[mated[: int(first.sum())]]
    strangers = strangers[np.argsort(searches.top_distance[strangers], kind="stable")]
    alarms = searches.top_distance[strangers]
    at_hits, at_alarms = curve_points(hits, alarms)
    fixed_hits, fixed_alarms = (
        np.searchsorted(side, np.asarray(thresholds, np.float64), side="right") for side in (hits, alarms)
    )
    mated_identities, mated_code = np.unique(searches.identity[mated], return_inverse=True)
    stranger_identities, stranger_code = np.unique(searches.identity[strangers], return_inverse=True)
    bootstrap.check(len(mated_identities), "mated identities")
    units = [len(mated_identities)]
    if len(targets) or len(thresholds):
        bootstrap.check(len(stranger_identities), "non-mated identities")
        units.append(len(stranger_identities))
    # Per identity: its searches with the mate at each rank or better, and all its searches.
    sums = np.zeros((len(mated_identities), len(ranks) + 1))
    found_at = [searches.rank[mated] <= rank for rank in ranks]
    np.add.at(sums, mated_code, np.column_stack([*found_at, np.ones(len(mated))]))

    def rates(mated_counts: Floats, stranger_counts: Floats | None = None) -> Floats:
        found = mated_counts @ sums
        columns = [found[:, :-1] / found[:, -1:]]
        if stranger_counts is not None:
            accepted_hits = cumulative_weights(mated_counts[:, mated_code])
            accepted_alarms = cumulative_weights(stranger_counts[:, stranger_code])
            curves = ResampledCurves(accepted_hits, accepted_alarms, at_hits, at_alarms)
            columns += [curves.tar_at_far(target)[:, None] for target in targets]
            columns += [accepted_alarms[:, [i]] / accepted_alarms[:, -1:] for i in fixed_alarms]
            columns += [1 - accepted_hits[:, [i]] / accepted_hits[:, -1:] for i in fixed_hits]
        return np.concatenate(columns, axis=1)

    return bootstrap.replicate(rates, units, numbers=len(searches.mated))
