"""The search settings that reach a recall at the least cost, over one built index: nothing is rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.index.tuning.candidates import effort_bounds, effort_names
from lookalike.index.tuning.recall import Recall, Truth
from lookalike.index.tuning.speed import batch_seconds, single_seconds

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats
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
    index: Searchable, queries: Floats, truth: Truth, target: float, batch: bool = False
) -> Point | None:
    """The cheapest search settings whose recall is `target` with 95% confidence; None where none reaches it.

    Args:
        index: built.
        queries: `(q, d)` that are not in it.
        truth: their exact neighbours.
        target: recall to keep.
        batch: count the time of batches; else of single queries.
    """
    raised, tried = effort_names(index.kind)
    if raised is None:
        return _timed(index, queries, {}, recall_at(index, queries, truth, {}), truth.k, batch)
    best: Point | None = None
    worse = 0
    for value in _tried_values(index, truth.k, tried):
        others = {} if tried is None else {tried: value}
        found = _least(index, queries, truth, target, raised, others)
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


def _tried_values(index: Searchable, k: int, name: str | None) -> list[int]:
    """Values of the second setting, from few to many: candidates that are compared again in full."""
    if name is None:
        return [0]
    values = [2 * k]
    while values[-1] < min(len(index), 200 * k):
        values.append(int(values[-1] * 1.6))
    return values


def _least(
    index: Searchable, queries: Floats, truth: Truth, target: float, raised: str, others: dict[str, Any]
) -> tuple[dict[str, Any], Recall] | None:
    """The least value of one setting that reaches the target: doubling, then halving the step."""

    def at(value: int) -> Recall:
        return recall_at(index, queries, truth, {raised: value, **others})

    high, limit = effort_bounds(index.kind, len(index), truth.k)
    low, before, flat = 0, -1.0, 0
    while (recall := at(high)).floor < target:
        # Twice the effort and nothing gained, three times in a row: what is missing lies elsewhere. (Not at the very
        # start, where a forest's first few nodes find next to nothing.)
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
    return {raised: high, **others}, recall


def sweep(
    index: Searchable,
    queries: Floats,
    truth: Truth,
    *,
    batch: bool = False,
    up_to: float = 0.995,
    progress: Callable[[Point], None] | None = None,
) -> list[Point]:
    """The curve of recall against time: points of growing effort until `up_to` is reached or nothing is gained."""
    raised, tried = effort_names(index.kind)
    points: list[Point] = []

    def measure(settings: dict[str, Any]) -> Point:
        point = _timed(index, queries, settings, recall_at(index, queries, truth, settings), truth.k, batch)
        points.append(point)
        if progress is not None:
            progress(point)
        return point

    if raised is None:
        measure({})
        return points
    start, limit = effort_bounds(index.kind, len(index), truth.k)
    for value in _tried_values(index, truth.k, tried)[::3]:
        others = {} if tried is None else {tried: value}
        effort, before = start, -1.0
        while True:
            point = measure({raised: effort, **others})
            if point.recall.mean >= up_to or effort >= limit or (point.recall.mean < before + 0.0005 and before > 0.2):
                break
            before = point.recall.mean
            effort = min(limit, max(effort + 1, int(effort * 1.5)))
    return points


def frontier(points: list[Point]) -> list[Point]:
    """Those points that no other beats in both recall and time, by growing recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.recall.mean, p.seconds)):
        if not best or point.seconds < best[-1].seconds:
            best.append(point)
    return best[::-1]
