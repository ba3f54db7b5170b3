"""`ivf`, an inverted file: k-means cells, of which a search compares the vectors of the nearest few (by faiss).

Sivic & Zisserman, "Video Google" (2003). The first 1,000 vectors are compared one by one; then the cells are learned
from what is there, later vectors go into them, and `compact()` learns them anew.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import faiss as _faiss
import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.coarse_lists import SAMPLE_PER_LIST, list_count
from lookalike.index.distance_count import counted
from lookalike.index.inverted_lists import InvertedLists
from lookalike.index.parametrised_search import parametrised_search
from lookalike.index.prefix_index import PrefixIndex
from lookalike.index.vector_index import Floats, Found, Mask, Positions

if TYPE_CHECKING:
    from lookalike.index.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.spec import IvfSearch, SearchSettings

__all__ = ["IvfIndex", "list_parameters", "searched_lists", "trained_on"]

faiss: Any = _faiss  # its type stubs lack what its Python layer adds

_counter = faiss.cvar.indexIVF_stats


def list_parameters(engine: Any, nprobe: int, selector: Any = None) -> Any:
    """faiss' parameters for a search of `nprobe` lists, whatever lies around the inverted file."""
    if selector is None:
        return _parameters(_shape(engine), nprobe)
    return _parameters.__wrapped__(_shape(engine), nprobe, selector)


def _shape(engine: Any) -> tuple[bool, bool, bool]:
    """Whether a transform comes first, whether a graph finds the lists, and whether they hold RaBitQ codes."""
    cached: tuple[bool, bool, bool] | None = getattr(engine, "_lookalike_shape", None)
    if cached is None:
        whole = faiss.downcast_index(engine)
        lists = faiss.downcast_index(faiss.extract_index_ivf(engine))
        cached = engine._lookalike_shape = (
            isinstance(whole, faiss.IndexPreTransform),
            isinstance(faiss.downcast_index(lists.quantizer), faiss.IndexHNSW),
            isinstance(lists, faiss.IndexIVFRaBitQ | faiss.IndexIVFRaBitQFastScan),
        )
    return cached


@lru_cache(maxsize=64)
def _parameters(shape: tuple[bool, bool, bool], nprobe: int, selector: Any = None) -> Any:
    transformed, graph, rabitq = shape
    chosen: dict[str, Any] = {"nprobe": nprobe}
    if selector is not None:
        chosen["sel"] = selector
    if graph:
        # Twice as many candidates as lists: the graph then misses few of the nearest.
        chosen["quantizer_params"] = faiss.SearchParametersHNSW(efSearch=max(32, 2 * nprobe))
    parameters = faiss.IVFRaBitQSearchParameters(**chosen) if rabitq else faiss.SearchParametersIVF(**chosen)
    return faiss.SearchParametersPreTransform(index_params=parameters) if transformed else parameters


def searched_lists(engine: Any, queries: Floats, k: int, nprobe: int, allowed: Mask | None = None) -> Found:
    """Search inverted lists; distances as faiss gives them (Euclidean squared, inner products not negated)."""
    if allowed is None:
        parameters = list_parameters(engine, nprobe)
    else:
        # faiss keeps a pointer into the array, which therefore has to stay until the search is over.
        bits = np.packbits(allowed, bitorder="little")
        parameters = list_parameters(engine, nprobe, faiss.IDSelectorBitmap(bits))
    (distances, positions), computed = counted(
        lambda: int(_counter.ndis), lambda: parametrised_search(engine, queries, k, parameters)
    )
    return distances, positions, computed


def trained_on(vectors: Floats, build: Any, metric: str) -> InvertedLists:
    """Inverted lists trained on a sample of `(n, d)` prepared vectors, spread evenly over them."""
    wanted = max(1 << 16, SAMPLE_PER_LIST * list_count(len(vectors), build.nlist))
    rows = np.linspace(0, len(vectors) - 1, min(wanted, len(vectors))).astype(np.int64)
    return InvertedLists.train(vectors[rows], build, metric, len(vectors))


class IvfIndex(PrefixIndex):
    """Vectors in cells; `nprobe` trades recall for speed. Metrics euclidean, cosine, inner product, manhattan."""

    _grows = True

    def _build_engine(self, vectors: Floats) -> Any:
        lists = trained_on(vectors, self._spec.build, self._space.metric)
        return _addressable(lists.filled(lists.encode_all(vectors, os.cpu_count() or 1)))

    def _extend(self, engine: Any, vectors: Floats) -> None:
        engine.add(vectors)

    def _search_engine(self, engine: Any, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return self._found(engine, queries, k, settings, None)

    def _filter_engine(
        self, engine: Any, queries: Floats, k: int, allowed: Mask, count: int, settings: SearchSettings
    ) -> Found:
        return self._found(engine, queries, k, self._harder(settings, min(8.0, len(allowed) / count)), allowed)

    def _found(self, engine: Any, queries: Floats, k: int, settings: SearchSettings, allowed: Mask | None) -> Found:
        wanted: IvfSearch = settings  # type: ignore[assignment]
        distances, positions, computed = searched_lists(engine, queries, k, wanted.nprobe, allowed)
        distances[positions < 0] = -np.inf if self._space.metric == "inner_product" else np.inf
        return in_convention(distances, self._space.metric), positions, computed

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: IvfSearch = settings  # type: ignore[assignment]
        return settings.model_copy(update={"nprobe": int(wanted.nprobe * factor)})

    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        if not len(positions):
            return np.empty((0, self.dimension), np.float32)
        vectors: Floats = engine.reconstruct_batch(positions)
        return vectors

    def _engine_bytes(self, engine: Any) -> int:
        return 0 if self._mapped else int(engine.ntotal * (self.dimension * 4 + 16))

    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", engine)

    def _read_engine(self, folder: IndexFolder, covered: int) -> Any:
        engine = folder.faiss("index.faiss")
        if (engine.ntotal, engine.d) != (covered, self.dimension):
            raise ArtefactError(f"index.faiss holds {engine.ntotal} × {engine.d}, expected {covered} × {self.dimension}")
        return _addressable(engine)


def _addressable(engine: Any) -> Any:
    """`engine`, able to give the vector at a position: 8 bytes a vector for where it lies."""
    engine.make_direct_map()
    return engine


def in_convention(distances: Floats, metric: str) -> Floats:
    """faiss' squared distances or inner products as our distances, smaller more alike."""
    if metric == "euclidean":
        return np.sqrt(np.maximum(distances, 0))
    if metric == "inner_product":
        return -distances
    if metric == "cosine":
        # For unit vectors |x - y|² = 2 (1 - cos); this form keeps the digits of near duplicates.
        return np.clip(distances * np.float32(0.5), 0, 2)
    return distances
