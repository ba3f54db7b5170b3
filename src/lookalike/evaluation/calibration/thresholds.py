"""Turn a verification measurement into the thresholds a model answers with.

`calibrate` and, for any number of pictures, `calibrate_large` measure; `promise` and `promises` say what the result is
good for: the distance that keeps a false match rate, or a false positive identification rate in a gallery of any size,
and how many genuine pairs are missed there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.calibration import Calibration, OperatingPoint
from lookalike.decisions.misses import MissCurve
from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.promise import Promise, PromisedThreshold
from lookalike.decisions.tail import ImpostorTail
from lookalike.distances import MetricName, pairwise
from lookalike.errors import InputError
from lookalike.evaluation.calibration.impostor_tail import fit_impostor_tail
from lookalike.evaluation.calibration.match_probability import fit_binned_odds, fit_match_odds
from lookalike.evaluation.calibration.near_impostors import NearImpostors
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.statistics.intervals import Bootstrap, multinomial_counts
from lookalike.evaluation.verification.all_pairs import TarPoint, VerificationResult
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs
from lookalike.evaluation.verification.template_sets import SetDistances
from lookalike.progress import ProgressSink

__all__ = ["calibrate", "calibrate_large", "calibrate_sets", "odds_of", "promise", "promises"]

Floats = npt.NDArray[np.float64]

#: Distances at which the misses are kept.
MISS_POINTS = 100
#: Bins, of either kind of pair, that counted distances are pooled from.
ODDS_BINS = 400


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
        >>> from lookalike.evaluation.verification.all_pairs import verify_all_pairs
        >>> result = verify_all_pairs([[0.0], [0.1], [1.0], [1.3]], ["a", "a", "b", "b"], "euclidean")
        >>> calibrate(result, fingerprint="abc", metric="euclidean", source="a toy", targets=[0.1]).note
        'too few impostor pairs (4) for any target: 0.1 allows fewer than 10 errors, so its threshold is a guess'
    """
    measured = _kept(result, result.pictures)
    return _calibration(measured, targets, replicates, seed, fingerprint=fingerprint, metric=metric, source=source)


def calibrate_sets(
    measured: SetDistances,
    *,
    fingerprint: str,
    metric: str,
    source: str,
    targets: Sequence[float] = (0.1, 0.01, 0.001),
    replicates: int = 1000,
    seed: int = 0,
) -> Calibration:
    """As `calibrate`, of distances to sets of templates: what `Calibration.of_identities` holds.

    Args:
        measured: from `verification.template_sets.verify_sets`.
        fingerprint: of the model.
        metric: name of the distance.
        source: one sentence on what was measured.
        targets: false match rates per comparison of a picture with an identity.
        replicates: of the bootstrap of FNMR at each threshold.
        seed: of the bootstrap.

    Raises:
        InputError: no target, or a target outside 0 to 1.
    """
    # Sets are no probes: the unequal rates of probes are counted over pictures alone.
    kept = _kept(measured.result, measured.pictures, probes=measured.pictures)
    found = _calibration(kept, targets, replicates, seed, fingerprint=fingerprint, metric=metric, source=source)
    return found.model_copy(update={"template_scoring": measured.rule, "templates_each": measured.size})


def _kept(result: VerificationResult, pictures: int, probes: int | None = None) -> _Measured:
    """Of pairs that are all kept."""
    if result.codes is None or result.genuine_pairs is None:
        raise InputError(
            "intervals resample identities, and only scores were given; give from_scores the pairs and labels too"
        )
    owners = result.codes[result.genuine_pairs[:, 0]]
    return _Measured(
        pictures=pictures,
        genuine=_Genuine(result.genuine, owners, len(result.names)),
        impostor_pairs=len(result.impostor),
        eer=result.eer,
        eer_threshold=result.eer_threshold,
        tar_at_far=result.tar_at_far,
        odds=lambda genuine_clump, impostor_clump: fit_match_odds(
            result.genuine, result.impostor, genuine_clump=genuine_clump, impostor_clump=impostor_clump
        ),
        near=lambda: NearImpostors.of_result(result, probes),
    )


