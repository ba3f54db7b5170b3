"""A filled inverted file, searched with parameters and filters whatever it is made of."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.core.distance_count import counted
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.faiss_search import faiss_search, prepared_faiss_search
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.metric_space import in_our_convention
from lookalike.index.lists.inverted_lists import centroids_compared

if TYPE_CHECKING:
    from lookalike.distances import MetricName
    from lookalike.index.core.allowed import Allowed
    from lookalike.index.core.one_query import FindOne

__all__ = ["SearchableLists", "in_convention"]

faiss = EngineLibrary("faiss")


class SearchableLists:
    """A faiss inverted file, perhaps behind a transform.

    Args:
        engine: the faiss index.
        addressable: whether it has to give vectors back by position (8 bytes a vector).
    """

    def __init__(self, engine: Any, addressable: bool) -> None:
        self.engine = engine
        whole = faiss.downcast_index(engine)
        lists = faiss.downcast_index(faiss.extract_index_ivf(engine))
        self._transformed = isinstance(whole, faiss.IndexPreTransform)
        quantizer = faiss.downcast_index(lists.quantizer)
        self._graph = isinstance(quantizer, faiss.IndexHNSW)  # written by earlier versions
        self._coded = isinstance(quantizer, faiss.IndexRefine)
        self._rabitq = isinstance(lists, faiss.IndexIVFRaBitQ | faiss.IndexIVFRaBitQFastScan)
        self._parameters = lru_cache(maxsize=64)(self._make_parameters)
        self._counter = faiss.cvar.indexIVF_stats
        self._lists = lists
        self._addressable = addressable
        if isinstance(lists, faiss.IndexIVFPQFastScan) and lists.fine_quantizer is None:
            lists.fine_quantizer = lists.pq  # faiss 1.15 forgets it where it reads a file, and crashes without it
        if addressable:
            lists.make_direct_map()

    def check(self, count: int, dimension: int) -> None:
        """Raise an `ArtefactError` unless it holds so many vectors of this dimension."""
        if (self.engine.ntotal, self.engine.d) != (count, dimension):
            raise ArtefactError(
                f"index.faiss holds {self.engine.ntotal} × {self.engine.d}, expected {count} × {dimension}"
            )

    def truncate(self, count: int) -> None:
        """Drop the vectors from position `count` on; whatever of them an interrupted addition has left, and where."""
        lists = self._lists
        lists.set_direct_map_type(faiss.DirectMap.NoMap)  # faiss removes nothing from lists with a table of positions
        lists.remove_ids(faiss.IDSelectorRange(count, np.iinfo(np.int64).max))
        lists.ntotal = self.engine.ntotal = lists.invlists.compute_ntotal()
        if self._addressable:
            lists.make_direct_map()

    @property
    def bytes(self) -> int:
        """Memory, near enough."""
        lists = self._lists
        addresses = 0 if lists.direct_map.no() else 8
        return int(lists.ntotal * (lists.code_size + 8 + addresses) + lists.nlist * lists.d * 4)

    def search(self, queries: Floats, k: int, nprobe: int, allowed: Allowed | None = None) -> Found:
        """Distances as faiss gives them (Euclidean squared, inner products not negated), positions, their number."""
        if allowed is None:
            parameters = self._parameters(nprobe)
        else:
            last = allowed.selecting
            if last is None or last[:2] != (self, nprobe):
                # faiss keeps a pointer into the bits, which `allowed` holds. Bits beyond the vectors that are in lists
                # do no harm.
                selector = faiss.IDSelectorBitmap(allowed.bits)
                last = allowed.selecting = self, nprobe, self._make_parameters(nprobe, selector)
            parameters = last[2]
        (distances, positions), computed = counted(
            self._computed, lambda: faiss_search(self.engine, queries, k, parameters)
        )
        return distances, positions, computed

    def _computed(self) -> int:
        return int(self._counter.ndis)

    def find_one(self, row: Floats, k: int, nprobe: int) -> FindOne:
        """As `VectorIndex._find_one`, where the lists hold vectors, not codes."""
        return prepared_faiss_search(self.engine, row, k, self._parameters(nprobe))

    def _make_parameters(self, nprobe: int, selector: Any = None) -> Any:
        # Asked to probe more lists than there are, faiss' packed lists answer nonsense under inner products (1.15).
        chosen: dict[str, Any] = {"nprobe": min(nprobe, self._lists.nlist)}
        if selector is not None:
            chosen["sel"] = selector
        # Twice as many candidates as lists: few of the nearest are then missed.
        if self._graph:
            chosen["quantizer_params"] = faiss.SearchParametersHNSW(efSearch=max(32, 2 * nprobe))
        elif self._coded:
            compared = centroids_compared(chosen["nprobe"])
            chosen["quantizer_params"] = faiss.IndexRefineSearchParameters(k_factor=compared)
        kind = faiss.IVFRaBitQSearchParameters if self._rabitq else faiss.SearchParametersIVF
        parameters = kind(**chosen)
        return faiss.SearchParametersPreTransform(index_params=parameters) if self._transformed else parameters

    def vectors_at(self, positions: Positions) -> Floats:
        """`(m, d)` vectors, as exact as the codes keep them; `addressable` only."""
        if not len(positions):
            return np.empty((0, self.engine.d), np.float32)
        vectors: Floats = self.engine.reconstruct_batch(positions)
        return vectors


def in_convention(distances: Floats, positions: Positions, metric: MetricName) -> Floats:
    """Distances of faiss as ours, smaller more alike, +inf where the position is -1."""
    # Estimates from codes may fall below zero.
    squares = metric in ("euclidean", "cosine")
    ours = in_our_convention(np.maximum(distances, 0) if squares else distances.copy(), metric)
    if positions.size and positions.min() < 0:
        ours[positions < 0] = np.inf
    return ours
