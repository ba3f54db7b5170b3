"""Whether stated probabilities are true: of what was said with 0.8, do eight in ten turn out right?

Answers are put into bins by the probability stated; in each, the mean of what was stated stands beside the share that
was right (a *reliability diagram*: DeGroot & Fienberg, "The comparison and evaluation of forecasters", 1983). The
*expected calibration error* is the mean difference, weighted by the answers in each bin (Naeini et al., "Obtaining well
calibrated probabilities using Bayesian binning", 2015). Brier score and log loss also reward telling right from wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.binomial_intervals import wilson_interval
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.statistics.intervals import Interval

__all__ = ["BINS", "Reliability", "ReliabilityBin", "measure_reliability"]

#: Bins of equal width.
BINS = 10
#: Log loss of an answer stated with certainty is infinite where it is wrong; it counts as stated so far from certain.
CERTAIN = 1e-6


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers stated with a probability in a range.

    Attributes:
        low: of the range.
        high: of it, included in the last bin only.
        answers: how many, each once although it may have been asked repeatedly.
        stated: their mean probability.
        right: share that was right.
        interval: Wilson's 95% interval of that share.
    """

    low: float
    high: float
    answers: int
    stated: float
    right: float
    interval: Interval


@dataclass(frozen=True)
class Reliability:
    """What stated probabilities are worth.

    Attributes:
        bins: those that hold an answer, ascending.
        answers: how many.
        stated: mean probability.
        right: share that was right.
        error: expected calibration error, 0 to 1.
        brier: mean squared difference from 1 where right and 0 where wrong.
        log_loss: mean negative natural logarithm of the probability given to what was the case.
    """

    bins: tuple[ReliabilityBin, ...]
    answers: int
    stated: float
    right: float
    error: float
    brier: float
    log_loss: float

    def to_json(self) -> dict[str, Any]:
        """All figures as plain JSON types."""
        bins = [vars(one) | {"interval": [one.interval.low, one.interval.high]} for one in self.bins]
        return vars(self) | {"bins": bins}


def measure_reliability(
    stated: npt.ArrayLike, right: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, repeats: int = 1
) -> Reliability:
    """Compare stated probabilities with what was right.

    Args:
        stated: `(n,)` in [0, 1].
        right: `(n,)` bool.
        weights: `(n,)` of the answers, above 0, where some kinds are rarer or more frequent than they will be; all
            alike by default. Intervals count answers, whatever they weigh.
        repeats: how often each picture was asked about, in random trials: so many answers of one count once.

    Raises:
        VectorError: other shapes, no answers, or probabilities outside [0, 1].
        InputError: `repeats` is below 1.

    Example:
        >>> found = measure_reliability([0.9, 0.9, 0.1, 0.1], [True, True, False, True])
        >>> round(found.error, 3), [(one.stated, one.right, one.answers) for one in found.bins]
        (0.25, [(0.1, 0.5, 2), (0.9, 1.0, 2)])
    """
    p, hit = np.asarray(stated, np.float64), np.asarray(right, bool)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, np.float64)
    if p.ndim != 1 or not len(p) or not p.shape == hit.shape == w.shape:
        raise VectorError(f"{p.shape} probabilities came with {hit.shape} outcomes; give one each, at least one")
    if not ((p >= 0) & (p <= 1)).all() or not (w > 0).all():
        raise VectorError("probabilities outside 0 to 1, NaN, or weights that are not above 0 were given")
    if repeats < 1:
        raise InputError(f"repeats is {repeats}; expected how often each picture was asked about, at least 1")
    number = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    bins = tuple(_bin(at, p[number == at], hit[number == at], w[number == at], repeats) for at in np.unique(number))
    shares = np.array([w[number == at].sum() for at in np.unique(number)]) / w.sum()
    surely = np.clip(np.where(hit, p, 1 - p), CERTAIN, 1)
    return Reliability(
        bins=bins,
        answers=max(1, round(len(p) / repeats)),
        stated=float(np.average(p, weights=w)),
        right=float(np.average(hit, weights=w)),
        error=float(shares @ np.array([abs(one.stated - one.right) for one in bins])),
        brier=float(np.average((p - hit) ** 2, weights=w)),
        log_loss=float(np.average(-np.log(surely), weights=w)),
    )


def _bin(
    at: int, p: npt.NDArray[np.float64], hit: npt.NDArray[np.bool_], w: npt.NDArray[np.float64], repeats: int
) -> ReliabilityBin:
    trials = max(1, round(len(p) / repeats))
    share = float(np.average(hit, weights=w))
    return ReliabilityBin(
        low=at / BINS,
        high=(at + 1) / BINS,
        answers=trials,
        stated=float(np.average(p, weights=w)),
        right=share,
        interval=Interval(*wilson_interval(min(trials, round(share * trials)), trials)),
    )
