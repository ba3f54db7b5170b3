"""Which template scoring names more people at the same rate of false alarms: nearest, mean or set.

The identities are halved. On one half the rule is chosen, on the other its rates are reported, so that what is reported
was not selected for being good by chance. In each half, N pictures of the known identities are enrolled by chance, as
in `enrolment_trials`; the searches and draws of all rules are the same. A rule is chosen in place of `nearest` where
the 95% interval of what it gains, by a paired bootstrap over identities, is above 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.scoring_rule import SCORINGS, TemplateScoring
from lookalike.distances import MetricName
from lookalike.errors import InputError
from lookalike.evaluation.identification.closed_and_open_set import OpenSetResult, open_set
from lookalike.evaluation.identification.enrolment_trials import EnrolmentTrial, enrolment_trials
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval, multinomial_counts
from lookalike.evaluation.statistics.resampled_curves import ResampledCurves, cumulative_weights, curve_points
from lookalike.evaluation.verification.template_sets import equal_sets, verify_sets

__all__ = ["MeasuredScoring", "ScoringComparison", "compare_scorings"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: The bootstrap draws every search of every trial.
REPLICATES = 500


@dataclass(frozen=True)
class MeasuredScoring:
    """One rule on one half of the identities.

    Attributes:
        rule: `nearest`, `mean` or `set`.
        fnir: share of mated searches that do not name the mate, mean over trials.
        interval: of it, over identities.
        gain: by how much `fnir` is below that of `nearest`.
        gain_interval: of it, paired.
        tar: true accept rate of pictures against sets of templates.
    """

    rule: TemplateScoring
    fnir: float
    interval: Interval
    gain: float
    gain_interval: Interval
    tar: float


@dataclass(frozen=True)
class ScoringComparison:
    """The rules compared, and the one that the measurement speaks for.

    Attributes:
        chosen: the best rule on the first half; `nearest` where none is better beyond its interval.
        enrolled: templates of an identity.
        trials: random enrolments that were averaged.
        fpir: false positive identification rate at which FNIR was measured.
        far: false accept rate at which TAR was measured.
        identities: in the half that was chosen on, and in the one that is reported.
        sufficient: whether the searches of strangers in the reported half allow 10 errors at `fpir`.
        chosen_on: every rule on the first half.
        reported: every rule on the other half.
    """

    chosen: TemplateScoring
    enrolled: int
    trials: int
    fpir: float
    far: float
    identities: tuple[int, int]
    sufficient: bool
    chosen_on: tuple[MeasuredScoring, ...]
    reported: tuple[MeasuredScoring, ...]

    def of(self, rule: TemplateScoring) -> MeasuredScoring:
        """A rule on the reported half."""
        return next(one for one in self.reported if one.rule == rule)


def compare_scorings(
    embeddings: npt.ArrayLike,
    labels: Any,
    metric: MetricName,
    enrolled: int,
    *,
    trials: int = 10,
    fpir: float = 0.01,
    far: float = 0.01,
    seed: int = 0,
) -> ScoringComparison:
    """Measure all rules on galleries of `enrolled` templates an identity.

    Args:
        embeddings: `(n, d)`.
        labels: `(n,)` integers or strings.
        metric: name of the distance.
        enrolled: templates of an identity, at least 1.
        trials: random enrolments that are averaged.
        fpir: false positive identification rate at which misses are compared.
        far: false accept rate at which TAR is told.
        seed: of halves, enrolments and the bootstrap.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: fewer than 8 identities, or in one half fewer than 2 with more pictures than are enrolled.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.repeat(np.arange(40), 6)
        >>> vectors = rng.normal(size=(40, 8))[labels] + 0.5 * rng.normal(size=(240, 8))
        >>> compare_scorings(vectors, labels, "cosine", 3, trials=2).of("nearest").gain
        0.0
    """
    vectors = checked_vectors(embeddings)
    codes, names = identity_codes(labels, len(vectors))
    if len(names) < 8:
        raise InputError(
            f"{len(names)} identities were given, and template scorings are compared on halves of them; give at least 8"
        )
    order = np.random.default_rng([seed, 0x5C0]).permutation(len(names))
    halves = [np.flatnonzero(np.isin(codes, part)) for part in (order[::2], order[1::2])]
    measured = [
        _measured(vectors[at], np.unique(codes[at], return_inverse=True)[1], metric, enrolled, trials, fpir, far, seed)
        for at in halves
    ]
    (chosen_on, _), (reported, sufficient) = measured
    better = [one for one in chosen_on if one.gain_interval.low > 0]
    return ScoringComparison(
        chosen=max(better, key=lambda one: one.gain).rule if better else "nearest",
        enrolled=enrolled,
        trials=trials,
        fpir=fpir,
        far=far,
        identities=(len(order[::2]), len(order[1::2])),
        sufficient=sufficient,
        chosen_on=chosen_on,
        reported=reported,
    )


def _measured(
    vectors: npt.NDArray[Any],
    codes: Integers,
    metric: MetricName,
    enrolled: int,
    trials: int,
    fpir: float,
    far: float,
    seed: int,
) -> tuple[tuple[MeasuredScoring, ...], bool]:
    """Every rule on one half, whose codes are 0, 1, …; and whether its searches of strangers suffice for the rate."""
    draws = list(enrolment_trials(codes, enrolled, trials, seed=seed))
    bootstrap = Bootstrap(REPLICATES, seed=seed)
    found, replicates, sufficient = {}, {}, True
    for rule in SCORINGS:
        searches = [_searched(vectors, codes, metric, trial, rule) for trial in draws]
        points = [one.fnir_at_fpir(fpir) for one in searches]
        sufficient = all(point.sufficient for point in points)
        found[rule] = float(np.mean([point.fnir for point in points]))
        replicates[rule] = _replicates(searches, draws, codes, fpir, bootstrap)
    measured = []
    for rule in SCORINGS:
        gains = replicates["nearest"] - replicates[rule]
        interval, gain_interval = bootstrap.intervals(np.stack([replicates[rule], gains], axis=1))
        tar = verify_sets(vectors, codes, metric, rule, enrolled, seed).result.tar_at_far(far).tar
        gain = found["nearest"] - found[rule]
        measured.append(MeasuredScoring(rule, found[rule], interval, gain, gain_interval, tar))
    return tuple(measured), sufficient


def _searched(
    vectors: npt.NDArray[Any], codes: Integers, metric: MetricName, trial: EnrolmentTrial, rule: TemplateScoring
) -> OpenSetResult:
    """The probes of a trial, mated ones first, in its gallery."""
    gallery = trial.gallery[np.argsort(codes[trial.gallery], kind="stable")]
    sets = equal_sets(vectors, gallery.reshape(len(trial.known), -1))
    probes = np.concatenate([trial.mated, trial.non_mated])
    distances = sets.distances(vectors[probes], metric, rule)
    return open_set(None, trial.known, None, codes[probes], distances=distances)


def _replicates(
    searches: Sequence[OpenSetResult], draws: Sequence[EnrolmentTrial], codes: Integers, fpir: float, by: Bootstrap
) -> Floats:
    """`(replicates,)` FNIR at the FPIR, mean over trials; an identity has one weight in all of them."""
    trials = []
    for found, trial in zip(searches, draws, strict=True):
        owners = codes[np.concatenate([trial.mated, trial.non_mated])]
        result = found.searches
        first = result.mated & (result.rank == 1)
        hits, alarms = np.flatnonzero(first), np.flatnonzero(~result.mated)
        hits = hits[np.argsort(result.mate_distance[hits], kind="stable")]
        alarms = alarms[np.argsort(result.top_distance[alarms], kind="stable")]
        missed = np.flatnonzero(result.mated & ~first)
        points = curve_points(result.mate_distance[hits], result.top_distance[alarms])
        trials.append((owners[np.concatenate([hits, missed])], owners[alarms], points))

    def fnir(counts: Floats) -> Floats:
        rates = np.zeros(len(counts))
        for mated, strangers, points in trials:
            curves = ResampledCurves(
                cumulative_weights(counts[:, mated]), cumulative_weights(counts[:, strangers]), *points
            )
            rates += 1 - curves.tar_at_far(fpir)
        return (rates / len(trials))[:, None]

    identities = int(codes.max()) + 1
    by.check(identities)
    largest = max(len(mated) + len(strangers) for mated, strangers, _ in trials)
    # Known and unknown identities both have to be among those drawn, which a draw of few may miss.
    values = by.replicate(fnir, [identities], numbers=largest, draw=_both_kinds(draws, codes))
    return values[:, 0]


def _both_kinds(draws: Sequence[EnrolmentTrial], codes: Integers) -> Any:
    """Draws of identities among whom, in every trial, somebody is mated and somebody is not."""
    kinds = [np.unique(codes[part]) for trial in draws for part in (trial.mated, trial.non_mated)]

    def draw(rng: np.random.Generator, replicates: int, units: int) -> Floats:
        counts = multinomial_counts(rng, replicates, units)
        for _ in range(100):
            empty = np.flatnonzero(np.any([counts[:, kind].sum(axis=1) == 0 for kind in kinds], axis=0))
            if not len(empty):
                return counts
            counts[empty] = multinomial_counts(rng, len(empty), units)
        raise InputError(f"a bootstrap of {units} identities found nobody mated in a trial; measure on more identities")

    return draw
