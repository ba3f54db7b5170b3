"""An index on disk: a directory of `ids.npy`, `dead.npy`, the engine's files and `index.toml`, swapped in whole.

`index.toml` holds the format version, the spec, what a tuner promised, and size and SHA-256 of every other file, so
that damage is found before an engine parses a byte. Version 1 (only `index.faiss`, no sizes) is still read.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import written_folder
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.engine_library import EngineLibrary

if TYPE_CHECKING:
    from lookalike.index.core.vector_index import VectorIndex
    from lookalike.index.spec import IndexSpec

__all__ = [
    "FORMAT_VERSION",
    "HASH_LIMIT",
    "HEADER",
    "IndexFolder",
    "NewIndexFolder",
    "check_path",
    "read_header",
    "save",
    "write_header",
]

faiss = EngineLibrary("faiss")

FORMAT_VERSION = 2
HEADER = "index.toml"

#: Opened mapped, larger files are checked by their size only: hashing 25 GB would read all that mapping leaves on disk.
HASH_LIMIT = 1 << 26


class _Hashed:
    """A file being written, fsynced at the end, with the SHA-256 of what went in (not of what the disk gives back)."""

    def __init__(self, path: Path) -> None:
        self.file: IO[bytes] = path.open("wb")
        self.sha256 = hashlib.sha256()
        self.bytes = 0
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.bytes += len(data)
        try:
            return self.file.write(data)
        except OSError as error:
            # faiss turns the exception into one of its own; the cause must reach the user.
            self.error = error
            raise

    def finish(self) -> dict[str, Any]:
        self.file.flush()
        os.fsync(self.file.fileno())
        return {"bytes": self.bytes, "sha256": self.sha256.hexdigest()}


class NewIndexFolder:
    """A folder being written; every file that is added is entered with its size and SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, dict[str, Any]] = {}
        self._in_place: list[Callable[[], None]] = []

    def when_in_place(self, act: Callable[[], None]) -> None:
        """Have `act` called once the folder is on the disk under its own name; never, where saving fails."""
        self._in_place.append(act)

    def in_place(self) -> None:
        """The folder is on the disk under its own name."""
        for act in self._in_place:
            act()

    def _add(self, name: str, fill: Callable[[_Hashed], None]) -> None:
        out = _Hashed(self.path / name)
        try:
            fill(out)
            self.files[name] = out.finish()
        except Exception as error:
            if out.error is not None and error is not out.error:
                raise out.error from error
            raise
        finally:
            out.file.close()

    def add_faiss(self, name: str, engine: Any) -> None:
        """Write a faiss index."""
        # faiss' own file writer drops the error of the last flush: a full disk would pass as success.
        self._add(name, lambda out: faiss.write_index(engine, faiss.PyCallbackIOWriter(out.write, 1 << 20)))

    def add_array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array as `.npy`."""
        self._add(name, lambda out: np.save(out, array, allow_pickle=False))

    def add_written(self, name: str) -> None:
        """Enter a file that an engine wrote itself; a `StorageError` where it is not there."""
        path = self.path / name
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.files[name] = {"bytes": path.stat().st_size, "sha256": digest}
        except FileNotFoundError as error:
            raise StorageError(f"{path} was not written; the disk may be full, the engine says no more") from error


class IndexFolder:
    """A folder being read; a file is checked before it is handed out.

    Args:
        path: of the folder.
        files: name -> `bytes` (absent in version 1) and `sha256`.
        mapped: map files into memory instead of reading them.
    """

    def __init__(self, path: Path, files: dict[str, dict[str, Any]], mapped: bool = False) -> None:
        self.mapped = mapped
        self._path = path
        self._files = files

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def names(self) -> list[str]:
        """Of all files."""
        return list(self._files)

    def file(self, name: str) -> Path:
        """The path of a file that has just been checked.

        Raises:
            ArtefactError: it is missing, not part of the index, or damaged.
        """
        path = self._path / name
        if name not in self._files:
            raise ArtefactError(f"{HEADER} does not name {name}; the index is incomplete, rebuild it")
        entry = self._files[name]
        size = path.stat().st_size
        if size != entry.get("bytes", size):
            raise ArtefactError(f"{path} is damaged: it has {size} bytes, {HEADER} says {entry['bytes']}; rebuild")
        if self.mapped and size > HASH_LIMIT:
            return path
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                raise ArtefactError(f"{path} is damaged: its SHA-256 is not the one in {HEADER}; rebuild")
        return path

    def faiss(self, name: str) -> Any:
        """A faiss index."""
        flags = faiss.IO_FLAG_MMAP_IFC if self.mapped else 0
        return faiss.read_index(str(self.file(name)), flags)

    def array(self, name: str) -> npt.NDArray[Any]:
        """An array; read-only where mapped."""
        array: npt.NDArray[Any] = np.load(self.file(name), mmap_mode="r" if self.mapped else None, allow_pickle=False)
        return array


def save(index: VectorIndex, path: Path) -> None:
    """Write `index` to the directory `path`, whole or not at all.

    Raises:
        InputError: `path` holds something that is not an index.
        StorageError: the disk is full, read-only or failing.
    """
    check_path(path)
    with written_folder(path) as partial:
        folder = NewIndexFolder(partial)
        index.write_to(folder)
        folder.add_array("ids.npy", index.id_map.ids)
        folder.add_array("dead.npy", index.id_map.dead)
        if index.covariance is not None:
            folder.add_array("covariance.npy", index.covariance.matrix)
        write_header(folder, index.spec, len(index), index.id_map.next_id, index.tuned)
    folder.in_place()


def check_path(path: Path) -> None:
    """Raise an `InputError` where `path` holds something that is not an index."""
    if (path.exists() or path.is_symlink()) and not (path.is_dir() and (path / HEADER).is_file()):
        raise InputError(f"{path} exists and is not an index; choose another path")


def write_header(folder: NewIndexFolder, spec: IndexSpec, count: int, next_id: int, tuned: dict[str, Any]) -> None:
    """Write `index.toml`, the last file of an index."""
    import tomli_w

    header = {
        "format_version": FORMAT_VERSION,
        "artefact": "index",
        "count": count,
        "next_id": next_id,
        "spec": spec.model_dump(),
        "tuned": tuned,
        "files": folder.files,
    }
    (folder.path / HEADER).write_text(tomli_w.dumps(header), encoding="utf-8")


def read_header(path: Path) -> dict[str, Any]:
    """What `index.toml` says, as it is there.

    Raises:
        ArtefactError: it is missing, damaged, or written by a newer Lookalike.
        StorageError: it could not be read.
    """
    if not path.is_dir():
        aside = path.with_name(f".{path.name}.old")
        hint = f"; {aside} is the one before an interrupted save, rename it" if aside.is_dir() else ""
        raise ArtefactError(f"{path} is not there; give the directory that index.save wrote{hint}")
    try:
        header = tomllib.loads((path / HEADER).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError(f"{path} holds no {HEADER}; give the directory that index.save wrote") from error
    except OSError as error:
        raise StorageError(f"{path}: the index could not be read ({error})") from error
    except ValueError as error:
        raise ArtefactError(f"{path / HEADER} is damaged ({error}); rebuild the index") from error
    version = header.get("format_version")
    if header.get("artefact") != "index" or not isinstance(version, int):
        raise ArtefactError(f"{path / HEADER} does not describe an index; give the directory that index.save wrote")
    if version > FORMAT_VERSION:
        raise ArtefactError(
            f"{path} has format version {version}, this Lookalike reads up to {FORMAT_VERSION}; upgrade Lookalike"
        )
    return header
