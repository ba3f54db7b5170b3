"""Identification (1:N): closed and open set, repeated enrolments, distractors, errors that an index adds.

The names of `closed_and_open_set` are exported here as well.
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
