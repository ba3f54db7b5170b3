"""Which vectors of a navigable small world no search can find: those that no link leads to.

A graph keeps, of the links to a vector, those that its neighbours choose, and each keeps the best few of its own. A
vector that lies apart may be chosen by none: of 20,000 like faces it is one in 500. More candidates do not help.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["unreached"]

faiss = EngineLibrary("faiss")


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
    offsets = faiss.vector_to_array(graph.offsets).astype(np.int64)
    links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())
    ends: npt.NDArray[np.int32] = links[offsets[:-1, None] + np.arange(graph.nb_neighbors(0))]
    given = ends >= 0
    starts = np.concatenate([[0], np.cumsum(given.sum(axis=1))])
    held = csr_array((np.ones(starts[-1], np.int8), ends[given], starts), shape=(count, count))
    reached = breadth_first_order(held, int(graph.entry_point), directed=True, return_predecessors=False)
    return np.setdiff1d(np.arange(count), reached)
