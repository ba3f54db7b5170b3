"""How often impostors come nearer than anybody measured: the tail of the false match rate.

Peaks over threshold: of impostor distances d below a small distance u, the exceedances log(u / d) follow, the smaller
u the better, a generalised Pareto distribution (Balkema & de Haan 1974; Pickands 1975; Coles, *An Introduction to
Statistical Modeling of Extreme Values*, 2001, chapter 4). Fitted to the nearest pairs it says what the false match rate
is at distances at which too few pairs lie to count, or none.

Logarithms, because distances end at 0: around a point in k dimensions the share of others nearer than d falls like d^k,
which is exactly the exponential tail, shape 0 (the local intrinsic dimension of Houle 2017; the estimator of Hill
1975). Without them the shape of every embedding is well below 0 and has to be known precisely. Where distances may be
negative (`inner_product`), exceedances are u - d.

Three things are done differently from a textbook, for pairs are not independent and promises are one-sided:

- The likelihood is divided by how many pairs of pictures stand for one pair of identities, and the shape has a normal
  prior around 0 (the exponential tail) in the manner of Martins & Stedinger (2000). Few people measured make the shape
  look too negative, as if the tail ended soon; that is the error that breaks promises.
- The upper bound is the 95% quantile of refits to resampled *identities* (see `statistics.intervals`).
- Neither the tail nor its bound is ever below what was measured.

What a promise needs of the tail, for comparisons and for searches, is in `lookalike.decisions.tail`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.decisions.tail import ImpostorTail
from lookalike.errors import InputError
from lookalike.evaluation.calibration.near_impostors import NORMAL_LEVEL, NearImpostors
from lookalike.evaluation.statistics.intervals import multinomial_counts
from lookalike.evaluation.verification.all_pairs import VerificationResult

__all__ = ["fit_impostor_tail", "fit_pareto", "pareto_survival"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Standard deviation of the prior of the shape.
SHAPE_PRIOR = 0.05
#: Shapes looked at; embeddings' tails are near 0, and beyond 0.5 a generalised Pareto has no variance.
SHAPES = (-0.5, 0.5)
#: Points of the grid below `start`.
TAIL_POINTS = 80
#: Logarithm of `start` over the smallest distance that is told from 0.
DEEPEST = 14.0
LEVEL = 0.95
#: In place of a rate of 0, where a tail has ended: curves are read in logarithms.
SMALLEST = 1e-300


def fit_impostor_tail(
    impostors: NearImpostors | VerificationResult, *, replicates: int = 300, seed: int = 0
) -> ImpostorTail:
    """Fit the tail of the impostor distances, with its upper confidence bound.

    Args:
        impostors: of identities the model was not trained on: a result with pairs and labels, or
            `NearImpostors.of_counts` where there are too many pairs to keep.
        replicates: of the bootstrap over identities.
        seed: of it; the same seed gives the same tail.

    Raises:
        InputError: only scores were given, fewer than 500 impostor pairs, or all of the nearest are equal.

    Example:
        >>> from lookalike.evaluation.verification.all_pairs import verify_all_pairs
        >>> rng = np.random.default_rng(0)
        >>> labels = np.repeat(np.arange(100), 2)
        >>> result = verify_all_pairs(rng.normal(size=(100, 8))[labels] + 0.3 * rng.normal(size=(200, 8)), labels)
        >>> tail = fit_impostor_tail(result)
        >>> tail.rate(tail.start) >= tail.start_rate, tail.upper_rate(0.01) > tail.rate(0.01) > 0
        (True, True)
    """
    if replicates < 1:
        raise InputError(f"{replicates} replicates were asked for; expected at least 1, such as 300")
    near = NearImpostors.of_result(impostors) if isinstance(impostors, VerificationResult) else impostors
    size, start = len(near.distances), near.start
    logarithmic = size > 0 and start > 0 and float(near.distances[0]) > -1e-3 * start  # rounding gives -1e-7 for 0
    excess = _exceedances(near.distances, start, logarithmic)
    if size < 2 or not excess.max() > excess.min():
        raise InputError(
            f"the nearest of {near.total:,} impostor pairs are at one distance, {start:g}; "
            "a tail cannot be fitted to equal distances: look for one picture under two names"
        )
    pairs = np.sort(near.codes[near.pictures], axis=1)
    identity_pairs = len(np.unique(pairs @ [len(near.involved), 1]))
    independent = identity_pairs / size
    (shape,), (scale,) = fit_pareto(excess, np.ones((1, size)), independent)
    refits = _refit(near, pairs, excess, independent, replicates, seed)

    depth, deepest = float(scale), DEEPEST if logarithmic else 1e4 * float(scale)
    # Well below the smallest rate that is answered.
    while refits.bound(np.array([depth]))[0] > 1e-7 / near.total and depth < deepest:
        depth = min(depth * 1.25, deepest)
    depths = depth * np.square(np.linspace(1, 0, TAIL_POINTS + 1))
    below = start * np.exp(-depths) if logarithmic else start - depths
    below_upper = refits.bound(depths)
    grid = np.concatenate([below, near.bulk])
    measured = near.measured(grid)
    modelled = pareto_survival(depths, shape, scale) * size / near.total
    if near.bulk_spread is None:
        # Relative to the rate, chance is larger at the start than anywhere above it.
        factors = np.full(len(near.bulk), max(1.0, below_upper[-1] * near.total / size))
    else:
        factors = np.exp(NORMAL_LEVEL * near.bulk_spread)
    rates = np.maximum(measured, np.concatenate([modelled, np.zeros(len(near.bulk))]))
    upper = np.maximum(np.concatenate([below_upper, measured[len(below) :] * factors]), rates)
    # Between two points the curve is read as a line; from above it, the measured rate of the next point.
    upper[:-1] = np.maximum(upper[:-1], measured[1:])
    rates, upper = (np.clip(np.maximum.accumulate(curve), SMALLEST, 1.0) for curve in (rates, upper))
    return ImpostorTail(
        start=start,
        start_rate=size / near.total,
        logarithmic=logarithmic,
        scale=float(scale),
        shape=float(shape),
        exceedances=size,
        identity_pairs=identity_pairs,
        impostor_pairs=near.total,
        dispersion=_dispersion(near.codes, near.pictures, near.probes),
        distances=tuple(grid.tolist()),
        rates=tuple(rates.tolist()),
        upper=tuple(upper.tolist()),
    )


@dataclass(frozen=True, eq=False)
class _Refits:
    """The tail in every replicate: fitted, and counted."""

    excess: Floats
    shapes: Floats
    scales: Floats
    start_rates: Floats
    counted: Floats

    def bound(self, depths: Floats) -> Floats:
        """The `LEVEL` quantile over replicates of the false match rate at exceedances."""
        modelled = pareto_survival(depths[:, None], self.shapes, self.scales) * self.start_rates
        # Where pairs were counted, a replicate's count may say more than its fit: a few blurred pictures among many
        # sharp ones are a tail of their own, which one shape does not follow.
        ranks = np.searchsorted(-self.excess, -depths, side="right")
        measured = np.where(ranks[:, None] > 0, self.counted[:, np.maximum(ranks, 1) - 1].T, 0.0)
        return np.asarray(np.quantile(np.maximum(modelled, measured), LEVEL, axis=1))


def _refit(
    near: NearImpostors, pairs: Integers, excess: Floats, independent: float, replicates: int, seed: int
) -> _Refits:
    """Fit the tail to resampled identities: a pair weighs the product of how often its two were drawn."""
    identities = len(near.involved)
    drawn = multinomial_counts(np.random.default_rng(seed), replicates, identities)
    weights = drawn[:, pairs[:, 0]] * drawn[:, pairs[:, 1]]
    # The weight of all impostor pairs of a replicate, to first order in the draws; exact summing would read every pair.
    totals = (near.total + (drawn - 1) @ near.involved) * (1 - 1 / identities)
    usable = (np.count_nonzero(weights, axis=1) >= 2) & (totals > 0)
    if not usable.any():
        raise InputError(
            f"none of {replicates} replicates of {identities} identities held a near pair; measure on more"
        )
    shapes, scales = fit_pareto(excess, weights[usable], independent)
    counted = np.cumsum(weights[usable], axis=1) / totals[usable, None]
    return _Refits(excess, shapes, scales, np.minimum(counted[:, -1], 1.0), counted)


def fit_pareto(excess: Floats, weights: Floats, independent: float = 1.0) -> tuple[Floats, Floats]:
    """Fit generalised Pareto distributions to one set of exceedances under several weightings.

    Maximum of the weighted likelihood times the prior of the shape, over a grid of shape / scale, at each of which the
    best shape has a closed form (Grimshaw 1993).

    Args:
        excess: `(k,)`, not negative and not all equal.
        weights: `(r, k)`, not negative, at least two positive in each row.
        independent: share of the exceedances that count as independent observations.

    Returns:
        shapes `(r,)` and scales `(r,)`.
    """
    largest, mean = float(excess.max()), float(excess.mean())
    grid = np.concatenate([-np.geomspace(0.999, 1e-4, 100) / largest, np.geomspace(1e-4, 5, 100) / mean])
    logs = np.log1p(grid[:, None] * excess)
    total = weights.sum(axis=1)
    shapes = weights @ logs.T / total[:, None]
    scales = shapes / grid
    worth = -(total * independent)[:, None] * (np.log(scales) + shapes + 1) - 0.5 * (shapes / SHAPE_PRIOR) ** 2
    worth[(shapes < SHAPES[0]) | (shapes > SHAPES[1])] = -np.inf
    rows, best = np.arange(len(weights)), worth.argmax(axis=1)
    return shapes[rows, best], scales[rows, best]


def pareto_survival(excess: npt.ArrayLike, shape: npt.ArrayLike, scale: npt.ArrayLike) -> Floats:
    """Share of a generalised Pareto distribution beyond `excess`; arguments broadcast.

    Example:
        >>> pareto_survival([0.0, 1.0], 0.5, 1.0).round(3).tolist()
        [1.0, 0.444]
    """
    x, shapes, scales = np.broadcast_arrays(
        np.maximum(np.asarray(excess, np.float64), 0.0), np.asarray(shape, np.float64), np.asarray(scale, np.float64)
    )
    bent = np.abs(shapes) > 1e-9
    safe = np.where(bent, shapes, 1.0)
    inside = np.maximum(1 + safe * x / scales, 0.0)
    with np.errstate(divide="ignore"):
        logs = np.where(bent, -np.log(inside) / safe, -x / scales)
    return np.asarray(np.exp(logs))


def _exceedances(distances: Floats, start: float, logarithmic: bool) -> Floats:
    if not logarithmic:
        return np.asarray(start - distances)
    # One picture under two names is at distance 0: infinitely far in the tail. So far is far enough.
    return np.asarray(np.log(start / np.maximum(distances, start * np.exp(-DEEPEST))))


def _dispersion(codes: Integers, pairs: Integers, searching: int | None = None) -> float:
    """Squared coefficient of variation of the pictures' own false match rates, chance taken off.

    Of C identities near a picture, C (C - 1) has the mean of the squared rate (a factorial moment), where C² would
    count chance as difference. Pictures of one identity near the same probe count once. With `searching`, the first of
    each pair is a probe, and so many pictures are.
    """
    pictures, identities = len(codes), int(codes.max()) + 1
    probes, near = pairs[:, 0], codes[pairs[:, 1]]
    if searching is None:
        probes, near = np.concatenate([probes, pairs[:, 1]]), np.concatenate([near, codes[pairs[:, 0]]])
    else:
        pictures = searching
    found = np.unique(probes * identities + near) // identities
    counts = np.bincount(found, minlength=pictures).astype(np.float64)
    return max(0.0, float((counts * (counts - 1)).mean() / counts.mean() ** 2) - 1)
