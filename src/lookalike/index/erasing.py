"""Vectors overwritten in the files of a saved index, in place: what a gallery forgets must be on no disk.

For kinds whose file ends with the vectors as they are: `exact`, `nsw`, `hnsw` and `ivf`. In a graph the place takes the
vector of a neighbour, so that searches still pass through it. Such a place is found like any other; who erases must
know its id, and pass it over. Processes that have mapped the files see the new bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import write_atomically
from lookalike.errors import ArtefactError, InputError, LookalikeError, StorageError
from lookalike.index.core.artefact import HASH_LIMIT, HEADER, read_header
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.erasing_lists import erase_from_lists

__all__ = ["erase_vectors"]

faiss = EngineLibrary("faiss")

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

_ENGINE = "index.faiss"
_KINDS = ("exact", "nsw", "hnsw", "ivf")


def erase_vectors(path: str | Path, ids: Sequence[int], earlier: Sequence[int] = ()) -> int:
    """Overwrite vectors in a saved index; on the disk when it returns, the file's checksum with them.

    Args:
        path: the directory that `save` wrote.
        ids: of the vectors; those that it does not hold are passed over.
        earlier: ids of all that were erased before. A place among them may hold one of these vectors, which it took as
            its neighbour's.

    Returns:
        how many it held.

    Raises:
        InputError: a kind whose vectors lie elsewhere, or an inverted file with vectors that are in no list.
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
        in_order = bool((held[:-1] < held[1:]).all())
        # numpy.unique would import a large module first.
        positions, before = (_positions(held, np.array(sorted({*some}), np.int64), in_order) for some in (ids, earlier))
        if not len(positions):
            return 0
        shape = (len(held), int(header["spec"]["dimension"]))
        if kind == "ivf":
            _erase_from_lists(folder, positions, before, shape)
            _note(folder, header)
            return len(positions)
        start = engine.stat().st_size - 4 * shape[0] * shape[1]
        if start < 0:
            raise ArtefactError(f"{engine} is damaged: it is too short for {len(held)} vectors; rebuild the index")
        vectors = np.memmap(engine, "<f4", "r", start, shape)
        replaced = _replaced(engine, kind, {*positions.tolist(), *before.tolist()})
        # Copies first: after a kill in between, the vector is still there to find the others by.
        for some in (_copies(vectors, positions, before), positions):
            _write(engine, start, {int(one): _content(vectors, replaced(int(one))) for one in some})
        _note(folder, header)
    except LookalikeError:
        raise
    except OSError as error:
        raise StorageError(f"{engine} could not be overwritten: {error.strerror or error}; repair the disk") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ArtefactError(f"{folder} is damaged ({error}); rebuild the index") from error
    return len(positions)


def _positions(held: Positions, ids: Positions, in_order: bool) -> Positions:
    """Where the ids that are held are, in order; by halving where the held ones are in order, too."""
    if not in_order:
        return np.flatnonzero(np.isin(held, ids))
    places = np.searchsorted(held, ids)
    there = places < len(held)
    places, ids = places[there], ids[there]
    found: Positions = places[held[places] == ids]
    return found


def _erase_from_lists(folder: Path, positions: Positions, before: Positions, shape: tuple[int, int]) -> None:
    if len(np.load(folder / "tail.npy", mmap_mode="r", allow_pickle=False)):
        raise InputError(f"{folder} has vectors that are in no list yet; call compact() and save it, then erase")
    erase_from_lists(folder / _ENGINE, positions, before, *shape)


def _copies(vectors: Floats, positions: Positions, before: Positions) -> Positions:
    """Which of the places `before` hold one of the vectors at `positions`."""
    first = vectors[before, 0]
    alike = [before[first == vectors[one, 0]] for one in positions]
    return np.array(
        [place for one, some in zip(positions, alike, strict=True) for place in some
         if np.array_equal(vectors[place], vectors[one])], np.int64
    )  # fmt: skip


def _content(vectors: Floats, position: int | None) -> bytes:
    """The bytes of a vector; zeros of none."""
    return bytes(4 * vectors.shape[1]) if position is None else vectors[position].tobytes()


def _write(engine: Path, start: int, contents: dict[int, bytes]) -> None:
    """Put vectors in places of the file; on the disk when it returns."""
    if not contents:
        return
    with engine.open("r+b") as file:
        for position, content in contents.items():
            file.seek(start + position * len(content))
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


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
