"""The callers' 64-bit ids: which position of the engine holds which id, and which positions are dead.

Engines number vectors 0, 1, 2, ...; callers use any int64. `IdMap` translates both ways without a Python object
per id: the bulk sits in a sorted array (16 bytes an id), recent additions in a dictionary that is merged into
the array when it grows past an eighth of it.
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
        self._ids = np.empty(0, np.int64) if ids is None else ids.copy()
        self._dead = np.zeros(len(self._ids), bool) if dead is None else dead.copy()
        self._size = len(self._ids)
        self._live = self._size - int(self._dead.sum())
        self.next_id = max(0, int(self._ids.max()) + 1 if self._size else 0, next_id or 0)
        self._merge()
        repeated = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        if len(repeated):
            raise VectorError(f"id {int(self._sorted[repeated[0]])} is given twice; every vector needs its own id")

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

    def _merge(self) -> None:
        live = np.flatnonzero(~self.dead)
        order = np.argsort(self.ids[live], kind="stable")
        self._positions: Ids = live[order]
        self._sorted: Ids = self.ids[self._positions]
        self._recent: dict[int, int] = {}

    def find(self, ids: Ids) -> Ids:
        """Positions of live `ids`, -1 for those that are not live."""
        found = np.full(len(ids), -1, np.int64)
        if len(self._sorted):
            at = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
            position = self._positions[at]
            # A removed id stays in the sorted array until the next merge; the dead mask has the last word.
            known = (self._sorted[at] == ids) & ~self.dead[position]
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
        if end > len(self._ids):
            room = max(end, 2 * len(self._ids)) - len(self._ids)
            self._ids = np.concatenate([self._ids, np.empty(room, np.int64)])
            self._dead = np.concatenate([self._dead, np.zeros(room, bool)])
        self._ids[start:end], self._dead[start:end] = ids, False
        self._size, self._live = end, self._live + len(ids)
        if len(ids):
            self.next_id = max(self.next_id, int(ids.max()) + 1)
        if len(self._recent) + len(ids) > max(1024, end // 8):
            self._merge()
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
        self._merge()
