"""The mean loss of an epoch, read from the device now and then instead of at every step.

`float(loss)` waits until the device has finished all work in its queue, so reading every loss keeps the device idle
while the next batch is made. Here the losses stay on the device; one read fetches all that have gathered.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Diverged", "RunningLoss"]

#: The losses are read after so many steps, or after so many seconds, whichever comes first. A loss that is not finite
#: is noticed no later.
READ_STEPS = 64
READ_SECONDS = 0.25


@dataclass(frozen=True)
class Diverged:
    """The first step whose loss is not finite.

    Attributes:
        step: its number, as `RunningLoss.add` got it.
        loss: NaN or infinity.
        finite_embeddings: whether the embeddings of its batch were finite.
    """

    step: int
    loss: float
    finite_embeddings: bool


class RunningLoss:
    """Losses of one epoch and their mean.

    The sum is taken in float64 on the host, loss by loss in the order of the steps, so it does not depend on when it is
    read, nor on an interruption between two losses.

    Args:
        total: sum of the epoch's losses before a checkpoint; 0 at the start of an epoch.
        count: how many these were.

    Attributes:
        total: sum of the losses read so far.
        count: how many these are.
        mean: their mean; NaN before the first.

    Example:
        >>> running = RunningLoss()
        >>> for step, loss in enumerate([1.0, 2.0]):
        ...     running.add(step, torch.tensor(loss), torch.zeros(2, 3))
        >>> running.read()
        >>> running.mean
        1.5
    """

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total, self.count = float(total), int(count)
        self._waiting: list[tuple[int, Tensor, Tensor]] = []
        # The first loss is read at once, so that progress shows a number from the first step on.
        self._read_at = -math.inf

    @property
    def mean(self) -> float:
        """Mean of the losses read so far; NaN where there are none."""
        return self.total / self.count if self.count else math.nan

    @property
    def due(self) -> bool:
        """Whether it is time to read."""
        return len(self._waiting) >= READ_STEPS or time.monotonic() - self._read_at >= READ_SECONDS

    def add(self, step: int, loss: Tensor, embeddings: Tensor) -> None:
        """Note a step's loss without waiting for the device.

        Args:
            step: its number.
            loss: a detached scalar, on any device.
            embeddings: `(B, d)` of its batch.
        """
        self._waiting.append((step, loss, torch.isfinite(embeddings).all()))

    def read(self) -> Diverged | None:
        """Wait for the losses noted since the last read and add them up.

        Returns:
            The first of them that is not finite, or None. Nothing from that step on is added.
        """
        waiting, self._waiting = self._waiting, []
        self._read_at = time.monotonic()
        if not waiting:
            return None
        losses = torch.stack([loss for _, loss, _ in waiting]).tolist()
        for (step, _, finite), loss in zip(waiting, losses, strict=True):
            if not math.isfinite(loss):
                return Diverged(step, loss, bool(finite))
            self.total += loss
            self.count += 1
        return None
