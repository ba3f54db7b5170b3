"""Vectors of users, from the files they come in.

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
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from lookalike.distances import MetricName
from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError, VectorError
from lookalike.index.core.checks import checked_ids, checked_vectors
from lookalike.index.vector_source import Numbers, Part, Positions, VectorSource, read_part

__all__ = ["open_vectors"]

_VECS: dict[str, str] = {".fvecs": "<f4", ".bvecs": "u1", ".ivecs": "<i4"}
_FORMATS = ".npy, .fvecs, .bvecs, .ivecs, .hdf5, .h5 or a vectors/ folder"
_MOST_DIMENSIONS = 1_000_000
# What ann-benchmarks calls the metrics it shares with us.
_HDF5_METRICS = {"angular": "cosine", "euclidean": "euclidean", "dot": "inner_product", "ip": "inner_product"}
#: Rows read at once where a file cannot give single ones quickly.
_WINDOW = 65_536


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


def _npy(path: Path) -> Part:
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


def _vecs(path: Path, dtype: np.dtype[Any]) -> Part:
    size = path.stat().st_size
    first = read_part(path, np.fromfile, path, "<i4", 1)
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
            queries = checked_vectors(read_part(path, np.asarray, arrays["test"]), dimension, f"{path}:test")
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
