"""1:N: whose picture is it, or nobody's? Closed and open set, enrolments, distractors, what an index loses.

The names of `closed_and_open_set` are here too.
"""

from lookalike.evaluation.identification.closed_and_open_set import (
    DirPoint,
    FnirCurve,
    FnirPoint,
    OpenSetResult,
    Searches,
    ThresholdCounts,
    cmc,
    open_set,
    open_set_of,
    rank_k,
    search,
    selectivity,
)

__all__ = [
    "DirPoint",
    "FnirCurve",
    "FnirPoint",
    "OpenSetResult",
    "Searches",
    "ThresholdCounts",
    "cmc",
    "open_set",
    "open_set_of",
    "rank_k",
    "search",
    "selectivity",
]
