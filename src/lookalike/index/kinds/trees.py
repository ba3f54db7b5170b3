"""`trees`: a forest of random-projection trees (Dasgupta & Freund, 2008) by annoy.

Each inner node of annoy's trees parts its vectors by the plane halfway between two of them; a search descends all
trees at once, the most promising side first, and compares what it meets. Under cosine the vectors have unit length, and
the forest is built for Euclidean distance: its planes need not pass through the origin, which found 0.010 to 0.022
more at equal search_k (100,000 × 64 around a common mean), and its distances keep the digits of near duplicates.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.costs import JUMP, Costs, Footprint, Measured, Shape
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import BuildSettings, Candidate, Kind, RecallSetting, SearchSettings
from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.core.result_rows import ResultRow, next_row

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.one_query import FindOne

__all__ = ["KIND", "TreesBuild", "TreesIndex", "TreesSearch"]

annoy, faiss = EngineLibrary("annoy"), EngineLibrary("faiss")

_METRICS = {"euclidean": "euclidean", "cosine": "euclidean", "inner_product": "dot", "manhattan": "manhattan"}

_FILE = "trees.annoy"
_SEED = 20080517

#: annoy's node of these metrics: four numbers of 32 bits (descendants, offset, two children), then the vector.
_HEADER = 4

#: annoy counts nodes with 32 bits.
_MOST = 2**31 - 1

#: Nodes of a tree for each leaf's worth of vectors, as measured; the exact number shows in the file only.
_NODES_PER_LEAF = 2.9

_HALF = np.float32(0.5)

#: From so many queries on, handing parts to threads costs less than it saves.
_MANY = 32


class TreesBuild(BuildSettings):
    """Random-projection forest (Dasgupta & Freund, 2008; annoy): `n_trees` trees; each costs memory, all add recall."""

    n_trees: int = Field(default=50, ge=1, le=10_000)


class TreesSearch(SearchSettings):
    """`search_k`: nodes looked at over all trees; 0 means `n_trees` times the neighbours asked for."""

    search_k: int = Field(default=0, ge=0, le=1_000_000_000)


class _Forest(NamedTuple):
    """annoy's trees, which cannot be read in bulk, and the vectors they stand on."""

    trees: Any
    vectors: Floats
    bytes: int


