"""Vectors overwritten in the file of an inverted file (`ivf`), in place.

A vector becomes zeros. It also has a part in the centroid of its list, most of it where the list is short: a list with
one vector has that vector for a centroid. So the centroid becomes the mean of the vectors that stay in the list, zeros
where none stays. Vectors stay in their lists.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError, InputError
from lookalike.index.core.engine_library import EngineLibrary

__all__ = ["erase_from_lists"]

faiss = EngineLibrary("faiss")

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: A centroid that is no farther from an erased vector, in parts of its length, tells that vector.
_NEAR = 0.02


class _Lists:
    """Where everything lies in the file: header, centroids and table of positions, then list by list vectors and ids.

    Args:
        engine: the file, mapped.
        count: vectors that it must hold.
        dimension: of each.
    """

    def __init__(self, engine: Path, count: int, dimension: int) -> None:
        index: Any = faiss.read_index(str(engine), faiss.IO_FLAG_MMAP_IFC)
        lists = faiss.downcast_index(faiss.extract_index_ivf(index))
        quantizer = faiss.downcast_index(lists.quantizer)
        if not isinstance(quantizer, faiss.IndexFlat):
            raise InputError(
                f"{lists.nlist} lists find their centroids by codes, which are not erased in place; build the index "
                "with nlist=4096 or fewer, or build it anew"
            )
        self.bytes = np.memmap(engine, np.uint8, "r")
        self.dimension = dimension
        self.sizes: Integers = np.array([lists.invlists.list_size(one) for one in range(lists.nlist)], np.int64)
        width = 4 * dimension
        blocks = self.sizes * (width + 8)
        self.starts: Integers = len(self.bytes) - np.cumsum(blocks[::-1])[::-1]
        if lists.ntotal != count or self.sizes.sum() != count or self.starts[0] < 0 or lists.code_size != width:
            raise ArtefactError(f"{engine} is damaged: it does not hold {count} vectors; rebuild the index")
        self.centroids: Floats = np.asarray(quantizer.reconstruct_n(0, lists.nlist), np.float32).reshape(-1, dimension)
        head = self.bytes[: self.starts[0]].tobytes()
        self.table = head.find(self.centroids.tobytes())
        if self.table < 0 or (self.positions(0, len(self.sizes)) >= count).any():
            raise ArtefactError(
                f"{engine} is damaged: its centroids or positions are not where they should be; rebuild"
            )

    def positions(self, first: int, end: int) -> Integers:
        """Which vectors some lists hold, in order."""
        width, parts = 4 * self.dimension, []
        for start, size in zip(self.starts[first:end].tolist(), self.sizes[first:end].tolist(), strict=True):
            parts.append(self.bytes[start + size * width : start + size * (width + 8)])
        return np.frombuffer(np.concatenate(parts).tobytes(), "<i8") if parts else np.empty(0, np.int64)

    def vectors(self, number: int) -> Floats:
        """`(size, d)` vectors of a list."""
        start, size = int(self.starts[number]), int(self.sizes[number])
        block = self.bytes[start : start + 4 * size * self.dimension].tobytes()
        return np.frombuffer(block, "<f4").reshape(size, self.dimension)


def erase_from_lists(engine: Path, positions: Integers, earlier: Integers, count: int, dimension: int) -> None:
    """Overwrite vectors; on the disk when it returns.

    Args:
        engine: a faiss file of an inverted file whose vectors are as they were given.
        positions: of those to erase.
        earlier: of those that were erased before.
        count: vectors that it holds.
        dimension: of each.

    Raises:
        InputError: so many lists that their centroids are coded.
        ArtefactError: the file is damaged.
        OSError: it could not be written.
    """
    lists = _Lists(engine, count, dimension)
    held = lists.positions(0, len(lists.sizes))
    ends = np.cumsum(lists.sizes)
    places = np.flatnonzero(np.isin(held, positions))
    owners = np.searchsorted(ends, places, side="right")
    gone = np.isin(held, np.concatenate([positions, earlier]))
    contents: dict[int, bytes] = {}
    touched = set(owners.tolist())
    for place, owner in zip(places.tolist(), owners.tolist(), strict=True):
        row = place - int(ends[owner] - lists.sizes[owner])
        contents[int(lists.starts[owner]) + 4 * dimension * row] = bytes(4 * dimension)
        vector = lists.vectors(owner)[row]
        apart = np.linalg.norm(lists.centroids - vector, axis=1)
        touched |= set(np.flatnonzero(apart <= _NEAR * max(float(np.linalg.norm(vector)), 1e-30)).tolist())
    for owner in sorted(touched):
        stays = lists.vectors(owner)[~gone[ends[owner] - lists.sizes[owner] : ends[owner]]]
        mean = stays.mean(axis=0, dtype=np.float64) if len(stays) else np.zeros(dimension)
        contents[lists.table + 4 * dimension * owner] = mean.astype("<f4").tobytes()
    with engine.open("r+b") as file:
        # Centroids first: after a kill in between, the vector is still there to be erased once more.
        for offset in sorted(contents):
            file.seek(offset)
            file.write(contents[offset])
        file.flush()
        os.fsync(file.fileno())
