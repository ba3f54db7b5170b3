"""What a search among some of the vectors costs, one by one or through the engine: so the quicker way is taken.

Where the one overtakes the other depends on the engine, its settings, the vectors and the machine, by more than a
factor of ten; so both are timed, once an index, in some milliseconds. How the engine's time grows with its recall
setting is known from the kind's `Costs.search_work`. Near the point where both ways take as long, which of them answers
may differ from process to process; the one is exact, the other as good as an unfiltered search.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lookalike.index.core.costs import JUMP, Shape
from lookalike.index.core.flat_vectors import kept_vectors
from lookalike.index.kinds.registry import KINDS

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions
    from lookalike.index.core.kind import BuildSettings

__all__ = ["KEPT_BYTES", "FilterCosts", "recall_value", "search_work"]

#: The largest copy of a subset's vectors that is kept between searches.
KEPT_BYTES = 1 << 28

#: Vectors that are fetched to see how long that takes: few, for they may lie on the disk.
_FETCHED = 1000
#: And bytes of copies of them that are compared: more than a core's own cache holds.
_COMPARED_BYTES = 1 << 23
#: Searches that are timed, each of another vector: repeated ones would find in the cache what they need.
_QUERIES = 24
#: So many at least; but no further one begins after so many seconds, for an index whose pages are on the disk.
_FEWEST, _LONG = 3, 0.02
#: Neighbours asked for.
_K = 10


@dataclass(frozen=True)
class FilterCosts:
    """Seconds that searches of one index took, one query at a time.

    Attributes:
        start: of comparing hardly any vectors.
        compare: of comparing one vector more, out of an array.
        fetch: of getting one vector from the engine into an array.
        engine: of a search of all vectors at the setting that was timed.
        work: numbers read by that search, as `Costs.search_work` counts them.
    """

    start: float
    compare: float
    fetch: float
    engine: float
    work: float

    @classmethod
    def timed(
        cls,
        size: int,
        metric: str,
        vectors_at: Callable[[Positions], Floats],
        search: Callable[[Floats, int], object],
        work: float,
    ) -> FilterCosts:
        """Time an index of `size` vectors.

        Args:
            size: positions in use, at least 1.
            metric: of the prepared vectors.
            vectors_at: gives the prepared vectors at positions.
            search: the engine's search for k neighbours of `(1, d)` queries.
            work: see `work`.
        """
        # Ascending, with gaps, as a subset's positions lie.
        positions = np.linspace(0, size - 1, min(size, _FETCHED)).astype(np.int64)
        fetch = _typical([partial(vectors_at, np.minimum(positions + at, size - 1)) for at in range(1, 1 + _FEWEST)])
        vectors = vectors_at(positions)
        each = [vectors[row : row + 1] for row in range(0, len(vectors), -(-len(vectors) // _QUERIES))]
        rows = max(1, min(size, _COMPARED_BYTES // (4 * vectors.shape[1])))
        many = kept_vectors(np.resize(vectors, (rows, vectors.shape[1])), metric)
        few = kept_vectors(vectors[:1], metric)
        k = min(_K, size)
        start = _typical([partial(few.nearest, query, 1) for query in each])
        compared = _typical([partial(many.nearest, query, min(k, rows)) for query in each])
        engine = _typical([partial(search, query, k) for query in each])
        return cls(start, max(0.0, compared - start) / rows, fetch / len(positions), engine, work)

    def scan_seconds(self, count: int, queries: int, kept: bool) -> float:
        """Comparing a query with `count` vectors; unless a copy is kept, all queries together fetch them first."""
        return self.start + count * (self.compare + (0 if kept else self.fetch / queries))

    def engine_seconds(self, work: float) -> float:
        """A search by the engine that reads so many numbers."""
        return self.engine * work / self.work


def search_work(kind: str, count: int, build: BuildSettings, dimension: int, value: int, beyond: int) -> float:
    """Numbers that a search reads.

    Args:
        kind: its name.
        count: vectors.
        build: the kind's build settings.
        dimension: numbers per vector.
        value: of the recall setting, 0 where the kind has none.
        beyond: candidates compared in full, or given back, beyond those that come with that value.
    """
    chosen = KINDS[kind]
    shape = Shape(count, dimension, build)
    return chosen.costs.search_work(shape, value) + beyond * (dimension + JUMP)


def recall_value(kind: str, settings: object) -> int:
    """The value of a kind's recall setting; 0 where it has none."""
    chosen = KINDS[kind].recall_setting
    return 0 if chosen is None else int(getattr(settings, chosen.name))


def _typical(calls: list[Callable[[], object]]) -> float:
    """The median of the seconds that calls take; the first one is made once more, before that."""
    calls[0]()
    seconds: list[float] = []
    begin = time.perf_counter()
    for call in calls:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        seconds.append(end - start)
        if len(seconds) >= _FEWEST and end - begin > _LONG:
            break
    return statistics.median(seconds)