def calibrate_large(
    embeddings: npt.ArrayLike,
    labels: Any,
    *,
    fingerprint: str,
    metric: MetricName,
    source: str,
    targets: Sequence[float] = (0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6),
    replicates: int = 1000,
    seed: int = 0,
    counts: PairCounts | None = None,
    progress: ProgressSink | None = None,
) -> Calibration:
    """As `calibrate`, of more pictures than all pairs of which can be kept: impostor pairs are counted only.

    The more impostor pairs, the larger the gallery for which a promise costs little: 100,000 pictures are 5 billion.
    Above the tail, rates are those of `pair_counts`, whose bins are 0.0015% of the distance wide.

    Args:
        embeddings: `(n, d)` vectors of identities the model was not trained on.
        labels: `(n,)` integers or strings.
        fingerprint: of the model.
        metric: name of the distance.
        source: one sentence on what was measured.
        targets: false match rates per comparison.
        replicates: of the bootstrap of FNMR.
        seed: of the bootstraps.
        counts: what `count_all_pairs` gave for these vectors and labels, where that is known.
        progress: gets an event after every tile of pairs compared.

    Raises:
        VectorError: as `pair_counts.count_all_pairs`.
        InputError: likewise, or bad targets.
    """
    vectors = checked_vectors(embeddings)
    codes, _ = identity_codes(labels, len(vectors))
    counted = count_all_pairs(vectors, labels, metric, progress) if counts is None else counts
    genuine = _genuine_of(vectors, codes, metric)

    def odds(genuine_clump: float, impostor_clump: float) -> MatchOdds:
        shares = np.geomspace(1 / counted.impostor_pairs, 1, ODDS_BINS)
        far = [counted.quantile(min(float(share), 1.0)) for share in shares]
        quantiles = np.linspace(0, len(genuine.distances) - 1, ODDS_BINS).astype(np.int64)
        edges = np.unique(np.concatenate([genuine.distances[quantiles], far, genuine.distances[-1:]]))
        at_most = np.round([counted.fmr(float(edge)) * counted.impostor_pairs for edge in edges])
        return fit_binned_odds(
            edges,
            np.diff(np.searchsorted(genuine.distances, edges, side="right"), prepend=0),
            np.diff(at_most, prepend=0),
            genuine_clump=genuine_clump,
            impostor_clump=impostor_clump,
        )

    return _calibration(
        _Measured(
            pictures=len(codes),
            genuine=genuine,
            impostor_pairs=counted.impostor_pairs,
            eer=counted.eer,
            eer_threshold=counted.eer_threshold,
            tar_at_far=counted.tar_at_far,
            odds=odds,
            near=lambda: NearImpostors.of_counts(counted, codes),
        ),
        targets,
        replicates,
        seed,
        fingerprint=fingerprint,
        metric=metric,
        source=source,
    )


def odds_of(result: VerificationResult) -> MatchOdds:
    """The odds of a match alone, as `calibrate` fits them.

    Args:
        result: of pictures of identities the model was not trained on, with their labels.

    Example:
        >>> from lookalike.evaluation.verification.all_pairs import verify_all_pairs
        >>> odds_of(verify_all_pairs([[0.0], [0.1], [1.0]], ["a", "a", "b"], "euclidean")).log_ratio(0.1) > 0
        True
    """
    if result.codes is None or result.genuine_pairs is None:
        raise InputError("odds count identities, and only scores were given; give the pairs and labels too")
    clumps = _clumps(
        len(result.genuine),
        len(np.unique(result.codes[result.genuine_pairs[:, 0]])),
        len(result.impostor),
        len(result.names),
    )
    return fit_match_odds(result.genuine, result.impostor, genuine_clump=clumps[0], impostor_clump=clumps[1])


def _clumps(genuine_pairs: int, people: int, impostor_pairs: int, identities: int) -> tuple[float, float]:
    """As many pairs of pictures as show one identity, or two, count as one observation."""
    return genuine_pairs / people, max(1.0, impostor_pairs / (identities * (identities - 1) / 2))


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


@dataclass(frozen=True, eq=False)
class _Genuine:
    """Genuine pairs: `(g,)` ascending distances, the identity of each, and how many identities there are in all."""

    distances: Floats
    owners: npt.NDArray[np.int64]
    identities: int


@dataclass(frozen=True, eq=False)
class _Measured:
    """What a calibration takes from a measurement, whether its impostor pairs were kept or counted."""

    pictures: int
    genuine: _Genuine
    impostor_pairs: int
    eer: float
    eer_threshold: float
    tar_at_far: Callable[[float], TarPoint]
    odds: Callable[[float, float], MatchOdds]
    near: Callable[[], NearImpostors]


