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
#: Bytes before the centroids, at most; some 100.
_HEADER = 4096


class _Lists:
    """Where everything lies in the file: header, centroids and table of positions, then list by list vectors and ids.

    Args:
        engine: the file, mapped.
        count: vectors that it must hold.
        dimension: of each.
    """

    def __init__(self, engine: Path, count: int, dimension: int) -> None:
        self.engine, self.dimension = engine, dimension
        index: Any = faiss.read_index(str(engine), faiss.IO_FLAG_MMAP_IFC)
        self._lists = lists = faiss.downcast_index(faiss.extract_index_ivf(index))
        quantizer = faiss.downcast_index(lists.quantizer)
        if not isinstance(quantizer, faiss.IndexFlat):
            raise InputError(
                f"{lists.nlist} lists find their centroids by codes, which are not erased in place; build the index "
                "with nlist=4096 or fewer, or build it anew"
            )
        self.bytes = np.frombuffer(np.memmap(engine, np.uint8, "r"), np.uint8)
        self._index = index  # keeps what `_lists` looks at
        width = 4 * dimension
        self.sizes: Integers = self._sizes(len(self.bytes) - count * (width + 8), lists)
        blocks = self.sizes * (width + 8)
        self.starts: Integers = len(self.bytes) - np.cumsum(blocks[::-1])[::-1]
        if lists.ntotal != count or self.sizes.sum() != count or self.starts[0] < 0 or lists.code_size != width:
            raise ArtefactError(f"{engine} is damaged: it does not hold {count} vectors; rebuild the index")
        self.centroids: Floats = np.asarray(quantizer.reconstruct_n(0, lists.nlist), np.float32).reshape(-1, dimension)
        self.table = self._table()

    def _sizes(self, end: int, lists: Any) -> Integers:
        """Of the lists; faiss writes them where the lists begin, all, or of few only those that hold something."""
        start = end - 8 * lists.nlist
        if self.bytes[max(start - 12, 0) : max(start, 0)].tobytes() == b"full" + lists.nlist.to_bytes(8, "little"):
            return np.frombuffer(self.bytes[start:end].tobytes(), "<i8")
        return np.array([lists.invlists.list_size(one) for one in range(lists.nlist)], np.int64)

    def _table(self) -> int:
        """Where the centroids are in the file: near its beginning."""
        head = self.bytes[: min(int(self.starts[0]), _HEADER + self.centroids.nbytes)].tobytes()
        sought, at = self.centroids.tobytes(), -1
        while (at := head.find(sought[:64], at + 1)) >= 0:
            if head.startswith(sought, at):
                return at
        raise self._misplaced()

    def _misplaced(self) -> ArtefactError:
        return ArtefactError(
            f"{self.engine} is damaged: its centroids or positions are not where they should be; rebuild"
        )

    def places(self, positions: Integers) -> list[tuple[int, int]]:
        """List of every vector and its row there."""
        self._lists.make_direct_map()  # from the ids, where the file has none
        table = self._lists.direct_map.array
        held: Integers = faiss.rev_swig_ptr(table.data(), table.size())  # a view of the file: a million vectors, 8 MB
        if len(held) <= positions.max(initial=-1):
            raise self._misplaced()
        owners, rows = held[positions] >> 32, held[positions] & 0xFFFFFFFF
        for position, owner, row in zip(positions.tolist(), owners.tolist(), rows.tolist(), strict=True):
            inside = 0 <= owner < len(self.sizes) and row < self.sizes[owner]
            if not inside or self.positions(owner)[row] != position:
                raise self._misplaced()
        return list(zip(owners.tolist(), rows.tolist(), strict=True))

    def positions(self, number: int) -> Integers:
        """Which vectors a list holds, in order."""
        start, size, width = int(self.starts[number]), int(self.sizes[number]), 4 * self.dimension
        return np.frombuffer(self.bytes[start + size * width : start + size * (width + 8)].tobytes(), "<i8")

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
    gone = np.concatenate([positions, earlier])
    contents: dict[int, bytes] = {}
    touched: set[int] = set()
    for owner, row in lists.places(positions):
        contents[int(lists.starts[owner]) + 4 * dimension * row] = bytes(4 * dimension)
        vector = lists.vectors(owner)[row]
        apart = np.linalg.norm(lists.centroids - vector, axis=1)
        near = np.flatnonzero(apart <= _NEAR * max(float(np.linalg.norm(vector)), 1e-30))
        touched |= {owner, *near.tolist()}
    for owner in sorted(touched):
        stays = lists.vectors(owner)[~np.isin(lists.positions(owner), gone)]
        mean = stays.mean(axis=0, dtype=np.float64) if len(stays) else np.zeros(dimension)
        contents[lists.table + 4 * dimension * owner] = mean.astype("<f4").tobytes()
    with engine.open("r+b") as file:
        # Centroids first: after a kill in between, the vector is still there to be erased once more.
        for offset in sorted(contents):
            file.seek(offset)
            file.write(contents[offset])
        file.flush()
        os.fsync(file.fileno())
