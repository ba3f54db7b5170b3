"""ROC curves of many bootstrap replicates, read by bisection: the points of a curve are never all computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ResampledCurves", "cumulative_weights", "curve_points"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def cumulative_weights(weights: Floats) -> Floats:
    """`(r, n)` weights to `(r, n + 1)` sums of the first 0, 1, … n; exact, because the weights are whole numbers."""
    sums = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def curve_points(genuine: Floats, impostor: Floats) -> tuple[Integers, Integers]:
    """How many of `(g,)` and of `(p,)` ascending distances are accepted at each point of a curve.

    The first point accepts nothing; then comes every distinct distance.

    Example:
        >>> [accepted.tolist() for accepted in curve_points(np.array([1.0, 3.0]), np.array([2.0, 3.0]))]
        [[0, 1, 1, 2], [0, 0, 1, 2]]
    """
    grid = np.unique(np.concatenate([genuine, impostor]))
    at_genuine, at_impostor = (
        np.concatenate([[0], np.searchsorted(side, grid, side="right")]) for side in (genuine, impostor)
    )
    return at_genuine, at_impostor


@dataclass(frozen=True, eq=False)
class ResampledCurves:
    """The curves of r replicates.

    In identification, mated searches stand for the genuine pairs, and non-mated ones for the impostor pairs.

    Attributes:
        genuine: `(r, g + 1)` weight of the nearest 0, 1, … genuine pairs.
        impostor: `(r, p + 1)` weight of the nearest 0, 1, … impostor pairs.
        at_genuine: `(t,)` how many genuine pairs point t accepts.
        at_impostor: `(t,)` how many impostor pairs point t accepts.
    """

    genuine: Floats
    impostor: Floats
    at_genuine: Integers
    at_impostor: Integers

    def tar(self, points: Integers) -> Floats:
        """True accept rate of each replicate at a point of its own."""
        rows = np.arange(len(self.genuine))
        return np.asarray(self.genuine[rows, self.at_genuine[points]] / self.genuine[:, -1])

    def fmr(self, points: Integers) -> Floats:
        """False match rate of each replicate at a point of its own."""
        rows = np.arange(len(self.impostor))
        return np.asarray(self.impostor[rows, self.at_impostor[points]] / self.impostor[:, -1])

    def eer(self) -> Floats:
        """Where FMR crosses 1 - TAR, on the straight line between two points of the curve."""
        # Never the first point, at which nothing is accepted.
        after = self._first(lambda points: self.fmr(points) + self.tar(points) >= 1)
        below, above = (self.fmr(points) + self.tar(points) - 1 for points in (after - 1, after))
        low, high = self.fmr(after - 1), self.fmr(after)
        return low - below / (above - below) * (high - low)

    def auc(self, below: Integers, not_above: Integers) -> Floats:
        """Share of genuine and impostor pairs in the right order, ties half.

        Args:
            below: `(g,)` how many impostor pairs are nearer than each genuine pair.
            not_above: `(g,)` how many are nearer or equally near.
        """
        weights = np.diff(self.genuine, axis=1)
        nearer = (self.impostor[:, below] + self.impostor[:, not_above]) / 2
        return np.asarray(1 - (weights * nearer).sum(axis=1) / (self.genuine[:, -1] * self.impostor[:, -1]))

    def tar_at_far(self, target: float) -> Floats:
        """TAR at the last point whose FMR is at most the target."""
        return self.tar(self._first(lambda points: self.fmr(points) > target) - 1)

    def _first(self, holds: Callable[[Integers], npt.NDArray[np.bool_]]) -> Integers:
        """First point of every row at which a condition holds that, once true, stays true; else their number."""
        low = np.zeros(len(self.genuine), np.int64)
        high = np.full(len(self.genuine), len(self.at_genuine), np.int64)
        while (low < high).any():
            middle = np.minimum((low + high) // 2, len(self.at_genuine) - 1)
            true = holds(middle) | (low == high)
            low, high = np.where(true, low, middle + 1), np.where(true & (low < high), middle, high)
        return low