class TreesIndex(PrefixIndex):
    """Random-projection forest; `search_k` trades recall for speed, `n_trees` memory for recall.

    The same vectors give the same forest for the same number of threads (faiss' OpenMP number). Memory: annoy's own
    copy of the vectors, its trees, and one more copy of the vectors for filters and rebuilds. An index that was saved
    or loaded does without the last: annoy maps its file, and the vectors are read from that. Saving holds searches
    up while the file is written, for annoy then exchanges its memory for the file.

    Source: Dasgupta & Freund, "Random projection trees and low dimensional manifolds" (STOC 2008).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "trees", n_trees=100)    # doctest: +SKIP
        >>> index.search(queries, search_k=20_000)    # doctest: +SKIP
    """

    def _build_engine(self, vectors: Floats) -> _Forest:
        build: TreesBuild = self._spec.build  # type: ignore[assignment]
        trees = self._new()
        try:
            for start in range(0, len(vectors), 4096):
                # Lists: annoy takes numbers one by one, and those of an array are made anew each time.
                for position, vector in enumerate(vectors[start : start + 4096].tolist(), start):
                    trees.add_item(position, vector)
            trees.build(build.n_trees, n_jobs=faiss.omp_get_max_threads())
        except MemoryError as error:
            raise _too_large(build.n_trees, vectors) from error
        nodes = len(vectors) + build.n_trees * (1 + _NODES_PER_LEAF * len(vectors) / (self.dimension + 2))
        return _Forest(trees, vectors.copy(), int(nodes * 4 * (self.dimension + _HEADER)))

    def _new(self) -> Any:
        trees = annoy.AnnoyIndex(self.dimension, _METRICS[self._space.metric])
        trees.set_seed(_SEED)
        return trees

    def _search_engine(self, engine: _Forest, queries: Floats, k: int, settings: SearchSettings) -> Found:
        wanted: TreesSearch = settings  # type: ignore[assignment]
        search_k = min(wanted.search_k, _MOST) or -1
        nearest = engine.trees.get_nns_by_vector
        if len(queries) == 1:
            found = self._find_one_in(engine, queries, k, settings)()
            if found is not None:
                return found[:3]
        where = np.full((len(queries), k), -1, np.int64)
        far = np.full((len(queries), k), np.inf, np.float32)

        def some(rows: range) -> None:
            for row, query in zip(rows, queries[rows.start : rows.stop].tolist(), strict=True):
                positions, distances = nearest(query, k, search_k, include_distances=True)
                where[row, : len(positions)] = positions
                far[row, : len(positions)] = self._in_our_convention(np.array(distances, np.float32))

        threads = faiss.omp_get_max_threads() if len(queries) >= _MANY else 1
        if threads == 1:
            some(range(len(queries)))
        else:
            part = -(-len(queries) // (4 * threads))
            with ThreadPoolExecutor(threads) as pool:  # annoy lets go of Python's lock while it searches
                parts = [range(at, min(at + part, len(queries))) for at in range(0, len(queries), part)]
                list(pool.map(some, parts))
        return far, where, None

    def _find_one_in(self, engine: _Forest, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        wanted: TreesSearch = settings  # type: ignore[assignment]
        search, search_k, query = engine.trees.get_nns_by_vector, min(wanted.search_k, _MOST) or -1, row[0]
        metric = self._space.metric
        waiting: list[ResultRow] = []

        def find() -> tuple[Floats, Positions, None, None] | None:
            near, far = search(query.tolist(), k, search_k, include_distances=True)
            if len(near) != k:
                return None
            distances, positions, _, _ = waiting.pop() if waiting else next_row(k, waiting)
            if metric == "cosine":
                far = [min(2.0, x * x / 2) for x in far]  # as `_in_our_convention`, before it becomes an array
            elif metric == "inner_product":
                far = [-x for x in far]
            distances[0], positions[0] = far, near
            return distances, positions, None, None

        return find

    def _in_our_convention(self, distances: Floats) -> Floats:
        """In place: the array is ours alone."""
        if self._space.metric == "cosine":
            distances *= distances
            distances *= _HALF  # for unit vectors |x - y|² = 2 (1 - cos)
            np.minimum(distances, 2, out=distances)
        elif self._space.metric == "inner_product":
            np.negative(distances, out=distances)
        return distances

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: TreesSearch = settings  # type: ignore[assignment]
        return settings.model_copy(update={"search_k": int(wanted.search_k * factor)})

    def _recall_value(self, settings: SearchSettings, k: int) -> int:
        build: TreesBuild = self._spec.build  # type: ignore[assignment]
        search_k: int = settings.search_k  # type: ignore[attr-defined]
        return search_k or build.n_trees * max(k, 10)

    def _engine_vectors(self, engine: _Forest, positions: Positions) -> Floats:
        return np.asarray(engine.vectors[positions])

    def _engine_bytes(self, engine: _Forest) -> int:
        if self._mapped:
            return 0
        return engine.bytes + (0 if _is_mapped(engine.vectors) else engine.vectors.nbytes)

    def _write_engine(self, engine: _Forest, folder: NewIndexFolder) -> None:
        path = folder.path / _FILE
        try:
            self._changes.without_readers(engine.trees.save, str(path))  # annoy drops its memory and maps the file
        except OSError as error:
            raise StorageError(f"{path} could not be written ({error}); free disk space and save again") from error
        folder.add_written(_FILE)
        # The mapping outlives the name of the file, which `artefact` is about to change, and the file itself.
        mapped = self._mapped_forest(engine.trees, path)
        folder.when_in_place(partial(self._adopt, self._built._replace(engine=mapped)))

    def _read_engine(self, folder: IndexFolder, covered: int) -> _Forest:
        path, stride = folder.file(_FILE), 4 * (self.dimension + _HEADER)
        size = path.stat().st_size
        if size % stride or size < covered * stride:
            raise ArtefactError(f"{_FILE} has {size} bytes, not those of {covered} × {self.dimension} and their trees")
        trees = self._new()
        trees.load(str(path))
        if trees.get_n_items() != covered:
            raise ArtefactError(f"{_FILE} holds {trees.get_n_items()} vectors, expected {covered}")
        return self._mapped_forest(trees, path)

    def _mapped_forest(self, trees: Any, path: Path) -> _Forest:
        """Annoy's first nodes are the vectors, at equal strides: one mapped file serves annoy and us."""
        count, stride = trees.get_n_items(), self.dimension + _HEADER
        file = np.memmap(path, np.float32, "r")
        vectors = file[: count * stride].reshape(count, stride)[:, _HEADER:]
        for position in (0, count // 2, count - 1):
            if not np.array_equal(vectors[position], np.array(trees.get_item_vector(position), np.float32)):
                raise ArtefactError(f"{path} is not laid out as annoy 1.17 does; install annoy 1.17.3, or rebuild")
        return _Forest(trees, vectors, file.nbytes)


def _is_mapped(vectors: Floats) -> bool:
    return isinstance(vectors, np.memmap)


def _too_large(n_trees: int, vectors: Floats) -> InputError:
    return InputError(
        f"memory does not hold {n_trees} trees over {vectors.shape[0]} × {vectors.shape[1]} vectors; "
        "lower n_trees, or choose kind 'ivfpq'"
    )


def _footprint(shape: Shape) -> Footprint:
    # A node for every vector and for every inner node and bucket of every tree; a bucket holds up to d + 2 vectors and
    # is filled to about ln 2 (random splits, as with random binary tries).
    node = 4 * (_HEADER + shape.dimension)
    buckets = max(1.0, shape.count / ((shape.dimension + 2) * math.log(2)))
    size = round(node * (shape.count + shape.build.n_trees * (2 * buckets - 1)))
    # annoy's array grows by 1.3 at a time, and may be moved when it does.
    return Footprint(size, 2 * shape.vectors + round(1.6 * size), size)


def _search_work(shape: Shape, search_k: int) -> float:
    # `search_k` distances, and a descent of log n in each of the trees.
    trees: int = shape.build.n_trees
    return (search_k + trees * math.log2(shape.count + 1)) * (shape.dimension + JUMP)


def _build_work(shape: Shape) -> float:
    # Every tree splits log n times.
    trees: int = shape.build.n_trees
    return trees * shape.count * math.log2(shape.count + 1) * (shape.dimension + JUMP)


# fmt: off
_MEASURED = (
    Measured(20_000, 0.7, (
        (500, 0.7104, 0.1204), (1000, 0.8084, 0.1905), (2000, 0.9034, 0.303), (4000, 0.9572, 0.5146),
        (8000, 0.9892, 0.8542), (16000, 0.998, 1.4999),
    )),
    Measured(100_000, 4.74, (
        (500, 0.5566, 0.1183), (1000, 0.6634, 0.1874), (2000, 0.7724, 0.3177), (4000, 0.8742, 0.5755),
        (8000, 0.9368, 1.0467), (16000, 0.9776, 1.8926), (32000, 0.9948, 3.3948),
    )),
)
# fmt: on

KIND = Kind(
    name="trees",
    index=TreesIndex,
    build=TreesBuild,
    search=TreesSearch,
    recall_setting=RecallSetting("search_k", limit=lambda count: 100 * count),
    candidates=(Candidate("trees", {"n_trees": 30}),),
    costs=Costs(
        footprint=_footprint,
        measured=lambda build: _MEASURED,
        search_work=_search_work,
        build_work=_build_work,
        search_bound="gather",
        build_bound="gather",
        planned=({"n_trees": 50},),
    ),
    requires="annoy",
    extra="trees",
    family="trees",
    mark=("#8c6d31", "^"),
)
