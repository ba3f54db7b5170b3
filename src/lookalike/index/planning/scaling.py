"""How recall, search time and build time of every kind grow with the number of vectors and their dimension.

A kind was built for real at a few sizes; what lies between is interpolated on logarithmic axes, and what lies beyond
grows as the structure says, in *work*, numbers read or multiplied. Both stand in the kind's file (`core.costs.Costs`).

The settings that reach a recall grow with n as they did between the measured sizes. All of it is of one machine, on
vectors of `generated_vectors`; `Speed` carries it to another machine, `uncertainty` says how far to trust it. Real
embeddings may need a setting twice as high for the same recall: `tune_index` measures, this only plans.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lookalike.index.core.costs import MEASURED_DIMENSION, Measured
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed

__all__ = [
    "build_cpu_seconds",
    "expected_recall",
    "recall_logit",
    "search_ms",
    "setting_for_neighbours",
    "setting_for_recall",
    "uncertainty",
]

#: Recall is taken no further from 0 and 1 than this: so many queries were measured.
_EDGE = 0.0005
#: Recall gained below which an entry is no higher than the one before: three hits of 3,000.
_GAIN = 0.001
#: Recall gained by twice the setting's value below which a curve nears its plateau.
_FLAT = 0.02
#: So many vectors are in no cache.
_OUT_OF_CACHE = 10**6


def recall_logit(recall: float, edge: float = _EDGE) -> float:
    """The logarithm of a recall's odds, which recall is interpolated by; taken no further than `edge` from 0 and 1."""
    inside = min(max(recall, edge), 1 - edge)
    return math.log(inside / (1 - inside))


def _line(x: float, points: Sequence[tuple[float, float]]) -> float:
    """Piecewise linear through points of growing x; beyond the ends, the last piece is extended."""
    if len(points) == 1:
        return points[0][1]
    at = next((i for i in range(1, len(points) - 1) if x <= points[i][0]), len(points) - 1)
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _between(x: float, points: Sequence[tuple[float, float]]) -> float:
    """Piecewise linear through points of growing x; beyond the ends as at the ends."""
    return _line(min(max(x, points[0][0]), points[-1][0]), points)


def _points(kind: str, build: Mapping[str, Any]) -> Sequence[Measured]:
    return KINDS[kind].costs.measured(KINDS[kind].build(**build))


def setting_for_recall(kind: str, count: int, recall: float, build: Mapping[str, Any]) -> int:
    """The search setting that is expected to reach a recall@10 (`Kind.recall_setting`); 0 for exact.

    Where a code's plateau lies below that recall, the setting that reaches the plateau.
    """
    if KINDS[kind].exhaustive:
        return 0
    wanted = _value_for(_points(kind, build), count, min(recall, _ceiling(_points(kind, build), count)))
    return max(1, math.ceil(min(wanted, _largest_value(kind, count, build))))


def setting_for_neighbours(kind: str, count: int, recall: float, k: int, build: Mapping[str, Any]) -> int:
    """The search setting that is expected to reach a recall@k; 0 for exact.

    More neighbours lie in more places; fewer than ten are not much easier to find.
    """
    setting = KINDS[kind].recall_setting
    if setting is None:
        return 0
    value = setting_for_recall(kind, count, recall, build) * math.sqrt(max(1.0, k / 10))
    return max(math.ceil(value), k if setting.counts_candidates else 1)


def expected_recall(kind: str, count: int, value: int, build: Mapping[str, Any]) -> float:
    """Recall@10 that a search setting is expected to reach: the inverse of `setting_for_recall`."""
    if KINDS[kind].exhaustive:
        return 1.0
    points = _points(kind, build)
    low, high = _EDGE, _ceiling(points, count)
    if value >= _largest_value(kind, count, build):
        return high  # everything is looked at: only what codes lose is missing
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _value_for(points, count, middle) <= value else (low, middle)
    return high


def _value_for(points: Sequence[Measured], count: int, recall: float) -> float:
    needed = _needed(points, recall)
    return math.exp(_between(math.log(count), needed) + _growth(points) * max(0.0, math.log(count) - needed[-1][0]))


def _needed(points: Sequence[Measured], recall: float) -> list[tuple[float, float]]:
    """Logarithms of sizes, and of the value that reaches a recall at each."""
    needed = []
    for point in points:
        curve = [(recall_logit(found), math.log(value)) for value, found, _ in _rising(point)]
        needed.append((math.log(point.vectors), _line(recall_logit(recall), curve)))
    return needed


def _growth(points: Sequence[Measured]) -> float:
    """The power of the count by which values grow beyond the largest size; the same for all recalls.

    They neither fall nor grow faster than the square root, by which the cells grow.
    """
    if len(points) == 1:
        return 0.25
    (x0, y0), (x1, y1) = _needed(points, 0.9)[-2:]
    return min(max((y1 - y0) / (x1 - x0), 0.0), 0.5)


