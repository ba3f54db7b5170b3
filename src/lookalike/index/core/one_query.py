"""The usual search, prepared: one float32 query of an index in which nothing is in the way.

A service asks one query at a time, without a filter, of an index with few tombstones. The engine's search leaves the
processor's caches full of vectors instead of code, so that every step of Python's or NumPy's after it costs several
times what it costs in a loop: the general path (`VectorIndex.search`) adds a quarter to a graph's 150 µs. What that
looks up and decides for every call is here done once, and kept until the index next changes
(`RecoverableChanges.prepared`). Whatever is unusual about a query or its answer is left to the general path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lookalike.index.core.hits import Hits

if TYPE_CHECKING:
    from lookalike.index.core.hits import Found, Mask, Positions
    from lookalike.index.core.metric_space import Place
    from lookalike.index.core.recoverable_changes import Undisturbed

__all__ = ["FindOne", "OneQuery", "general", "one_query"]

#: Answers what may be a usual query; None where the general path has to look at it.
OneQuery = Callable[[Any], "Hits | None"]

#: Finds the k nearest of a query that stands where the function knows; None where they are fewer than k.
FindOne = Callable[[], "Found | None"]


def one_query(place: Place, find: FindOne, ids: Positions | None, dead: Mask | None, still: Undisturbed) -> OneQuery:
    """The prepared search of one thread.

    Args:
        place: prepares a query where `find` reads it; False where it is no usual one.
        find: what the kind has prepared.
        ids: the id at each position; None where ids are positions.
        dead: which positions are tombstones, or None; an answer that holds one is left to the general path.
        still: tells whether the index is as it was when this was prepared.
    """
    own, gate, prepared = still

    def answer(queries: Any) -> Hits | None:
        if not place(queries):
            return None
        with own:
            if gate.locked() or not prepared:
                return None
            found = find()
            if found is None:
                return None
            distances, positions, computed = found
            if dead is not None and dead[positions].any():
                return None
            return Hits(positions if ids is None else ids[positions], distances, computed)

    return answer


def general(queries: Any) -> Hits | None:
    """Stands for a prepared search where none is possible: every query takes the general path."""
    return None
