"""A threshold that keeps a promised false-positive rate, from the distances at which non-landmarks are accepted.

*Counted*: of n photos that show no landmark, sorted by distance, the true rate at any threshold below the (e + 1)-th is
at most a beta quantile with the wanted confidence, whatever the distances' distribution (Clopper & Pearson, "The use of
confidence or fiducial limits", 1934; Wilks' tolerance limits, 1941). The largest e whose bound is at most the promise
is taken. It needs log(0.05) / log(1 - rate) photos: 299 for 1%, 2,995 for 0.1%.

*Tail*: with fewer, but at least `FEWEST_PHOTOS`, a generalised Pareto distribution is fitted to the nearest photos and
read at most `EXTRAPOLATION` times below one error in all of them, as in
`lookalike.evaluation.calibration.impostor_tail`; its bound is the quantile of refits to resampled photos. Adjusted
distances have no meaning as ratios, so exceedances are differences. With fewer photos still, the promise is refused.

All of this is about photos like those given: if they were drawn from parks and the users photograph food, nothing is
promised. And none of them may have trained the network.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lookalike.binomial_intervals import clopper_pearson_upper
from lookalike.decisions.promise import Promise, PromisedRate
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.impostor_tail import fit_pareto, pareto_survival
from lookalike.evaluation.calibration.operating_point import (
    TRIALS_PER_ERROR,
    allowed_errors,
    is_sufficient,
    loosest_threshold,
)
from lookalike.evaluation.statistics.intervals import multinomial_counts

__all__ = ["photos_needed", "promised_threshold"]

Floats = npt.NDArray[np.float64]

#: A tail is not fitted to fewer photos.
FEWEST_PHOTOS = 500
#: Photos the tail is fitted to.
EXCEEDANCES = 50
#: A promise so many times below one error in all photos is still read off the tail.
EXTRAPOLATION = 10.0
REPLICATES = 500


def photos_needed(promise: float, confidence: float = 0.95) -> int:
    """How many photos can carry a promise by counting, if none of them is accepted.

    Example:
        >>> photos_needed(0.01), photos_needed(0.001)
        (299, 2995)
    """
    needed = max(1, math.ceil(math.log1p(-confidence) / math.log1p(-promise)))
    # Rounding may hide the last photo.
    return needed if clopper_pearson_upper(0, needed, confidence) <= promise else needed + 1


def promised_threshold(
    distances: npt.ArrayLike, promise: float, *, confidence: float | None = 0.95, seed: int = 0
) -> PromisedRate:
    """The loosest threshold that keeps a false-positive rate.

    Args:
        distances: `(n,)` of every photo without a landmark the distance at which it would be accepted, smaller is more
            alike; infinite where it never is. Photos must be independent: two shots of a scene count as one too many.
        promise: the largest share of such photos that may be accepted, above 0 and below 1.
        confidence: that the true rate keeps the promise, at least 0.5 and below 1. None promises the measured rate
            only: the true one is then above it about every other time.
        seed: of the bootstrap of the tail.

    Raises:
        VectorError: no distances, another shape, or NaN.
        InputError: a number out of range, or too few photos for the promise; says how many are needed.

    Example:
        >>> found = promised_threshold(np.arange(1000.0), 0.01)
        >>> found.threshold, found.errors, round(found.upper, 4), found.sufficient
        (3.5, 4, 0.0091, True)
    """
    _check(promise, confidence)
    ascending = np.sort(np.asarray(distances, np.float64))
    if ascending.ndim != 1 or not len(ascending) or np.isnan(ascending).any() or ascending[0] == -np.inf:
        raise VectorError(
            f"distances of non-landmarks have shape {ascending.shape} or hold NaN; expected one number for each photo"
        )
    n = len(ascending)
    level = 0.95 if confidence is None else confidence
    if confidence is None:
        errors = allowed_errors(promise, n)
    elif clopper_pearson_upper(0, n, level) <= promise:
        errors = _errors_within(promise, n, level)
    else:
        return _from_tail(ascending, promise, level, seed)
    threshold = loosest_threshold(ascending, max(errors, 0.5) / n, np.empty(0))
    accepted = int(np.searchsorted(ascending, threshold, side="right"))
    return PromisedRate(
        threshold=threshold,
        promise=promise,
        confidence=confidence,
        photos=n,
        errors=accepted,
        rate=accepted / n,
        upper=clopper_pearson_upper(accepted, n, level),
        basis="counted",
        sufficient=is_sufficient(promise, n),
        note=_note(promise, n, confidence),
    )


def _errors_within(promise: float, photos: int, confidence: float) -> int:
    """The largest count of errors whose bound is at most the promise; 0 is known to be one."""
    low, high = 0, allowed_errors(promise, photos) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if clopper_pearson_upper(middle, photos, confidence) <= promise else (low, middle)
    return low


def _note(promise: float, photos: int, confidence: float | None) -> str:
    if is_sufficient(promise, photos):
        return ""
    kept = "so the rate is a guess" if confidence is None else "so the threshold may be stricter than it needs to be"
    return (
        f"{photos:,} photos without a landmark allow fewer than {TRIALS_PER_ERROR} errors at a rate of {promise:g}, "
        f"{kept}; {math.ceil(TRIALS_PER_ERROR / promise):,} would do"
    )


def _from_tail(ascending: Floats, promise: float, confidence: float, seed: int) -> PromisedRate:
    n = len(ascending)
    if n < FEWEST_PHOTOS or promise * n * EXTRAPOLATION < 1 or not np.isfinite(ascending[EXCEEDANCES]):
        raise InputError(
            f"{n:,} photos without a landmark cannot carry a false-positive rate of {promise:g} with {confidence:.0%} "
            f"confidence; give {photos_needed(promise, confidence):,}, or ask for a rate of at least "
            f"{math.ceil(clopper_pearson_upper(0, n, confidence) * 1000) / 1000:g}"
        )
    start = float(ascending[EXCEEDANCES])
    size = int(np.searchsorted(ascending, start, side="left"))
    excess = start - ascending[:size]
    if size < 2 or not excess.max() > excess.min():
        raise InputError(
            f"the nearest of {n:,} photos without a landmark are at one distance, {start:g}, so nothing can be said "
            f"below it; look for copies of one photo, or give {photos_needed(promise, confidence):,}"
        )
    drawn = multinomial_counts(np.random.default_rng(seed), REPLICATES, n, first=size)
    drawn = drawn[np.count_nonzero(drawn, axis=1) >= 2]
    shapes, scales = fit_pareto(excess, drawn)
    start_rates = drawn.sum(axis=1) / n

    def upper(depth: float) -> float:
        return float(np.quantile(pareto_survival(depth, shapes, scales) * start_rates, confidence))

    (shape,), (scale,) = fit_pareto(excess, np.ones((1, size)))
    shallow, deep = 0.0, float(scale)
    while upper(deep) > promise:
        shallow, deep = deep, 2 * deep
    for _ in range(60):
        middle = (shallow + deep) / 2
        shallow, deep = (middle, deep) if upper(middle) > promise else (shallow, middle)
    # Neither may it accept a photo that was seen: it is read below one error in all of them.
    threshold = min(start - deep, math.nextafter(float(ascending[0]), -math.inf))
    depth = start - threshold
    return PromisedRate(
        threshold=threshold,
        promise=promise,
        confidence=confidence,
        photos=n,
        errors=0,
        rate=0.0,
        upper=min(promise, upper(depth)),
        basis="tail",
        sufficient=False,
        note=f"a rate of {promise:g} lies beyond {n:,} photos without a landmark, so it was read off a fitted tail, "
        f"which expects {float(pareto_survival(depth, shape, scale)) * size / n:.2g}; "
        f"{photos_needed(promise, confidence):,} photos would let it be counted",
    )


def _check(promise: float, confidence: float | None) -> None:
    Promise("fpr", promise)  # checks the rate
    if confidence is not None and not 0.5 <= confidence < 1:
        raise InputError(f"the confidence is {confidence!r}; expected at least 0.5 and below 1, such as 0.95, or None")
