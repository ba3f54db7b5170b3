"""A calibrated probability of match: how much more often genuine than impostor pairs lie at a distance.

Pool-adjacent-violators (PAV, isotonic regression) gives the monotone log likelihood ratio that fits the measured pairs
best (Brümmer & du Preez, "Application-independent evaluation of speaker detection", 2006). Four corrections make it
one to answer with:

- Laplace's: before pooling, one genuine and one impostor pair are added at either end, so that no distance makes
  certainty; what a pool says is bounded by the number of pairs (as in Brümmer's FoCal and BOSARIS).
- Pairs are no independent observations: a bound by pairs of pictures would be too bold where many pictures show few
  people. The added pairs weigh as many as there are pictures' pairs to one pair of identities.
- PAV's steps become straight lines between the quarters of the pools: no jumps.
- Nearer than the nearest impostor pair, and farther than the farthest genuine one, PAV says the same of all distances,
  for it has nothing to compare with: a picture would speak no more for a match than another ten times farther away.
  There the ratio follows the slope of logistic regression, the usual straight line through log likelihood ratios
  (Brümmer & Doddington, "Likelihood-ratio calibration using prior-weighted proper scoring rules", 2013), fitted to the
  same pairs, the added ones included: they keep its slope finite, and below the true one where few were measured.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from lookalike.decisions.odds import MatchOdds
from lookalike.errors import InputError, VectorError

__all__ = ["cllr", "fit_binned_odds", "fit_match_odds", "pool_adjacent_violators"]

Floats = npt.NDArray[np.float64]

#: Bins of distances before pooling, per kind of pair; PAV merges most of them.
BINS = 400
#: Points kept in `calibration.json`.
POINTS = 100


def fit_match_odds(
    genuine: npt.ArrayLike, impostor: npt.ArrayLike, *, genuine_clump: float = 1.0, impostor_clump: float = 1.0
) -> MatchOdds:
    """Fit the likelihood ratio to measured distances.

    Args:
        genuine: `(g,)` distances of genuine pairs, in any order.
        impostor: `(p,)` distances of impostor pairs.
        genuine_clump: pairs of pictures per identity, at least 1: as many count as one observation.
        impostor_clump: pairs of pictures per pair of identities, likewise.

    Raises:
        VectorError: no pairs, or distances that are not finite.
        InputError: a clump below 1.

    Example:
        >>> odds = fit_match_odds([0.1, 0.2, 0.3], [0.5, 0.6, 0.7, 0.8])
        >>> odds.log_ratio(0.1) > 0 > odds.log_ratio(0.8), 0 < odds.probability(-9.0) < 1
        (True, True)
    """
    sides = []
    for name, values in (("genuine", genuine), ("impostor", impostor)):
        side = np.asarray(values, np.float64)
        if side.ndim != 1 or not len(side) or not np.isfinite(side).all():
            raise VectorError(f"{name} has shape {side.shape}; expected (pairs,) finite distances, at least one")
        sides.append(np.sort(side))
    if not min(genuine_clump, impostor_clump) >= 1:
        raise InputError(f"clumps of {genuine_clump} and {impostor_clump} pairs were given; expected at least 1")
    near, far = sides
    edges = _edges(near, far)
    # Bin b holds the distances above edge b - 1 and up to edge b; every distance lies in one.
    counts = [np.diff(np.searchsorted(side, edges, side="right"), prepend=0) for side in sides]
    return fit_binned_odds(edges, counts[0], counts[1], genuine_clump=genuine_clump, impostor_clump=impostor_clump)


def fit_binned_odds(
    edges: npt.ArrayLike,
    genuine: npt.ArrayLike,
    impostor: npt.ArrayLike,
    *,
    genuine_clump: float = 1.0,
    impostor_clump: float = 1.0,
) -> MatchOdds:
    """Fit the likelihood ratio to counted distances.

    Args:
        edges: `(b,)` ascending upper edges of bins; the first bin holds everything up to the first edge.
        genuine: `(b,)` how many genuine pairs are in each.
        impostor: `(b,)` how many impostor pairs.
        genuine_clump: as `fit_match_odds`.
        impostor_clump: likewise.
    """
    upper = np.asarray(edges, np.float64)
    counts = [np.asarray(side, np.float64) for side in (genuine, impostor)]
    middles = np.concatenate([[upper[0]], (upper[:-1] + upper[1:]) / 2])
    ends = (np.r_[genuine_clump, counts[0], genuine_clump], np.r_[impostor_clump, counts[1], impostor_clump])
    shares, first, last = pool_adjacent_violators(ends[0], ends[0] + ends[1])
    real = (last > 0) & (first < len(upper) + 1)  # an end that joined nobody is of added pairs only, and says nothing
    shares, first, last = shares[real], first[real], last[real]
    total = [float(end.sum()) for end in ends]
    with_ends = np.concatenate([[upper[0]], middles, [upper[-1]]])
    # A pool's ratio stands between the quarters of its pairs, both kinds weighing the same; lines join the pools.
    mass = np.cumsum(ends[0] / total[0] + ends[1] / total[1])
    before, after = np.r_[0.0, mass][first], mass[last]
    quarters = [np.searchsorted(mass, before + part * (after - before)) for part in (0.25, 0.5, 0.75)]
    places = with_ends[np.stack([np.clip(q, first, last) for q in quarters], axis=1)]
    ratios = np.repeat((np.log(shares) - np.log1p(-shares) - np.log(total[0]) + np.log(total[1]))[:, None], 3, axis=1)
    slope = _logistic_slope(with_ends, ends[0] / total[0], ends[1] / total[1])
    for pool, other in ((0, counts[1]), (-1, counts[0])):
        if not other[max(0, first[pool] - 1) : last[pool]].any():  # bins are one behind pools: the added end is first
            ratios[pool] += slope * (places[pool, 1] - places[pool])
    if len(ratios) > 1:  # neither end past its neighbour
        ratios[0] = np.maximum(ratios[0], ratios[1, 0])
        ratios[-1] = np.minimum(ratios[-1], ratios[-2, -1])
    at, where = np.unique(places.ravel(), return_index=True)
    ratios = np.minimum.accumulate(ratios.ravel()[where])
    if len(at) > POINTS:
        chosen = np.unique(np.linspace(0, len(at) - 1, POINTS).round().astype(int))
        at, ratios = at[chosen], ratios[chosen]
    given = np.interp(middles, at, ratios)
    cost = _cost(given, counts[0], counts[1])
    return MatchOdds(distances=tuple(at.tolist()), log_ratios=tuple(ratios.tolist()), cllr=cost)


def pool_adjacent_violators(
    hits: Floats, trials: Floats
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pool neighbours until the share of hits falls from pool to pool (Ayer et al. 1955).

    Args:
        hits: `(n,)` weights of successes, at most `trials`.
        trials: `(n,)` weights; a bin without any joins its neighbour.

    Returns:
        the pools' shares, falling; the first and the last bin of each.

    Example:
        >>> shares, first, last = pool_adjacent_violators(np.array([3.0, 1.0, 2.0]), np.array([3.0, 3.0, 3.0]))
        >>> shares.tolist(), first.tolist(), last.tolist()
        ([1.0, 0.5], [0, 1], [0, 2])
    """
    pools: list[tuple[float, float, int, int]] = []
    for number, (hit, trial) in enumerate(zip(hits.tolist(), trials.tolist(), strict=True)):
        if trial == 0:
            continue
        pool = (hit, trial, number, number)
        while pools and pools[-1][0] * pool[1] <= pool[0] * pools[-1][1]:
            older = pools.pop()
            pool = (older[0] + pool[0], older[1] + pool[1], older[2], pool[3])
        pools.append(pool)
    found = [np.array(column) for column in zip(*pools, strict=True)]
    return found[0] / found[1], found[2], found[3]


