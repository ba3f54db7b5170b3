"""`vamana`: DiskANN's graph (Subramanya et al., 2019) in memory, by Intel's Scalable Vector Search.

The graph compares the vectors themselves or codes of them (`graphs.svs_codes`); with codes, what a search has found is
compared again in a store of the vectors, so that distances are exact whatever the code.

Four things of SVS 0.5 shape this file:

- Its search and its build keep Python's lock, so that threads searching one process take turns, and a build stops
  every other thread of the process until it is done.
- Window and threads are properties of its index, not of a call. They are set under a lock with the search, which
  costs nothing where all searches take turns anyway.
- A query that reaches fewer than k vectors gets the rest as position 0 at distance 0. How many can be reached does not
  depend on the query (a search ends when nothing reached is left to look at), so it is counted once.
- It fetches 4 neighbours' vectors ahead of the one it compares. As many as fill a part of the first-level cache are
  better: at a million 128-d vectors a search takes three quarters of the time, and finds the same.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError
from lookalike.index.core.costs import Costs, Footprint, Measured, Shape
from lookalike.index.core.engine_library import EngineLibrary, compiled
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import (
    ALL_BUT_MANHATTAN,
    BuildSettings,
    Candidate,
    Kind,
    RecallSetting,
    SearchSettings,
)
from lookalike.index.core.metric_space import in_our_convention
from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.core.result_rows import ResultRow, next_row
from lookalike.index.graphs.equal_vectors import EqualVectors
from lookalike.index.graphs.graph_work import build_work, search_work
from lookalike.index.graphs.svs_codes import (
    Code,
    code_bytes,
    code_works,
    coded_graph,
    codes_of_intel_work,
    data_loader,
    scale_for,
)
from lookalike.index.lists.vector_store import VectorStore

if TYPE_CHECKING:
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.one_query import FindOne

__all__ = ["KIND", "VamanaBuild", "VamanaIndex", "VamanaSearch"]

faiss, svs = EngineLibrary("faiss"), EngineLibrary("svs")

#: Pruning keeps a link that is this much better than the way round; below 1 where larger is more alike.
_ALPHA = {"L2": 1.2, "MIP": 0.95}

#: Queries from which on several threads pay: below, waking them costs more than it saves.
_MANY = 512

#: Queries a thread searches before another thread of the process gets its turn: about 0.1 s.
_TURN = 1024

#: Bytes of vectors fetched ahead: at 512 bytes a vector 16 were best of 0 to 64, at 256 bytes 32.
_AHEAD = 8192

_PARTS = ("config", "graph", "data")
#: Bytes before the rows of SVS' binary files.
_FILE_HEADER = 1024
_COPIES = "copies.npy"
_SCALE = "scale.npy"


class VamanaBuild(BuildSettings):
    """DiskANN's graph (Subramanya et al., 2019) by Intel SVS: `degree` links a node, `window` candidates.

    `code`: what the graph compares. `float32`, the vectors; `float16`, half their size; on Intel's processors also
    `lvq8`, a byte a number, `lvq4x8`, half a byte and then a byte (LVQ, Aguerrebere et al., 2023), and `leanvec`, fewer
    numbers first (Tepper et al., 2023). With codes the vectors lie beside them.
    """

    degree: int = Field(default=32, ge=2, le=1024)
    window: int = Field(default=100, ge=1, le=100_000)
    code: Code = "float32"


class VamanaSearch(SearchSettings):
    """`search_window`: candidates kept during a search of the graph."""

    search_window: int = Field(default=32, ge=1, le=1_000_000)


class _Graph:
    """SVS' index over different vectors, with its settings and its reach.

    Args:
        native: SVS' index.
        equals: which positions share a vector; None where all differ.
        row_bytes: of what the graph compares.
        store: the different vectors, where `native` has only codes of them.
        scale: by what vectors were multiplied before they were coded, and queries have to be.
    """

    def __init__(
        self,
        native: Any,
        equals: EqualVectors | None,
        row_bytes: int,
        store: VectorStore | None = None,
        scale: float = 1.0,
    ) -> None:
        self.native = native
        self.equals = equals
        self.row_bytes = row_bytes
        self.store = store
        self.scale = scale
        self._turn = threading.Lock()
        self._window = 0
        self._threads = 1
        native.num_threads = 1
        ahead = max(1, _AHEAD // row_bytes)
        self._prefetch = ahead, max(1, ahead // 4)
        self._reached = 0
        self._all_reached = False

    def search(self, queries: Floats, k: int, window: int, metric: str) -> tuple[Positions, Floats]:
        """`(q, k)` positions and distances as SVS gives them, exact; k is within reach."""
        positions, distances = self._near(queries if self.scale == 1 else queries * self.scale, k, window)
        if self.store is None:
            return positions, distances
        distances = self.store.compare(queries, positions, metric)
        order = np.argsort(-distances if metric == "inner_product" else distances, axis=1, kind="stable")
        return np.take_along_axis(positions, order, 1), np.take_along_axis(distances, order, 1)

    def _near(self, queries: Floats, k: int, window: int) -> tuple[Positions, Floats]:
        """`(q, k)` positions and distances by what the graph compares."""
        if len(queries) > _TURN:
            parts = [self._near(queries[at : at + _TURN], k, window) for at in range(0, len(queries), _TURN)]
            return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        with self._turn:
            if window != self._window:
                self._set_window(window)
            if len(queries) > 1:
                threads = faiss.omp_get_max_threads() if len(queries) >= _MANY else 1
                if threads != self._threads:
                    self._threads = -1
                    self.native.num_threads = threads
                    self._threads = threads
            positions, distances = self.native.search(queries, k)
        return positions.view(np.int64), distances

    def _set_window(self, window: int) -> None:
        """Search with this window from now on; with `_turn` held."""
        buffer = svs.SearchBufferConfig(window)
        self._window = -1  # unknown, should a signal come between the next two
        self.native.search_parameters = svs.VamanaSearchParameters(buffer, True, *self._prefetch)
        self._window = window

    def find_one(self, row: Floats, k: int, window: int, metric: str) -> FindOne | None:
        """As `VectorIndex._find_one`; k is within reach."""
        if self.scale != 1:
            return None
        turn, search, address, copy = self._turn, self.native.search, compiled(faiss.swig_ptr), compiled(faiss.memcpy)
        compare = None if self.store is None else self.store.compare_one(row, k, metric)
        size, int64 = 8 * k, np.int64
        waiting: list[ResultRow] = []

        def find() -> tuple[Floats, Positions, None, Any]:
            with turn:
                if window != self._window:
                    self._set_window(window)
                near, distances = search(row, k)
            exact, positions, at_exact, at_positions = waiting.pop() if waiting else next_row(k, waiting)
            if compare is None:
                copy(at_positions, address(near), size)  # uint64 becomes int64
                return distances, positions, None, address(distances)
            compare(address(near.view(int64)), at_exact, at_positions)
            return exact, positions, None, at_exact

        return find

    def within_reach(self, k: int) -> int:
        """The most neighbours, up to k, that a search can give."""
        if k > self._reached and not self._all_reached:
            size: int = self.native.size
            tried = min(size, max(2 * k, 256))
            positions, _ = self._near(np.zeros((1, self.native.dimensions), np.float32), tried, tried)
            # A single 0 at the end may be position 0 itself: counted as missing, it costs a comparison with all.
            self._reached = int(np.flatnonzero(positions[0])[-1]) + 1 if positions.any() else 1
            if self._reached >= tried - 1 and len(np.unique(positions[0])) == tried:
                self._reached = tried
            self._all_reached = self._reached < tried or tried == size
        return min(k, self._reached)


class VamanaIndex(PrefixIndex):
    """One-layer graph whose long links are kept by a relaxed pruning rule; `search_window` trades recall for speed.

    Memory: the vectors and `degree` + 1 links of 4 bytes each; SVS gives vectors back, so there is no second copy. With
    a `code`, the codes as well. A mapped opening maps the vectors beside codes and nothing else: SVS reads its files
    into memory. Building holds Python's lock: no other thread of the process runs, and so none searches, until it is
    done (272 s for 375,000 × 128 on one thread). Two builds with several threads may differ in the last hits. Inner
    product is searched by SVS' MIP graph, which serves queries that look like the vectors: among 4 clusters far from
    the origin it found 0.60 to 0.84 of the nearest of other queries, with a window of 400.

    Source: Subramanya et al., "DiskANN" (NeurIPS 2019); Aguerrebere et al., "Similarity search in the blink of an eye
    with compressed indices" (VLDB 2023).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "vamana", degree=64)    # doctest: +SKIP
        >>> index.search(queries, search_window=100)    # doctest: +SKIP
    """

    @property
    def _distance(self) -> str:
        # Unit vectors are ordered by Euclidean distance as by cosine, which keeps the digits of near duplicates.
        return "MIP" if self._space.metric == "inner_product" else "L2"

    def _build_engine(self, vectors: Floats) -> _Graph:
        build: VamanaBuild = self._spec.build  # type: ignore[assignment]
        _check_processor(build.code)
        # More equal vectors than a node has links would link only to each other, and the graph falls apart.
        equals = EqualVectors.among(vectors)
        different = vectors if equals is None else vectors[equals.first]
        parameters = svs.VamanaBuildParameters(
            alpha=_ALPHA[self._distance], graph_max_degree=build.degree, window_size=build.window
        )
        scale = scale_for(build.code, different)
        scaled = different if scale == 1 else different * np.float32(scale)
        try:
            native = coded_graph(scaled, build.code, parameters, self._distance, faiss.omp_get_max_threads())
        except (RuntimeError, MemoryError) as error:
            raise InputError(
                f"SVS built no graph of degree {build.degree}, window {build.window} over {len(vectors)} × "
                f"{self.dimension} vectors ({error}); lower degree, or choose kind 'ivfpq' where memory is short"
            ) from error
        store = None
        if build.code != "float32":
            store = VectorStore("float32", self.dimension)
            store.append(different)
        return _Graph(native, equals, self._row_bytes, store, scale)

    @property
    def _row_bytes(self) -> int:
        build: VamanaBuild = self._spec.build  # type: ignore[assignment]
        return code_bytes(build.code, self.dimension)

    def _search_engine(self, engine: _Graph, queries: Floats, k: int, settings: SearchSettings) -> Found:
        window = settings.search_window  # type: ignore[attr-defined]
        found = engine.within_reach(k)
        positions, distances = engine.search(queries, found, max(found, window), self._space.metric)
        distances = in_our_convention(distances, self._space.metric)
        if engine.equals is not None:
            distances, positions = engine.equals.spread(distances, positions, k)
        elif found < k:
            missing = ((0, 0), (0, k - found))
            distances = np.pad(distances, missing, constant_values=np.inf)
            positions = np.pad(positions, missing, constant_values=-1)
        return distances, positions, None

    def _find_one_in(self, engine: _Graph, row: Floats, k: int, settings: SearchSettings) -> FindOne | None:
        if engine.equals is not None or engine.within_reach(k) < k:
            return None
        wanted: VamanaSearch = settings  # type: ignore[assignment]
        return engine.find_one(row, k, max(k, wanted.search_window), self._space.metric)

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: VamanaSearch = settings  # type: ignore[assignment]
        most = max(wanted.search_window, self._ids.size)
        return settings.model_copy(update={"search_window": min(most, int(wanted.search_window * factor))})

    def _at_hand(self, settings: SearchSettings) -> int:
        return int(settings.search_window)  # type: ignore[attr-defined]

    def _engine_vectors(self, engine: _Graph, positions: Positions) -> Floats:
        at = positions if engine.equals is None else engine.equals.which[positions]
        if engine.store is not None:
            return engine.store.vectors_at(at.astype(np.int64, copy=False))
        vectors: Floats = engine.native.reconstruct(at.astype(np.uint64))
        return vectors

    def _engine_bytes(self, engine: _Graph) -> int:
        build: VamanaBuild = self._spec.build  # type: ignore[assignment]
        equals = 0 if engine.equals is None else engine.equals.bytes
        store = 0 if engine.store is None else engine.store.bytes
        return int(engine.native.size * (engine.row_bytes + 4 * (build.degree + 1)) + store + equals)

    def _write_engine(self, engine: _Graph, folder: NewIndexFolder) -> None:
        try:
            engine.native.save(*(str(folder.path / part) for part in _PARTS))
        except RuntimeError as error:
            raise StorageError(f"{folder.path}: SVS could not write ({error}); free disk space, save again") from error
        for part in _PARTS:
            for path in sorted((folder.path / part).iterdir()):
                folder.add_written(f"{part}/{path.name}")
        # SVS does not notice a full disk: its binary files are too short then, or one of its texts is empty.
        build: VamanaBuild = self._spec.build  # type: ignore[assignment]
        row = {"config": 0, "graph": 4 * (build.degree + 1), "data": engine.row_bytes}
        for part in _PARTS:
            sizes = {name: entry["bytes"] for name, entry in folder.files.items() if name.startswith(f"{part}/")}
            binary = sum(size for name, size in sizes.items() if name.endswith(".svs"))
            least = _FILE_HEADER + engine.native.size * row[part] if row[part] else 0
            if binary < least or not min(sizes.values()):
                raise StorageError(f"{folder.path / part} was written in part; free disk space and save again")
        if engine.equals is not None:
            folder.add_array(_COPIES, engine.equals.which)
        if engine.store is not None:
            engine.store.write(folder)
            folder.add_array(_SCALE, np.array([engine.scale], np.float32))

    def _read_engine(self, folder: IndexFolder, covered: int) -> _Graph:
        paths = {part: [folder.file(n) for n in folder.names() if n.startswith(f"{part}/")] for part in _PARTS}
        if absent := [part for part, files in paths.items() if not files]:
            raise ArtefactError(f"the folder {absent[0]} is missing; the index is incomplete, rebuild it")
        build: VamanaBuild = self._spec.build  # type: ignore[assignment]
        _check_processor(build.code)
        config, graph, data = (files[0].parent for files in paths.values())
        native = svs.Vamana(
            str(config),
            svs.GraphLoader(str(graph)),
            data_loader(data, build.code),
            getattr(svs.DistanceType, self._distance),
            num_threads=1,
        )
        equals = EqualVectors(np.array(folder.array(_COPIES))) if _COPIES in folder else None
        held = native.size if equals is None else len(equals.which)
        if (held, native.dimensions) != (covered, self.dimension):
            raise ArtefactError(f"the graph holds {held} × {native.dimensions}, expected {covered} × {self.dimension}")
        if equals is not None and len(equals.first) != native.size:
            raise ArtefactError(f"{_COPIES} names {len(equals.first)} vectors, the graph holds {native.size}")
        if build.code == "float32":
            return _Graph(native, equals, self._row_bytes)
        store = VectorStore.read(folder, "float32", self.dimension, native.size)
        scale = np.asarray(folder.array(_SCALE))
        if scale.shape != (1,) or not (np.isfinite(scale) & (scale > 0)).all():
            raise ArtefactError(f"{_SCALE} holds {scale.dtype} {scale.shape}, expected one float32 above 0")
        return _Graph(native, equals, self._row_bytes, store, float(scale[0]))


def _check_processor(code: Code) -> None:
    if not code_works(code):
        raise MissingDependencyError(
            f"code={code!r} is for processors of Intel, which this one is not; build with code='float16' or 'float32'"
        )


def _footprint(shape: Shape) -> Footprint:
    # What is compared and `degree` + 1 words a node; beside codes, the vectors.
    code = shape.build.code
    beside = 0 if code == "float32" else shape.vectors
    size = (code_bytes(code, shape.dimension) + 4 * (shape.build.degree + 1)) * shape.count + beside
    # As given, in the tail, and SVS' own; before that, a block in 64 bits while equal vectors are looked for.
    equal = 12 * shape.dimension * min(shape.count, 1 << 16) + 48 * shape.count
    return Footprint(size - beside, 2 * shape.vectors + max(equal, round(1.2 * size)), size, beside)


# fmt: off
_MEASURED = (
    Measured(20_000, 5.88, (
        (10, 0.9516, 0.0185), (16, 0.9712, 0.0251), (24, 0.984, 0.0345), (32, 0.9906, 0.0439),
        (48, 0.996, 0.0611),
    )),
    Measured(100_000, 37.05, (
        (10, 0.8684, 0.0329), (16, 0.9248, 0.0431), (24, 0.951, 0.0562), (32, 0.965, 0.0731),
        (48, 0.979, 0.0902), (64, 0.9872, 0.1226), (96, 0.9936, 0.1811), (128, 0.996, 0.2677),
    )),
)
# fmt: on

#: What a query takes with each code, beside float32 at equal recall, of 300,000 × 128 and of 65,000 × 784 (Intel Xeon).
_BESIDE_FLOAT32 = {"float16": (0.97, 0.70), "lvq8": (0.77, 0.43), "lvq4x8": (0.66, 0.46), "leanvec": (0.60, 0.32)}
_DIMENSIONS = (128, 784)
#: Codes save nothing where the vectors lie in the processor's caches, and all of it where hardly any do.
_IN_CACHE, _IN_MEMORY = 8 << 20, 64 << 20

#: LeanVec has to leave out a third of the numbers at least; at 128 a half-size float gains nothing, at 784 a third.
_LEAST_REDUCED, _LEAST_HALVED = 96, 256


def _search_share(shape: Shape) -> float:
    shares = _BESIDE_FLOAT32.get(shape.build.code)
    if shares is None:
        return 1.0
    saved = np.interp(math.log(shape.dimension), np.log(_DIMENSIONS), np.log(shares))
    beyond = math.log(shape.vectors / _IN_CACHE) / math.log(_IN_MEMORY / _IN_CACHE)
    return math.exp(saved * min(max(beyond, 0.0), 1.0))


def _codes_of_intel_fail() -> bool:
    return not codes_of_intel_work()


KIND = Kind(
    name="vamana",
    index=VamanaIndex,
    build=VamanaBuild,
    search=VamanaSearch,
    recall_setting=RecallSetting("search_window", limit=lambda count: max(count, 16)),
    candidates=(
        Candidate(
            "vamana",
            {"degree": 32, "window": 100, "code": "leanvec"},
            least_dimension=_LEAST_REDUCED,
            works=codes_of_intel_work,
        ),
        Candidate("vamana", {"degree": 32, "window": 100, "code": "lvq8"}, works=codes_of_intel_work),
        Candidate("vamana", {"degree": 32, "window": 100}),
        Candidate(
            "vamana",
            {"degree": 32, "window": 100, "code": "float16"},
            least_dimension=_LEAST_HALVED,
            works=_codes_of_intel_fail,
        ),
        Candidate(
            "vamana",
            {"degree": 64, "window": 200, "code": "leanvec"},
            least_dimension=_LEAST_REDUCED,
            works=codes_of_intel_work,
        ),
        Candidate("vamana", {"degree": 64, "window": 200}, works=_codes_of_intel_fail),
    ),
    costs=Costs(
        footprint=_footprint,
        measured=lambda build: _MEASURED,
        search_work=search_work,
        build_work=build_work,
        search_share=_search_share,
        search_bound="gather",
        build_bound="gather",
        planned=({"degree": 32, "window": 100},),
    ),
    metrics=ALL_BUT_MANHATTAN,
    requires="svs",
    extra="vamana",
    family="graph",
    mark=("#2e8b57", "X"),
)
