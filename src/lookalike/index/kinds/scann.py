"""`scann`: cells, and 4-bit codes that lose least along the vector (Guo et al., 2020), by ScaNN, then exact comparison.

A search scores the codes of the nearest cells in SIMD registers, and compares the best `reorder` of them again in
float32. ScaNN keeps these vectors but gives none back, so an index in memory holds a second copy for filters and
rebuilds; one that was saved or loaded reads them from ScaNN's own `dataset.npy`, which stays on disk.
"""

from __future__ import annotations

import ctypes
import math
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.costs import JUMP, Costs, Footprint, Measured, Shape
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
from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.core.result_rows import ResultRow, next_row

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.one_query import FindOne

__all__ = ["KIND", "ScannBuild", "ScannIndex", "ScannSearch"]

faiss = EngineLibrary("faiss")

_FOLDER = "scann"
_DATASET = f"{_FOLDER}/dataset.npy"
_ASSETS = f"{_FOLDER}/scann_assets.pbtxt"

#: Vectors that k-means sees for each cell; more hardly moves a centre.
_SAMPLE = 256
#: Vectors that codes are learned from, and k-means sees at least.
_CODE_SAMPLE = 100_000
#: Passes of ScaNN's k-means, unless told otherwise.
_ITERATIONS = 12
#: What coding a vector takes, its second code under SOAR, and learning codes, for each vector they are learned from: as
#: much as so many comparisons with a cell's centre.
_CODED, _SPILLED, _CODE_LEARNING = 5600, 4900, 9100

_ONE = np.float32(1)

#: Queries from which on several threads pay.
_MANY = 256

#: By which power of the leaves the candidates grow that keep the recall of a search among fewer vectors.
_REORDERED = 1.2


@cache
def _scann() -> Any:
    """ScaNN's module for NumPy, silenced.

    ScaNN tells on stderr how long its steps took. Its copy of Abseil has a switch, but no name for it in Python; where
    another version of Abseil is inside, the lines appear and do no harm.
    """
    from scann.scann_ops.py import scann_ops_pybind

    set_log_level = getattr(
        ctypes.CDLL(scann_ops_pybind.scann_pybind.__file__),
        "_ZN4absl12lts_2025012714SetMinLogLevelENS0_18LogSeverityAtLeastE",
        None,
    )
    if set_log_level is not None:
        set_log_level.argtypes, set_log_level.restype = [ctypes.c_int], None
        set_log_level(2)  # errors and worse
    return scann_ops_pybind


class ScannBuild(BuildSettings):
    """Anisotropic quantisation (Guo et al., 2020) by ScaNN: `leaves` cells, 4 bits per `dims_per_block` dimensions.

    `soar`: how much a second cell, in which each vector is kept as well, makes up for the first (Sun et al., 2023);
    0 for one cell each. It is of use for cosine and inner product; under Euclidean distance ScaNN has one cell only.
    `overretrieve`: of codes, how many times `reorder` are kept before a vector met in both its cells counts once.
    `avq`: how much more an error along a vector weighs than one across it where cells' centres are placed, as
    `anisotropic_threshold` says it for codes; 0 for plain means, as always under Euclidean distance.

    The defaults come from `benchmarks/ann_1m.py`: against ScaNN's own they save an eighth of a query's time on a
    million generated vectors, and a quarter on 400,000 word vectors, at equal recall.
    """

    leaves: int = Field(default=0, ge=0, le=4_194_304)
    dims_per_block: int = Field(default=2, ge=1, le=64)
    anisotropic_threshold: float = Field(default=0.3, ge=0, lt=1)
    soar: float = Field(default=0.7, ge=0, le=100)
    overretrieve: float = Field(default=1.1, ge=1, le=2)
    avq: float = Field(default=2.0, ge=0, le=100)


class ScannSearch(SearchSettings):
    """`leaves_to_search`: cells whose codes are compared; `reorder`: candidates compared again in full."""

    leaves_to_search: int = Field(default=32, ge=1, le=4_194_304)
    reorder: int = Field(default=100, ge=1, le=1_000_000)


def _usual_leaves(count: int) -> int:
    """2·√n, as ScaNN's authors advise between √n and a few times that."""
    return max(1, round(2 * math.sqrt(count)))


class _Searcher(NamedTuple):
    """ScaNN's searcher, and the vectors it does not give back."""

    native: Any
    vectors: Floats


