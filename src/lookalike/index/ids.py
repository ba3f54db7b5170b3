"""The callers' 64-bit ids: which position of the engine holds which id, and which positions are dead.

Engines number vectors 0, 1, 2, ...; callers use any int64. `IdMap` translates both ways without a Python object
per id. Ids that are their own positions, as callers who bring none get, need no table. Else the bulk sits in a
sorted array (16 bytes an id), made when an id is first looked up, and recent additions in a dictionary that is merged
into the array when it grows past an eighth of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.errors import VectorError

__all__ = ["IdMap"]

Ids = npt.NDArray[np.int64]


class IdMap:
    """Positions to ids and back, with tombstones.

    Args:
        ids: `(n,)` int64, the id at each position.
        dead: `(n,)` bool, positions whose vector was removed; a dead id may be live again at a later position.
        next_id: the lowest id to hand out to callers who bring none; ids of removed vectors are not reused.

    Raises:
        VectorError: an id is live twice.
    """

    def __init__(
        self, ids: Ids | None = None, dead: npt.NDArray[np.bool_] | None = None, next_id: int | None = None
    ) -> None:
        # Not copied: a mapped file of 100 million ids stays on disk until it is written to.
        self._ids = np.empty(0, np.int64) if ids is None else ids
        self._dead = np.zeros(len(self._ids), bool) if dead is None else dead.copy()
        self._size = len(self._ids)
        self._live = self._size - int(self._dead.sum())
        self._table: tuple[Ids, Ids] | None = None
        self._recent: dict[int, int] = {}
        self._own_positions = _are_positions(self._ids, 0)
        highest = self._size - 1 if self._own_positions else int(self._ids.max())
        self.next_id = max(0, highest + 1, next_id or 0)
        if not self._own_positions:
            ordered = self._merged()[0]
            repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
            if len(repeated):
                raise VectorError(f"id {int(ordered[repeated[0]])} is given twice; every vector needs its own id")

    def __len__(self) -> int:
        return self._live

    @property
    def size(self) -> int:
        """Positions in use, dead ones included."""
        return self._size

    @property
    def ids(self) -> Ids:
        """`(size,)` the id at each position (a view; do not write)."""
        return self._ids[: self._size]

    @property
    def dead(self) -> npt.NDArray[np.bool_]:
        """`(size,)` whether the vector at a position was removed (a view; do not write)."""
        return self._dead[: self._size]

    def at(self, positions: Ids) -> Ids:
        """The ids at positions, of any shape, none of them negative."""
        return positions if self._own_positions else self._ids[positions]

    @property
    def bytes(self) -> int:
        """Memory of the table: 9 bytes an id, 16 more where ids are not positions."""
        return self._size * (9 if self._own_positions else 25)

    def _merged(self) -> tuple[Ids, Ids]:
        """The live ids in order, and their positions; a tuple, so that readers see both of one time."""
        live = np.flatnonzero(~self.dead)
        order = np.argsort(self.ids[live], kind="stable")
        positions = live[order]
        self._table = (self.ids[positions], positions)
        self._recent = {}
        return self._table

    def find(self, ids: Ids) -> Ids:
        """Positions of live `ids`, -1 for those that are not live."""
        found = np.full(len(ids), -1, np.int64)
        if self._own_positions:
            known = (ids >= 0) & (ids < self._size)
            known[known] = ~self._dead[ids[known]]
            found[known] = ids[known]
            return found
        ordered, positions = self._table or self._merged()
        if len(ordered):
            at = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
            position = positions[at]
            # A removed id stays in the sorted array until the next merge; the dead mask has the last word.
            known = (ordered[at] == ids) & ~self.dead[position]
            found[known] = position[known]
        if self._recent:
            for row, value in enumerate(ids.tolist()):
                position_of = self._recent.get(value)
                if position_of is not None:
                    found[row] = position_of
        return found

    def fresh(self, count: int) -> Ids:
        """`count` ids never used here, for callers who bring none."""
        if self.next_id + count - 1 > np.iinfo(np.int64).max:
            raise VectorError(f"the highest id in use is {self.next_id - 1}, none is free above it; give ids yourself")
        return np.arange(self.next_id, self.next_id + count, dtype=np.int64)

    def check_new(self, ids: Ids) -> None:
        """Raise a `VectorError` when an id is live already or given twice."""
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) != len(ids):
            raise VectorError(f"id {int(unique[counts > 1][0])} is given twice; every vector needs its own id")
        live = self.find(ids) >= 0
        if live.any():
            raise VectorError(f"id {int(ids[live][0])} is in the index already; remove it first to replace its vector")

    def append(self, ids: Ids) -> None:
        """Give the next `len(ids)` positions to `ids`, which `check_new` has passed."""
        start, end = self._size, self._size + len(ids)
        if end > len(self._ids) or not self._ids.flags.writeable:
            room = max(end, 2 * len(self._ids)) - len(self._ids)
            self._ids = np.concatenate([self._ids, np.empty(room, np.int64)])
            self._dead = np.concatenate([self._dead, np.zeros(room, bool)])
        self._ids[start:end], self._dead[start:end] = ids, False
        self._size, self._live = end, self._live + len(ids)
        if len(ids):
            self.next_id = max(self.next_id, int(ids.max()) + 1)
        if self._own_positions and _are_positions(ids, start):
            return
        if self._own_positions or self._table is None or len(self._recent) + len(ids) > max(1024, end // 8):
            self._own_positions = False
            self._merged()
        else:
            self._recent.update(zip(ids.tolist(), range(start, end), strict=True))

    def remove(self, ids: Ids) -> Ids:
        """Mark `ids` dead; returns the positions that were live, each once."""
        positions = self.find(np.unique(ids))
        positions = positions[positions >= 0]
        self._dead[positions] = True
        self._live -= len(positions)
        if self._recent:
            for value in self._ids[positions].tolist():
                self._recent.pop(value, None)
        return positions

    def compact(self) -> None:
        """Drop dead positions; the live ones move up, in order."""
        live = ~self.dead
        self._ids, self._dead = self.ids[live].copy(), np.zeros(self._live, bool)
        self._size = self._live
        self._table, self._recent = None, {}
        self._own_positions = _are_positions(self._ids, 0)


def _are_positions(ids: Ids, start: int) -> bool:
    """Whether `ids` are `start`, `start + 1`, ...; the ends first, for they tell at once in most cases."""
    if not len(ids):
        return True
    if ids[0] != start or ids[-1] != start + len(ids) - 1:
        return False
    return bool(np.array_equal(ids, np.arange(start, start + len(ids))))
