"""`ivf`, an inverted file: k-means cells, of which a search compares the vectors of the nearest few (by faiss).

Sivic & Zisserman, "Video Google" (2003). The first 1,000 vectors are compared one by one; then the cells are learned
from what is there, later vectors go into them, and `compact()` learns them anew.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.core.vector_index import Floats, Found, Mask, Positions
from lookalike.index.lists.coarse_lists import SAMPLE_PER_LIST, list_count
from lookalike.index.lists.inverted_lists import InvertedLists
from lookalike.index.lists.searchable_lists import SearchableLists, in_convention

if TYPE_CHECKING:
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.spec import IvfSearch, SearchSettings

__all__ = ["IvfIndex", "filled_lists", "reaching"]

#: A filter that leaves few vectors probes more lists, up to so many times as many.
_REACH = 8.0


def filled_lists(vectors: Floats, build: Any, metric: str) -> Any:
    """A faiss inverted file over `(n, d)` prepared vectors, trained on a sample spread evenly over them."""
    wanted = max(1 << 16, SAMPLE_PER_LIST * list_count(len(vectors), build.nlist))
    rows = np.linspace(0, len(vectors) - 1, min(wanted, len(vectors))).astype(np.int64)
    lists = InvertedLists.train(vectors[rows], build, metric, len(vectors))
    return lists.filled(lists.encode_all(vectors, os.cpu_count() or 1))


def reaching(settings: SearchSettings, factor: float) -> SearchSettings:
    """Settings that probe `factor` times as many lists."""
    nprobe: int = settings.nprobe  # type: ignore[attr-defined]
    return settings.model_copy(update={"nprobe": int(nprobe * min(_REACH, factor))})


class IvfIndex(PrefixIndex):
    """Vectors in cells; `nprobe` trades recall for speed. Metrics euclidean, cosine, inner product, manhattan."""

    _grows = True

    def _engine(self) -> Any:
        return None if self._built.engine is None else self._built.engine.engine

    def _build_engine(self, vectors: Floats) -> Any:
        return SearchableLists(filled_lists(vectors, self._spec.build, self._space.metric), addressable=True)

    def _extend(self, engine: Any, vectors: Floats) -> None:
        engine.engine.add(vectors)

    def _truncate_engine(self, engine: Any, size: int) -> None:
        engine.truncate(size)

    def _search_engine(self, engine: Any, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return self._found(engine, queries, k, settings, None)

    def _filter_engine(
        self, engine: Any, queries: Floats, k: int, allowed: Mask, count: int, settings: SearchSettings
    ) -> Found:
        return self._found(engine, queries, k, reaching(settings, len(allowed) / count), allowed)

    def _found(self, engine: Any, queries: Floats, k: int, settings: SearchSettings, allowed: Mask | None) -> Found:
        wanted: IvfSearch = settings  # type: ignore[assignment]
        distances, positions, computed = engine.search(queries, k, wanted.nprobe, allowed)
        return in_convention(distances, positions, self._space.metric), positions, computed

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        return reaching(settings, factor)

    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        vectors: Floats = engine.vectors_at(positions)
        return vectors

    def _engine_bytes(self, engine: Any) -> int:
        return 0 if self._mapped else int(engine.bytes)

    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", engine.engine)

    def _read_engine(self, folder: IndexFolder, covered: int) -> Any:
        lists = SearchableLists(folder.faiss("index.faiss"), addressable=True)
        lists.check(covered, self.dimension)
        return lists