class ScannIndex(PrefixIndex):
    """Quantised search re-ranked in full; `leaves_to_search` and `reorder` trade recall for speed.

    Memory: ScaNN's float32 vectors, half a byte for each `dims_per_block` dimensions, and a second copy of the vectors
    until the index is saved or loaded, which leaves it on disk. A mapped opening does no more: ScaNN reads into
    memory. Below about 8 dimensions 4-bit codes tell neighbours apart poorly: take `exact` or `hnsw` there, or a large
    `reorder`.

    Source: Guo et al., "Accelerating large-scale inference with anisotropic vector quantization" (ICML 2020); Sun et
    al., "SOAR: improved indexing for approximate nearest neighbor search" (NeurIPS 2023).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "scann", leaves=2000)    # doctest: +SKIP
        >>> index.search(queries, leaves_to_search=100, reorder=200)    # doctest: +SKIP
    """

    def _build_engine(self, vectors: Floats) -> _Searcher:
        build: ScannBuild = self._spec.build  # type: ignore[assignment]
        leaves = min(build.leaves or _usual_leaves(len(vectors)), len(vectors))
        measure = "squared_l2" if self._space.metric == "euclidean" else "dot_product"
        threads = faiss.omp_get_max_threads()
        sample = _training_sample(len(vectors), leaves)
        cells: dict[str, float] = {}
        if self._spills(leaves):
            cells |= {"soar_lambda": build.soar, "overretrieve_factor": build.overretrieve}
        if build.avq and self._space.metric != "euclidean":
            cells["avq"] = build.avq
        builder = (
            _scann()
            .builder(vectors, 10, measure)
            .tree(leaves, leaves, training_sample_size=sample, **cells)
            .score_ah(build.dims_per_block, anisotropic_quantization_threshold=build.anisotropic_threshold)
            .reorder(100)
            .set_n_training_threads(threads)
        )
        try:
            native = builder.build().searcher
        except (RuntimeError, ValueError, MemoryError) as error:
            raise InputError(
                f"ScaNN took no {len(vectors)} × {self.dimension} vectors with leaves={leaves}, "
                f"dims_per_block={build.dims_per_block} ({error}); change these, or choose another kind"
            ) from error
        native.set_num_threads(threads)
        return _Searcher(native, vectors.copy())

    def _spills(self, leaves: int) -> bool:
        """Whether every vector lies in a second cell, too."""
        build: ScannBuild = self._spec.build  # type: ignore[assignment]
        return build.soar > 0 and leaves > 1 and self._space.metric != "euclidean"

    def _search_engine(self, engine: _Searcher, queries: Floats, k: int, settings: SearchSettings) -> Found:
        wanted: ScannSearch = settings  # type: ignore[assignment]
        if len(queries) == 1:  # as by the prepared path: in a batch ScaNN rounds otherwise
            found = self._find_one_in(engine, queries, k, settings)()
            if found is not None:
                return found[:3]
        reorder = max(k, wanted.reorder)
        threads = faiss.omp_get_max_threads() if len(queries) >= _MANY else 1
        part = min(256, -(-len(queries) // threads))
        near, scores = engine.native.search_batched(queries, k, reorder, wanted.leaves_to_search, threads > 1, part)
        missing = np.isnan(scores)
        positions, distances = near.astype(np.int64), self._in_our_convention(scores)
        if missing.any():
            positions[missing], distances[missing] = -1, np.inf
        return distances, positions, None

    def _find_one_in(self, engine: _Searcher, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        wanted: ScannSearch = settings  # type: ignore[assignment]
        # Past ScaNN's Python wrapper, which costs a microsecond; a short row comes back short.
        search, query, reorder, leaves = engine.native.search, row[0], max(k, wanted.reorder), wanted.leaves_to_search
        metric, last = self._space.metric, k - 1
        add, address = compiled(faiss.fvec_madd), compiled(faiss.swig_ptr)
        cosine, rooted = metric == "cosine", metric == "euclidean"
        start = np.full(k, 1 if cosine else 0, np.float32)
        at_start, sign = address(start), 1.0 if rooted else -1.0
        waiting: list[ResultRow] = []

        def find(_kept: Floats = start) -> tuple[Floats, Positions, None, None] | None:  # an address keeps no array
            near, scores = search(query, k, reorder, leaves)
            if len(near) != k:
                return None
            distances, positions, at_distances, _ = waiting.pop() if waiting else next_row(k, waiting)
            add(k, at_start, sign, address(scores), at_distances)  # 1 - x, -x or x, as `_in_our_convention`
            if rooted:
                np.sqrt(distances, out=distances)
            elif cosine and not 0 <= distances.item(0) <= distances.item(last) <= 2:
                np.clip(distances, 0, 2, out=distances)
            positions[0] = near
            return distances, positions, None, None

        return find

    def _in_our_convention(self, scores: Floats) -> Floats:
        """In place: the array is ours alone."""
        if self._space.metric == "euclidean":
            np.sqrt(scores, out=scores)
        elif self._space.metric == "inner_product":
            np.negative(scores, out=scores)
        else:
            np.subtract(_ONE, scores, out=scores)
            np.clip(scores, 0, 2, out=scores)  # rounding takes unit vectors past 1; a distance is never negative
        return scores

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: ScannSearch = settings  # type: ignore[assignment]
        most = self._ids.size
        # The codes' order is rough: of more candidates, more than in proportion are to be compared in full.
        reorder = min(max(wanted.reorder, most), int(wanted.reorder * factor**_REORDERED))
        leaves = min(max(wanted.leaves_to_search, most), int(wanted.leaves_to_search * factor))
        return settings.model_copy(update={"reorder": reorder, "leaves_to_search": leaves})

    def _at_hand(self, settings: SearchSettings) -> int:
        return int(settings.reorder)  # type: ignore[attr-defined]

    def _work(self, settings: SearchSettings, fetched: int) -> float:
        compared = max(fetched, self._at_hand(settings))
        return super()._work(settings, 0) + compared * (self.dimension + JUMP)

    def _engine_vectors(self, engine: _Searcher, positions: Positions) -> Floats:
        return np.asarray(engine.vectors[positions])

    def _engine_bytes(self, engine: _Searcher) -> int:
        build: ScannBuild = self._spec.build  # type: ignore[assignment]
        size = len(engine.vectors)
        # In a second cell lies a second code: relative to that cell's centre, it is another one.
        cells = 2 if self._spills(build.leaves or size) else 1
        codes = cells * size * -(-self.dimension // build.dims_per_block) // 2
        copy = 0 if isinstance(engine.vectors, np.memmap) else engine.vectors.nbytes
        return int(size * (self.dimension * 4 + 8) + codes + copy)

    def _write_engine(self, engine: _Searcher, folder: NewIndexFolder) -> None:
        path = folder.path / _FOLDER
        path.mkdir()
        try:
            engine.native.serialize(str(path), True)  # True: file names without the folder, which may move
        except RuntimeError as error:
            raise StorageError(f"{path}: ScaNN could not write ({error}); free disk space, save again") from error
        for file in sorted(path.iterdir()):
            folder.add_written(f"{_FOLDER}/{file.name}")
        if folder.files.get(_DATASET, {"bytes": 0})["bytes"] < engine.vectors.nbytes:
            raise StorageError(f"{path} was written in part; free disk space and save again")
        # The mapping outlives the name of the file, which `artefact` is about to change.
        mapped = _Searcher(engine.native, _mapped(path / "dataset.npy"))
        folder.when_in_place(partial(self._adopt, self._built._replace(engine=mapped)))

    def _read_engine(self, folder: IndexFolder, covered: int) -> _Searcher:
        files = {name: folder.file(name) for name in (_ASSETS, _DATASET)}
        for name in folder.names():
            if name.startswith(f"{_FOLDER}/"):
                folder.file(name)
        assets = files[_ASSETS].read_text(encoding="utf-8")
        for name in re.findall(r'asset_path: "([^"]*)"', assets):
            if f"{_FOLDER}/{name}" not in folder:  # a path elsewhere would be read unchecked
                raise ArtefactError(f"{_ASSETS} names {name}, which is no file of this index")
        vectors = _mapped(files[_DATASET])
        if vectors.shape != (covered, self.dimension) or vectors.dtype != np.float32:
            raise ArtefactError(f"{_DATASET} holds {vectors.dtype} {vectors.shape}, expected float32 ({covered}, d)")
        # Not through ScaNN's load_searcher, which would unpickle a file of ids if it found one.
        native = _scann().scann_pybind.ScannNumpy(str(files[_ASSETS].parent), assets)
        native.set_num_threads(faiss.omp_get_max_threads())
        return _Searcher(native, vectors)


def _mapped(path: Path) -> Floats:
    vectors: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors


#: Candidates compared again in full when this was measured.
_RERANKED = 100


def _leaves(shape: Shape) -> int:
    leaves: int = shape.build.leaves or _usual_leaves(shape.count)
    return leaves


def _footprint(shape: Shape) -> Footprint:
    # The vectors, half a byte a block of dimensions packed and one unpacked, an assignment (these twice with SOAR), and
    # the leaves' centroids twice.
    count, dimension, leaves = shape.count, shape.dimension, _leaves(shape)
    blocks = math.ceil(dimension / shape.build.dims_per_block)
    centroids = 2 * leaves * (4 * dimension + 8)
    cells = 2 if shape.build.soar else 1  # each with a code of its own
    codes = cells * math.ceil(blocks / 2) * count
    disk = shape.vectors + cells * (blocks + 4) * count + centroids
    serving = shape.vectors + codes + (8 + 4 * cells) * count + centroids
    # Beside the vectors as given and our copy of them, ScaNN's, and its sample for k-means in several forms.
    sample = 4 * dimension * _training_sample(count, leaves)
    return Footprint(serving, 2 * shape.vectors + serving + 3 * sample, disk)


def _search_work(shape: Shape, leaves_to_search: int) -> float:
    leaves, dimension = _leaves(shape), shape.dimension
    visited = min(leaves_to_search, leaves) * shape.count / leaves
    block: int = shape.build.dims_per_block
    codes = visited * dimension / (4 * block)
    return leaves * dimension + codes + _RERANKED * (dimension + JUMP)


def _training_sample(count: int, leaves: int) -> int:
    """Vectors that k-means learns the cells from."""
    return min(count, max(_CODE_SAMPLE, _SAMPLE * leaves))


def _build_work(shape: Shape) -> float:
    # K-means, then every vector's cell; its codes, twice as many with SOAR; learning the codes. Fitted to builds of
    # 20,000 to 1,000,000 vectors, √n and 2·√n leaves, with SOAR and without: within 9% of each.
    count, leaves = shape.count, _leaves(shape)
    cells = leaves * (_ITERATIONS * _training_sample(count, leaves) + count)
    each = _CODED + (_SPILLED if shape.build.soar else 0)
    return (cells + count * each + _CODE_LEARNING * min(count, _CODE_SAMPLE)) * shape.dimension


# Searches, all without SOAR, are of the machine of `Measured`. Builds were measured again on an Intel Xeon, with SOAR
# and without: without it 2.9, 16 and 156 s of processor time. What stands here is that by the fit of `_build_work`,
# times 0.44: what the machine of `Measured` took for 20,000 and 100,000 vectors; for 1,000,000 it took 51 s.
# fmt: off
_MEASURED = (
    Measured(20_000, 1.2, (
        (4, 0.5262, 0.0302), (8, 0.6542, 0.0293), (16, 0.7686, 0.0274), (32, 0.8692, 0.0285),
        (48, 0.9248, 0.0441), (64, 0.95, 0.0519), (96, 0.9794, 0.0464), (128, 0.992, 0.0563),
        (192, 0.9988, 0.0716),
    )),
    Measured(100_000, 7.3, (
        (4, 0.488, 0.0253), (8, 0.6056, 0.0285), (16, 0.7228, 0.0337), (32, 0.8292, 0.0439),
        (48, 0.8852, 0.0539), (64, 0.9186, 0.0609), (96, 0.9552, 0.0753), (128, 0.9756, 0.0898),
        (192, 0.9908, 0.1151),
    )),
    Measured(1_000_000, 67.0, (
        (4, 0.3406, 0.0524), (8, 0.4552, 0.062), (16, 0.581, 0.0831), (32, 0.7048, 0.1095),
        (48, 0.7846, 0.1342), (64, 0.8266, 0.168), (96, 0.8836, 0.2153), (128, 0.9184, 0.27),
        (192, 0.9488, 0.388),
    )),
)
# fmt: on
#: Builds with SOAR, the same sizes.
_SOAR_BUILDS = (1.5, 8.8, 83.0)
_MEASURED_SOAR = tuple(point._replace(build_cpu_s=s) for point, s in zip(_MEASURED, _SOAR_BUILDS, strict=True))

KIND = Kind(
    name="scann",
    index=ScannIndex,
    build=ScannBuild,
    search=ScannSearch,
    recall_setting=RecallSetting(
        "leaves_to_search",
        limit=lambda count: math.ceil(8 * math.sqrt(count)),  # beyond the cells that a tuner makes
        counts_candidates=False,
        reranked="reorder",
    ),
    candidates=(
        Candidate("scann", {}, {"leaves": 2.0}),
        Candidate("scann", {}, {"leaves": 1.0}),
        Candidate("scann", {"soar": 0.0}, {"leaves": 2.0}),
        Candidate("scann", {"soar": 0.0}, {"leaves": 1.0}),  # the quickest to build: for a budget
    ),
    costs=Costs(
        footprint=_footprint,
        measured=lambda build: _MEASURED_SOAR if build.soar else _MEASURED,
        search_work=_search_work,
        build_work=_build_work,
        # What was measured; with SOAR, a second cell for every vector, searches are faster and builds longer.
        planned=({"dims_per_block": 2, "soar": 0.0},),
        by_count=lambda count: {"leaves": _usual_leaves(count)},
        everything=_leaves,
    ),
    metrics=ALL_BUT_MANHATTAN,
    requires="scann",
    extra="scann",
    family="cells",
    least_dimension=8,
    mark=("#8e44ad", "*"),
)
