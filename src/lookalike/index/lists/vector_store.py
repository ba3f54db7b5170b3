"""The vectors themselves beside their codes, for comparing a search's candidates once more: in memory or mapped.

Three formats: float32 as given; float16, half the size, each number rounded to 11 bits; sq8, a byte a number between
the least and greatest seen in training (later numbers beyond are clipped). Distances are those of the stored vectors.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError
from lookalike.index.core.engine_library import EngineLibrary, compiled

if TYPE_CHECKING:
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder

__all__ = ["VectorStore"]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

faiss = EngineLibrary("faiss")

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

_DTYPES: dict[str, Any] = {"float32": np.float32, "float16": np.float16, "sq8": np.uint8}
_PAGE = mmap.PAGESIZE
#: A smaller mapped store is soon in memory whole, and asking for its pages beforehand only costs 0.1 ms a query.
_FETCH_FROM = 1 << 30
#: After so many comparisons that read nothing from the disk, pages are no longer asked for beforehand; one that has to
#: wait for the disk begins it again. Asking takes 3 µs a page, also where it lies in memory.
_ALL_AT_HAND = 8
#: Candidates decoded at a time: a few MiB, so that the decoded vectors stay in the processor's cache.
_AT_A_TIME = 8192


class VectorStore:
    """Vectors by position, in one of three formats; grows at the end.

    Args:
        form: `float32`, `float16` or `sq8`.
        dimension: numbers per vector.
        ranges: `(2, d)` float32, least value and span of each dimension; for sq8 only, see `learned_ranges`.

    Example:
        >>> store = VectorStore("float16", 2)
        >>> store.append(np.array([[3.0, 4.0], [0.0, 0.1]], np.float32))
        >>> store.vectors_at(np.array([1])).tolist()
        [[0.0, 0.0999755859375]]
    """

    def __init__(self, form: str, dimension: int, ranges: Floats | None = None) -> None:
        self.form = form
        self.dimension = dimension
        self.ranges = ranges
        self._rows: npt.NDArray[Any] = np.empty((0, dimension), _DTYPES[form])
        self._size = 0
        self._map: mmap.mmap | None = None
        self._map_start = 0
        self._at_hand = 0  # comparisons since one read from the disk
        self._codec: Any = None
        if form != "float32":
            kind = faiss.ScalarQuantizer.QT_fp16 if form == "float16" else faiss.ScalarQuantizer.QT_8bit
            self._codec = faiss.ScalarQuantizer(dimension, kind)
            if ranges is not None:
                faiss.copy_array_to_vector(np.ascontiguousarray(ranges, np.float32).ravel(), self._codec.trained)

    @staticmethod
    def learned_ranges(sample: Floats) -> Floats:
        """`(2, d)` least value and span of each dimension of `(n, d)` vectors, a twentieth wider on both sides."""
        low, high = sample.min(axis=0), sample.max(axis=0)
        margin = np.maximum((high - low) / 20, np.float32(1e-12))
        return np.stack([low - margin, high - low + 2 * margin])

    def __len__(self) -> int:
        return self._size

    @property
    def dtype(self) -> Any:
        """Of a row as stored."""
        return np.dtype(_DTYPES[self.form])

    @property
    def _row_bytes(self) -> int:
        return int(self.dtype.itemsize) * self.dimension

    @property
    def bytes(self) -> int:
        """Memory it takes; a mapped store takes none of its own."""
        return 0 if self._map is not None else int(self._rows.nbytes)

    def encoded(self, vectors: Floats) -> npt.NDArray[Any]:
        """`(n, d)` rows as stored."""
        if self._codec is None:
            return vectors
        codes: npt.NDArray[Any] = self._codec.compute_codes(np.ascontiguousarray(vectors))
        return codes.view(self.dtype)

    def append(self, vectors: Floats) -> None:
        """Put `(n, d)` float32 vectors at the next positions."""
        size = self._size + len(vectors)
        if size > len(self._rows):
            rows = np.empty((max(size, len(self._rows) * 5 // 4), self.dimension), self.dtype)
            rows[: self._size] = self._rows[: self._size]
            self._rows = rows
        self._rows[self._size : size] = self.encoded(vectors)
        self._size = size

    def truncate(self, size: int) -> None:
        """Drop the vectors from position `size` on."""
        self._size = size

    def vectors_at(self, positions: Positions) -> Floats:
        """`(m, d)` float32 vectors at these positions."""
        rows = self._rows[positions]
        if self._codec is None:
            return rows
        decoded: Floats = self._codec.decode(rows.view(np.uint8))
        return decoded

    def compare(self, queries: Floats, positions: Positions, metric: str) -> Floats:
        """`(q, m)` float32: squared Euclidean distances, or inner products, of each query with its own candidates.

        Args:
            queries: `(q, d)` float32.
            positions: `(q, m)` int64; where -1, the result is +inf, or -inf for inner products.
            metric: `inner_product`; anything else is Euclidean.
        """
        if self._map is None or self._rows.nbytes < _FETCH_FROM:
            return self._compared(queries, positions, metric)
        before = _reads()
        if self._at_hand < _ALL_AT_HAND:
            self._fetch(positions)
        found = self._compared(queries, positions, metric)
        self._at_hand = self._at_hand + 1 if before is not None and _reads() == before else 0
        return found

    def _compared(self, queries: Floats, positions: Positions, metric: str) -> Floats:
        inner = metric == "inner_product"
        found = np.empty(positions.shape, np.float32)
        if self._codec is None:
            compare = faiss.fvec_inner_products_by_idx if inner else faiss.fvec_L2sqr_by_idx
            positions = np.ascontiguousarray(positions)
            arrays = (found, queries, self._rows, positions)
            compare(*(faiss.swig_ptr(array) for array in arrays), self.dimension, *positions.shape)
            return found
        step = max(1, _AT_A_TIME // max(1, positions.shape[1]))
        for start in range(0, len(queries), step):
            part = positions[start : start + step]
            vectors = self.vectors_at(part.ravel()).reshape(*part.shape, self.dimension)
            query = queries[start : start + step, None, :]
            if inner:
                found[start : start + step] = np.matmul(vectors, query.transpose(0, 2, 1))[:, :, 0]
            else:
                vectors -= query
                found[start : start + step] = np.einsum("qmd,qmd->qm", vectors, vectors)
        found[positions < 0] = -np.inf if inner else np.inf
        return found

    def compare_one(self, row: Floats, k: int, metric: str) -> Callable[[Any, Any, Any], None]:
        """For one query, compared again and again: a function of addresses that orders k candidates by true distance.

        It takes the addresses of k int64 positions, each within the store, and of the `(1, k)` distances and positions
        that it writes, nearest first. Float32 only. It is for as long as the store is not changed.

        Args:
            row: `(1, d)` float32, C-contiguous, the query; the caller keeps it.
            k: at least 1.
            metric: as of `compare`.
        """
        inner = metric == "inner_product"
        compare = compiled(faiss.knn_inner_products_by_idx if inner else faiss.knn_L2sqr_by_idx)
        at_row, rows, count, dimension = faiss.swig_ptr(row), self._rows, self._size, self.dimension
        at_rows = faiss.swig_ptr(rows)

        # An address keeps no array.
        def ordered(candidates: Any, at_distances: Any, at_positions: Any, _kept: Any = rows) -> None:
            compare(at_row, at_rows, candidates, dimension, 1, count, k, k, at_distances, at_positions)

        return ordered

    def _fetch(self, positions: Positions) -> None:
        """Ask the system for all the pages at once; one after the other, each would wait for the disk."""
        size = self._rows.itemsize * self.dimension
        starts = self._map_start + positions[positions >= 0] * size
        pages = np.unique(np.concatenate([starts // _PAGE, (starts + size - 1) // _PAGE]))
        advise, will_need = self._map.madvise, mmap.MADV_WILLNEED  # type: ignore[union-attr]
        for page in pages.tolist():
            advise(will_need, page * _PAGE, _PAGE)

    def write(self, folder: NewIndexFolder) -> None:
        """Write `store.npy`, and `store_ranges.npy` for sq8."""
        folder.add_array("store.npy", self._rows[: self._size])
        self.write_ranges(folder)

    def write_ranges(self, folder: NewIndexFolder) -> None:
        """Write `store_ranges.npy` where there are ranges."""
        if self.ranges is not None:
            folder.add_array("store_ranges.npy", self.ranges)

    def allocate(self, path: Path, count: int) -> None:
        """Make `path` a `.npy` of `count` rows with all its room on the disk: full now rather than hours later."""
        try:
            with path.open("wb") as file:
                shape = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False}
                np.lib.format.write_array_header_1_0(file, {**shape, "shape": (count, self.dimension)})
                file.flush()
                size = file.tell() + count * self._row_bytes
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)  # half a store would only keep the disk full
            raise

    @contextmanager
    def writer(self, path: Path) -> Iterator[Callable[[int, Floats], None]]:
        """A function that writes vectors at a position into a file of `allocate`; on disk when the block ends."""
        with path.open("r+b") as file:
            # Only the header's length is wanted. Shards open this file from several threads, and numpy would parse the
            # header as Python source, which Python 3.11 cannot do in two threads at once (cpython issue 106905).
            file.seek(np.lib.format.MAGIC_LEN)
            header = np.lib.format.MAGIC_LEN + 2 + int.from_bytes(file.read(2), "little")

            def write(start: int, vectors: Floats) -> None:
                file.seek(header + start * self._row_bytes)
                file.write(np.ascontiguousarray(self.encoded(vectors)).data)

            yield write
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def read(cls, folder: IndexFolder, form: str, dimension: int, count: int) -> VectorStore:
        """Read or map what `write` wrote.

        Raises:
            ArtefactError: it does not hold `count` vectors of this dimension and form.
        """
        ranges = np.asarray(folder.array("store_ranges.npy")) if form == "sq8" else None
        if ranges is not None and (ranges.shape != (2, dimension) or ranges.dtype != np.float32):
            raise ArtefactError(f"store_ranges.npy holds {ranges.dtype} {ranges.shape}, expected (2, {dimension})")
        store = cls(form, dimension, ranges)
        rows = folder.array("store.npy")
        if rows.shape != (count, dimension) or rows.dtype != store.dtype:
            raise ArtefactError(
                f"store.npy holds {rows.dtype} {rows.shape}, expected {store.dtype} ({count}, {dimension})"
            )
        store._adopt(rows)
        return store

    def _adopt(self, rows: npt.NDArray[Any]) -> None:
        mapped = getattr(rows, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_WILLNEED"):  # not on Windows
            # Candidates lie anywhere: reading ahead would fill memory with vectors nobody asked for.
            mapped.madvise(mmap.MADV_RANDOM)
            self._map = mapped
            self._map_start = rows.offset % mmap.ALLOCATIONGRANULARITY  # type: ignore[attr-defined]
        self._rows, self._size = np.asarray(rows), len(rows)


def _reads() -> tuple[int, int] | None:
    """What the calling thread has read from disks, and how often it waited for that; None where no system tells."""
    if resource is None or not hasattr(resource, "RUSAGE_THREAD"):
        return None
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_inblock, used.ru_majflt
