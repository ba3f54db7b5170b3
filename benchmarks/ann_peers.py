"""The libraries of `ann_1m.py` and `compare_with_peers.py`, called as their users call them: no code of ours between.

A peer builds with two threads and searches with one, a query at a time. All get unit vectors, for which the order of
cosine, inner product and Euclidean distance is the same, and each uses the metric its library is fastest with.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PEERS", "Line", "Peer", "Search"]

Floats = npt.NDArray[np.float32]
#: One query `(d,)` to the positions found, nearest first.
Search = Callable[[Floats], Any]


@dataclass(frozen=True)
class Line:
    """One search setting that is swept from `low` to `high`, whole numbers, while the others stay as `fixed`.

    Without a knob, it is the one point `fixed`, which its engine chose by itself.
    """

    knob: str = ""
    low: int = 0
    high: int = 0
    fixed: Mapping[str, Any] = field(default_factory=dict)


class Peer(ABC):
    """An engine with its build settings.

    Attributes:
        name: of library and build, for example `"hnswlib M=16"`.
        library: for the best of each library.
    """

    name: str
    library: str

    @abstractmethod
    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        """An engine that holds the vectors; whoever tunes itself may practise on queries that nobody is measured on."""

    @abstractmethod
    def save(self, engine: Any, folder: Path) -> None:
        """Write it into an empty folder."""

    @abstractmethod
    def load(self, folder: Path, dimension: int) -> Any:
        """Read it, all into memory, to search with one thread."""

    @abstractmethod
    def lines(self, engine: Any, count: int) -> list[Line]:
        """What to sweep on a loaded engine of `count` vectors."""

    @abstractmethod
    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        """A function of one query, as quick as the library allows."""

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        """`(q, k)` positions for `(q, d)` queries at once; one after the other where the library has no batches."""
        search = self.searcher(engine, settings, k)
        return np.array([search(query) for query in queries], np.int64)


class Faiss(Peer):
    """Any faiss index; its search parameters are set on the index, as with `ParameterSpace`."""

    def __init__(self, name: str, factory: Callable[[int, int], str], lines: list[Line], ef: int = 0) -> None:
        self.name, self._factory, self._lines, self._ef = f"faiss {name}", factory, lines, ef
        self.library = f"faiss {'HNSW' if ef else 'IVF-PQ' if 'PQ' in name else 'IVF'}"

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        import faiss

        faiss.omp_set_num_threads(threads)
        index: Any = faiss.index_factory(vectors.shape[1], self._factory(*vectors.shape), faiss.METRIC_L2)
        if self._ef:
            index.hnsw.efConstruction = self._ef
        else:
            index.train(vectors)
        index.add(vectors)
        return index

    def save(self, engine: Any, folder: Path) -> None:
        import faiss

        faiss.write_index(engine, str(folder / "index.faiss"))

    def load(self, folder: Path, dimension: int) -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        return faiss.read_index(str(folder / "index.faiss"))

    def lines(self, engine: Any, count: int) -> list[Line]:
        return self._lines

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        import faiss

        space = faiss.ParameterSpace()
        for name, value in settings.items():
            if name == "k_factor":
                engine.k_factor = value
            else:
                space.set_index_parameter(engine, name, value)

        def search(query: Floats) -> Any:
            return engine.search(query[None], k)[1][0]

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.searcher(engine, settings, k)  # puts the settings in place
        return np.asarray(engine.search(queries, k)[1])


class Hnswlib(Peer):
    """The library of HNSW's authors."""

    library = "hnswlib"

    def __init__(self, m: int, ef: int) -> None:
        self.name, self._m, self._ef = f"hnswlib M={m} ef={ef}", m, ef

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        import hnswlib

        index = hnswlib.Index(space="ip", dim=vectors.shape[1])
        index.init_index(max_elements=len(vectors), M=self._m, ef_construction=self._ef)
        index.add_items(vectors, num_threads=threads)
        return index

    def save(self, engine: Any, folder: Path) -> None:
        engine.save_index(str(folder / "index.bin"))

    def load(self, folder: Path, dimension: int) -> Any:
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dimension)
        index.load_index(str(folder / "index.bin"))
        index.set_num_threads(1)
        return index

    def lines(self, engine: Any, count: int) -> list[Line]:
        return [Line("ef", 10, 2000)]

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        engine.set_ef(settings["ef"])

        def search(query: Floats) -> Any:
            return engine.knn_query(query, k)[0][0]

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        engine.set_ef(settings["ef"])
        return np.asarray(engine.knn_query(queries, k, num_threads=threads)[0], np.int64)


