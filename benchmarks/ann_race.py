"""Recall against queries per second: sweeping one engine's setting to a target, and racing several side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ann_data import Dataset, K
from ann_peers import Floats, Line, Peer

__all__ = ["one_pass", "race", "sweep"]

#: Neighbouring settings closer than this are not told apart by 1,000 queries.
FINE = 0.03


#: All queries to the positions found for each.
Answers = Callable[[Floats], Any]


def answers(engine: Peer, loaded: Any, settings: Mapping[str, Any], threads: int) -> Answers:
    """One query after the other; with `threads` above 1 all at once, by the library's own batch call."""
    if threads > 1:
        return lambda queries: engine.search_batch(loaded, queries, settings, K, threads)
    search = engine.searcher(loaded, settings, K)
    return lambda queries: [search(query) for query in queries]


def one_pass(answer: Answers, data: Dataset) -> tuple[float, npt.NDArray[np.int64]]:
    """Seconds for all queries, and `(queries, K)` positions; short answers are filled with -1."""
    answer(data.queries[:50])
    start = time.perf_counter()
    answers = answer(data.queries)
    seconds = time.perf_counter() - start
    found = np.full((len(answers), K), -1, np.int64)
    for row, answer in zip(found, answers, strict=True):
        positions = np.asarray(answer, np.int64)[:K]
        row[: len(positions)] = positions
    return seconds, found


def sweep(engine: Peer, loaded: Any, data: Dataset, target: float, threads: int = 1) -> list[dict[str, Any]]:
    """Every point measured on the engine's lines: settings, recall and queries per second of one pass."""
    rows = []
    for line in engine.lines(loaded, len(data.vectors)):
        points = _line(engine, loaded, data, line, target, threads)
        rows += [{**points[value], "as_tuned": not line.knob} for value in sorted(points)]
    return rows


def _line(
    engine: Peer, loaded: Any, data: Dataset, line: Line, target: float, threads: int
) -> dict[int, dict[str, Any]]:
    points: dict[int, dict[str, Any]] = {}

    def reaches(value: int) -> bool:
        settings = {**line.fixed, **({line.knob: value} if line.knob else {})}
        seconds, found = one_pass(answers(engine, loaded, settings, threads), data)
        recall, speed = round(data.recall(found), 4), round(len(data.queries) / seconds, 1)
        points[value] = {"settings": settings, "recall": recall, "queries_per_second": speed}
        return recall >= target

    below, value = line.low - 1, line.low
    if not line.knob:
        reaches(value)
        return points
    while not reaches(value):
        if value == line.high:
            return points
        # A plateau far from the target: more of this setting will not reach it.
        if len(points) > 4 and points[value]["recall"] - points[below]["recall"] < 0.001:
            return points
        below, value = value, min(line.high, max(value + 1, round(value * 1.6)))
    while value - below > max(1, FINE * value):
        middle = (below + value) // 2
        below, value = (below, middle) if reaches(middle) else (middle, value)
    return points


def race(
    runners: list[tuple[Peer, Path, Mapping[str, Any]]], data: Dataset, passes: int, threads: int = 1
) -> list[dict[str, Any]]:
    """Queries per second of each runner, the median of passes in turn.

    Args:
        runners: engine, where it is kept, and its point of a sweep.
        data: what is searched.
        passes: over all queries.
        threads: of batches; 1 for one query at a time.
    """
    searches = []
    for engine, folder, row in runners:
        loaded = engine.load(folder, data.vectors.shape[1])
        searches.append(answers(engine, loaded, row["settings"], threads))
    seconds: list[list[float]] = [[] for _ in runners]
    recalls = [0.0] * len(runners)
    for turn in range(passes):
        # Another one goes first every time.
        for place in range(len(runners)):
            which = (place + turn) % len(runners)
            taken, found = one_pass(searches[which], data)
            seconds[which].append(taken)
            recalls[which] = data.recall(found)
    return [
        {
            "engine": engine.name,
            "library": row["library"],
            "settings": row["settings"],
            "recall": round(recall, 4),
            "queries_per_second": round(len(data.queries) / statistics.median(taken), 1),
            "slowest_pass": round(len(data.queries) / max(taken), 1),
            "fastest_pass": round(len(data.queries) / min(taken), 1),
        }
        for (engine, _, row), recall, taken in zip(runners, recalls, seconds, strict=True)
    ]
