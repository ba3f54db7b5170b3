"""Vectors overwritten in the files of a saved index, in place: what a gallery forgets must be on no disk.

For kinds whose file ends with the vectors as they are: `exact`, `nsw` and `hnsw`. In a graph the place takes the vector
of a neighbour, so that searches still pass through it. Such a place is found like any other; who erases must know its
id, and pass it over. Processes that have mapped the files see the new bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.atomic_files import write_atomically
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.artefact import HASH_LIMIT, HEADER, read_header
from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["erase_vectors"]

faiss = EngineLibrary("faiss")

_ENGINE = "index.faiss"
_KINDS = ("exact", "nsw", "hnsw")


def erase_vectors(path: str | Path, ids: Sequence[int]) -> int:
    """Overwrite vectors in a saved index; on the disk when it returns.

    Args:
        path: the directory that `save` wrote.
        ids: of the vectors; those that it does not hold are passed over.

    Returns:
        how many it held.

    Raises:
        InputError: a kind whose vectors lie elsewhere.
        ArtefactError: missing or damaged.
        StorageError: the files could not be written.
    """
    folder = Path(path)
    header = read_header(folder)
    kind, engine = header["spec"]["kind"], folder / _ENGINE
    if kind not in _KINDS:
        raise InputError(f"vectors of kind {kind!r} are not erased in place; give {', '.join(_KINDS)}, or build anew")
    try:
        held = np.load(folder / "ids.npy", mmap_mode="r", allow_pickle=False)
        positions = np.flatnonzero(np.isin(held, np.asarray(ids, np.int64)))
        if not len(positions):
            return 0
        size = 4 * int(header["spec"]["dimension"])
        start = engine.stat().st_size - size * len(held)
        if start < 0:
            raise ArtefactError(f"{engine} is damaged: it is too short for {len(held)} vectors; rebuild the index")
        replaced = _replaced(engine, kind, set(positions.tolist()))
        with engine.open("r+b") as file:
            for position in positions.tolist():
                instead = replaced(position)
                file.seek(start + instead * size if instead is not None else 0)
                content = bytes(size) if instead is None else file.read(size)
                file.seek(start + position * size)
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _note(folder, header)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{engine} could not be overwritten: {error.strerror or error}; repair the disk") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ArtefactError(f"{folder} is damaged ({error}); rebuild the index") from error
    return len(positions)


def _replaced(engine: Path, kind: str, erased: set[int]) -> Callable[[int], int | None]:
    """Whose vector a position takes: that of the nearest neighbour that is not erased, too; None for zeros."""
    if kind == "exact":
        return lambda position: None
    index: Any = faiss.read_index(str(engine), faiss.IO_FLAG_MMAP_IFC)

    graph = index.hnsw
    links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())  # a view of the mapped file

    def neighbour(position: int) -> int | None:
        assert index is not None  # keeps what `links` looks at
        start = graph.offsets.at(position)
        for other in links[start : start + graph.nb_neighbors(0)].tolist():
            if other < 0:
                return None
            if other not in erased:
                return int(other)
        return None

    return neighbour


def _note(folder: Path, header: dict[str, Any]) -> None:
    """Enter the file's new checksum, where files of its size are checked by more than their size when mapped."""
    import tomli_w

    engine = folder / _ENGINE
    if engine.stat().st_size > HASH_LIMIT or "files" not in header:
        return
    with engine.open("rb") as file:
        header["files"][_ENGINE]["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    write_atomically(folder / HEADER, tomli_w.dumps(header).encode())