class Usearch(Peer):
    """Unum's HNSW, float32."""

    library = "usearch"

    def __init__(self, m: int, ef: int) -> None:
        self.name, self._m, self._ef = f"usearch M={m} ef={ef}", m, ef

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        from usearch.index import Index

        index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=self._m, expansion_add=self._ef)
        index.add(np.arange(len(vectors)), vectors, threads=threads)
        return index

    def save(self, engine: Any, folder: Path) -> None:
        engine.save(str(folder / "index.usearch"))

    def load(self, folder: Path, dimension: int) -> Any:
        from usearch.index import Index

        return Index.restore(str(folder / "index.usearch"), view=False)

    def lines(self, engine: Any, count: int) -> list[Line]:
        return [Line("expansion_search", 10, 2000)]

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        engine.expansion_search = settings["expansion_search"]

        def search(query: Floats) -> Any:
            return engine.search(query, k, threads=1).keys

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        engine.expansion_search = settings["expansion_search"]
        return np.asarray(engine.search(queries, k, threads=threads).keys, np.int64)


class Annoy(Peer):
    """Spotify's forest of random-projection trees."""

    library = "annoy"

    def __init__(self, trees: int) -> None:
        self.name, self._trees = f"annoy trees={trees}", trees

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        from annoy import AnnoyIndex

        index = AnnoyIndex(vectors.shape[1], "angular")
        index.set_seed(1)
        for position, vector in enumerate(vectors):
            index.add_item(position, vector)
        index.build(self._trees, n_jobs=threads)
        return index

    def save(self, engine: Any, folder: Path) -> None:
        engine.save(str(folder / "index.annoy"))

    def load(self, folder: Path, dimension: int) -> Any:
        from annoy import AnnoyIndex

        index = AnnoyIndex(dimension, "angular")
        index.load(str(folder / "index.annoy"), prefault=True)
        return index

    def lines(self, engine: Any, count: int) -> list[Line]:
        return [Line("search_k", 1000, min(count, 500_000))]

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        budget = settings["search_k"]

        def search(query: Floats) -> Any:
            return engine.get_nns_by_vector(query, k, budget)

        return search


class Scann(Peer):
    """Google's partitions with anisotropic product quantisation; with `soar`, spilled partitions as well."""

    library = "ScaNN"

    def __init__(self, leaves: float, soar: float | None = None) -> None:
        self.name = f"ScaNN leaves={leaves:g}√n" + (f" soar={soar:g}" if soar else "")
        self._leaves, self._soar = leaves, soar

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        from scann.scann_ops.py import scann_ops_pybind as scann

        leaves = round(self._leaves * len(vectors) ** 0.5)
        builder = scann.builder(vectors, 10, "dot_product")
        builder = builder.tree(
            leaves, num_leaves_to_search=leaves // 20, training_sample_size=250_000, soar_lambda=self._soar
        )
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100)
        return builder.set_n_training_threads(threads).build()

    def save(self, engine: Any, folder: Path) -> None:
        engine.serialize(str(folder), relative_path=True)

    def load(self, folder: Path, dimension: int) -> Any:
        from scann.scann_ops.py import scann_ops_pybind as scann

        return scann.load_searcher(str(folder))

    def lines(self, engine: Any, count: int) -> list[Line]:
        leaves = round(self._leaves * count**0.5)
        return [Line("leaves_to_search", 1, leaves, {"reorder": reorder}) for reorder in (30, 60, 100, 200)]

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        leaves, reorder = settings["leaves_to_search"], settings["reorder"]

        def search(query: Floats) -> Any:
            return engine.search(
                query, final_num_neighbors=k, pre_reorder_num_neighbors=reorder, leaves_to_search=leaves
            )[0]

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        engine.set_num_threads(threads)
        found = engine.search_batched_parallel(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=settings["reorder"],
            leaves_to_search=settings["leaves_to_search"],
        )
        return np.asarray(found[0], np.int64)


