"""How long builds take: by the tables, corrected by the builds that a tuning has timed; and how far off that may be.

The tables are of one machine on one day. What a build over a sample took beside what the tables say holds for a build
over all vectors, too: the machine, its other work and the vectors are the same. A build over all vectors, in turn,
shows how far the tables' growth is off, which is much the same for all build settings of a kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lookalike.index.core.kind import Candidate
    from lookalike.index.tuning.expectations import Expectations

__all__ = ["BuildTimes"]

#: A build may take so many times as long as expected, at least and at most, as far as timed builds can say.
_LEAST_MARGIN, _MOST_MARGIN = 1.2, 2.0
#: And so many times where fewer than two builds of its kind were timed.
_UNKNOWN_MARGIN = 1.5


class _Timed(NamedTuple):
    """A build, and how many times as long as by the tables it took."""

    candidate: Candidate
    vectors: int
    ratio: float


class BuildTimes:
    """Expected build times of candidates, corrected as builds are timed.

    Args:
        expected: by the tables.

    Example:
        >>> from lookalike.index.tuning.candidates import Candidate
        >>> from lookalike.index.tuning.expectations import Expectations
        >>> times, graph = BuildTimes(Expectations(128, 0.95, 10, threads=2)), Candidate("hnsw", {"M": 16})
        >>> before = times.seconds(graph, 1_000_000)
        >>> times.note(graph, 20_000, 2 * times.seconds(graph, 20_000))
        >>> round(times.seconds(graph, 1_000_000) / before, 6)
        2.0
    """

    def __init__(self, expected: Expectations) -> None:
        self._expected = expected
        self._timed: list[_Timed] = []

    def note(self, candidate: Candidate, count: int, seconds: float) -> None:
        """A build over `count` vectors took so many seconds."""
        by_table = self._expected.build_seconds(candidate, count)
        self._timed.append(_Timed(candidate, count, max(seconds, 1e-6) / by_table))

    def seconds(self, candidate: Candidate, count: int) -> float:
        """What a build over `count` vectors is expected to take."""
        return self._expected.build_seconds(candidate, count) * self._correction(candidate)

    def margin(self, candidate: Candidate) -> float:
        """How many times as long as expected a build may take.

        As far as the builds of the same kind disagree about how many times as long as by the tables they take.
        """
        ratios = [timed.ratio for timed in self._of_kind(candidate)]
        if len(ratios) < 2:
            return _UNKNOWN_MARGIN
        return min(_MOST_MARGIN, max(_LEAST_MARGIN, max(ratios) / min(ratios)))

    def _correction(self, candidate: Candidate) -> float:
        """By its own first build; else by those of its kind, else by all."""
        of_kind = self._of_kind(candidate)
        first = [timed for timed in of_kind if timed.candidate == candidate][:1] or of_kind or self._timed
        return _mean([timed.ratio for timed in first]) * self._growth(of_kind)

    @staticmethod
    def _growth(of_kind: Sequence[_Timed]) -> float:
        """How many times as much as by the tables builds of a kind grow with the number of vectors."""
        off = []
        for place, timed in enumerate(of_kind):
            before = [one for one in of_kind[:place] if one.candidate == timed.candidate]
            if before and before[0].vectors < timed.vectors:
                off.append(timed.ratio / before[0].ratio)
        return _mean(off)

    def _of_kind(self, candidate: Candidate) -> list[_Timed]:
        return [timed for timed in self._timed if timed.candidate.kind == candidate.kind]


def _mean(ratios: Sequence[float]) -> float:
    """Their geometric mean; 1 of none."""
    return math.prod(ratios) ** (1 / len(ratios)) if ratios else 1.0
