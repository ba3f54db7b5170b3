"""`ivfpq`, an inverted file over short codes, whose best candidates are compared again in a store of the vectors.

Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search" (2011); codes of 4 bits compared in SIMD
registers by André, Kermarrec & Le Scouarnec (2015); rotation by Ge et al., "Optimized Product Quantization" (2013);
RaBitQ by Gao & Long (2024); all by faiss. The store and the second comparison are ours: faiss' refining indexes cannot
remove, nor leave the vectors on the disk. The codes of 128 dimensions take 32 bytes, the store 256 bytes in float16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import faiss as _faiss
import numpy as np

from lookalike.index.core.vector_index import Floats, Found, Mask, Positions
from lookalike.index.kinds.ivf import IvfIndex, filled_lists
from lookalike.index.lists.searchable_lists import SearchableLists, in_convention
from lookalike.index.lists.vector_store import VectorStore

if TYPE_CHECKING:
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.spec import IvfPqBuild, IvfPqSearch, SearchSettings

__all__ = ["IvfPqIndex"]

faiss: Any = _faiss  # its type stubs lack what its Python layer adds


class _Coded(NamedTuple):
    """The codes, and the vectors at the same positions, or None."""

    codes: SearchableLists
    store: VectorStore | None


class IvfPqIndex(IvfIndex):
    """Codes in cells; `nprobe` and `rerank` trade recall for speed. Metrics euclidean, cosine, inner product.

    Distances are those of the store's vectors. With `store="none"` or `rerank=0` they are estimates from the codes, and
    filters that leave few vectors compare what the codes can give back.
    """

    def _engine(self) -> Any:
        return None if self._built.engine is None else self._built.engine.codes.engine

    def _build_engine(self, vectors: Floats) -> _Coded:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        store = None
        if build.store != "none":
            ranges = VectorStore.learned_ranges(vectors) if build.store == "sq8" else None
            store = VectorStore(build.store, self.dimension, ranges)
            store.append(vectors)
        codes = filled_lists(vectors, build, self._space.metric)
        return _Coded(SearchableLists(codes, addressable=store is None), store)

    def _extend(self, engine: Any, vectors: Floats) -> None:
        if engine.store is not None:
            engine.store.append(vectors)
        engine.codes.engine.add(vectors)

    def _truncate_engine(self, engine: Any, size: int) -> None:
        if engine.store is not None:
            engine.store.truncate(size)
        engine.codes.truncate(size)

    def _found(self, engine: _Coded, queries: Floats, k: int, settings: SearchSettings, allowed: Mask | None) -> Found:
        wanted: IvfPqSearch = settings  # type: ignore[assignment]
        metric = self._space.metric
        if engine.store is None or not wanted.rerank:
            distances, positions, computed = engine.codes.search(queries, k, wanted.nprobe, allowed)
            return in_convention(distances, positions, metric), positions, computed
        fetched = min(max(k, wanted.rerank), len(engine.store))
        _, positions, computed = engine.codes.search(queries, fetched, wanted.nprobe, allowed)
        distances = in_convention(engine.store.compare(queries, positions, metric), positions, metric)
        computed = None if computed is None else computed + positions.size
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(distances, best, 1), np.take_along_axis(positions, best, 1), computed

    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        vectors: Floats = (engine.codes if engine.store is None else engine.store).vectors_at(positions)
        return vectors

    def _engine_bytes(self, engine: Any) -> int:
        return int(engine.codes.bytes) + (0 if engine.store is None else engine.store.bytes)

    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", engine.codes.engine)
        if engine.store is not None:
            engine.store.write(folder)

    def _read_engine(self, folder: IndexFolder, covered: int) -> _Coded:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        if build.code == "pq":
            engine = folder.faiss("index.faiss")
        else:
            # faiss copies packed codes into memory even where it maps: mapped, they would be there twice.
            engine = faiss.read_index(str(folder.file("index.faiss")))
        codes = SearchableLists(engine, addressable=build.store == "none")
        codes.check(covered, self.dimension)
        store = None if build.store == "none" else VectorStore.read(folder, build.store, self.dimension, covered)
        return _Coded(codes, store)
