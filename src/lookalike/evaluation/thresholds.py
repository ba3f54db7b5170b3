"""Turn a verification measurement into the thresholds a model answers with."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.embedder.calibration import Calibration, OperatingPoint
from lookalike.errors import InputError
from lookalike.evaluation.verification import VerificationResult

__all__ = ["calibrate"]


def calibrate(
    result: VerificationResult,
    *,
    fingerprint: str,
    metric: str,
    source: str,
    targets: Sequence[float] = (0.1, 0.01, 0.001),
    replicates: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Choose a threshold for every target false match rate.

    The measured rate is never above the target. A target with fewer than 10 allowed errors in the impostor
    pairs is kept but flagged; the default is the strictest target that has them.

    Args:
        result: of pictures of identities the model was not trained on.
        fingerprint: of the model.
        metric: name of the distance.
        source: one sentence on what was measured.
        targets: false match rates per comparison.
        replicates: of the bootstrap of FNMR at each threshold.
        seed: of the bootstrap.

    Raises:
        InputError: no target, a target outside 0 to 1, or a result made from scores alone.

    Example:
        >>> from lookalike.evaluation.verification import verify_all_pairs
        >>> result = verify_all_pairs([[0.0], [0.1], [1.0], [1.3]], ["a", "a", "b", "b"], "euclidean")
        >>> calibrate(result, fingerprint="abc", metric="euclidean", source="a toy", targets=[0.1]).note
        'too few impostor pairs (4) for any target: 0.1 allows fewer than 10 errors, so its threshold is a guess'
    """
    if not targets:
        raise InputError("no target false match rate was given; give at least one, for example 0.01")
    found = [result.tar_at_far(target) for target in sorted(set(targets), reverse=True)]
    intervals = result.intervals(
        targets=(), thresholds=tuple(point.threshold for point in found), replicates=replicates, seed=seed
    )
    points = tuple(
        OperatingPoint(
            target_fmr=point.target,
            threshold=point.threshold,
            fmr=point.far,
            fnmr=1 - point.tar,
            fnmr_low=intervals.fnmr_at[point.threshold].low,
            fnmr_high=intervals.fnmr_at[point.threshold].high,
            impostor_pairs=point.impostor_pairs,
            sufficient=point.sufficient,
        )
        for point in found
    )
    sufficient = [point.target_fmr for point in points if point.sufficient]
    note = ""
    if not sufficient:
        note = (
            f"too few impostor pairs ({len(result.impostor):,}) for any target: {points[0].target_fmr:g} allows fewer "
            "than 10 errors, so its threshold is a guess"
        )
    return Calibration(
        fingerprint=fingerprint,
        metric=metric,
        source=source,
        identities=len(result.names),
        pictures=result.pictures,
        genuine_pairs=len(result.genuine),
        impostor_pairs=len(result.impostor),
        eer=result.eer,
        eer_threshold=result.eer_threshold,
        points=points,
        default_target_fmr=min(sufficient) if sufficient else points[0].target_fmr,
        note=note,
    )
