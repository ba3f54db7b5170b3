"""The search settings that reach a recall at the least cost, over one built index: nothing is rebuilt.

Two settings may trade recall for time: how much an index looks at (cells, candidates), and how many of what it met are
compared again in full. For every number of the second, the least of the first that reaches the recall is found; the
points on this line are timed in turns. A query's time grows with either in proportion, so a plane is laid through the
times, and the cheapest point is read from it: one disturbed measurement on a shared machine decides nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import nnls

from lookalike.index.planning.scaling import recall_logit
from lookalike.index.tuning.recall import Recall, queries_to_show
from lookalike.index.tuning.speed import interleaved_seconds, seconds

if TYPE_CHECKING:
    from lookalike.index.core.kind import RecallSetting
    from lookalike.index.tuning.asked import Asked
    from lookalike.index.tuning.speed import Searchable

__all__ = ["Point", "frontier", "settings_for_recall", "sweep"]

#: A setting is found to within this share.
_CLOSE = 0.02
#: Share of the queries that look for the line of points, but so many at least, and so many times those that can show
#: the recall; all of them settle the chosen one.
_SOME, _FEWEST, _TIMES_NEEDED = 0.25, 250, 2
#: How many candidates are compared again: at first so many times k, then more and fewer by steps of this ratio.
_START, _STEP = 5, 1.5
#: Fewer than at first are tried as long as the other setting is raised by no more than this.
_DEARER = 1.6
#: A further step that lowers the other setting by less than this share is the last.
_GAIN = 0.02
#: Recall is taken no further from 0 and 1 than this where it is interpolated.
_EDGE = 1e-4


@dataclass(frozen=True)
class Point:
    """Search settings, the recall they reach and the seconds a query takes (alone, or its share of a batch)."""

    settings: dict[str, Any]
    recall: Recall
    seconds: float


def settings_for_recall(
    index: Searchable, setting: RecallSetting | None, asked: Asked, target: float, batch: bool = False
) -> Point | None:
    """The cheapest search settings whose recall is `target` with 95% confidence; None where none reaches it.

    Args:
        index: built.
        setting: the search setting to raise; None where there is none.
        asked: queries with their true neighbours.
        target: recall to keep.
        batch: count the time of batches; else of single queries.
    """
    if setting is None:
        return Point({}, asked.recall(index, {}), seconds(index, asked.queries, asked.k, {}, batch))
    enough = min(_TIMES_NEEDED * queries_to_show(target, asked.k), len(asked))
    some = asked.first(max(_FEWEST, int(_SOME * len(asked)), math.ceil(enough)))
    search = _LeastSetting(index, setting, some, target)
    points = _line(search)
    if not points:
        return None
    timed = interleaved_seconds([(index, point) for point in points], asked.queries, asked.k, batch)
    place = int(np.argmin(_smoothed(points, timed)))
    settled = search.settled(points[place], asked)
    return None if settled is None else Point(*settled, timed[place])


def _line(search: _LeastSetting) -> list[dict[str, Any]]:
    """For every number of candidates compared again, the least of the raised setting that reaches the recall."""
    setting, k = search.setting, search.asked.k
    if setting.reranked is None:
        found = search.least({})
        return [] if found is None else [{setting.name: found}]
    points: list[dict[str, Any]] = []
    start = reranked = _START * k
    before: int | None = None
    while reranked <= max(start, min(search.count, 200 * k)):
        found = search.least({setting.reranked: reranked}, enough=before)
        if found is not None:
            points.append({setting.name: found, setting.reranked: reranked})
            if before is not None and found > (1 - _GAIN) * before:
                break
            before = found
        reranked = math.ceil(_STEP * reranked)
    reranked = int(start / _STEP)
    while points and reranked >= k:
        # Fewer are of use where the other setting then need not be raised much.
        found = search.least({setting.reranked: reranked}, limit=math.ceil(_DEARER * points[0][setting.name]))
        if found is None:
            break
        points.insert(0, {setting.name: found, setting.reranked: reranked})
        reranked = int(reranked / _STEP)
    return points


def _smoothed(points: list[dict[str, Any]], timed: list[float]) -> list[float]:
    """The times on the plane ``a + b * setting + c * reranked``, no term of it negative, that fits best in ratio."""
    values = np.array([[1.0, *point.values()] for point in points])
    if len(points) < 2 + values.shape[1]:
        return timed
    of_one = values / np.array(timed)[:, None]
    scale = of_one.max(axis=0)
    plane = nnls(of_one / scale, np.ones(len(points)))[0] / scale
    return [float(value) for value in values @ plane]


class _LeastSetting:
    """Looks for the least value of a setting that reaches a recall, with few searches.

    Args:
        index: built.
        setting: that is raised.
        asked: queries that look for it.
        target: recall to keep.
    """

    def __init__(self, index: Searchable, setting: RecallSetting, asked: Asked, target: float) -> None:
        self.index, self.setting, self.asked, self.target = index, setting, asked, target
        self.count = len(index)
        self._lowest, self._highest = setting.bounds(self.count, asked.k)

    def _recall(self, value: int, others: dict[str, Any], asked: Asked | None = None) -> Recall:
        return (asked or self.asked).recall(self.index, {self.setting.name: value, **others})

    def least(self, others: dict[str, Any], enough: int | None = None, limit: int | None = None) -> int | None:
        """The least value beside `others`; None where none reaches the recall.

        Args:
            others: search settings that stay.
            enough: a value that reaches it, where one is known.
            limit: the highest value to try; None for the setting's own.
        """
        known: dict[int, float] = {}  # floor of the recall by value
        ends = self._raised(others, known, limit) if enough is None else self._lowered(others, known, enough)
        if ends is None:
            return None
        low, high = ends
        while high - low > max(1, int(_CLOSE * high)):
            middle = _between(low, high, known, self.target)
            known[middle] = self._recall(middle, others).floor
            low, high = (low, middle) if known[middle] >= self.target else (middle, high)
        return high

    def _raised(
        self, others: dict[str, Any], known: dict[int, float], limit: int | None = None
    ) -> tuple[int, int] | None:
        """The first value of a doubling row that reaches the recall, and the one before."""
        high, highest = self._lowest, self._highest if limit is None else min(self._highest, limit)
        low, before, flat = high - 1, -1.0, 0
        while (recall := self._recall(high, others)).floor < self.target:
            known[high] = recall.floor
            # Doubled three times in a row and nothing gained: raising this setting does not reach the target. (Not at
            # the very start, where a forest's first few nodes find next to nothing.)
            flat = flat + 1 if before > 0.3 and recall.mean < before + 0.001 else 0
            if high >= highest or flat == 3:
                return None
            low, high, before = high, min(highest, 2 * high), recall.mean
        known[high] = recall.floor
        return low, high

    def _lowered(self, others: dict[str, Any], known: dict[int, float], enough: int) -> tuple[int, int]:
        """The last value of a row falling by growing steps that reaches the recall, and the one after."""
        high, step = enough, max(1, enough // 8)
        while high > self._lowest:
            low = max(self._lowest, high - step)
            known[low] = self._recall(low, others).floor
            if known[low] < self.target:
                return low, high
            high, step = low, 2 * step
        return high - 1, high

    def settled(self, point: dict[str, Any], asked: Asked) -> tuple[dict[str, Any], Recall] | None:
        """The least value near a point that keeps the recall on all queries, and the recall there."""
        name = self.setting.name
        others = {key: value for key, value in point.items() if key != name}
        step = max(1, int(_CLOSE * point[name]))

        def reached(value: int) -> Recall | None:
            recall = self._recall(value, others, asked)
            return recall if recall.floor >= self.target else None

        value = point[name]
        recall = reached(value)
        if recall is None:
            while recall is None and value < self._highest:
                value, step = min(self._highest, value + step), 2 * step
                recall = reached(value)
        else:  # the more queries, the narrower the interval: a lower value may do
            while value > self._lowest and (lower := reached(max(self._lowest, value - step))) is not None:
                value, recall = max(self._lowest, value - step), lower
        return None if recall is None else ({name: value, **others}, recall)


def _between(low: int, high: int, known: dict[int, float], target: float) -> int:
    """A value between two, where a line through their recalls meets the target on logarithmic axes; else the middle."""
    if low not in known or high not in known or known[high] - known[low] < _EDGE:
        return (low + high) // 2
    ends = [recall_logit(known[value], _EDGE) for value in (low, high)]
    share = (recall_logit(target, _EDGE) - ends[0]) / (ends[1] - ends[0])
    guess = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    # Not at an end, so that the gap shrinks on both sides.
    margin = (high - low) / 8
    return min(high - 1, max(low + 1, round(min(high - margin, max(low + margin, guess)))))


def sweep(
    index: Searchable,
    setting: RecallSetting | None,
    asked: Asked,
    *,
    batch: bool = False,
    up_to: float = 0.995,
) -> list[Point]:
    """The curve of recall against time: the setting is raised until `up_to` is reached or nothing is gained.

    Arguments as for `settings_for_recall`.
    """
    points: list[Point] = []

    def measure(settings: dict[str, Any]) -> Recall:
        recall = asked.recall(index, settings)
        points.append(Point(settings, recall, seconds(index, asked.queries, asked.k, settings, batch)))
        return recall

    if setting is None:
        measure({})
        return points
    start, limit = setting.bounds(len(index), asked.k)
    for others in _rerankings(index, asked.k, setting):
        value, before = start, -1.0
        while True:
            mean = measure({setting.name: value, **others}).mean
            if mean >= up_to or value >= limit or (mean < before + 0.0005 and before > 0.2):
                break
            before = mean
            value = min(limit, max(value + 1, int(value * 1.5)))
    return points


def _rerankings(index: Searchable, k: int, setting: RecallSetting) -> list[dict[str, int]]:
    """How many candidates to compare again in full, from few to many; once nothing where that cannot be set."""
    if setting.reranked is None:
        return [{}]
    values = [2 * k]
    while 4 * values[-1] < min(len(index), 200 * k):
        values.append(4 * values[-1])
    return [{setting.reranked: value} for value in values]


def frontier(points: list[Point]) -> list[Point]:
    """Those points that no other beats in both recall and time, by growing recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.recall.mean, p.seconds)):
        if not best or point.seconds < best[-1].seconds:
            best.append(point)
    return best[::-1]
