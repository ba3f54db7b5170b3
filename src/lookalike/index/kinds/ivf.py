"""`ivf`, an inverted file: k-means cells, of which a search compares the vectors of the nearest few (by faiss)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from lookalike.index.core.costs import Costs, Footprint, Measured, Shape
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import BuildSettings, Candidate, Kind, SearchSettings
from lookalike.index.lists import list_work
from lookalike.index.lists.inverted_file import InvertedFileIndex, filled_lists
from lookalike.index.lists.searchable_lists import SearchableLists, in_convention

if TYPE_CHECKING:
    from lookalike.index.core.allowed import Allowed
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.one_query import FindOne

__all__ = ["KIND", "IvfBuild", "IvfIndex", "IvfSearch"]


class IvfBuild(BuildSettings):
    """Inverted file (Sivic & Zisserman, 2003): `nlist` k-means cells; 0 chooses about 4·√n."""

    nlist: int = Field(default=0, ge=0, le=4_194_304)


class IvfSearch(SearchSettings):
    """`nprobe`: cells whose vectors are compared."""

    nprobe: int = Field(default=16, ge=1, le=4_194_304)


class IvfIndex(InvertedFileIndex):
    """Vectors in cells; `nprobe` trades recall for speed. Metrics euclidean, cosine, inner product, manhattan.

    Source: Sivic & Zisserman, "Video Google" (ICCV 2003).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "ivf", nlist=4096)    # doctest: +SKIP
        >>> index.search(queries, nprobe=64)    # doctest: +SKIP
    """

    def _engine(self) -> Any:
        return None if self._built.engine is None else self._built.engine.engine

    def _build_engine(self, vectors: Floats) -> Any:
        build: IvfBuild = self._spec.build  # type: ignore[assignment]
        return SearchableLists(filled_lists(vectors, build.nlist, self._space.metric), addressable=True)

    def _extend(self, engine: Any, vectors: Floats) -> None:
        engine.engine.add(vectors)

    def _truncate_engine(self, engine: Any, size: int) -> None:
        engine.truncate(size)

    def _found(self, engine: Any, queries: Floats, k: int, settings: SearchSettings, allowed: Allowed | None) -> Found:
        wanted: IvfSearch = settings  # type: ignore[assignment]
        distances, positions, computed = engine.search(queries, k, wanted.nprobe, allowed)
        return in_convention(distances, positions, self._space.metric), positions, computed

    def _find_one_in(self, engine: Any, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        wanted: IvfSearch = settings  # type: ignore[assignment]
        found: FindOne = engine.find_one(row, k, wanted.nprobe)
        return found

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


def _footprint(shape: Shape) -> Footprint:
    # Vectors, an 8-byte position each, and 8 more to find a vector again; centroids, and the words that every list has.
    size = shape.vectors + 8 * shape.count + list_work.lists_of(shape) * (4 * shape.dimension + 64)
    place = 8 * shape.count
    # As given and in the tail; then samples being sorted by cell, or encoded parts beside the lists they go into.
    merging = shape.vectors + size + place + 2 * list_work.block_bytes(shape)
    building = 2 * shape.vectors + max(4 * list_work.sample_bytes(shape), merging)
    return Footprint(size + place, building, size + place)


def _search_work(shape: Shape, nprobe: int) -> float:
    vectors = list_work.visited_vectors(shape, nprobe)
    return list_work.centroid_work(shape, nprobe) + vectors * shape.dimension


# fmt: off
_MEASURED = (
    Measured(20_000, 0.82, (
        (4, 0.6057, 0.0187), (8, 0.7023, 0.0241), (16, 0.7913, 0.0322), (32, 0.8827, 0.0473),
        (64, 0.9453, 0.0691), (96, 0.9767, 0.0994), (128, 0.989, 0.1093), (192, 0.9977, 0.1426),
    )),
    Measured(100_000, 5.26, (
        (4, 0.49, 0.0343), (8, 0.603, 0.0579), (16, 0.701, 0.0817), (32, 0.804, 0.1366),
        (64, 0.8933, 0.2549), (96, 0.9363, 0.3849), (128, 0.956, 0.5271), (192, 0.9777, 0.853),
        (256, 0.9883, 1.1851), (384, 0.996, 1.6347),
    )),
    Measured(1_000_000, 12.14, (
        (4, 0.3217, 0.0743), (8, 0.4297, 0.1083), (16, 0.5437, 0.1669), (32, 0.6657, 0.3018),
        (64, 0.7807, 0.5794), (96, 0.8367, 0.8743), (128, 0.8753, 1.1485), (192, 0.9227, 2.0485),
        (256, 0.9473, 2.2424), (384, 0.975, 3.1807), (512, 0.9867, 4.1951),
    )),
)
# fmt: on

KIND = Kind(
    name="ivf",
    index=IvfIndex,
    build=IvfBuild,
    search=IvfSearch,
    recall_setting=list_work.probed_lists(),
    candidates=(Candidate("ivf", {}, {"nlist": 4.0}),),
    costs=Costs(
        footprint=_footprint,
        measured=lambda build: _MEASURED,
        search_work=_search_work,
        build_work=list_work.build_work,
        by_count=list_work.by_count,
        everything=list_work.lists_of,
    ),
    family="cells",
    mark=("#3b7dd8", "D"),
)
