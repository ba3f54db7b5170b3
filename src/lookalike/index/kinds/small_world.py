"""Navigable small worlds by faiss: `nsw`, one flat graph (Malkov et al., 2014), and `hnsw`, its hierarchy (2018).

faiss cannot take a vector out of a graph, so a removed one stays as a stepping stone, marked with a tombstone.
Three ways to keep tombstones out of the answers were measured (20,000 × 64, k = 10, ef_search = 64, one thread):

========================  =====================  =======================  ===================
removed                   selector in the graph  over-fetch until k live  what we do
========================  =====================  =======================  ===================
half, at random           0.99 recall, 0.4 ms    0.98 recall, 0.2 ms      0.99 recall, 0.5 ms
the nearest tenth         0.18 recall, 0.4 ms    1.00 recall, 24 ms       1.00 recall, 1.3 ms
========================  =====================  =======================  ===================

The selector answers wrongly without a sign of it when a query's neighbourhood was removed, which is just what
happens when an identity is forgotten and then shown again. So `VectorIndex` over-fetches, and where too few live
vectors come back, compares with all live vectors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import faiss as _faiss
import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.core.distance_count import counted
from lookalike.index.core.metric_space import in_our_convention
from lookalike.index.core.parametrised_search import parametrised_search
from lookalike.index.core.vector_index import Floats, Found, Positions, VectorIndex

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.spec import GraphSearch, HnswBuild, IndexSpec, SearchSettings

__all__ = ["HnswIndex", "NswIndex"]

# faiss' type stubs lack what its Python layer adds to the C++ classes.
faiss: Any = _faiss
_counter = faiss.cvar.hnsw_stats

# Unit vectors are ordered by Euclidean distance as by cosine, and the graph's pruning rule wants a metric.
_METRICS = {
    "euclidean": faiss.METRIC_L2,
    "cosine": faiss.METRIC_L2,
    "inner_product": faiss.METRIC_INNER_PRODUCT,
    "manhattan": faiss.METRIC_L1,
}


@lru_cache(maxsize=64)
def _parameters(ef: int) -> Any:
    return faiss.SearchParametersHNSW(efSearch=ef)


def _computed() -> int:
    return int(_counter.ndis)


class HnswIndex(VectorIndex):
    """Approximate search over a graph of layers; `ef_search` trades recall for speed.

    The graph depends on the order in which threads insert, so two builds may differ in the last hits; set one
    OpenMP thread where they must not. When `stats()["tombstones"]` passes half of all, call `compact()`.
    """

    _slice = 256

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._graph = self._new()

    def _new(self) -> Any:
        build: HnswBuild = self._spec.build  # type: ignore[assignment]
        graph = faiss.IndexHNSWFlat(self.dimension, build.M, _METRICS[self._space.metric])
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
            _computed, lambda: parametrised_search(self._graph, queries, k, parameters)
        )
        return in_our_convention(distances, self._space.metric), positions, computed

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: GraphSearch = settings  # type: ignore[assignment]
        return settings.model_copy(update={"ef_search": int(wanted.ef_search * factor)})

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


class NswIndex(HnswIndex):
    """The same graph without its upper layers: every search starts at one node and walks all the way."""

    def _new(self) -> Any:
        graph = super()._new()
        # faiss draws a node's top layer from these probabilities: one entry of 1 puts every node on the lowest.
        # (set_default_probas would append to the old ones, and a graph saved so cannot be read again.)
        faiss.copy_array_to_vector(np.array([1.0]), graph.hnsw.assign_probas)
        return graph
