"""The loosest threshold that still keeps a false-alarm promise.

Everywhere in Lookalike the measured false-alarm rate at a threshold chosen for a target is *at most* the
target. Taking the point of the curve nearest to the target, as is common, lets the true rate exceed it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError

__all__ = ["allowed_errors", "is_sufficient", "loosest_threshold", "rate_at"]

#: Below this many trials per allowed error a measured rate says little about the true one
#: (at exactly 10 expected errors, the 95% interval is still about ±60%).
TRIALS_PER_ERROR = 10


def checked_target(target: float) -> float:
    """A rate above 0 and at most 1, or an `InputError`."""
    if not 0 < target <= 1:
        raise InputError(f"the target rate is {target}; it must be above 0 and at most 1, for example 0.01")
    return float(target)


def allowed_errors(target: float, trials: int) -> int:
    """The largest count of errors whose rate ``errors / trials`` is at most `target`."""
    errors = min(math.floor(target * trials) + 1, trials)
    while errors / trials > target:  # the product rounds: 0.29 * 100 is below 29, but 29 / 100 is 0.29
        errors -= 1
    return errors


def is_sufficient(target: float, trials: int) -> bool:
    """Whether `trials` allow at least 10 errors at the target rate."""
    return allowed_errors(target, trials) >= TRIALS_PER_ERROR


def rate_at(sorted_distances: npt.NDArray[np.float64], threshold: float) -> float:
    """Share of `sorted_distances` that are at most the threshold."""
    return float(np.searchsorted(sorted_distances, threshold, side="right") / len(sorted_distances))


def loosest_threshold(false: npt.NDArray[np.float64], target: float, true: npt.NDArray[np.float64]) -> float:
    """The threshold that accepts the most of `true` while at most `target` of `false` are accepted.

    Every threshold between two observed distances gives the same rates; the middle of that gap is
    returned, so that rounding in a later computation of the same distance does not flip a decision.

    Args:
        false: sorted distances that ought to be refused (impostor pairs, non-mated searches); not empty.
        target: the largest share of them that may be accepted, above 0 and at most 1.
        true: sorted distances that ought to be accepted; may be empty.

    Returns:
        The threshold; accepted is a distance of at most this. Ties never push the rate past the target.

    Example:
        >>> loosest_threshold(np.array([1.0, 2.0, 2.0, 3.0]), 0.5, np.array([1.2]))
        1.6
    """
    errors = allowed_errors(checked_target(target), len(false))
    if errors == len(false):
        return float(max(false[-1], true[-1])) if len(true) else float(false[-1])
    refused = float(false[errors])
    below = [
        float(values[position - 1])
        for values in (false, true)
        if (position := int(np.searchsorted(values, refused, side="left"))) > 0
    ]
    if not below:
        return math.nextafter(refused, -math.inf)
    middle = max(below) + (refused - max(below)) / 2
    return middle if middle < refused else max(below)
