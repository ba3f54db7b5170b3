"""Confidence intervals by resampling identities: of verification, and of any mean over pictures.

Pairs are not independent: the 45 genuine pairs of a person stand or fall together, and so do the
impostor pairs a hard face takes part in. Resampling pairs ignores that and gives intervals several times
too narrow. Resampling identities with replacement, identity i drawn c_i times, weighs a genuine pair of i
by c_i and an impostor pair of i and j by c_i·c_j; no pair is recomputed.

Source: Bolle, Ratha & Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap"
(2004); Poh & Bengio (2007) for users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError

__all__ = [
    "Interval",
    "VerificationIntervals",
    "bootstrap_means",
    "bootstrap_verification",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Numbers in one array of a chunk of replicates; small enough to stay near the cache.
CHUNK_NUMBERS = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A percentile interval `low` to `high` that holds `level` of the replicates."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class VerificationIntervals:
    """Intervals of one verification result.

    Attributes:
        eer: of the equal error rate.
        auc: of the area under the ROC.
        tar_at_far: of TAR per FAR target, the threshold chosen anew in every replicate.
        fmr_at: of the false match rate per fixed threshold.
        fnmr_at: of the false non-match rate per fixed threshold.
        replicates: how many were drawn.
        used: how many of them held both genuine and impostor pairs; the others say nothing.
    """

    eer: Interval
    auc: Interval
    tar_at_far: Mapping[float, Interval]
    fmr_at: Mapping[float, Interval]
    fnmr_at: Mapping[float, Interval]
    replicates: int
    used: int


def bootstrap_verification(
    genuine: Floats,
    genuine_identity: Integers,
    impostor: Floats,
    impostor_identities: Integers,
    identities: int,
    *,
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> VerificationIntervals:
    """Bootstrap EER, AUC, TAR at FAR targets and the rates at fixed thresholds over identities.

    Args:
        genuine: `(g,)` sorted genuine distances.
        genuine_identity: `(g,)` the identity of each, 0 to `identities` - 1.
        impostor: `(p,)` sorted impostor distances.
        impostor_identities: `(p, 2)` the two identities of each.
        identities: how many identities were sampled in the first place.
        targets: FAR targets.
        thresholds: fixed thresholds.
        replicates: how many; time grows with replicates × pairs (0.2 s for 1000 × 5,000, 15 s for 1000 × 500,000).
        level: of the intervals.
        seed: of the draws; the same seed gives the same intervals.

    Raises:
        InputError: fewer than 2 identities, no replicates, or a level outside 0 to 1.
    """
    values = verification_replicates(
        genuine,
        genuine_identity,
        impostor,
        impostor_identities,
        identities,
        targets=targets,
        thresholds=thresholds,
        replicates=replicates,
        level=level,
        seed=seed,
    )
    values = values[~np.isnan(values[:, 0])]
    if not len(values):
        raise InputError(
            f"none of {replicates} replicates of {identities} identities held genuine and impostor pairs; "
            "measure on more identities with several pictures each"
        )
    intervals = percentile_intervals(values, level)
    first, second = 2 + len(targets), 2 + len(targets) + len(thresholds)
    return VerificationIntervals(
        eer=intervals[0],
        auc=intervals[1],
        tar_at_far=dict(zip(targets, intervals[2:first], strict=True)),
        fmr_at=dict(zip(thresholds, intervals[first:second], strict=True)),
        fnmr_at=dict(zip(thresholds, intervals[second:], strict=True)),
        replicates=replicates,
        used=len(values),
    )


def verification_replicates(
    genuine: Floats,
    genuine_identity: Integers,
    impostor: Floats,
    impostor_identities: Integers,
    identities: int,
    *,
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Floats:
    """The replicates behind `bootstrap_verification`, with its arguments.

    Returns:
        `(replicates, 2 + targets + 2 * thresholds)`: EER, AUC, TAR per target, FMR and then FNMR per threshold. A row
        is NaN where the replicate held no genuine or no impostor pair, which depends on the draw and the pairs alone.
    """
    checked_bootstrap(identities, replicates, level)
    # The curve is evaluated at every distinct distance, after a first point at which nothing is accepted.
    grid = np.unique(np.concatenate([genuine, impostor]))
    at_genuine = np.concatenate([[0], np.searchsorted(genuine, grid, side="right")])
    at_impostor = np.concatenate([[0], np.searchsorted(impostor, grid, side="right")])
    fixed_genuine = np.searchsorted(genuine, np.asarray(thresholds, np.float64), side="right")
    fixed_impostor = np.searchsorted(impostor, np.asarray(thresholds, np.float64), side="right")
    below = np.searchsorted(impostor, genuine, side="left")
    not_above = np.searchsorted(impostor, genuine, side="right")

    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_NUMBERS // (len(genuine) + len(impostor)))
    values = np.full((replicates, 2 + len(targets) + 2 * len(thresholds)), np.nan)
    for start in range(0, replicates, rows):
        # Drawn identity by identity, a replicate does not depend on how replicates are cut into chunks.
        counts = drawn_counts(rng, min(rows, replicates - start), identities)
        accepted_genuine = running_sum(counts[:, genuine_identity])
        accepted_impostor = running_sum(counts[:, impostor_identities[:, 0]] * counts[:, impostor_identities[:, 1]])
        usable = (accepted_genuine[:, -1] > 0) & (accepted_impostor[:, -1] > 0)
        if not usable.any():
            continue
        accepted_genuine, accepted_impostor = accepted_genuine[usable], accepted_impostor[usable]
        curve = Curves(accepted_genuine, accepted_impostor, at_genuine, at_impostor)
        columns = [curve.eer(), curve.auc(below, not_above)]
        columns += [curve.tar_at_far(target) for target in targets]
        columns += [accepted_impostor[:, i] / accepted_impostor[:, -1] for i in fixed_impostor]
        columns += [1 - accepted_genuine[:, i] / accepted_genuine[:, -1] for i in fixed_genuine]
        values[start + np.flatnonzero(usable)] = np.stack(columns, axis=1)
    return values


def bootstrap_means(
    values: npt.ArrayLike,
    identity: Integers,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Bootstrap means over pictures, searches or pairs, by resampling whose they are.

    Args:
        values: `(m, n)` numbers, m quantities of n pictures each, for example whether the mate came first.
        identity: `(n,)` whole numbers, whose each picture is.
        replicates: how many.
        level: of the intervals.
        seed: of the draws.

    Returns:
        m intervals.

    Raises:
        InputError: fewer than 2 identities, no replicates, or a level outside 0 to 1.

    Example:
        >>> bootstrap_means([[1.0, 1.0, 1.0]], np.array([0, 0, 1]))
        (Interval(low=1.0, high=1.0, level=0.95),)
    """
    found = mean_replicates(values, identity, replicates=replicates, level=level, seed=seed)
    return tuple(percentile_intervals(found, level))


