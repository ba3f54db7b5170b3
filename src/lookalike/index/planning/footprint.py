"""How many bytes an index of a kind takes: in memory while it serves and while it is built, and on disk.

Counted from the engines' own structures, before anything is built: a kind's file says how (`Costs.footprint`). Beside
them our ids: 9 bytes a vector, 25 where the ids are not 0, 1, 2, ... `tests/index/planning/test_footprint.py` compares
with real indexes, `benchmarks/capacity_check.py` with the memory of real processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookalike.index.core.costs import Footprint
from lookalike.index.kinds.registry import KINDS

__all__ = ["PROCESS_BYTES", "footprint"]

#: Python, NumPy, pydantic and an engine's library, before the first vector.
PROCESS_BYTES = 80 << 20


def footprint(
    kind: str,
    count: int,
    dimension: int,
    build: Mapping[str, Any] | None = None,
    *,
    metric: str = "cosine",
    own_ids: bool = True,
    threads: int = 2,
) -> Footprint:
    """Bytes of an index of `kind` over `count` vectors, without `PROCESS_BYTES`.

    Args:
        kind: a name in `lookalike.index.kinds.registry.KINDS`.
        count: vectors, at least 1.
        dimension: numbers per vector.
        build: its build settings; those not given have their default.
        metric: cosine and Mahalanobis prepare a copy of the vectors while building.
        own_ids: whether the ids are 0, 1, 2, ...; others need a table.
        threads: that build.

    Example:
        >>> footprint("hnsw", 1_000_000, 128).serving // 1_000_000    # 512 vector, 133 links, 12 and 9 of tables
        665
    """
    chosen = KINDS[kind]
    shape = chosen.shape(count, dimension, build, threads)
    found = chosen.costs.footprint(shape)
    table = (9 if own_ids else 25) * count
    # A streamed build prepares block after block.
    prepared = shape.vectors if metric in ("cosine", "mahalanobis") and not chosen.streamed else 0
    return Footprint(
        found.serving + table, found.building + prepared + table, found.disk + 9 * count + 4096, found.mapped
    )