def _logistic_slope(distances: Floats, genuine: Floats, impostor: Floats) -> float:
    """How much the log likelihood ratio falls per unit of distance, by logistic regression; 0 where it would rise.

    Args:
        distances: `(n,)`.
        genuine: `(n,)` weights of genuine pairs there, 1 in all.
        impostor: `(n,)` likewise.
    """
    weights = genuine + impostor
    middle = float(np.average(distances, weights=weights))
    spread = math.sqrt(float(np.average((distances - middle) ** 2, weights=weights)))
    if not spread:
        return 0.0
    line = np.stack([np.ones_like(distances), (distances - middle) / spread], axis=1)

    def cost(coefficients: Floats) -> tuple[float, Floats]:
        found = line @ coefficients
        wrong = impostor * expit(found) - genuine * expit(-found)
        return float(genuine @ np.logaddexp(0, -found) + impostor @ np.logaddexp(0, found)), line.T @ wrong

    best = minimize(cost, np.zeros(2), jac=True, method="BFGS")
    return max(0.0, -float(best.x[1]) / spread)


def cllr(genuine_log_ratios: npt.ArrayLike, impostor_log_ratios: npt.ArrayLike) -> float:
    """Cost of log likelihood ratios in bits (Brümmer & du Preez 2006): 0 is perfect, 1 what knowing nothing costs.

    Args:
        genuine_log_ratios: `(g,)` natural logarithms, given to genuine pairs.
        impostor_log_ratios: `(p,)` given to impostor pairs.

    Example:
        >>> cllr([0.0], [0.0, 0.0])
        1.0
    """
    genuine, impostor = np.asarray(genuine_log_ratios, np.float64), np.asarray(impostor_log_ratios, np.float64)
    if not genuine.size or not impostor.size:
        raise VectorError(f"{genuine.size} genuine and {impostor.size} impostor ratios were given; both are needed")
    ratios = np.concatenate([genuine, impostor])
    is_genuine = np.arange(len(ratios)) < len(genuine)
    return _cost(ratios, is_genuine.astype(np.float64), (~is_genuine).astype(np.float64))


def _cost(ratios: Floats, genuine: Floats, impostor: Floats) -> float:
    """`cllr` of log likelihood ratios that were given to so many genuine and impostor pairs each."""
    costs = np.logaddexp(0, -ratios) @ genuine / genuine.sum() + np.logaddexp(0, ratios) @ impostor / impostor.sum()
    return float(costs / (2 * np.log(2)))


def _edges(near: Floats, far: Floats) -> Floats:
    """Ascending upper edges of bins: quantiles of either kind, the small ones of the impostors finely."""
    ranks = np.unique(np.geomspace(1, len(far), BINS).astype(np.int64)) - 1
    even = np.linspace(0, 1, BINS)
    return np.asarray(
        np.unique(np.concatenate([near[(even * (len(near) - 1)).astype(int)], far[ranks], [max(near[-1], far[-1])]]))
    )
