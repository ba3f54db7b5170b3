"""How long searches take: one query at a time, and in batches; several indexes in turns, so that noise hits all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lookalike.index.core.vector_index import VectorIndex

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Hits

__all__ = ["Searchable", "interleaved_seconds", "seconds"]

#: Queries that are timed one by one in a round, at most and at least.
_MANY, _FEW = 200, 20
#: Queries of a batch.
_BATCH = 1000
#: What all rounds should take: fewer queries are timed where they are slow.
_SECONDS = 3.0


class Searchable(Protocol):
    """What can be measured: our indexes, and others' engines (`engine.py`)."""

    def __len__(self) -> int: ...

    def search(self, queries: Floats, k: int, **settings: Any) -> Hits:
        """As `VectorIndex.search`."""


def seconds(index: Searchable, queries: Floats, k: int, settings: dict[str, Any], batch: bool = False) -> float:
    """Seconds per query under these settings: the median of a few rounds. The caller's threads apply."""
    return interleaved_seconds([(index, settings)], queries, k, batch, rounds=3)[0]


def interleaved_seconds(
    trials: Sequence[tuple[Searchable, dict[str, Any]]],
    queries: Floats,
    k: int,
    batch: bool = False,
    rounds: int = 5,
) -> list[float]:
    """Seconds per query of each index under its settings, measured in turns; medians over the rounds.

    A shared machine's speed drifts by half within seconds: what is compared must be measured side by side.

    Args:
        trials: index and search settings.
        queries: `(q, d)`; single ones are the first of them, as many as there is time for.
        k: neighbours.
        batch: the time of all queries at once, with the threads the engine takes; else of one at a time.
        rounds: passes over all trials.
    """
    taken = np.zeros((rounds, len(trials)))
    timed = queries[:_BATCH] if batch else queries[: _as_many_as_fit(trials, queries, k, rounds)]
    if batch:
        for index, settings in trials:  # caches are warm, threads awake
            index.search(timed, k, **settings)
    for turn in range(rounds):
        for place, (index, settings) in enumerate(trials):
            with _in_place(index, settings) as given:
                taken[turn, place] = _pass(index, timed, k, given, batch)
    return [float(value) for value in np.median(taken, axis=0)]


def _as_many_as_fit(trials: Sequence[tuple[Searchable, dict[str, Any]]], queries: Floats, k: int, rounds: int) -> int:
    """How many queries to time one by one, so that all is done in time; caches are warm afterwards."""
    one_each = 0.0
    for index, settings in trials:
        with _in_place(index, settings) as given:
            one_each += _pass(index, queries[:_FEW], k, given, batch=False)
    return max(_FEW, min(_MANY, int(_SECONDS / (rounds * one_each))))


@contextmanager
def _in_place(index: Searchable, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What to give a search: nothing where the settings can be set beforehand, for checking them takes time, too."""
    if not isinstance(index, VectorIndex):
        yield settings
        return
    before = index.spec.search.model_dump()
    index.configure(**settings)
    try:
        yield {}
    finally:
        index.configure(**before)


def _pass(index: Searchable, queries: Floats, k: int, settings: dict[str, Any], batch: bool) -> float:
    parts = [queries] if batch else [queries[i : i + 1] for i in range(len(queries))]
    start = time.perf_counter()
    for part in parts:
        index.search(part, k, **settings)
    return (time.perf_counter() - start) / len(queries)
