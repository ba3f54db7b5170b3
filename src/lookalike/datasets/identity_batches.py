"""Which pictures make a batch: P identities × K pictures, a plain shuffle, or one that balances the classes.

All are functions of (seed, epoch) alone, so a training that is interrupted goes on with the batches it would
have had.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import DatasetError, InputError

__all__ = ["BalancedBatches", "Batches", "IdentityBatches", "ShuffledBatches"]

Positions = npt.NDArray[np.int64]


class Batches(Protocol):
    """Batches of positions in a set of pictures, epoch by epoch."""

    def batches_in(self, epoch: int) -> int:
        """How many an epoch has."""
        ...

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches."""
        ...


class IdentityBatches:
    """P×K batches: `identities` different identities with `pictures` pictures each (Schroff et al. 2015, section 3.2).

    An epoch visits the identities in random order, as often as it takes to show about as many pictures as there
    are. An identity with fewer than K pictures gives all of them and then repeats; augmentation makes
    the repeats differ.

    Args:
        labels: `(n,)` int64.
        identities: P, at most as many as there are.
        pictures: K, at least 2 for losses that need positives.
        seed: of all draws.

    Raises:
        DatasetError: fewer identities than P, or P or K below 1.
    """

    def __init__(self, labels: npt.NDArray[np.int64], identities: int, pictures: int, seed: int = 0) -> None:
        self._groups = _by_class(labels)
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

    def batches_in(self, epoch: int) -> int:
        """As many in every epoch."""
        return self._count

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches, each `(P·K,)` positions, pictures of one identity side by side."""
        random = np.random.default_rng([self.seed, epoch, 1])
        queue: deque[int] = deque()  # its front is emptied one by one, which of a list takes time for all the rest
        for _ in range(self._count):
            chosen: list[int] = []
            while len(chosen) < self.identities:
                if not queue:
                    queue.extend(random.permutation(len(self._groups)).tolist())
                # An identity already in this batch waits for the next one: within a batch they are different.
                at = next((i for i, group in enumerate(queue) if group not in chosen), None)
                if at is None:
                    queue.extend(random.permutation(len(self._groups)).tolist())
                    continue
                chosen.append(queue[at])
                del queue[at]
            yield np.concatenate([_draw(self._groups[group], self.pictures, random) for group in chosen])


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
        self._count = _batch_count(len(labels), size)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def batches_in(self, epoch: int) -> int:
        """As many in every epoch."""
        return self._count

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches of positions."""
        order = np.random.default_rng([self.seed, epoch, 2]).permutation(self._n).astype(np.int64)
        for i in range(self._count):
            yield order[i * self.size : (i + 1) * self.size]


class BalancedBatches:
    """Batches in which a class of n pictures is shown in proportion to ``n^power``, for sets with a long tail.

    Power 1 shows every picture as often, as a shuffle does; power 0 every class as often; 0.5 lies between (Mahajan et
    al., "Exploring the Limits of Weakly Supervised Pretraining", ECCV 2018, section 2.1.1, train so). An epoch shows
    about as many pictures as there are. A class's share is kept in every epoch to within one picture, and of its
    pictures none comes again before all came.

    Args:
        labels: `(n,)` int64.
        size: pictures per batch; a smaller set makes one batch.
        power: from 0 to 1.
        seed: of all draws.

    Raises:
        DatasetError: fewer than 2 pictures, or batches of fewer.
        InputError: a power out of range.

    Example:
        >>> labels = np.array([0] * 90 + [1] * 10)
        >>> shown = np.concatenate(list(BalancedBatches(labels, 20, power=0.5).epoch(0)))
        >>> np.bincount(labels[shown]).tolist()
        [75, 25]
    """

    def __init__(self, labels: npt.NDArray[np.int64], size: int, power: float = 0.5, seed: int = 0) -> None:
        if size < 2 or len(labels) < 2:
            raise DatasetError(f"batches of {size} were asked of {len(labels)} pictures; at least 2 and 2 are needed")
        if not 0 <= power <= 1:
            raise InputError(f"power is {power}; from 0, every class as often, to 1, every picture as often")
        self.size, self.power, self.seed, self._n = size, float(power), seed, len(labels)
        self._groups = _by_class(labels)
        weights = np.array([len(group) for group in self._groups], np.float64) ** power
        self._shares = weights / math.fsum(weights)
        self._count = _batch_count(len(labels), size)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def batches_in(self, epoch: int) -> int:
        """As many in every epoch."""
        return self._count

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches of positions."""
        random = np.random.default_rng([self.seed, epoch, 3])
        # Systematic sampling: equal steps with a random start over the shares, in random order. Every class gets its
        # share, rounded up or down, and exactly its share on average.
        order = random.permutation(len(self._groups))
        edges = np.concatenate([[0.0], np.cumsum(self._shares[order])[:-1] * self._n, [float(self._n)]])
        times = np.diff(np.floor(edges + random.random())).astype(np.int64)
        drawn = [_draw(self._groups[group], int(count), random) for group, count in zip(order, times, strict=True)]
        shown = random.permutation(np.concatenate(drawn))
        for i in range(self._count):
            yield shown[i * self.size : (i + 1) * self.size]


def _by_class(labels: npt.NDArray[np.int64]) -> list[Positions]:
    """The positions of every class's pictures."""
    order = np.argsort(labels, kind="stable").astype(np.int64)
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    return np.split(order, starts) if len(labels) else []


def _draw(group: Positions, count: int, random: np.random.Generator) -> Positions:
    """`count` positions of a group in random order; none again before all came."""
    rounds = [random.permutation(group) for _ in range(-(-count // len(group)))]
    return np.concatenate(rounds)[:count] if rounds else group[:0]


def _batch_count(pictures: int, size: int) -> int:
    """A last batch at most half full is dropped."""
    return max(1, (pictures + (size - 1) // 2) // size)
