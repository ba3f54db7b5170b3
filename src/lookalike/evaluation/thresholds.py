"""Turn a verification measurement into the thresholds a model answers with.

`calibrate` measures; `promise` and `promises` say what its result is good for: the distance that keeps a false match
rate, or a false positive identification rate in a gallery of any size, and how many genuine pairs are missed there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.embedder.calibration import Calibration, OperatingPoint
from lookalike.embedder.match_odds import MatchOdds
from lookalike.embedder.promise import ImpostorTail, MissCurve, Promise, PromisedThreshold
from lookalike.errors import InputError
from lookalike.evaluation.impostor_tail import fit_impostor_tail
from lookalike.evaluation.match_probability import fit_match_odds
from lookalike.evaluation.verification import VerificationResult

__all__ = ["calibrate", "promise", "promises"]

Floats = npt.NDArray[np.float64]

#: Distances at which the misses are kept.
MISS_POINTS = 100


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

    It also fits what other promises need: the tail of the impostor distances (left out where there are too few), the
    misses over all thresholds, and the odds of a match.

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
    rates, low, high = _miss_rates(result, np.array([point.threshold for point in found]), replicates, seed)
    points = tuple(
        OperatingPoint(
            target_fmr=point.target,
            threshold=point.threshold,
            fmr=point.far,
            fnmr=float(rates[number]),
            fnmr_low=float(low[number]),
            fnmr_high=float(high[number]),
            impostor_pairs=point.impostor_pairs,
            sufficient=point.sufficient,
        )
        for number, point in enumerate(found)
    )
    sufficient = [point.target_fmr for point in points if point.sufficient]
    note = ""
    if not sufficient:
        note = (
            f"too few impostor pairs ({len(result.impostor):,}) for any target: {points[0].target_fmr:g} allows fewer "
            "than 10 errors, so its threshold is a guess"
        )
    tail, no_tail = _tail(result, seed)
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
        tail=tail,
        no_tail=no_tail,
        misses=_misses(result, replicates, seed),
        odds=_odds(result),
    )


def promise(
    calibration: Calibration, *, fmr: float | None = None, fpir: float | None = None, templates: int = 1
) -> PromisedThreshold:
    """The threshold that keeps one promise with 95% confidence, and the misses expected there.

    Args:
        calibration: from `calibrate`, or read from `calibration.json`.
        fmr: at most this share of impostor pairs may match; or
        fpir: at most this share of strangers' searches may name anybody,
        templates: in a gallery of so many templates.

    Raises:
        InputError: neither or both rates, no tail in the calibration, or a promise too far beyond its data.
    """
    if (fmr is None) == (fpir is None):
        raise InputError("give either fmr or fpir; for example promise(calibration, fpir=0.001, templates=10_000)")
    wanted = Promise("fmr", fmr) if fmr is not None else Promise("fpir", fpir)  # type: ignore[arg-type]
    return calibration.promised(wanted, templates)


def promises(
    calibration: Calibration,
    fpir: Sequence[float] = (0.01, 0.001),
    templates: Sequence[int] = (1_000, 100_000, 10_000_000),
) -> tuple[PromisedThreshold | str, ...]:
    """What the calibration can promise as a gallery grows: one entry per size and rate, sizes first.

    Returns:
        thresholds, or where a promise is refused, the reason in one sentence.
    """
    found: list[PromisedThreshold | str] = []
    for size in templates:
        for rate in fpir:
            try:
                found.append(calibration.promised(Promise("fpir", rate), size))
            except InputError as refusal:
                found.append(str(refusal))
    return tuple(found)


def _tail(result: VerificationResult, seed: int) -> tuple[ImpostorTail | None, str]:
    """The tail, or why there is none: then only the rates that were measured can be promised."""
    try:
        return fit_impostor_tail(result, seed=seed), ""
    except InputError as error:
        return None, str(error)


def _misses(result: VerificationResult, replicates: int, seed: int) -> MissCurve:
    """FNMR over a grid of distances, with its intervals."""
    quantiles = np.linspace(0, len(result.genuine) - 1, MISS_POINTS).astype(np.int64)
    distances = np.unique(result.genuine[quantiles])
    rates, low, high = _miss_rates(result, distances, replicates, seed)
    return MissCurve(
        distances=tuple(distances.tolist()),
        fnmr=tuple(rates.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )


def _miss_rates(
    result: VerificationResult, thresholds: Floats, replicates: int, seed: int
) -> tuple[Floats, Floats, Floats]:
    """FNMR at thresholds in any order, and the ends of its 95% intervals.

    As `bootstrap.bootstrap_verification` does it; but genuine pairs alone need sums per identity only, so that
    millions of pairs take no time.
    """
    if result.codes is None or result.genuine_pairs is None:
        raise InputError(
            "intervals resample identities, and only scores were given; give from_scores the pairs and labels too"
        )
    order = np.argsort(thresholds, kind="stable")
    identities, bins = len(result.names), len(thresholds) + 1
    first_accepted = np.searchsorted(thresholds[order], result.genuine, side="left")
    counts = np.bincount(
        result.codes[result.genuine_pairs[:, 0]] * bins + first_accepted, minlength=identities * bins
    ).reshape(identities, bins)
    accepted = np.cumsum(counts, axis=1)
    drawn = np.random.default_rng(seed).multinomial(identities, np.full(identities, 1 / identities), size=replicates)
    sums = np.concatenate([accepted.sum(axis=0)[None], drawn @ accepted])
    missed = 1 - sums[:, :-1] / np.maximum(sums[:, -1:], 1)
    drawn_missed = missed[1:][sums[1:, -1] > 0]
    if not len(drawn_missed):
        raise InputError(
            f"none of {replicates} replicates of {identities} identities held a genuine pair; measure on more"
        )
    back = np.argsort(order)
    low, high = np.quantile(drawn_missed, [0.025, 0.975], axis=0)
    return missed[0][back], low[back], high[back]


def _odds(result: VerificationResult) -> MatchOdds:
    """Odds in which as many pairs of pictures as show one identity, or two, count as one observation."""
    assert result.codes is not None
    assert result.genuine_pairs is not None
    people = len(np.unique(result.codes[result.genuine_pairs[:, 0]]))
    identities = len(result.names)
    return fit_match_odds(
        result.genuine,
        result.impostor,
        genuine_clump=len(result.genuine) / people,
        impostor_clump=max(1.0, len(result.impostor) / (identities * (identities - 1) / 2)),
    )