class Vamana(Peer):
    """Intel's scalable-vs: the DiskANN graph in memory, over float32, LVQ (VLDB 2023) or LeanVec (2023).

    Args:
        degree: links a node.
        window: candidates while it is built.
        code: `float32`; `lvq8`; `lvq4x8`; `leanvec` of `dimension` / `part` numbers, at least 64. Intel's processors.
        part: see there.
    """

    library = "SVS Vamana"

    def __init__(self, degree: int, window: int, code: str = "float32", part: int = 4) -> None:
        coded = "" if code == "float32" else f" {code}" + (f" part={part}" if code == "leanvec" else "")
        self.name = f"SVS Vamana degree={degree} window={window}{coded}"
        self._degree, self._window, self._code, self._part = degree, window, code, part

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        import svs

        parameters = svs.VamanaBuildParameters(graph_max_degree=self._degree, window_size=self._window, alpha=1.2)
        if self._code == "float32":
            return svs.Vamana.build(parameters, vectors, svs.DistanceType.L2, num_threads=threads)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/vectors.fvecs"
            svs.write_vecs(vectors, path)
            given = svs.VectorDataLoader(path, svs.DataType.float32)
            loader: Any
            if self._code == "leanvec":
                reduced = max(min(64, vectors.shape[1]), vectors.shape[1] // self._part // 32 * 32)
                loader = svs.LeanVecLoader(given, reduced)
            else:
                first, second = {"lvq8": (8, 0), "lvq4x8": (4, 8)}[self._code]
                loader = svs.LVQLoader(given, first, second, padding=32)
            return svs.Vamana.build(parameters, loader, svs.DistanceType.L2, num_threads=threads)

    def save(self, engine: Any, folder: Path) -> None:
        engine.save(*(str(folder / part) for part in ("config", "graph", "data")))

    def load(self, folder: Path, dimension: int) -> Any:
        import svs

        data = str(folder / "data")
        if self._code == "float32":
            loader = svs.VectorDataLoader(data, svs.DataType.float32)
        else:
            loader = svs.LeanVecLoader(data) if self._code == "leanvec" else svs.LVQLoader(data, padding=32)
        return svs.Vamana(
            str(folder / "config"),
            svs.GraphLoader(str(folder / "graph")),
            loader,
            distance=svs.DistanceType.L2,
            num_threads=1,
        )

    def lines(self, engine: Any, count: int) -> list[Line]:
        return [Line("search_window_size", 10, 2000)]

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        engine.search_window_size = settings["search_window_size"]

        def search(query: Floats) -> Any:
            return engine.search(query, k)[0][0]

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        engine.search_window_size, engine.num_threads = settings["search_window_size"], threads
        return np.asarray(engine.search(queries, k)[0], np.int64)


def _ef() -> list[Line]:
    return [Line("efSearch", 10, 2000)]


def _nprobe(**fixed: Any) -> Line:
    return Line("nprobe", 1, 1024, fixed)


def _fast_scan(lists: int) -> Callable[[int, int], str]:
    # Two dimensions a sub-quantiser of 16 centres, as ScaNN does; 4 bits a dimension would not rank well enough.
    return lambda count, dimension: f"IVF{lists},PQ{dimension // 2}x4fs,RFlat"


PEERS: list[Peer] = [
    Scann(2),
    Scann(2, soar=1.5),
    Scann(1),
    Annoy(50),
    Annoy(100),
    Faiss("IVF1024", lambda count, dimension: "IVF1024,Flat", [_nprobe()]),
    Faiss("IVF4096", lambda count, dimension: "IVF4096,Flat", [_nprobe()]),
    Faiss("IVF1024 PQ", _fast_scan(1024), [_nprobe(k_factor=factor) for factor in (3, 6, 10, 20)]),
    Faiss("IVF4096 PQ", _fast_scan(4096), [_nprobe(k_factor=factor) for factor in (3, 6, 10, 20)]),
    Hnswlib(16, 100),
    Vamana(32, 100),
    Vamana(32, 100, "leanvec"),
    Vamana(32, 100, "leanvec", part=6),
    Vamana(32, 100, "lvq8"),
    Vamana(32, 100, "lvq4x8"),
    Faiss("HNSW M=16 ef=100", lambda count, dimension: "HNSW16,Flat", _ef(), 100),
    Usearch(16, 128),
    Hnswlib(32, 100),
    Vamana(64, 200),
    Vamana(64, 200, "leanvec"),
    Faiss("HNSW M=32 ef=100", lambda count, dimension: "HNSW32,Flat", _ef(), 100),
]
