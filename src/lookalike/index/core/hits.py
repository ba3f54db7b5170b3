"""What a search gives: arrays of ids, positions and distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Found", "Hits", "Mask", "Positions"]

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: What a kind's search gives: `(q, k)` distances in our convention, nearest first; `(q, k)` positions, -1 where
#: there is none; the number of distances computed, or None where the engine does not tell.
Found = tuple[Floats, Positions, "int | None"]


@dataclass(slots=True)
class Hits:
    """What a search found, nearest first.

    Attributes:
        ids: `(q, k)` int64; -1 where fewer than k vectors exist.
        distances: `(q, k)` float32, smaller is more alike; +inf where fewer than k vectors exist.
        computed: how many distances (or distance estimates) all queries together took; None where the engine does
            not tell, where another search ran at the same time, and often for a single query not searched `counted`.
    """

    ids: Positions
    distances: Floats
    computed: int | None = None

    def __len__(self) -> int:
        return len(self.ids)
