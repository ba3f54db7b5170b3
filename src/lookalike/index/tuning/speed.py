"""How long searches take: one query at a time, and in batches; several indexes in turns, so that noise hits all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Hits

__all__ = ["Searchable", "batch_seconds", "interleaved_seconds", "single_seconds"]


class Searchable(Protocol):
    """What can be measured: our indexes, and others' engines (`engine.py`)."""

    def __len__(self) -> int: ...

    def search(self, queries: Floats, k: int, **settings: Any) -> Hits:
        """As `VectorIndex.search`."""


def single_seconds(index: Searchable, queries: Floats, k: int, settings: dict[str, Any], passes: int = 3) -> float:
    """Seconds of one query searched alone: the fastest of several passes' means. The caller's threads apply."""
    index.search(queries[:1], k, **settings)  # settings are looked up, caches are warm
    rows = [queries[i : i + 1] for i in range(len(queries))]
    return min(_pass(index, rows, k, settings) for _ in range(passes))


def _pass(index: Searchable, rows: list[Floats], k: int, settings: dict[str, Any]) -> float:
    start = time.perf_counter()
    for row in rows:
        index.search(row, k, **settings)
    return (time.perf_counter() - start) / len(rows)


def batch_seconds(index: Searchable, queries: Floats, k: int, settings: dict[str, Any], passes: int = 3) -> float:
    """Seconds per query of one batch, with the threads the engine takes: the fastest of several passes."""
    index.search(queries, k, **settings)
    return min(_batch_pass(index, queries, k, settings) for _ in range(passes))


def _batch_pass(index: Searchable, queries: Floats, k: int, settings: dict[str, Any]) -> float:
    start = time.perf_counter()
    index.search(queries, k, **settings)
    return (time.perf_counter() - start) / len(queries)


def interleaved_seconds(
    trials: Sequence[tuple[Searchable, dict[str, Any]]],
    queries: Floats,
    k: int,
    batch: bool = False,
    rounds: int = 5,
) -> list[float]:
    """Seconds per query of each index under its settings, measured in turns; medians over the rounds.

    A shared machine's speed drifts by half within seconds: what is compared must be measured side by side.
    """
    rows = [queries[i : i + 1] for i in range(len(queries))]
    taken = np.zeros((rounds, len(trials)))
    for index, settings in trials:
        index.search(queries[:1], k, **settings)
    for turn in range(rounds):
        for place, (index, settings) in enumerate(trials):
            if batch:
                taken[turn, place] = _batch_pass(index, queries, k, settings)
            else:
                taken[turn, place] = _pass(index, rows, k, settings)
    return [float(value) for value in np.median(taken, axis=0)]
