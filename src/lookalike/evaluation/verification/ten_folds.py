"""Verification over folds, as in LFW's View 2: no threshold is chosen on the pairs that it is evaluated on.

For each fold, the threshold is chosen on all others, and its accuracy measured on the fold itself. A threshold chosen
on the evaluated pairs, as in many publications, gives a higher accuracy than other pictures will have.

Source: Huang, Ramesh, Berg & Learned-Miller, "Labeled Faces in the Wild" (2007), section 4: mean and standard error of
the mean over ten folds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.operating_point import loosest_threshold, rate_at
from lookalike.evaluation.verification.all_pairs import checked_scores

__all__ = ["FoldAccuracy", "FoldTar", "accuracy_over_folds", "most_accurate_threshold", "tar_over_folds"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FoldAccuracy:
    """Accuracy over folds.

    Attributes:
        folds: `(f,)` the numbers of the folds, ascending.
        accuracies: `(f,)` share of the fold's pairs that are classified correctly.
        thresholds: `(f,)` chosen on all other folds; a match is a distance of at most this.
        pairs: `(f,)` how many pairs each fold has.
    """

    folds: npt.NDArray[np.int64]
    accuracies: Floats
    thresholds: Floats
    pairs: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Mean of the folds' accuracies."""
        return float(self.accuracies.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of the mean: the folds' standard deviation (of f - 1) over the root of f."""
        return _standard_error(self.accuracies)


@dataclass(frozen=True, eq=False)
class FoldTar:
    """True accept rate over folds at thresholds chosen for a false accept rate on the other folds.

    Attributes:
        target: the FAR asked for.
        folds: `(f,)` the numbers of the folds, ascending.
        tars: `(f,)` share of the fold's genuine pairs accepted.
        fars: `(f,)` share of its impostor pairs accepted; chosen on other pairs, it may exceed the target.
        thresholds: `(f,)` of which the FAR on all other folds is at most the target.
    """

    target: float
    folds: npt.NDArray[np.int64]
    tars: Floats
    fars: Floats
    thresholds: Floats

    @property
    def mean(self) -> float:
        """Mean of the folds' true accept rates."""
        return float(self.tars.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of this mean."""
        return _standard_error(self.tars)

    @property
    def mean_far(self) -> float:
        """Mean of the folds' false accept rates."""
        return float(self.fars.mean())


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def accuracy_over_folds(distances: npt.ArrayLike, genuine: npt.ArrayLike, folds: npt.ArrayLike) -> FoldAccuracy:
    """Accuracy of each fold at the threshold that is the most accurate on the other folds.

    Args:
        distances: `(p,)`, smaller is more alike.
        genuine: `(p,)` bool.
        folds: `(p,)` integers, the fold of each pair; at least two differ.

    Raises:
        VectorError: wrong shapes or types, or NaN.
        InputError: one fold only, or all folds but one hold one kind of pair only.

    Example:
        >>> result = accuracy_over_folds([0.1, 0.9, 0.3, 0.7], [True, False, True, False], [0, 0, 1, 1])
        >>> result.thresholds.tolist(), result.mean, result.standard_error
        ([0.5, 0.5], 1.0, 0.0)
    """
    values, truth, numbers, every = _checked(distances, genuine, folds)
    accuracies, thresholds = np.empty((2, len(every)))
    for i, fold in enumerate(every):
        own = numbers == fold
        _check_kinds(truth[~own], f"all folds but {fold}")
        thresholds[i] = most_accurate_threshold(values[~own], truth[~own])
        accuracies[i] = np.mean((values[own] <= thresholds[i]) == truth[own])
    return FoldAccuracy(every, accuracies, thresholds, np.array([np.sum(numbers == fold) for fold in every]))


def tar_over_folds(
    distances: npt.ArrayLike, genuine: npt.ArrayLike, folds: npt.ArrayLike, target: float = 0.001
) -> FoldTar:
    """True accept rate of each fold at the loosest threshold whose FAR on the other folds is at most `target`.

    Args:
        distances: `(p,)`, smaller is more alike.
        genuine: `(p,)` bool.
        folds: `(p,)` integers.
        target: the FAR, above 0 and at most 1.

    Raises:
        VectorError: wrong shapes or types, or NaN.
        InputError: one fold only, a fold with one kind of pair only, or a target out of range.
    """
    values, truth, numbers, every = _checked(distances, genuine, folds)
    tars, fars, thresholds = np.empty((3, len(every)))
    for i, fold in enumerate(every):
        own = numbers == fold
        _check_kinds(truth[own], f"fold {fold}")
        _check_kinds(truth[~own], f"all folds but {fold}")
        others = [np.sort(values[~own & (truth == kind)]) for kind in (False, True)]
        thresholds[i] = loosest_threshold(others[0], target, others[1])
        fars[i], tars[i] = (rate_at(np.sort(values[own & (truth == kind)]), thresholds[i]) for kind in (False, True))
    return FoldTar(target, every, tars, fars, thresholds)


def most_accurate_threshold(distances: Floats, genuine: Mask) -> float:
    """The threshold that classifies the most pairs correctly.

    All thresholds between two neighbouring distances classify alike. Of all intervals that classify the most pairs
    correctly, the widest is taken (of equally wide ones that of the smallest distances) and its middle returned, which
    is farthest from any other classification. Only where accepting nothing, or everything, is best, the end of the
    distances is returned.

    Args:
        distances: `(p,)`, in any order.
        genuine: `(p,)` bool.

    Returns:
        The threshold; accepted is a distance of at most this.

    Example:
        >>> most_accurate_threshold(np.array([1.0, 2.0, 4.0]), np.array([True, True, False]))
        3.0
    """
    values, at = np.unique(distances, return_inverse=True)
    gains = np.bincount(at, np.where(genuine, 1.0, -1.0), minlength=len(values))
    # Interval k accepts the first k distinct distances: from values[k - 1] (itself included) to values[k].
    right = np.concatenate([[0.0], np.cumsum(gains)])
    best = np.concatenate([[False], right == right.max(), [False]])
    # Neighbouring intervals that are both best (an equal number of each kind lies between them) are one interval.
    change = np.flatnonzero(np.diff(best.astype(np.int8)))
    starts, stops = change[::2], change[1::2] - 1  # first and last interval of each run
    lows, highs = values[np.maximum(starts - 1, 0)], values[np.minimum(stops, len(values) - 1)]
    widest = int(np.argmax(highs - lows))
    low, high = float(lows[widest]), float(highs[widest])
    if high > low:
        middle = low + (high - low) / 2
        return middle if middle < high else low
    return math.nextafter(float(values[0]), -math.inf) if starts[widest] == 0 else low


def _checked(
    distances: npt.ArrayLike, genuine: npt.ArrayLike, folds: npt.ArrayLike
) -> tuple[Floats, Mask, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    values, truth = checked_scores(distances, genuine)
    numbers = np.asarray(folds)
    if numbers.shape != values.shape or numbers.dtype.kind not in "iu":
        raise VectorError(
            f"folds have shape {numbers.shape} and dtype {numbers.dtype}; expected an integer for each of "
            f"{len(values)} pairs"
        )
    numbers = numbers.astype(np.int64)
    every = np.unique(numbers)
    if len(every) < 2:
        raise InputError(f"all pairs are in fold {every[0]}; a threshold from other folds needs at least 2")
    return values.astype(np.float64), truth, numbers, every


def _check_kinds(genuine: Mask, where: str) -> None:
    if genuine.all() or not genuine.any():
        raise InputError(
            f"{where}: {int(genuine.sum())} genuine and {int((~genuine).sum())} impostor pairs were found; "
            "both kinds are needed"
        )
