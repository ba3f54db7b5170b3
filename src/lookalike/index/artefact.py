"""An index on disk: a directory of `index.faiss`, `ids.npy`, `dead.npy` and `index.toml`, swapped in whole.

`index.toml` holds the format version, the spec and the SHA-256 of the other files, so that damage is found before
faiss parses a byte.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from lookalike.atomic_files import written_folder
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.ids import IdMap

if TYPE_CHECKING:
    from lookalike.index.spec import IndexSpec
    from lookalike.index.vector_index import VectorIndex

__all__ = ["FORMAT_VERSION", "read", "save"]

FORMAT_VERSION = 1
_HEADER = "index.toml"
_FILES = ("index.faiss", "ids.npy", "dead.npy")


class _Hashed:
    """A file being written, fsynced at the end, with the SHA-256 of what went in (not of what the disk gives back)."""

    def __init__(self, path: Path) -> None:
        self.file: IO[bytes] = path.open("wb")
        self.sha256 = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            # faiss turns the exception into one of its own; the cause must reach the user.
            self.error = error
            raise

    def finish(self) -> str:
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.sha256.hexdigest()


def _write_files(index: VectorIndex, folder: Path) -> dict[str, str]:
    import faiss as _faiss

    faiss: Any = _faiss  # its type stubs lack the Python writers
    digests = {}
    for name in _FILES:
        out = _Hashed(folder / name)
        try:
            if name == "index.faiss":
                # faiss' own file writer drops the error of the last flush: a full disk would pass as success.
                faiss.write_index(index.engine, faiss.PyCallbackIOWriter(out.write, 1 << 20))
            else:
                np.save(out, index.id_map.ids if name == "ids.npy" else index.id_map.dead, allow_pickle=False)
            digests[name] = out.finish()
        except Exception as error:
            if out.error is not None and error is not out.error:
                raise out.error from error
            raise
        finally:
            out.file.close()
    return digests


def save(index: VectorIndex, path: Path) -> None:
    """Write `index` to the directory `path`, whole or not at all.

    Raises:
        InputError: `path` holds something that is not an index.
        StorageError: the disk is full, read-only or failing.
    """
    import tomli_w

    if (path.exists() or path.is_symlink()) and not (path.is_dir() and (path / _HEADER).is_file()):
        raise InputError(f"{path} exists and is not an index; choose another path")
    with written_folder(path) as folder:
        digests = _write_files(index, folder)
        header = {
            "format_version": FORMAT_VERSION,
            "artefact": "index",
            "count": len(index),
            "next_id": index.id_map.next_id,
            "spec": index.spec.model_dump(),
            "sha256": digests,
        }
        (folder / _HEADER).write_text(tomli_w.dumps(header), encoding="utf-8")


def read(path: Path) -> tuple[IndexSpec, IdMap, Any]:
    """Read an index directory: its spec, its ids and faiss' part, every file checked against its SHA-256.

    Raises:
        ArtefactError: missing, damaged (the message names the file) or of a newer version.
        StorageError: the disk fails.
    """
    import faiss

    header = _header(path)
    spec = _spec(path, header)
    try:
        for name in _FILES:
            with (path / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != header["sha256"][name]:
                    raise ArtefactError(f"{path / name} is damaged: its SHA-256 is not the one in {_HEADER}; rebuild")
        ids = np.load(path / "ids.npy", allow_pickle=False)
        dead = np.load(path / "dead.npy", allow_pickle=False)
        engine = faiss.read_index(str(path / "index.faiss"))
        id_map = IdMap(ids, dead, header["next_id"])
    except FileNotFoundError as error:
        raise ArtefactError(f"{error.filename} is missing; the index is incomplete, rebuild it") from error
    except OSError as error:
        raise StorageError(f"{path}: the index could not be read ({error})") from error
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); rebuild it") from error
    if engine.d != spec.dimension or engine.ntotal != len(ids) or len(id_map) != header["count"]:
        raise ArtefactError(
            f"{path} is damaged: index.faiss holds {engine.ntotal} × {engine.d}, ids.npy {len(ids)} ids, "
            f"{_HEADER} says {header['count']} × {spec.dimension}; rebuild it"
        )
    return spec, id_map, engine


def _header(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        aside = path.with_name(f".{path.name}.old")
        hint = f"; {aside} is the one before an interrupted save, rename it" if aside.is_dir() else ""
        raise ArtefactError(f"{path} is not there; give the directory that index.save wrote{hint}")
    try:
        header = tomllib.loads((path / _HEADER).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError(f"{path} holds no {_HEADER}; give the directory that index.save wrote") from error
    except OSError as error:
        raise StorageError(f"{path}: the index could not be read ({error})") from error
    except ValueError as error:
        raise ArtefactError(f"{path / _HEADER} is damaged ({error}); rebuild the index") from error
    version = header.get("format_version")
    if header.get("artefact") != "index" or not isinstance(version, int):
        raise ArtefactError(f"{path / _HEADER} does not describe an index; give the directory that index.save wrote")
    if version > FORMAT_VERSION:
        raise ArtefactError(
            f"{path} has format version {version}, this Lookalike reads up to {FORMAT_VERSION}; upgrade Lookalike"
        )
    return header


def _spec(path: Path, header: dict[str, Any]) -> IndexSpec:
    from lookalike.index.spec import IndexSpec

    try:
        given = dict(header["spec"])
        settings = {**given.pop("build"), **given.pop("search")}
        spec = IndexSpec.create(**given, **settings)
        digests, count, next_id = header["sha256"], header["count"], header["next_id"]
        if not (
            isinstance(count, int) and isinstance(next_id, int) and all(isinstance(digests[n], str) for n in _FILES)
        ):
            raise TypeError("count, next_id or sha256 has a wrong type")
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path / _HEADER} is damaged ({error}); rebuild the index") from error
    return spec