def mean_replicates(
    values: npt.ArrayLike, identity: Integers, *, replicates: int = 1000, level: float = 0.95, seed: int = 0
) -> Floats:
    """The `(replicates, m)` means behind `bootstrap_means`."""
    numbers = np.atleast_2d(np.asarray(values))
    whose, code = np.unique(identity, return_inverse=True)
    checked_bootstrap(len(whose), replicates, level)
    sums = np.stack([np.bincount(code, weights=row, minlength=len(whose)) for row in numbers], axis=1)
    sizes = np.bincount(code)
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_NUMBERS // len(whose))
    found = []
    for start in range(0, replicates, rows):
        counts = drawn_counts(rng, min(rows, replicates - start), len(whose))
        found.append((counts @ sums) / (counts @ sizes)[:, None])
    return np.concatenate(found)


def checked_bootstrap(identities: int, replicates: int, level: float, kind: str = "") -> None:
    """Raise an `InputError` where nothing can be resampled."""
    if identities < 2 or replicates < 1 or not 0 < level < 1:
        raise InputError(
            f"a bootstrap of {identities} {kind}identities, {replicates} replicates at level {level} was asked for; "
            "it needs at least 2 identities, 1 replicate and a level between 0 and 1"
        )


def drawn_counts(rng: np.random.Generator, replicates: int, identities: int) -> Floats:
    """`(replicates, identities)` how often each identity is drawn, with replacement, as many as there are."""
    draws = rng.integers(identities, size=(replicates, identities)) + identities * np.arange(replicates)[:, None]
    counts = np.bincount(draws.ravel(), minlength=replicates * identities).reshape(replicates, identities)
    return counts.astype(np.float64)


def percentile_intervals(values: Floats, level: float) -> list[Interval]:
    """One interval for every column of `(replicates, columns)`."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [Interval(float(a), float(b), level) for a, b in zip(low, high, strict=True)]


def running_sum(weights: Floats) -> Floats:
    """`(r, n)` weights to `(r, n + 1)` sums of the first 0, 1, … n; exact, the weights being whole numbers."""
    sums = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


@dataclass(frozen=True, eq=False)
class Curves:
    """ROC curves of many replicates, each read by bisection: the points are never all computed.

    `genuine` `(r, g + 1)` and `impostor` `(r, p + 1)` are the weights of the nearest 0, 1, … pairs; the
    point t of a curve accepts the nearest `at_genuine[t]` and `at_impostor[t]` of them.
    """

    genuine: Floats
    impostor: Floats
    at_genuine: Integers
    at_impostor: Integers

    def tar(self, points: Integers) -> Floats:
        rows = np.arange(len(self.genuine))
        return np.asarray(self.genuine[rows, self.at_genuine[points]] / self.genuine[:, -1])

    def fmr(self, points: Integers) -> Floats:
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
        """Share of genuine and impostor pairs in the right order, ties half."""
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
