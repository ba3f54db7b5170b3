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
- The upper bound is the 95% quantile of refits to resampled *identities* (see `bootstrap`).
- Neither the tail nor its bound is ever below what was measured.

What a promise needs of the tail, for comparisons and for searches, is in `lookalike.embedder.promise`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.embedder.promise import ImpostorTail
from lookalike.errors import InputError
from lookalike.evaluation.verification import VerificationResult

__all__ = ["FEWEST_PAIRS", "fit_impostor_tail", "fit_pareto", "pareto_survival"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: With fewer impostor pairs there is no tail to fit.
FEWEST_PAIRS = 500
#: Exceedances the tail is fitted to: a hundredth of all pairs, within these limits.
FEWEST_EXCEEDANCES, MOST_EXCEEDANCES = 50, 2000
#: Standard deviation of the prior of the shape.
SHAPE_PRIOR = 0.05
#: Shapes looked at; embeddings' tails are near 0, and beyond 0.5 a generalised Pareto has no variance.
SHAPES = (-0.5, 0.5)
#: Points of the grid above and below `start`.
BULK_POINTS, TAIL_POINTS = 40, 80
#: Logarithm of `start` over the smallest distance that is told from 0.
DEEPEST = 14.0
LEVEL = 0.95
#: In place of a rate of 0, where a tail has ended: curves are read in logarithms.
SMALLEST = 1e-300
#: The standard normal's one-sided 95% quantile.
NORMAL_LEVEL = 1.6449


def fit_impostor_tail(result: VerificationResult, *, replicates: int = 300, seed: int = 0) -> ImpostorTail:
    """Fit the tail of the impostor distances, with its upper confidence bound.

    Args:
        result: with pairs and labels; of identities the model was not trained on.
        replicates: of the bootstrap over identities.
        seed: of it; the same seed gives the same tail.

    Raises:
        InputError: only scores were given, fewer than `FEWEST_PAIRS` impostor pairs, or all of the nearest are equal.

    Example:
        >>> from lookalike.evaluation.verification import verify_all_pairs
        >>> rng = np.random.default_rng(0)
        >>> labels = np.repeat(np.arange(100), 2)
        >>> result = verify_all_pairs(rng.normal(size=(100, 8))[labels] + 0.3 * rng.normal(size=(200, 8)), labels)
        >>> tail = fit_impostor_tail(result)
        >>> tail.rate(tail.start) >= tail.start_rate, tail.upper_rate(0.01) > tail.rate(0.01) > 0
        (True, True)
    """
    if result.codes is None or result.impostor_pairs is None:
        raise InputError(
            "a tail is bounded by resampling identities, and only scores were given; give pairs and labels"
        )
    if replicates < 1:
        raise InputError(f"{replicates} replicates were asked for; expected at least 1, such as 300")
    count = len(result.impostor)
    if count < FEWEST_PAIRS:
        raise InputError(
            f"{count:,} impostor pairs are too few to fit a tail, at least {FEWEST_PAIRS} are needed; measure on more "
            "identities"
        )
    size = min(MOST_EXCEEDANCES, max(FEWEST_EXCEEDANCES, count // 100))
    start = float(result.impostor[size])
    size = int(np.searchsorted(result.impostor, start, side="left"))  # ties with `start` are no exceedances
    logarithmic = start > 0 and float(result.impostor[0]) > -1e-3 * start  # rounding makes equal vectors negative
    excess = _exceedances(result.impostor[:size], start, logarithmic)
    if size < 2 or not excess.max() > excess.min():
        raise InputError(
            f"the nearest {FEWEST_EXCEEDANCES} of {count:,} impostor pairs are at one distance, {start:g}; "
            "a tail cannot be fitted to equal distances: look for one picture under two names"
        )
    identities = len(result.names)
    pairs = result.codes[result.impostor_pairs]
    first, second = pairs[:size].T
    identity_pairs = len(np.unique(np.minimum(first, second) * identities + np.maximum(first, second)))
    independent = identity_pairs / size

    shape, scale = fit_pareto(excess, np.ones((1, size)), independent)
    involved = np.bincount(pairs.ravel(), minlength=identities).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(identities, np.full(identities, 1 / identities), size=replicates)
    weights = (drawn[:, first] * drawn[:, second]).astype(np.float64)
    # The weight of all impostor pairs of a replicate, to first order in the draws; exact summing would read every pair.
    totals = (count + (drawn - 1) @ involved) * (1 - 1 / identities)
    usable = (np.count_nonzero(weights, axis=1) >= 2) & (totals > 0)
    if not usable.any():
        raise InputError(
            f"none of {replicates} replicates of {identities} identities held a near pair; measure on more"
        )
    shapes, scales = fit_pareto(excess, weights[usable], independent)
    start_rates = np.minimum(weights[usable].sum(axis=1) / totals[usable], 1.0)

    counted = np.cumsum(weights[usable], axis=1) / totals[usable, None]

    def bound(depths: Floats) -> Floats:
        modelled = pareto_survival(depths[:, None], shapes, scales) * start_rates
        # Where pairs were counted, a replicate's count may say more than its fit: a few blurred pictures among many
        # sharp ones are a tail of their own, which one shape does not follow.
        ranks = np.searchsorted(-excess, -depths, side="right")
        measured = np.where(ranks[:, None] > 0, counted[:, np.maximum(ranks, 1) - 1].T, 0.0)
        return np.asarray(np.quantile(np.maximum(modelled, measured), LEVEL, axis=1))

    smallest = 1e-3 / (count * 1e4)  # well below the smallest rate that is answered
    depth = float(scale[0])
    deepest = DEEPEST if logarithmic else 1e4 * depth
    while bound(np.array([depth]))[0] > smallest and depth < deepest:
        depth = min(depth * 1.25, deepest)
    depths = depth * np.square(np.linspace(1, 0, TAIL_POINTS + 1))
    below = start * np.exp(-depths) if logarithmic else start - depths
    above, above_upper = _bulk(result.impostor, pairs, involved, size)
    grid = np.concatenate([below, above])
    measured = np.searchsorted(result.impostor, grid, side="right") / count
    modelled = pareto_survival(depths, shape[0], scale[0]) * size / count
    rates = np.maximum(measured, np.concatenate([modelled, np.zeros(len(above))]))
    upper = np.maximum(np.concatenate([bound(depths), above_upper]), rates)
    # Between two points the curve is read as a line; from above it, the measured rate of the next point.
    upper[:-1] = np.maximum(upper[:-1], measured[1:])
    rates, upper = (np.clip(np.maximum.accumulate(curve), SMALLEST, 1.0) for curve in (rates, upper))
    return ImpostorTail(
        start=start,
        start_rate=size / count,
        logarithmic=logarithmic,
        scale=float(scale[0]),
        shape=float(shape[0]),
        exceedances=size,
        identity_pairs=identity_pairs,
        impostor_pairs=count,
        dispersion=_dispersion(result.codes, result.impostor_pairs[:size]),
        distances=tuple(grid.tolist()),
        rates=tuple(rates.tolist()),
        upper=tuple(upper.tolist()),
    )


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


def _bulk(impostor: Floats, pairs: Integers, involved: Floats, size: int) -> tuple[Floats, Floats]:
    """Distances above the tail, up to the median, and upper bounds of the rate there.

    So many pairs lie there that the bootstrap's spread is that of its linear part: to first order a draw of identity i
    once more changes log FMR by its share of the accepted pairs less its share of all pairs (Hájek's projection).
    """
    count, identities = len(impostor), len(involved)
    ranks = np.unique(np.geomspace(size + 1, max(count // 2, size + 2), BULK_POINTS).astype(np.int64))
    distances = np.unique(impostor[ranks])
    distances = distances[distances > impostor[size]]
    accepted = np.searchsorted(impostor, distances, side="right")
    of_each = np.zeros(identities)
    upper = np.empty(len(distances))
    before = 0
    for number, after in enumerate(accepted.tolist()):
        of_each += np.bincount(pairs[before:after].ravel(), minlength=identities)
        before = after
        spread = np.sqrt(np.square(of_each / after - involved / count).sum())
        upper[number] = after / count * np.exp(NORMAL_LEVEL * spread)
    return distances, np.minimum(upper, 1.0)


def _dispersion(codes: Integers, pairs: npt.NDArray[np.int32]) -> float:
    """Squared coefficient of variation of the pictures' own false match rates, chance taken off.

    Of C identities near a picture, C (C - 1) has the mean of the squared rate (a factorial moment), where C² would
    count chance as difference. Pictures of one identity near the same probe count once.
    """
    pictures, identities = len(codes), int(codes.max()) + 1
    probes = np.concatenate([pairs[:, 0], pairs[:, 1]]).astype(np.int64)
    near = np.concatenate([codes[pairs[:, 1]], codes[pairs[:, 0]]])
    found = np.unique(probes * identities + near) // identities
    counts = np.bincount(found, minlength=pictures).astype(np.float64)
    return max(0.0, float((counts * (counts - 1)).mean() / counts.mean() ** 2) - 1)
