"""Vectors of users, from the files they come in, a block at a time: larger than memory is fine.

==========================  ================================================================================
`.npy`                      `(n, d)` of any real dtype
`.fvecs`, `.bvecs`,         rows of a little-endian int32 dimension and float32, uint8 or int32 numbers (Jégou et
`.ivecs`                    al., 2011: the TEXMEX corpus)
`.hdf5`, `.h5`              of ann-benchmarks (Aumüller et al., 2018): `train`, `test` as queries, and the metric as
                            attribute `distance`; needs `lookalike[hdf5]`
a `vectors/` folder         as `lookalike embed` writes it: shards, ids, fingerprint and metric
==========================  ================================================================================

Blocks are read, not mapped: pages of a mapped file would count as this process's memory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, cast, get_args

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName
from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError, VectorError
from lookalike.index.core.checks import LARGEST_LENGTH, checked_ids, checked_vectors

__all__ = ["VectorSource", "open_vectors"]

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]

_VECS: dict[str, str] = {".fvecs": "<f4", ".bvecs": "u1", ".ivecs": "<i4"}
_FORMATS = ".npy, .fvecs, .bvecs, .ivecs, .hdf5, .h5 or a vectors/ folder"
_MOST_DIMENSIONS = 1_000_000
# What ann-benchmarks calls the metrics it shares with us.
_HDF5_METRICS = {"angular": "cosine", "euclidean": "euclidean", "dot": "inner_product", "ip": "inner_product"}
#: Rows read at once where a file cannot give single ones quickly.
_WINDOW = 65_536


class _Part(Protocol):
    """Some rows of a source in one file."""

    path: Path
    count: int
    dimension: int

    def read(self, start: int, stop: int) -> Numbers:
        """`(stop - start, dimension)` as in the file."""

    def take(self, positions: Positions) -> Numbers:
        """`(n, dimension)` of ascending positions, as in the file."""

    def close(self) -> None:
        """Let go of the file."""


class VectorSource:
    """Vectors in one or several files, read when asked for; made by `open_vectors`, and a context manager.

    Attributes:
        path: what was opened.
        count: how many vectors, at least 1.
        dimension: numbers per vector.
        metric: the one they are meant for, where the file says so.
        fingerprint: of the model that made them; empty when unknown.
        ids: `(count,)` int64 where the source has its own, else None: a vector's row is its id.
        queries: `(q, dimension)` float32 that came with them, held out, else None.
    """

    def __init__(
        self,
        path: Path,
        parts: list[_Part],
        metric: MetricName | None = None,
        fingerprint: str = "",
        ids: Positions | None = None,
        queries: Floats | None = None,
    ) -> None:
        self.path, self.metric, self.fingerprint, self.ids, self.queries = path, metric, fingerprint, ids, queries
        self._parts = parts
        self._ends = np.cumsum([part.count for part in parts])
        self.count, self.dimension = int(self._ends[-1]), parts[0].dimension

    def __len__(self) -> int:
        return self.count

    def __enter__(self) -> VectorSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; reading afterwards is an error."""
        for part in self._parts:
            part.close()

    def blocks(self, size: int = 65_536, start: int = 0) -> Iterator[tuple[int, Floats]]:
        """All rows from `start` on, in order, in blocks.

        Args:
            size: rows of a block, at least 1; the last may have fewer.
            start: the first row, for going on after an interruption.

        Yields:
            the first row's number and `(rows, dimension)` float32.

        Raises:
            InputError: `size` or `start` out of range.
            VectorError: a row holds NaN or infinity, or is too long for float32; the file ends early.
            StorageError: the disk fails.
        """
        if size < 1 or not 0 <= start <= self.count:
            raise InputError(
                f"blocks of {size} rows from row {start} were asked of {self.count}; give a size of at least 1 and a "
                "row that is there"
            )
        for first in range(start, self.count, size):
            yield first, self._between(first, min(first + size, self.count))

    def rows(self, positions: npt.ArrayLike) -> Floats:
        """`(n, dimension)` float32: the rows at `(n,)` positions, in that order, repeated or not.

        Raises:
            VectorError: a position that is not there, or as for `blocks`.
        """
        wanted = checked_ids(positions)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < self.count:
            raise VectorError(
                f"{self.path} was asked for rows {wanted.min()} to {wanted.max()}; it has 0 to {self.count - 1}"
            )
        order = np.argsort(wanted, kind="stable")
        ascending = wanted[order]
        vectors = np.empty((len(wanted), self.dimension), np.float32)
        cuts = np.searchsorted(ascending, self._ends)
        for number, part in enumerate(self._parts):
            first, last = (0 if number == 0 else cuts[number - 1]), cuts[number]
            if first < last:
                before = int(self._ends[number]) - part.count
                found = _read(part.path, part.take, ascending[first:last] - before)
                vectors[order[first:last]] = self._checked(found, ascending[first:last], part.path, before)
        return vectors

    def read(self, progress: Callable[[int], None] | None = None) -> Floats:
        """`(count, dimension)` float32: all of them, in memory; raises as `blocks`.

        Args:
            progress: called with the number of vectors read since the last call.
        """
        vectors = np.empty((self.count, self.dimension), np.float32)
        for first, block in self.blocks():
            vectors[first : first + len(block)] = block
            if progress is not None:
                progress(len(block))
        return vectors

    def _between(self, first: int, last: int) -> Floats:
        pieces = []
        for end, part in zip(self._ends.tolist(), self._parts, strict=True):
            before = end - part.count
            start, stop = max(first, before), min(last, end)
            if start < stop:
                found = _read(part.path, part.read, start - before, stop - before)
                if len(found) < stop - start:
                    raise VectorError(f"{part.path} ends early, at row {start - before + len(found)}; copy it again")
                pieces.append(self._checked(found, np.arange(start, stop), part.path, before))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _checked(self, found: Numbers, positions: Positions, path: Path, before: int) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            ready: Floats = np.ascontiguousarray(found, dtype=np.float32)
            short = np.einsum("ij,ij->i", ready, ready) <= LARGEST_LENGTH**2
        if not short.all():
            bad = int(np.flatnonzero(~short)[0])
            wrong = "is too long for float32; rescale the vectors"
            if not np.isfinite(found[bad]).all():
                wrong = "holds NaN or infinity; remove or re-embed it"
            raise VectorError(f"{path}: row {int(positions[bad]) - before} {wrong}")
        return ready


