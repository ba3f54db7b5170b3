"""Intervals of verification: EER, AUC, TAR at FAR targets and error rates at thresholds, by resampling identities.

A genuine pair of identity i has the weight c_i, an impostor pair of i and j the weight c_i·c_j; see `intervals`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval
from lookalike.evaluation.statistics.resampled_curves import ResampledCurves, cumulative_weights, curve_points

__all__ = ["ComparedPairs", "VerificationIntervals", "bootstrap_verification", "verification_replicates"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ComparedPairs:
    """Distances of pairs, and the identities of each pair.

    Attributes:
        genuine: `(g,)` ascending genuine distances.
        genuine_identity: `(g,)` the identity of each, 0 to `identities` - 1.
        impostor: `(p,)` ascending impostor distances.
        impostor_identities: `(p, 2)` the two identities of each.
        identities: how many identities were sampled in the first place.
    """

    genuine: Floats
    genuine_identity: Integers
    impostor: Floats
    impostor_identities: Integers
    identities: int


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
        used: how many of them held both genuine and impostor pairs; the others are left out.
    """

    eer: Interval
    auc: Interval
    tar_at_far: Mapping[float, Interval]
    fmr_at: Mapping[float, Interval]
    fnmr_at: Mapping[float, Interval]
    replicates: int
    used: int


def bootstrap_verification(
    pairs: ComparedPairs,
    bootstrap: Bootstrap,
    *,
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
) -> VerificationIntervals:
    """Bootstrap EER, AUC, TAR at FAR targets and the rates at fixed thresholds over identities.

    Args:
        pairs: that were compared.
        bootstrap: replicates, level and seed. Time grows with replicates × pairs: 0.2 s for 1000 × 5,000, 15 s for
            1000 × 500,000.
        targets: FAR targets.
        thresholds: fixed thresholds.

    Raises:
        InputError: fewer than 2 identities, no replicates, a level outside 0 to 1, or no replicate with both kinds of
            pairs.

    Example:
        >>> pairs = ComparedPairs(
        ...     np.array([0.1, 0.2]), np.array([0, 1]), np.array([0.8, 0.9]), np.array([[0, 1], [0, 2]]), 3
        ... )
        >>> bootstrap_verification(pairs, Bootstrap(replicates=50), thresholds=[0.5]).fnmr_at[0.5]
        Interval(low=0.0, high=0.0, level=0.95)
    """
    values = verification_replicates(pairs, bootstrap, targets=targets, thresholds=thresholds)
    values = values[~np.isnan(values[:, 0])]
    if not len(values):
        raise InputError(
            f"none of {bootstrap.replicates} replicates of {pairs.identities} identities held genuine and impostor "
            "pairs; measure on more identities with several pictures each"
        )
    intervals = bootstrap.intervals(values)
    first, second = 2 + len(targets), 2 + len(targets) + len(thresholds)
    return VerificationIntervals(
        eer=intervals[0],
        auc=intervals[1],
        tar_at_far=dict(zip(targets, intervals[2:first], strict=True)),
        fmr_at=dict(zip(thresholds, intervals[first:second], strict=True)),
        fnmr_at=dict(zip(thresholds, intervals[second:], strict=True)),
        replicates=bootstrap.replicates,
        used=len(values),
    )


def verification_replicates(
    pairs: ComparedPairs,
    bootstrap: Bootstrap,
    *,
    targets: Sequence[float] = (),
    thresholds: Sequence[float] = (),
) -> Floats:
    """The replicates behind `bootstrap_verification`, with its arguments.

    Returns:
        `(replicates, 2 + targets + 2 * thresholds)`: EER, AUC, TAR per target, FMR and then FNMR per threshold. A row
        is NaN where the replicate held no genuine or no impostor pair, which depends on the draw and the pairs alone.
    """
    bootstrap.check(pairs.identities)
    genuine, impostor = pairs.genuine, pairs.impostor
    at_genuine, at_impostor = curve_points(genuine, impostor)
    fixed_genuine, fixed_impostor = (
        np.searchsorted(side, np.asarray(thresholds, np.float64), side="right") for side in (genuine, impostor)
    )
    below = np.searchsorted(impostor, genuine, side="left")
    not_above = np.searchsorted(impostor, genuine, side="right")
    first, second = pairs.impostor_identities.T

    def rates(counts: Floats) -> Floats:
        values = np.full((len(counts), 2 + len(targets) + 2 * len(thresholds)), np.nan)
        accepted_genuine = cumulative_weights(counts[:, pairs.genuine_identity])
        accepted_impostor = cumulative_weights(counts[:, first] * counts[:, second])
        usable = (accepted_genuine[:, -1] > 0) & (accepted_impostor[:, -1] > 0)
        if not usable.any():
            return values
        accepted_genuine, accepted_impostor = accepted_genuine[usable], accepted_impostor[usable]
        curves = ResampledCurves(accepted_genuine, accepted_impostor, at_genuine, at_impostor)
        columns = [curves.eer(), curves.auc(below, not_above)]
        columns += [curves.tar_at_far(target) for target in targets]
        columns += [accepted_impostor[:, i] / accepted_impostor[:, -1] for i in fixed_impostor]
        columns += [1 - accepted_genuine[:, i] / accepted_genuine[:, -1] for i in fixed_genuine]
        values[usable] = np.stack(columns, axis=1)
        return values

    return bootstrap.replicate(rates, [pairs.identities], numbers=len(genuine) + len(impostor))
