"""`ivfpq`, an inverted file over short codes, whose best candidates are compared again in a store of the vectors.

Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search" (2011); codes of 4 bits compared in SIMD
registers by André, Kermarrec & Le Scouarnec (2015); rotation by Ge et al., "Optimized Product Quantization" (2013);
RaBitQ by Gao & Long (2024); all by faiss. The store and the second comparison are ours: faiss' refining indexes cannot
remove, nor leave the vectors on the disk. The codes of 128 dimensions take 32 bytes, the store 256 bytes in float16.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss as _faiss
import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.inverted_file import in_convention, searched_lists, trained_on
from lookalike.index.prefix_index import PrefixIndex
from lookalike.index.vector_index import Floats, Found, Mask, Positions
from lookalike.index.vector_store import VectorStore

if TYPE_CHECKING:
    from lookalike.index.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.spec import IvfPqBuild, IvfPqSearch, SearchSettings

__all__ = ["IvfPqIndex"]

faiss: Any = _faiss  # its type stubs lack what its Python layer adds


class _Coded(NamedTuple):
    """The faiss index over codes, and the vectors at the same positions, or None."""

    codes: Any
    store: VectorStore | None


class IvfPqIndex(PrefixIndex):
    """Codes in cells; `nprobe` and `rerank` trade recall for speed. Metrics euclidean, cosine, inner product.

    Distances are those of the store's vectors. With `store="none"` or `rerank=0` they are estimates from the codes, and
    filters that leave few vectors compare what the codes can give back.
    """

    _grows = True

    def _engine(self) -> Any:
        built = self._built.engine
        return None if built is None else built.codes

    def _build_engine(self, vectors: Floats) -> Any:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        lists = trained_on(vectors, build, self._space.metric)
        store = None
        if build.store != "none":
            ranges = VectorStore.learned_ranges(vectors) if build.store == "sq8" else None
            store = VectorStore(build.store, self.dimension, ranges)
            store.append(vectors)
        codes = lists.filled(lists.encode_all(vectors, os.cpu_count() or 1))
        return _Coded(codes if store is not None else _addressable(codes), store)

    def _extend(self, engine: Any, vectors: Floats) -> None:
        engine.codes.add(vectors)
        if engine.store is not None:
            engine.store.append(vectors)

    def _search_engine(self, engine: Any, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return self._found(engine, queries, k, settings, None)

    def _filter_engine(
        self, engine: Any, queries: Floats, k: int, allowed: Mask, count: int, settings: SearchSettings
    ) -> Found:
        return self._found(engine, queries, k, self._harder(settings, min(8.0, len(allowed) / count)), allowed)

    def _found(self, engine: _Coded, queries: Floats, k: int, settings: SearchSettings, allowed: Mask | None) -> Found:
        wanted: IvfPqSearch = settings  # type: ignore[assignment]
        again = engine.store is not None and wanted.rerank > 0
        fetched = max(k, wanted.rerank) if again else k
        distances, positions, computed = searched_lists(engine.codes, queries, fetched, wanted.nprobe, allowed)
        metric = self._space.metric
        if again and engine.store is not None:
            distances = engine.store.compare(queries, positions, metric)
            computed = None if computed is None else computed + positions.size
        else:
            distances[positions < 0] = -np.inf if metric == "inner_product" else np.inf
        distances = in_convention(distances, metric)
        if not again:
            return distances, positions, computed
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(distances, best, 1), np.take_along_axis(positions, best, 1), computed

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: IvfPqSearch = settings  # type: ignore[assignment]
        return settings.model_copy(update={"nprobe": int(wanted.nprobe * factor)})

    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        if not len(positions):
            return np.empty((0, self.dimension), np.float32)
        if engine.store is not None:
            stored: Floats = engine.store.vectors_at(positions)
            return stored
        vectors: Floats = engine.codes.reconstruct_batch(positions)
        return vectors

    def _engine_bytes(self, engine: Any) -> int:
        lists = faiss.extract_index_ivf(engine.codes)
        held = int(engine.codes.ntotal * (lists.code_size + 8) + lists.nlist * lists.d * 4)
        return held + (0 if engine.store is None else engine.store.bytes)

    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", engine.codes)
        if engine.store is not None:
            engine.store.write(folder)

    def _read_engine(self, folder: IndexFolder, covered: int) -> Any:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        codes = folder.faiss("index.faiss")
        if (codes.ntotal, codes.d) != (covered, self.dimension):
            raise ArtefactError(f"index.faiss holds {codes.ntotal} × {codes.d}, expected {covered} × {self.dimension}")
        if build.store == "none":
            return _Coded(_addressable(codes), None)
        return _Coded(codes, VectorStore.read(folder, build.store, self.dimension, covered))


def _addressable(codes: Any) -> Any:
    """`codes`, able to give back the vector at a position."""
    faiss.extract_index_ivf(codes).make_direct_map()
    return codes