def open_vectors(path: str | Path) -> VectorSource:
    """Open a file or folder of vectors; reads what describes them, and queries and ids where it has any.

    Args:
        path: a `.npy`, `.fvecs`, `.bvecs`, `.ivecs`, `.hdf5` or `.h5` file, or a folder that `lookalike embed` wrote.

    Raises:
        InputError: there is nothing at `path`, or something of another kind.
        VectorError: not two-dimensional, empty, not numbers, or truncated; queries of another dimension.
        ArtefactError: the folder is damaged or of another version.
        MissingDependencyError: HDF5, and h5py is not installed.
        StorageError: the disk fails.

    Example:
        >>> with open_vectors("sift_base.fvecs") as source:      # doctest: +SKIP
        ...     index = build_index(source.read(), metric="euclidean")
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise InputError(f"{path} is not there; give {_FORMATS}")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return VectorSource(path, [_npy(path)])
    if suffix in _VECS:
        return VectorSource(path, [_vecs(path, np.dtype(_VECS[suffix]))])
    if suffix in (".hdf5", ".h5"):
        return _hdf5(path)
    raise InputError(f"{path} has the ending {suffix or 'of no format'!r}; give {_FORMATS}")


def _read(path: Path, action: Callable[..., Numbers], *arguments: Any) -> Numbers:
    try:
        return action(*arguments)
    except OSError as error:
        raise StorageError(f"{path} could not be read ({error}); check the disk, or copy the file again") from error


def _check_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiu":
        raise VectorError(f"{path} holds {dtype}; expected real numbers, best float32")
    if len(shape) != 2:
        raise VectorError(f"{path} has shape {shape}; expected two dimensions (vectors, dimensions)")
    if 0 in shape:
        raise VectorError(f"{path} is empty, shape {shape}; give at least one vector of one dimension")


class _Rows:
    """A file of rows of fixed size, each perhaps with its dimension before it."""

    def __init__(self, path: Path, offset: int, count: int, dimension: int, dtype: np.dtype[Any], headed: bool) -> None:
        self.path, self.count, self.dimension = path, count, dimension
        self._offset, self._headed = offset, headed
        heading = [("dimension", np.dtype("<i4"))] if headed else []
        self._row = np.dtype([*heading, ("vector", dtype, (dimension,))])

    def read(self, start: int, stop: int) -> Numbers:
        offset = self._offset + start * self._row.itemsize
        return self._vectors(np.fromfile(self.path, self._row, stop - start, offset=offset), start)

    def take(self, positions: Positions) -> Numbers:
        try:
            mapped = np.memmap(self.path, self._row, "r", self._offset, (self.count,))
        except ValueError as error:
            raise VectorError(f"{self.path} became shorter since it was opened ({error}); copy it again") from error
        return self._vectors(mapped[positions], positions)

    def close(self) -> None:
        """Opened anew for every read."""

    def _vectors(self, rows: Numbers, positions: int | Positions) -> Numbers:
        if self._headed and (rows["dimension"] != self.dimension).any():
            at = int(np.flatnonzero(rows["dimension"] != self.dimension)[0])
            row = positions + at if isinstance(positions, int) else int(positions[at])
            raise VectorError(
                f"{self.path}: row {row} says it has {int(rows['dimension'][at])} dimensions, the first "
                f"{self.dimension}; the file is damaged or its vectors differ"
            )
        vectors: Numbers = rows["vector"]
        return vectors


class _Array:
    """An array that takes slices: a mapped `.npy` in Fortran order, or an HDF5 data set."""

    def __init__(self, path: Path, array: Any, close: Callable[[], None] | None = None) -> None:
        self.path, self._array, self._close = path, array, close
        self.count, self.dimension = array.shape

    def read(self, start: int, stop: int) -> Numbers:
        return np.asarray(self._array[start:stop])

    def take(self, positions: Positions) -> Numbers:
        # HDF5 picks single rows slowly; a window that holds any is read whole.
        windows = np.split(positions, np.flatnonzero(np.diff(positions // _WINDOW)) + 1)
        pieces = []
        for window in windows:
            first = int(window[0])
            pieces.append(self.read(first, int(window[-1]) + 1)[window - first])
        return np.concatenate(pieces)

    def close(self) -> None:
        if self._close is not None:
            self._close()


def _npy(path: Path) -> _Part:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise StorageError(f"{path} could not be read ({error}); check the disk and who may read the file") from error
    except (ValueError, EOFError, SyntaxError) as error:
        raise VectorError(f"{path} is not a whole .npy of numbers ({error}); write it with numpy.save") from error
    _check_shape(path, mapped.shape, mapped.dtype)
    if not mapped.flags.c_contiguous:
        return _Array(path, mapped)
    count, dimension = mapped.shape
    return _Rows(path, mapped.offset, count, dimension, mapped.dtype, headed=False)


def _vecs(path: Path, dtype: np.dtype[Any]) -> _Part:
    size = path.stat().st_size
    first = _read(path, np.fromfile, path, "<i4", 1)
    if not len(first):
        raise VectorError(f"{path} is empty; give at least one vector")
    dimension = int(first[0])
    if not 1 <= dimension <= _MOST_DIMENSIONS:
        raise VectorError(
            f"{path} starts with the dimension {dimension}; expected 1 to {_MOST_DIMENSIONS}, so it is no {path.suffix}"
        )
    row = 4 + dimension * dtype.itemsize
    if size % row:
        raise VectorError(
            f"{path} has {size} bytes, which rows of {row} bytes ({dimension} dimensions) do not fill; it is truncated "
            f"or no {path.suffix}"
        )
    return _Rows(path, 0, size // row, dimension, dtype, headed=True)


def _hdf5(path: Path) -> VectorSource:
    try:
        import h5py
    except ImportError:
        raise MissingDependencyError(
            f"{path} is HDF5, and h5py is not installed; pip install 'lookalike[hdf5]'"
        ) from None
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise VectorError(f"{path} is not a whole HDF5 file ({error}); copy it again") from error
    try:
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        if "train" not in arrays:
            raise VectorError(
                f"{path} holds {', '.join(arrays) or 'no data set'}; expected ann-benchmarks' 'train' (and 'test')"
            )
        for name in arrays.keys() & {"train", "test"}:
            _check_shape(Path(f"{path}:{name}"), arrays[name].shape, arrays[name].dtype)
        distance = file.attrs.get("distance")
        distance = distance.decode() if isinstance(distance, bytes) else distance
        if distance is not None and distance not in _HDF5_METRICS:
            raise VectorError(
                f"{path} is for the distance {distance!r}; expected one of {', '.join(_HDF5_METRICS)}: others cannot "
                "be searched"
            )
        queries = None
        if "test" in arrays:
            dimension = arrays["train"].shape[1]
            queries = checked_vectors(_read(path, np.asarray, arrays["test"]), dimension, f"{path}:test")
        metric = cast(MetricName | None, _HDF5_METRICS.get(str(distance)))
        return VectorSource(path, [_Array(path, arrays["train"], file.close)], metric, queries=queries)
    except BaseException:
        file.close()
        raise


def _folder(path: Path) -> VectorSource:
    from lookalike.embedder.vectors_folder import FORMAT_VERSION, MARKER  # loads torch's neighbours, so not at import

    if not (path / MARKER).is_file():
        raise InputError(f"{path} is a folder without {MARKER}; give {_FORMATS}")
    try:
        content = tomllib.loads((path / MARKER).read_text("utf-8"))
        if content["format_version"] != FORMAT_VERSION:
            raise ArtefactError(
                f"{path} has format version {content['format_version']!r}, this Lookalike reads {FORMAT_VERSION}; "
                "embed again, or use the Lookalike that wrote it"
            )
        names, count, metric = list(content["shards"]), content["count"], content["metric"]
        if metric not in get_args(MetricName) or any(Path(name).name != name for name in names):
            raise ValueError(f"metric {metric!r}, shards {names}")
        fingerprint = str(content["fingerprint"])
        parts = [_npy(path / name) for name in names]
        ids = checked_ids(np.load(path / "ids.npy", allow_pickle=False), count)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ArtefactError(f"{path} is not a whole vectors folder: {error}; embed again") from error
    held, dimensions = sum(part.count for part in parts), {part.dimension for part in parts}
    if held != count or dimensions != {content.get("dimension")}:
        raise ArtefactError(
            f"{path} is damaged: {MARKER} says {count} × {content.get('dimension')}, its shards hold {held} × "
            f"{' or '.join(map(str, sorted(dimensions)))}; embed again"
        )
    return VectorSource(path, parts, metric, fingerprint, ids)
