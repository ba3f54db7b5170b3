"""The search settings that reach a recall at the least cost, over one built index: nothing is rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.index.tuning.recall import Recall, Truth
from lookalike.index.tuning.speed import batch_seconds, single_seconds

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats
    from lookalike.index.core.kind import RecallSetting
    from lookalike.index.tuning.speed import Searchable

__all__ = ["Point", "frontier", "recall_at", "settings_for_recall", "sweep"]

#: The raised setting is found to within this share.
_CLOSE = 0.04
#: Queries that a quick timing takes.
_QUICK = 150


@dataclass(frozen=True)
class Point:
    """Search settings, the recall they reach and the seconds a query takes (alone, or its share of a batch)."""

    settings: dict[str, Any]
    recall: Recall
    seconds: float


def recall_at(index: Searchable, queries: Floats, truth: Truth, settings: dict[str, Any]) -> Recall:
    """Recall of one search of all queries."""
    return truth.recall(index.search(queries, truth.k, **settings).ids)


def _timed(index: Searchable, queries: Floats, settings: dict[str, Any], recall: Recall, k: int, batch: bool) -> Point:
    take = batch_seconds if batch else single_seconds
    return Point(settings, recall, take(index, queries if batch else queries[:_QUICK], k, settings))


def settings_for_recall(
    index: Searchable,
    setting: RecallSetting | None,
    queries: Floats,
    truth: Truth,
    target: float,
    batch: bool = False,
) -> Point | None:
    """The cheapest search settings whose recall is `target` with 95% confidence; None where none reaches it.

    Args:
        index: built.
        setting: the search setting to raise; None where there is none.
        queries: `(q, d)` that are not in it.
        truth: their exact neighbours.
        target: recall to keep.
        batch: count the time of batches; else of single queries.
    """
    if setting is None:
        return _timed(index, queries, {}, recall_at(index, queries, truth, {}), truth.k, batch)
    best: Point | None = None
    worse = 0
    for others in _reranking(index, truth.k, setting):
        found = _least(index, queries, truth, target, setting, others)
        if found is None:
            continue
        point = _timed(index, queries, *found, truth.k, batch)
        if best is None or point.seconds < best.seconds:
            best, worse = point, 0
        else:
            worse += 1
            if worse == 2:
                break
    return best


def _reranking(index: Searchable, k: int, setting: RecallSetting) -> list[dict[str, int]]:
    """How many candidates to compare again in full, from few to many; once nothing where that cannot be set."""
    if setting.reranked is None:
        return [{}]
    values = [2 * k]
    while values[-1] < min(len(index), 200 * k):
        values.append(int(values[-1] * 1.6))
    return [{setting.reranked: value} for value in values]


def _least(
    index: Searchable, queries: Floats, truth: Truth, target: float, setting: RecallSetting, others: dict[str, Any]
) -> tuple[dict[str, Any], Recall] | None:
    """The least value of one setting that reaches the target: doubling, then halving the step."""

    def at(value: int) -> Recall:
        return recall_at(index, queries, truth, {setting.name: value, **others})

    high, limit = setting.bounds(len(index), truth.k)
    low, before, flat = 0, -1.0, 0
    while (recall := at(high)).floor < target:
        # Doubled three times in a row and nothing gained: raising this setting does not reach the target. (Not at the
        # very start, where a forest's first few nodes find next to nothing.)
        flat = flat + 1 if before > 0.3 and recall.mean < before + 0.001 else 0
        if high >= limit or flat == 3:
            return None
        low, high, before = high, min(limit, 2 * high), recall.mean
    while high - low > max(1, int(_CLOSE * high)):
        middle = (low + high) // 2
        there = at(middle)
        if there.floor < target:
            low = middle
        else:
            high, recall = middle, there
    return {setting.name: high, **others}, recall


def sweep(
    index: Searchable,
    setting: RecallSetting | None,
    queries: Floats,
    truth: Truth,
    *,
    batch: bool = False,
    up_to: float = 0.995,
) -> list[Point]:
    """The curve of recall against time: the setting is raised until `up_to` is reached or nothing is gained.

    Arguments as for `settings_for_recall`.
    """
    points: list[Point] = []

    def measure(settings: dict[str, Any]) -> Recall:
        recall = recall_at(index, queries, truth, settings)
        points.append(_timed(index, queries, settings, recall, truth.k, batch))
        return recall

    if setting is None:
        measure({})
        return points
    start, limit = setting.bounds(len(index), truth.k)
    for others in _reranking(index, truth.k, setting)[::3]:
        value, before = start, -1.0
        while True:
            mean = measure({setting.name: value, **others}).mean
            if mean >= up_to or value >= limit or (mean < before + 0.0005 and before > 0.2):
                break
            before = mean
            value = min(limit, max(value + 1, int(value * 1.5)))
    return points


def frontier(points: list[Point]) -> list[Point]:
    """Those points that no other beats in both recall and time, by growing recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.recall.mean, p.seconds)):
        if not best or point.seconds < best[-1].seconds:
            best.append(point)
    return best[::-1]