def _rising(point: Measured) -> list[tuple[int, float, float]]:
    """The part of a curve on which recall grows; on a plateau a higher value says nothing about recall."""
    kept = [point.curve[0]]
    for entry in point.curve[1:]:
        if entry[1] > kept[-1][1] + _GAIN:
            kept.append(entry)
    return kept


def _ceiling(points: Sequence[Measured], count: int) -> float:
    """What no value exceeds: where curves ended flat, their tops; else as close to 1 as was measured."""
    tops = []
    for point in points:
        recalls = [found for _, found, _ in point.curve]
        # Half the value, two entries before: what the second half gained, all further doublings together gain.
        gained = max(0.0, recalls[-1] - recalls[max(0, len(recalls) - 3)])
        flat = max(recalls) < 0.99 and gained < _FLAT
        tops.append((math.log(point.vectors), recall_logit(max(recalls) + gained if flat else 1.0)))
    top = _between(math.log(count), tops)
    if len(tops) > 1 and math.log(count) > tops[-1][0]:
        top = min(top, _line(math.log(count), tops))  # more vectors make no code better
    return 1 / (1 + math.exp(-top))


def _largest_value(kind: str, count: int, build: Mapping[str, Any]) -> int:
    return KINDS[kind].costs.everything(KINDS[kind].shape(count, MEASURED_DIMENSION, build))


def search_ms(
    kind: str, count: int, dimension: int, value: int, build: Mapping[str, Any], speed: MachineSpeed = REFERENCE
) -> float:
    """Milliseconds of one query on one thread, everything it touches in memory."""
    chosen, times = KINDS[kind], []
    for point in _points(kind, build):
        # Against the work done, so that only what the work does not tell is interpolated.
        shape = chosen.shape(point.vectors, MEASURED_DIMENSION, _as_measured(kind, build))
        curve = [
            (math.log(max(tried, 1)), math.log(ms / chosen.costs.search_work(shape, tried)))
            for tried, _, ms in point.curve
        ]
        times.append((math.log(point.vectors), _between(math.log(max(value, 1)), curve)))
    shape = chosen.shape(count, dimension, build)
    work = chosen.costs.search_work(shape, value) * chosen.costs.search_share(shape)
    return math.exp(_per_work(kind, count, times)) * work * speed.slowdown(kind)


def _per_work(kind: str, count: int, times: Sequence[tuple[float, float]]) -> float:
    """Logarithm of the time that a unit of work takes: beyond the measured sizes, what it is there.

    But where a kind jumps, ever more jumps leave the processor's caches, until a million vectors or so.
    """
    if KINDS[kind].costs.search_bound == "gather" and len(times) > 1 and math.log(count) > times[-1][0]:
        reached = max(times[-1][0], math.log(min(count, _OUT_OF_CACHE)))
        return max(times[-1][1], _line(reached, times))
    return _between(math.log(count), times)


def _as_measured(kind: str, build: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those that grow with the count, which at a measured size had the value that it suggests."""
    growing = KINDS[kind].costs.by_count(1)
    return {name: value for name, value in build.items() if name not in growing}


def build_cpu_seconds(
    kind: str, count: int, dimension: int, build: Mapping[str, Any], speed: MachineSpeed = REFERENCE
) -> float:
    """Seconds of processor time to build, over all threads."""
    chosen, measured = KINDS[kind], _as_measured(kind, build)

    def work(vectors: int, numbers: int, settings: Mapping[str, Any]) -> float:
        return chosen.costs.build_work(chosen.shape(vectors, numbers, settings))

    times = [
        (
            math.log(point.vectors),
            math.log(max(point.build_cpu_s, 1e-3) / work(point.vectors, MEASURED_DIMENSION, measured)),
        )
        for point in _points(kind, build)
    ]
    return math.exp(_per_work(kind, count, times)) * work(count, dimension, build) * speed.slowdown(kind, building=True)


def uncertainty(kind: str, count: int, dimension: int, build: Mapping[str, Any], calibrated: bool) -> float:
    """A factor f: the time is expected between prediction / f and prediction × f.

    1.6 at a measured size and dimension on a calibrated machine (other data, neighbours on the machine, memory layout);
    half as much again for every factor of ten beyond the measured sizes, a fifth for every doubling of the
    dimension, and a quarter where the machine was not measured.
    """
    points = _points(kind, build)
    if KINDS[kind].exhaustive:
        points = [points[0]._replace(vectors=1), points[-1]._replace(vectors=count)]  # in proportion at any size
    beyond = max(0.0, math.log10(count / points[-1].vectors), math.log10(points[0].vectors / count))
    doublings = abs(math.log2(dimension / MEASURED_DIMENSION))
    factor: float = 1.6 * 1.5**beyond * 1.2**doublings
    return factor if calibrated else factor * 1.25
