"""The callers' 64-bit ids: which position of the engine holds which id, and which positions are dead.

Engines number vectors 0, 1, 2, ...; callers use any int64. `IdMap` translates both ways without a Python object
per id. Ids that are their own positions, as callers who bring none get, need no table. Else the bulk sits in a
sorted array (16 bytes an id), made when an id is first looked up, and recent additions in a dictionary that is merged
into the array when it grows past an eighth of it.
"""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt

from lookalike.errors import VectorError
from lookalike.index.core.allowed import Allowed

__all__ = ["IdMap"]

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class IdMap:
    """Positions to ids and back, with tombstones.

    A change gives a new map, and the one it was made from stays as it was: who holds a map in one attribute goes from
    the old state to the new one by one assignment, which nothing can interrupt. The two share their arrays, so that a
    change costs no copy: what an addition writes lies past the end of the older map. Of several maps made from one, go
    on with one only. The exception is `without`, after which the older map counts removed vectors as live.

    Args:
        ids: `(n,)` int64, the id at each position.
        dead: `(n,)` bool, positions whose vector was removed; a dead id may be live again at a later position.
        next_id: the lowest id to hand out to callers who bring none; ids of removed vectors are not reused.

    Attributes:
        size: positions in use, dead ones included.
        live: how many of them are not dead.
        next_id: the lowest id to hand out.
        generation: an object; in all maps that hold the same one, a position means the same vector.

    Raises:
        VectorError: an id is live twice.
    """

    def __init__(self, ids: Ids | None = None, dead: Mask | None = None, next_id: int | None = None) -> None:
        # Not copied: a mapped file of 100 million ids stays on disk until it is written to.
        self._ids = np.empty(0, np.int64) if ids is None else ids
        self._dead = np.zeros(len(self._ids), bool) if dead is None else dead.copy()
        self.size = len(self._ids)
        self.live = self.size - int(self._dead.sum())
        self._live: Allowed | None = None
        self.generation = object()
        self._table: tuple[Ids, Ids] | None = None
        self._recent: dict[int, int] = {}  # shared with older maps: an entry counts if `ids` and `dead` agree
        self._own_positions = _are_positions(self._ids, 0)
        highest = self.size - 1 if self._own_positions else int(self._ids.max())
        self.next_id = max(0, highest + 1, next_id or 0)
        if not self._own_positions:
            ordered = self._sorted()[0]
            repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
            if len(repeated):
                raise VectorError(f"id {int(ordered[repeated[0]])} is given twice; every vector needs its own id")

    def __len__(self) -> int:
        return self.live

    @property
    def ids(self) -> Ids:
        """`(size,)` the id at each position (a view; do not write)."""
        return self._ids[: self.size]

    @property
    def dead(self) -> Mask:
        """`(size,)` whether the vector at a position was removed (a view; do not write)."""
        return self._dead[: self.size]

    @property
    def live_positions(self) -> Allowed:
        """The positions whose vector is live; made once."""
        live = self._live
        if live is None:
            live = self._live = Allowed(self.size, mask=~self.dead)
        return live

    @property
    def live_mask(self) -> Mask:
        """`(size,)` whether the vector at a position is live; made once (do not write)."""
        return self.live_positions.mask

    def at(self, positions: Ids) -> Ids:
        """The ids at positions, of any shape, none of them negative."""
        return positions if self._own_positions else self._ids[positions]

    @property
    def table(self) -> Ids | None:
        """The id at each position, as `at` takes them; None where ids are positions."""
        return None if self._own_positions else self._ids

    @property
    def bytes(self) -> int:
        """Memory of the table: 9 bytes an id, 16 more where ids are not positions."""
        return self.size * (9 if self._own_positions else 25)

    def _sorted(self) -> tuple[Ids, Ids]:
        """The live ids in order, and their positions; a tuple, so that readers see both of one time."""
        live = np.flatnonzero(~self.dead)
        order = np.argsort(self.ids[live], kind="stable")
        positions = live[order]
        self._table = (self.ids[positions], positions)
        return self._table

    def find(self, ids: Ids) -> Ids:
        """Positions of live `ids`, -1 for those that are not live."""
        found = np.full(len(ids), -1, np.int64)
        if self._own_positions:
            known = (ids >= 0) & (ids < self.size)
            known[known] = ~self._dead[ids[known]]
            found[known] = ids[known]
            return found
        ordered, positions = self._table or self._sorted()
        if len(ordered):
            at = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
            self._enter(found, ids, positions[at])
        if self._recent:
            recent = self._recent
            self._enter(found, ids, np.array([recent.get(value, -1) for value in ids.tolist()], np.int64))
        return found

    def _enter(self, found: Ids, ids: Ids, candidates: Ids) -> None:
        """Put those `candidates` into `found` that hold their id alive: tables may be older or newer than this map."""
        rows = np.flatnonzero((candidates >= 0) & (candidates < self.size))
        at = candidates[rows]
        true = (self._ids[at] == ids[rows]) & ~self._dead[at]
        found[rows[true]] = at[true]

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

    # --- changes --------------------------------------------------------------------------------------------

    def appended(self, ids: Ids) -> IdMap:
        """A map that gives the next `len(ids)` positions to `ids`, which `check_new` has passed."""
        start, end = self.size, self.size + len(ids)
        grown = self._extended(ids, dead=False)
        grown.live += len(ids)
        if len(ids):
            grown.next_id = max(self.next_id, int(ids.max()) + 1)
        if self._own_positions and _are_positions(ids, start):
            return grown
        grown._own_positions = False
        if self._own_positions or self._table is None or len(self._recent) + len(ids) > max(1024, end // 8):
            grown._recent = {}
            grown._sorted()
        else:
            self._recent.update(zip(ids.tolist(), range(start, end), strict=True))
        return grown

    def with_dead(self, count: int) -> IdMap:
        """A map whose next `count` positions are dead and nobody's: their id is -1, which no vector may have."""
        grown = self._extended(np.full(count, -1, np.int64), dead=True)
        grown._own_positions = False
        return grown

    def _extended(self, ids: Ids, dead: bool) -> IdMap:
        start, end = self.size, self.size + len(ids)
        grown = copy.copy(self)
        grown._live = None
        grown.size = end
        if end > len(self._ids) or not self._ids.flags.writeable:
            room = max(end, 2 * len(self._ids)) - len(self._ids)
            grown._ids = np.concatenate([self._ids, np.empty(room, np.int64)])
            grown._dead = np.concatenate([self._dead, np.zeros(room, bool)])
        grown._ids[start:end], grown._dead[start:end] = ids, dead
        return grown

    def without(self, positions: Ids) -> IdMap:
        """A map in which these positions, each given once and live in this map, are dead; calling twice is no harm."""
        rest = copy.copy(self)
        rest._live = None
        rest.live = self.live - len(positions)
        self._dead[positions] = True
        return rest

    def renewed(self) -> IdMap:
        """The same map of another generation: vectors at its positions were, or will be, exchanged."""
        other = copy.copy(self)
        other.generation, other._live = object(), None
        return other

    def compacted(self) -> IdMap:
        """A map of the live positions only, which move up, in order."""
        rest = copy.copy(self)
        rest._ids, rest._dead = self.ids[~self.dead], np.zeros(self.live, bool)
        rest.size = self.live
        rest._live, rest._table, rest._recent = None, None, {}
        rest.generation = object()
        rest._own_positions = _are_positions(rest._ids, 0)
        return rest


def _are_positions(ids: Ids, start: int) -> bool:
    """Whether `ids` are `start`, `start + 1`, ...; the ends first, for they tell at once in most cases."""
    if not len(ids):
        return True
    if ids[0] != start or ids[-1] != start + len(ids) - 1:
        return False
    return bool(np.array_equal(ids, np.arange(start, start + len(ids))))