def _calibration(
    measured: _Measured, targets: Sequence[float], replicates: int, seed: int, **described: str
) -> Calibration:
    if not targets:
        raise InputError("no target false match rate was given; give at least one, for example 0.01")
    found = [measured.tar_at_far(target) for target in sorted(set(targets), reverse=True)]
    genuine = measured.genuine
    rates, low, high = _miss_rates(genuine, np.array([point.threshold for point in found]), replicates, seed)
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
            f"too few impostor pairs ({measured.impostor_pairs:,}) for any target: {points[0].target_fmr:g} allows "
            "fewer than 10 errors, so its threshold is a guess"
        )
    tail, no_tail = _tail(measured, seed)
    people, identities = len(np.unique(genuine.owners)), genuine.identities
    return Calibration(
        **described,
        identities=identities,
        pictures=measured.pictures,
        genuine_pairs=len(genuine.distances),
        impostor_pairs=measured.impostor_pairs,
        eer=measured.eer,
        eer_threshold=measured.eer_threshold,
        points=points,
        default_target_fmr=min(sufficient) if sufficient else points[0].target_fmr,
        note=note,
        tail=tail,
        no_tail=no_tail,
        misses=_misses(genuine, replicates, seed),
        odds=measured.odds(*_clumps(len(genuine.distances), people, measured.impostor_pairs, identities)),
    )


def _tail(measured: _Measured, seed: int) -> tuple[ImpostorTail | None, str]:
    """The tail, or why there is none: then only the rates that were measured can be promised."""
    try:
        return fit_impostor_tail(measured.near(), seed=seed), ""
    except InputError as error:
        return None, str(error)


def _genuine_of(vectors: npt.NDArray[Any], codes: npt.NDArray[np.int64], metric: MetricName) -> _Genuine:
    """All genuine pairs: identity by identity, for there are few of them."""
    order = np.argsort(codes, kind="stable")
    distances, owners = [], []
    for mine in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        if len(mine) > 1:
            matrix = pairwise(vectors[mine], vectors[mine], metric)
            distances.append(matrix[np.triu_indices(len(mine), 1)].astype(np.float64))
            owners.append(np.full(len(distances[-1]), codes[mine[0]]))
    values = np.concatenate(distances)
    ascending = np.argsort(values, kind="stable")
    return _Genuine(values[ascending], np.concatenate(owners)[ascending], int(codes.max()) + 1)


def _misses(genuine: _Genuine, replicates: int, seed: int) -> MissCurve:
    """FNMR over a grid of distances, with its intervals."""
    quantiles = np.linspace(0, len(genuine.distances) - 1, MISS_POINTS).astype(np.int64)
    distances = np.unique(genuine.distances[quantiles])
    rates, low, high = _miss_rates(genuine, distances, replicates, seed)
    return MissCurve(
        distances=tuple(distances.tolist()),
        fnmr=tuple(rates.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )


def _miss_rates(genuine: _Genuine, thresholds: Floats, replicates: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """FNMR at thresholds in any order, and the ends of its 95% intervals.

    As `verification_intervals.bootstrap_verification` does it; but genuine pairs alone need sums per identity only, so
    that millions of pairs take no time.
    """
    order = np.argsort(thresholds, kind="stable")
    identities, bins = genuine.identities, len(thresholds) + 1
    first_accepted = np.searchsorted(thresholds[order], genuine.distances, side="left")
    counts = np.bincount(genuine.owners * bins + first_accepted, minlength=identities * bins)
    accepted = np.cumsum(counts.reshape(identities, bins), axis=1).astype(np.float64)

    def missed(drawn: Floats) -> Floats:
        # float64: BLAS multiplies it, and the counts stay exact.
        totals = drawn @ accepted
        rates = 1 - totals[:, :-1] / np.maximum(totals[:, -1:], 1)
        return np.where(totals[:, -1:] > 0, rates, np.nan)

    bootstrap = Bootstrap(replicates, seed=seed)
    values = bootstrap.replicate(missed, [identities], draw=multinomial_counts)
    values = values[~np.isnan(values[:, 0])]
    if not len(values):
        raise InputError(
            f"none of {replicates} replicates of {identities} identities held a genuine pair; measure on more"
        )
    original = np.argsort(order)
    ends = np.array([(interval.low, interval.high) for interval in bootstrap.intervals(values)])[original]
    return missed(np.ones((1, identities)))[0, original], ends[:, 0], ends[:, 1]
