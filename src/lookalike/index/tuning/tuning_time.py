"""The time that a tuning has, and what a candidate needs of it: its build, and measuring it.

A build cannot be stopped. So under a budget a candidate needs the time that its build may take, not what is expected:
as much more as the builds timed so far were mispredicted (`build_times.py`).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from lookalike.durations import parse_seconds
from lookalike.index.core.kind import Candidate
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning.recall import queries_to_show

if TYPE_CHECKING:
    from lookalike.index.tuning.build_times import BuildTimes
    from lookalike.index.tuning.expectations import Expectations
    from lookalike.index.tuning.options import TuneOptions
    from lookalike.index.tuning.race_data import RaceData
    from lookalike.index.tuning.trial import Trial

__all__ = ["TIMES_ASKED", "TuningTime"]

#: Choosing an index's search settings asks each query so many times.
TIMES_ASKED = 10
#: So many queries are always asked: recall .95 is known to ±.006 by them. And so many times those that can show the
#: recall.
_FEWEST_QUERIES, _TIMES_NEEDED = 1000, 2
#: A build and its measurement, over the build alone, where there is no budget.
_MEASURING = 1.25


class TuningTime:
    """Runs from when it is made.

    Args:
        data: vectors and queries.
        options: the budget, and what has to be measured.
        expected: what searches take.
        times: what builds take.
        limit: seconds where there is no budget; infinite for none.
    """

    def __init__(
        self, data: RaceData, options: TuneOptions, expected: Expectations, times: BuildTimes, limit: float
    ) -> None:
        self._data, self._options, self._expected, self._times = data, options, expected, times
        self._start = time.perf_counter()
        #: Seconds that the tuning should take.
        self.limit = limit if options.budget is None else parse_seconds(options.budget, "the budget")

    def left(self) -> float:
        """Seconds until the limit; infinite without one."""
        return self.limit - self.spent()

    def spent(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._start

    def needs(self, trial: Trial) -> float:
        """Seconds until a candidate is built over all vectors and measured; under a budget, what that may take."""
        if self._options.budget is None:
            return _MEASURING * trial.expected_build
        return self._times.margin(trial.candidate) * trial.expected_build + self.asking_seconds(trial)

    def fits(self, trial: Trial) -> bool:
        """Whether a candidate can be built and measured in time."""
        return self.needs(trial) <= self.left()

    def asking_seconds(self, trial: Trial) -> float:
        """Of asking as few queries as are always asked, and of finding their true neighbours unless these are known."""
        searched = trial.predicted_seconds
        if math.isinf(searched):
            searched = self._expected.search_seconds(trial.candidate, len(self._data.vectors))
        kind = KINDS[trial.candidate.kind]
        times = 1 if kind.exhaustive else TIMES_ASKED
        truth = 0.0 if self._data.knows_neighbours(kind) else self.truth_seconds()
        return min(self._data.asked, self.fewest_queries()) * (truth + times * searched)

    def truth_seconds(self) -> float:
        """Of one query's true neighbours among all vectors."""
        return self._expected.search_seconds(Candidate("exact"), len(self._data.vectors)) / self._expected.threads

    def fewest_queries(self) -> int:
        """So many are asked however long it takes, where there are so many."""
        needed = _TIMES_NEEDED * queries_to_show(self._options.recall, self._options.k)
        return max(_FEWEST_QUERIES, math.ceil(needed)) if math.isfinite(needed) else _FEWEST_QUERIES

    def too_long(self, trial: Trial) -> str:
        """The verdict on a candidate for which there is too little time."""
        asking = self.asking_seconds(trial) if self._options.budget is not None else 0.0
        measured = f" and {asking:.0f} s to measure" if asking >= 1 else ""
        return f"expected to take {trial.expected_build:.0f} s to build{measured}, more than there is time"
