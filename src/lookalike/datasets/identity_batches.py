"""Which pictures make a batch: P identities × K pictures, or a plain shuffle.

Both are functions of (seed, epoch) alone, so a training that is interrupted goes on with the batches it would
have had.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lookalike.errors import DatasetError

__all__ = ["IdentityBatches", "ShuffledBatches"]

Positions = npt.NDArray[np.int64]


class IdentityBatches:
    """P×K batches: `identities` different identities with `pictures` pictures each (Schroff et al. 2015, section 3.2).

    An epoch visits the identities in random order, as often as it takes to show about as many pictures as there
    are. An identity with fewer than K pictures gives all of them and then repeats; augmentation tells the
    repeats apart.

    Args:
        labels: `(n,)` int64.
        identities: P, at most as many as there are.
        pictures: K, at least 2 for losses that need positives.
        seed: of all draws.

    Raises:
        DatasetError: fewer identities than P, or P or K below 1.
    """

    def __init__(self, labels: npt.NDArray[np.int64], identities: int, pictures: int, seed: int = 0) -> None:
        order = np.argsort(labels, kind="stable").astype(np.int64)
        starts = np.flatnonzero(np.diff(labels[order])) + 1
        self._groups = np.split(order, starts) if len(labels) else []
        if identities < 1 or pictures < 1 or identities > len(self._groups):
            raise DatasetError(
                f"batches of {identities} identities × {pictures} pictures were asked of {len(self._groups)} "
                f"identities; ask for at most {len(self._groups)} × any number of pictures"
            )
        self.identities, self.pictures, self.seed = identities, pictures, seed
        self._count = max(1, round(len(labels) / (identities * pictures)))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches, each `(P·K,)` positions, pictures of one identity side by side."""
        random = np.random.default_rng([self.seed, epoch, 1])
        queue: list[int] = []
        for _ in range(self._count):
            chosen: list[int] = []
            while len(chosen) < self.identities:
                if not queue:
                    queue = random.permutation(len(self._groups)).tolist()
                # An identity already in this batch waits for the next one: within a batch they are different.
                at = next((i for i, group in enumerate(queue) if group not in chosen), None)
                if at is None:
                    queue += random.permutation(len(self._groups)).tolist()
                    continue
                chosen.append(queue.pop(at))
            yield np.concatenate([self._draw(self._groups[group], random) for group in chosen])

    def _draw(self, group: Positions, random: np.random.Generator) -> Positions:
        rounds = [random.permutation(group) for _ in range(-(-self.pictures // len(group)))]
        return np.concatenate(rounds)[: self.pictures]


class ShuffledBatches:
    """Every picture once an epoch in random order, in batches of `size`; a last batch at most half full is dropped.

    Args:
        labels: `(n,)`, for its length.
        size: pictures per batch; a smaller set makes one batch.
        seed: of all draws.
    """

    def __init__(self, labels: npt.NDArray[np.int64], size: int, seed: int = 0) -> None:
        if size < 2 or len(labels) < 2:
            raise DatasetError(f"batches of {size} were asked of {len(labels)} pictures; at least 2 and 2 are needed")
        self.size, self.seed, self._n = size, seed, len(labels)
        self._count = max(1, (len(labels) + (size - 1) // 2) // size)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches of positions."""
        order = np.random.default_rng([self.seed, epoch, 2]).permutation(self._n).astype(np.int64)
        for i in range(self._count):
            yield order[i * self.size : (i + 1) * self.size]
