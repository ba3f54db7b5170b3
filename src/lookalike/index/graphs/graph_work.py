"""Work of graphs of neighbours: what a search and a build read, for plans.

A query computes distances in proportion to its candidates and to log n, each a jump in memory and d numbers; inserting
a vector is such a search.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lookalike.index.core.costs import JUMP

if TYPE_CHECKING:
    from lookalike.index.core.costs import Shape

__all__ = ["build_work", "search_work"]


def search_work(shape: Shape, candidates: int) -> float:
    """Numbers read by a query that keeps so many candidates."""
    return candidates * math.log2(shape.count + 1) * (shape.dimension + JUMP)


def build_work(shape: Shape) -> float:
    """Numbers read by inserting all vectors, up to a factor that measurements give."""
    return shape.count * math.log2(shape.count + 1) * (shape.dimension + JUMP)
