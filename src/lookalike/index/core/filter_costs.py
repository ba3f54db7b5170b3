"""What a search among some of the vectors costs, one by one or through the engine: so the cheaper way is taken.

Both are milliseconds of one query on the machine that the kinds were measured on (`core.costs.Measured`): only their
ratio counts, which hardly depends on the machine. A model rather than a stopwatch, so that the same search is answered
in the same way whatever else the machine does. `benchmarks/filtered_search.py` measures how good its choices are.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from lookalike.index.core.costs import JUMP
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.machine_speed import REFERENCE
from lookalike.index.planning.scaling import search_ms

if TYPE_CHECKING:
    from lookalike.index.core.kind import BuildSettings

__all__ = ["KEPT_BYTES", "effort", "engine_ms", "scan_ms"]

#: The largest copy of a subset's vectors that is kept between searches.
KEPT_BYTES = 1 << 28

#: What a comparison of few vectors costs beside them: milliseconds.
_START_MS = 0.04
#: Fetching a vector into the array that is compared, in ascending order of position, costs as much as reading so many
#: times the numbers of it and of `JUMP`.
_FETCH = 2


def scan_ms(count: int, dimension: int, queries: int, kept: bool) -> float:
    """Comparing a query with `count` vectors; unless a copy is kept, all queries together fetch them first."""
    numbers = count * dimension
    if not kept:
        numbers += count * _FETCH * (dimension + JUMP) / queries
    return _START_MS + 1e3 * numbers / REFERENCE.stream


def engine_ms(kind: str, count: int, dimension: int, value: int, build: BuildSettings) -> float:
    """A search of an engine over `count` vectors at a value of its recall setting (0 where it has none)."""
    # A quarter of an octave apart: counts that differ by a few vectors share an entry.
    return _engine_ms(kind, round(2 ** (round(4 * math.log2(count)) / 4)), dimension, value, build)


@lru_cache(maxsize=4096)
def _engine_ms(kind: str, count: int, dimension: int, value: int, build: BuildSettings) -> float:
    return search_ms(kind, count, dimension, value, build.model_dump())


def effort(kind: str, settings: object) -> int:
    """The value of a kind's recall setting; 0 where it has none."""
    chosen = KINDS[kind].recall_setting
    return 0 if chosen is None else int(getattr(settings, chosen.name))
