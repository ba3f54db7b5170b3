"""`scann`: cells, and 4-bit codes that lose least along the vector (Guo et al., 2020), by ScaNN, then exact comparison.

A search scores the codes of the nearest cells in SIMD registers, and compares the best `reorder` of them again in
float32. ScaNN keeps these vectors but gives none back, so an index in memory holds a second copy for filters and
rebuilds; one that was saved or loaded reads them from ScaNN's own `dataset.npy`, which stays on disk.
"""

from __future__ import annotations

import ctypes
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss
import numpy as np
from scann.scann_ops.py import scann_ops_pybind

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.core.vector_index import Floats, Found, Positions
from lookalike.index.planning.footprint import scann_leaves

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.spec import ScannBuild, ScannSearch, SearchSettings

__all__ = ["ScannIndex"]

_native = scann_ops_pybind.scann_pybind

#: ScaNN tells on stderr how long its steps took. Its copy of Abseil has a switch, but no name for it in Python; where
#: another version of Abseil is inside, the lines appear and do no harm.
_set_log_level = getattr(
    ctypes.CDLL(_native.__file__), "_ZN4absl12lts_2025012714SetMinLogLevelENS0_18LogSeverityAtLeastE", None
)
if _set_log_level is not None:
    _set_log_level.argtypes, _set_log_level.restype = [ctypes.c_int], None
    _set_log_level(2)  # errors and worse

_FOLDER = "scann"
_DATASET = f"{_FOLDER}/dataset.npy"
_ASSETS = f"{_FOLDER}/scann_assets.pbtxt"

#: Vectors that k-means sees for each cell; more hardly moves a centre.
_SAMPLE = 256

_ONE = np.float32(1)

#: Queries from which on several threads pay.
_MANY = 256


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
        leaves = min(build.leaves or scann_leaves(len(vectors)), len(vectors))
        measure = "squared_l2" if self._space.metric == "euclidean" else "dot_product"
        threads = faiss.omp_get_max_threads()
        sample = min(len(vectors), max(100_000, _SAMPLE * leaves))
        cells: dict[str, float] = {}
        if self._spills(leaves):
            cells |= {"soar_lambda": build.soar, "overretrieve_factor": build.overretrieve}
        if build.avq and self._space.metric != "euclidean":
            cells["avq"] = build.avq
        builder = (
            scann_ops_pybind.builder(vectors, 10, measure)
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
        reorder = max(k, wanted.reorder)
        if len(queries) == 1:
            # Past ScaNN's Python wrapper, which costs a microsecond; a short row comes back short.
            near, scores = engine.native.search(queries[0], k, reorder, wanted.leaves_to_search)
            if len(near) == k:
                return self._in_our_convention(scores)[None], near.astype(np.int64)[None], None
            positions, distances = np.full((1, k), -1, np.int64), np.full((1, k), np.inf, np.float32)
            positions[0, : len(near)], distances[0, : len(near)] = near, self._in_our_convention(scores[None])
            return distances, positions, None
        threads = faiss.omp_get_max_threads() if len(queries) >= _MANY else 1
        part = min(256, -(-len(queries) // threads))
        near, scores = engine.native.search_batched(queries, k, reorder, wanted.leaves_to_search, threads > 1, part)
        missing = np.isnan(scores)
        positions, distances = near.astype(np.int64), self._in_our_convention(scores)
        if missing.any():
            positions[missing], distances[missing] = -1, np.inf
        return distances, positions, None

    def _in_our_convention(self, scores: Floats) -> Floats:
        """In place: the array is ours alone. A row's best score comes first."""
        if self._space.metric == "euclidean":
            np.sqrt(scores, out=scores)
        elif self._space.metric == "inner_product":
            np.negative(scores, out=scores)
        else:
            np.subtract(_ONE, scores, out=scores)
            # Rounding takes unit vectors past 1; a distance is never negative. One row tells by its ends, for
            # np.clip takes as long as the rest of this layer.
            if scores.ndim > 1 or scores[0] < 0 or scores[-1] > 2:
                np.clip(scores, 0, 2, out=scores)
        return scores

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        wanted: ScannSearch = settings  # type: ignore[assignment]
        return settings.model_copy(
            update={
                "reorder": int(wanted.reorder * factor),
                "leaves_to_search": int(wanted.leaves_to_search * factor),
            }
        )

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
        native = _native.ScannNumpy(str(files[_ASSETS].parent), assets)
        native.set_num_threads(faiss.omp_get_max_threads())
        return _Searcher(native, vectors)


def _mapped(path: Path) -> Floats:
    vectors: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors
