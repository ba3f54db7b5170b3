"""Navigable small worlds by faiss: what `nsw`, one flat graph, and `hnsw`, a hierarchy of graphs, share.

faiss cannot take a vector out of a graph, so a removed one stays as a stepping stone, marked with a tombstone.
Two ways to keep tombstones, and what is not in a subset, out of the answers were measured (300,000 × 128, k = 10, one
thread, the same candidates kept in both): faiss' own selector, and fetching all candidates, of which we drop those that
may not be found.

================================  ====================  =======================
may be found                      selector              all candidates fetched
================================  ====================  =======================
half, at random (256 candidates)  recall 0.976, 0.8 ms  recall 0.976, 0.9 ms
a tenth, at random (640)          recall 0.983, 2.6 ms  recall 0.983, 2.2 ms
a tenth, one region (640)         recall 0.987, 2.5 ms  recall 0.987, 2.4 ms
================================  ====================  =======================

Both find the same in the same time, for faiss visits the same nodes. But the selector answers wrongly without a sign of
it where a query's neighbourhood may not be found (the nearest tenth removed from 20,000: recall 0.18), which is just
what happens when an identity is forgotten and then shown again. Of fetched candidates too few are left then, and the
search goes on (`core.filtered_search`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lookalike.errors import ArtefactError
from lookalike.index.core.costs import Costs, Footprint, Measured, Shape, doubled_rows
from lookalike.index.core.distance_count import counted
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.faiss_search import faiss_search, prepared_faiss_search
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import RecallSetting, SearchSettings
from lookalike.index.core.metric_space import in_our_convention
from lookalike.index.core.vector_index import VectorIndex
from lookalike.index.graphs.graph_work import build_work, search_work
from lookalike.index.graphs.reachability import even_links, unreached

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lookalike.distances import Covariance
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.one_query import FindOne
    from lookalike.index.spec import IndexSpec

__all__ = ["RECALL_SETTING", "GraphSearch", "SmallWorldIndex", "graph_costs"]

faiss = EngineLibrary("faiss")

#: The name of faiss' metric. Unit vectors are ordered by Euclidean distance as by cosine, and the graph's pruning rule
#: wants a metric.
_METRICS = {
    "euclidean": "METRIC_L2",
    "cosine": "METRIC_L2",
    "inner_product": "METRIC_INNER_PRODUCT",
    "manhattan": "METRIC_L1",
}

#: Vectors that are added under one lock: so few that searches wait little, 15 ms among 300,000 × 128 on one thread,
#: and so many that a slice's own cost does not show. faiss' arrays double from there.
_SLICE = 32


class GraphSearch(SearchSettings):
    """`ef_search`: candidates kept during a search of the graph; more find more and take longer."""

    ef_search: int = Field(default=64, ge=1, le=1_000_000)


#: What a search can compare at most are all vectors.
RECALL_SETTING = RecallSetting("ef_search", limit=lambda count: max(count, 16))


@lru_cache(maxsize=64)
def _parameters(ef: int) -> Any:
    return faiss.SearchParametersHNSW(efSearch=ef)


class SmallWorldIndex(VectorIndex):
    """Approximate search over a graph; `ef_search` trades recall for speed. Build settings: `M`, `ef_construction`.

    The graph depends on the order in which threads insert, so two builds may differ in the last hits; set one
    OpenMP thread where they must not. When `stats()["tombstones"]` passes half of all, call `compact()`.
    """

    _slice = _SLICE

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._counter = faiss.cvar.hnsw_stats
        self._graph = self._new()

    def _new(self) -> Any:
        build: Any = self._spec.build
        graph = faiss.IndexHNSWFlat(self.dimension, build.M, getattr(faiss, _METRICS[self._space.metric]))
        graph.hnsw.efConstruction = build.ef_construction
        return graph

    def _engine(self) -> Any:
        return self._graph

    def _append(self, vectors: Floats) -> None:
        self._graph.add(vectors)

    def _truncate(self, size: int) -> int:
        # Other nodes may link to what was added, so it stays. faiss checks for signals while it adds and stops between
        # two vectors: such a graph is whole, the remaining nodes have no links. Where memory ran out, it may not be.
        if size and _is_whole(self._graph):
            return int(self._graph.ntotal) - size
        self._graph = self._rebuilt(np.arange(size))
        return 0

    def _vectors_at(self, positions: Positions) -> Floats:
        storage = faiss.downcast_index(self._graph.storage)
        stored: Floats = faiss.rev_swig_ptr(storage.get_xb(), storage.ntotal * self.dimension)
        return stored.reshape(-1, self.dimension)[positions]

    def _rebuilt(self, positions: Positions) -> Any:
        graph = self._new()
        if len(positions):
            graph.add(self._vectors_at(positions))
        return graph

    def _adopt(self, state: Any) -> None:
        self._graph = state

    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        wanted: GraphSearch = settings  # type: ignore[assignment]
        parameters = _parameters(max(k, wanted.ef_search))
        (distances, positions), computed = counted(
            self._computed, lambda: faiss_search(self._graph, queries, k, parameters)
        )
        return in_our_convention(distances, self._space.metric), positions, computed

    def _find_one(self, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        wanted: GraphSearch = settings  # type: ignore[assignment]
        return prepared_faiss_search(self._graph, row, k, _parameters(max(k, wanted.ef_search)))

    def unreached(self) -> Positions:
        """`(m,)` positions of vectors that no link leads to, so that no search finds them; more candidates do not help.

        A position is that of `id_map.ids`.
        """
        return unreached(self._graph)

    def even_links(self) -> int:
        """Let links lead to vectors that few lead to, which searches miss; see `graphs.reachability`.

        For an index of which every single vector is to be found, as in a gallery; takes a second per 100,000 vectors.

        Returns:
            how many links were added.
        """
        added: list[int] = []
        with self._changes.turn:
            self._changes.finish(lambda: added.append(even_links(self._graph)))
        return added[0]

    def _computed(self) -> int:
        return int(self._counter.ndis)

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: GraphSearch = settings  # type: ignore[assignment]
        most = max(wanted.ef_search, self._ids.size)
        return settings.model_copy(update={"ef_search": min(most, int(wanted.ef_search * factor))})

    def _at_hand(self, settings: SearchSettings) -> int:
        return int(settings.ef_search)  # type: ignore[attr-defined]

    def _bytes(self) -> int:
        if self._mapped:
            return 0
        hnsw = self._graph.hnsw
        return int(self._graph.ntotal * self.dimension * 4 + hnsw.neighbors.size() * 4 + hnsw.offsets.size() * 8)

    def _write(self, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", self._graph)

    def _read(self, folder: IndexFolder) -> None:
        self._graph = folder.faiss("index.faiss")
        if (self._graph.ntotal, self._graph.d) != (self._ids.size, self.dimension):
            raise ArtefactError(
                f"index.faiss holds {self._graph.ntotal} × {self._graph.d}, "
                f"expected {self._ids.size} × {self.dimension}"
            )


def _is_whole(graph: Any) -> bool:
    """Whether every vector has its place in the tables of links."""
    hnsw = graph.hnsw
    return bool(
        graph.storage.ntotal == graph.ntotal == hnsw.levels.size() == hnsw.offsets.size() - 1
        and hnsw.neighbors.size() == hnsw.offsets.at(graph.ntotal)
    )


def graph_costs(links: Callable[[Any], float], measured: Sequence[Measured], planned: Mapping[str, Any]) -> Costs:
    """What such a graph costs.

    The vectors, the links of 4 bytes, 8 bytes of offset and 4 of level a node.

    Args:
        links: of build settings, how many a node has on average.
        measured: what real builds took, sizes rising.
        planned: the build settings that a plan offers.
    """

    def footprint(shape: Shape) -> Footprint:
        per_node = 4 * shape.dimension + 4 * links(shape.build) + 12
        size = round(per_node * shape.count)
        return Footprint(size, shape.vectors + round(per_node * doubled_rows(shape.count, _SLICE)), size)

    return Costs(
        footprint=footprint,
        measured=lambda build: measured,
        search_work=search_work,
        build_work=build_work,
        search_bound="gather",
        build_bound="gather",
        planned=(planned,),
    )
