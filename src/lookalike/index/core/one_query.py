"""The usual search, prepared: one float32 query of an index in which nothing is in the way.

A service asks one query at a time, without a filter, of an index with few tombstones. The engine's search leaves the
processor's caches full of vectors instead of code, so that every step of Python's or NumPy's after it costs several
times what it costs in a loop: the general path (`VectorIndex.search`) adds a sixth to a graph's 200 µs. What that
looks up and decides for every call is here done once, and kept until the index next changes
(`RecoverableChanges.prepared`). Whatever is unusual about a query or its answer is left to the general path.

For the same reason the steps stand in one function, though it is long, and numbers are changed by faiss' functions of
addresses (`fvec_madd`): each further function, and each of NumPy's, costs about a microsecond.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.engine_library import EngineLibrary, compiled
from lookalike.index.core.hits import Hits
from lookalike.index.core.metric_space import LONGEST_SQUARE, SHORTEST_SQUARE

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions
    from lookalike.index.core.ids import IdMap
    from lookalike.index.core.metric_space import MetricSpace
    from lookalike.index.core.recoverable_changes import Undisturbed

__all__ = ["FindOne", "OneQuery", "general", "one_query"]

faiss = EngineLibrary("faiss")

_ARRAY, _FLOAT32 = np.ndarray, np.dtype(np.float32)

#: Answers what may be a usual query; None where the general path has to look at it.
OneQuery = Callable[[Any], "Hits | None"]

#: Finds the k nearest of the query in the thread's row: `(1, k)` distances and positions, the number of distances
#: computed or None, and the address of the distances where they are as `in_our_convention` takes them, None where they
#: are as it gives them. None where fewer than k were found.
FindOne = Callable[[], "tuple[Floats, Positions, int | None, Any] | None"]

#: Factors c by which `x + c x`, which takes no rounding, is what our convention makes of x: its half, or -x.
_FACTORS = {"cosine": -0.5, "inner_product": -2.0}
#: The most that rounding makes of the greatest cosine distance, 2.
_ROUNDED = 2.1
#: Longer distances are looked at in full: faiss writes the largest float32, or its root, where it found none.
_LONGEST = 1e19


def one_query(space: MetricSpace, k: int, find: FindOne, ids: IdMap, still: Undisturbed) -> OneQuery:
    """The prepared search of the calling thread.

    Args:
        space: of the index; not Mahalanobis, whose queries are whitened in float64.
        k: how many are found.
        find: what the kind has prepared; it reads the query in `space.row`.
        ids: of the index, as they are.
        still: tells whether the index is as it was when this was prepared.
    """
    row, metric = space.row, space.metric
    shape, dimension, last = row.shape, row.shape[1], k - 1
    zeros = np.zeros_like(row)
    address, add, squared = map(compiled, (faiss.swig_ptr, faiss.fvec_madd, faiss.fvec_norm_L2sqr))
    root = math.sqrt
    at_row, at_zeros = address(row), address(zeros)
    unit, rooted = metric == "cosine", metric == "euclidean"
    factor, most = _FACTORS.get(metric), 2.0 if metric == "cosine" else _LONGEST
    table, dead = ids.table, ids.dead if ids.live < ids.size else None
    own, gate, prepared = still

    # An address keeps no array: what is written to here, and read by engines, lives as long as this function.
    def answer(queries: Any, _kept: tuple[Floats, Floats] = (row, zeros)) -> Hits | None:
        if type(queries) is not _ARRAY or queries.shape != shape or queries.dtype != _FLOAT32:
            return None
        try:
            at_query = address(queries)
        except ValueError:  # not contiguous
            return None
        square = squared(at_query, dimension)
        if not SHORTEST_SQUARE < square <= LONGEST_SQUARE:  # neither is true of NaN
            return None
        add(dimension, at_zeros, 1 / root(square) if unit else 1.0, at_query, at_row)
        with own:
            if gate.locked() or not prepared:
                return None
            found = find()
            if found is None:
                return None
            distances, positions, computed, at = found
            if at is not None:
                if factor is not None:
                    add(k, at, factor, at, at)
                elif rooted:
                    np.sqrt(distances, out=distances)
                farthest = distances.item(last)
                if not farthest <= most:
                    if not farthest <= _ROUNDED:  # neither is true of NaN
                        return None
                    np.minimum(distances, 2, out=distances)
            elif positions.item(last) < 0:
                return None
            if dead is not None and dead[positions].any():
                return None
            return Hits(positions if table is None else table[positions], distances, computed)

    return answer


def general(queries: Any) -> Hits | None:
    """Stands for a prepared search where none is possible: every query takes the general path."""
    return None
