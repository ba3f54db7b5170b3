"""Positions that hold the very same vector, for graphs that fall apart where many vectors are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats, Positions

__all__ = ["EqualVectors"]


_BLOCK = 65536


class EqualVectors:
    """Which of the different vectors stands at each position.

    Args:
        which: `(n,)` integers 0..m-1; positions of the same number hold the same vector. Every number occurs.

    Attributes:
        which: as given.
        first: `(m,)` a position of each different vector.

    Example:
        >>> EqualVectors(np.array([0, 1, 0])).first.tolist()
        [0, 1]
    """

    def __init__(self, which: npt.NDArray[np.integer]) -> None:
        self.which = which
        counts = np.bincount(which)
        self._order = np.argsort(which, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.first = self._order[self._starts[:-1]]

    @classmethod
    def among(cls, vectors: Floats, bearable: int = 8) -> EqualVectors | None:
        """Those of `(n, d)` vectors; None where no vector occurs more than `bearable` times."""
        # Sums of the bits under odd random weights: the same for equal vectors, and hardly ever for others.
        weights = np.random.default_rng(0).integers(0, 2**63, vectors.shape[1], dtype=np.uint64) * np.uint64(2)
        sums = np.empty(len(vectors), np.uint64)
        for at in range(0, len(vectors), _BLOCK):
            # Adding 0 makes -0.0, an equal number of other bits, 0.0.
            bits = (vectors[at : at + _BLOCK] + np.float32(0)).view(np.uint32)
            sums[at : at + _BLOCK] = bits @ (weights + np.uint64(1))
        _, first, which, counts = np.unique(sums, return_index=True, return_inverse=True, return_counts=True)
        if counts.max() <= bearable:
            return None
        which = which.astype(np.int32 if len(vectors) < 2**31 else np.int64)
        for at in range(0, len(vectors), _BLOCK):
            if not np.array_equal(vectors[at : at + _BLOCK], vectors[first[which[at : at + _BLOCK]]]):
                which = np.unique(vectors, axis=0, return_inverse=True)[1].reshape(-1)  # two vectors, one sum
                break
        return cls(which)

    @property
    def bytes(self) -> int:
        """Memory of the tables."""
        return int(self.which.nbytes + self._order.nbytes + self._starts.nbytes + self.first.nbytes)

    def spread(self, distances: Floats, found: Positions, k: int) -> tuple[Floats, Positions]:
        """From `(q, j)` distances and different vectors to the k nearest positions, each vector as often as it occurs.

        Rows of fewer than k are filled up with position -1, distance +inf.
        """
        if found.shape[1] == k and (self._starts[found + 1] - self._starts[found] == 1).all():
            return distances, self.first[found]
        far = np.full((len(found), k), np.inf, np.float32)
        where = np.full((len(found), k), -1, np.int64)
        for row, vectors in enumerate(found):
            starts, ends = self._starts[vectors], self._starts[vectors + 1]
            enough = int(np.searchsorted(np.cumsum(ends - starts), k)) + 1
            members = np.concatenate([self._order[a:b] for a, b in zip(starts[:enough], ends[:enough], strict=True)])[
                :k
            ]
            where[row, : len(members)] = members
            far[row, : len(members)] = np.repeat(distances[row], ends - starts)[:k]
        return far, where
