"""How many links lead to each vector of a navigable small world: by few, searches miss it; by none, no search finds it.

A graph keeps, of the links to a vector, those that its neighbours choose, and each keeps the best few of its own. A
vector that lies apart is chosen by few, or by none: of 20,000 like faces one in 500. More candidates hardly help: of
2,768 of 100,000 like faces, a search for the other picture missed 62 (2.2%), of whom 57 are among the 23% of the
vectors with at most 8 links to them; of the 17 with one link it missed 11.

So the places for links that a build left free are given to links to such vectors, from their own neighbours
(`even_links`): 0.3% are missed then, for a tenth more comparisons. The paper on HNSW fills free places by the
neighbours that its heuristic left out (`keepPrunedConnections`; Malkov and Yashunin, "Efficient and robust approximate
nearest neighbor search using hierarchical navigable small world graphs", 2018, algorithm 4), whoever they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["LEAST_LINKS", "even_links", "unreached"]

faiss = EngineLibrary("faiss")

Integers = npt.NDArray[np.int64]
Links = npt.NDArray[np.int32]

#: Links that are to lead to every vector. Measured on 100,000 × 128 like faces (M = 16, 466 candidates): persons missed
#: 2.42% without, 1.52% with 4 links, 0.69% with 8, 0.40% with 12, 0.36% with 16, 0.33% with 24.
LEAST_LINKS = 24
#: Vectors that are given links at a time, so that other threads come to their turn, and how often they are looked at.
_AT_A_TIME, _ROUNDS = 20_000, 3


def unreached(engine: Any) -> npt.NDArray[np.int64]:
    """Positions that cannot be reached from where searches of a faiss HNSW index begin, over the links of level 0.

    A few of them may be found after all, by a link of a level above.

    Args:
        engine: a faiss `IndexHNSW`.

    Returns:
        `(m,)` in order.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    graph, count = engine.hnsw, int(engine.ntotal)
    if not count:
        return np.empty(0, np.int64)
    ends = _Level0(engine).links()
    given = ends >= 0
    starts = np.concatenate([[0], np.cumsum(given.sum(axis=1))])
    held = csr_array((np.ones(starts[-1], np.int8), ends[given], starts), shape=(count, count))
    reached = breadth_first_order(held, int(graph.entry_point), directed=True, return_predecessors=False)
    return np.setdiff1d(np.arange(count), reached)


def even_links(engine: Any, least: int = LEAST_LINKS) -> int:
    """Let links lead to vectors that few lead to, from their own neighbours, where these have places free.

    Args:
        engine: a faiss `IndexHNSW`, which nobody searches or changes meanwhile.
        least: as many links are to lead to each vector.

    Returns:
        how many links were added.
    """
    if not int(engine.ntotal):
        return 0
    level = _Level0(engine)
    ends = level.links()
    before = int((ends >= 0).sum())
    leading = np.bincount(ends[ends >= 0], minlength=len(ends))
    free = ends.shape[1] - (ends >= 0).sum(axis=1)
    few = np.flatnonzero(leading < least)
    few = few[np.argsort(leading[few], kind="stable")]
    for start in range(0, len(few), _AT_A_TIME):
        for _ in range(_ROUNDS):
            if not _linked(ends, few[start : start + _AT_A_TIME], leading, free, least):
                break
    level.put(ends)
    return int((ends >= 0).sum()) - before


class _Level0:
    """The links of the lowest level of a graph, in which all vectors are."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._offsets = faiss.vector_to_array(engine.hnsw.offsets)[:-1].astype(np.int64)
        self._width = int(engine.hnsw.nb_neighbors(0))

    def _parts(self) -> Iterator[tuple[slice, Integers]]:
        for start in range(0, len(self._offsets), _AT_A_TIME):
            some = slice(start, start + _AT_A_TIME)
            yield some, self._offsets[some, None] + np.arange(self._width)

    def _all(self) -> Links:
        neighbours = self._engine.hnsw.neighbors
        links: Links = faiss.rev_swig_ptr(neighbours.data(), neighbours.size())
        return links

    def links(self) -> Links:
        """`(n, places)` whom each vector links to, a copy; -1 in places that are free, which come last."""
        held, links = self._all(), np.empty((len(self._offsets), self._width), np.int32)
        for some, places in self._parts():
            links[some] = held[places]
        return links

    def put(self, links: Links) -> None:
        """Write them into the graph."""
        held = self._all()
        for some, places in self._parts():
            held[places] = links[some]


def _linked(ends: Links, few: Integers, leading: Integers, free: Integers, least: int) -> bool:
    """Add links to some vectors from those that they link to; whether any was added."""
    to = ends[few]
    usable = (to >= 0) & (free[to] > 0)
    wanted = np.repeat(few, usable.sum(axis=1))
    giving = to[usable].astype(np.int64)
    new = ~(ends[giving] == wanted[:, None]).any(axis=1)
    wanted, giving = wanted[new], giving[new]
    kept = _earlier(wanted) < (least - leading)[wanted]
    wanted, giving = wanted[kept], giving[kept]
    place = _earlier(giving)
    kept = place < free[giving]
    wanted, giving, place = wanted[kept], giving[kept], place[kept]
    ends[giving, ends.shape[1] - free[giving] + place] = wanted
    np.add.at(leading, wanted, 1)
    np.subtract.at(free, giving, 1)
    return len(wanted) > 0


def _earlier(groups: Integers) -> Integers:
    """Of every entry, how many before it are the same."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    counts = np.diff(np.append(starts, len(ordered)))
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(ordered)) - np.repeat(starts, counts)
    return found
