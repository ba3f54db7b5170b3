"""Whether the probabilities of `identify` are true, on searches of people enrolled and of strangers, as a section.

Probabilities come from odds that were measured on other people than those searched: the model's own, where it has some;
otherwise these people are halved, and each half is searched with the odds of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.odds import DEFAULT_MATED_SHARE, MatchOdds
from lookalike.distances import MetricName, pairwise
from lookalike.errors import InputError
from lookalike.evaluation.calibration.reliability import Reliability, measure_reliability
from lookalike.evaluation.calibration.thresholds import odds_of
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.identification.enrolment_trials import EnrolmentTrial, enrolment_trials
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.report.page import Section
from lookalike.evaluation.report.rate_text import percent
from lookalike.evaluation.report.reliability import reliability_blocks
from lookalike.evaluation.sample import sample
from lookalike.evaluation.verification.all_pairs import verify_all_pairs

__all__ = ["StatedProbabilities", "probabilities_section"]

#: Trials at most; candidates that share a probability, as `Recognizer.identify` has them by default.
TRIALS, CANDIDATES = 10, 5


@dataclass(frozen=True, eq=False)
class _Searches:
    """`(n,)` probabilities stated, whether the nearest was the right one, and whether the probe had a mate."""

    stated: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    mated: npt.NDArray[np.bool_]


class StatedProbabilities:
    """The probability of the nearest identity beside the share that was right, in open-set searches."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """Of mated searches, and of all, half of them mated as the probabilities assume; None of too few people."""
        trials = min(context.options.trials, TRIALS)
        try:
            parts = list(_searches(context, trials))
        except InputError:
            return None  # fewer people with several pictures than searches or odds take
        stated, right, mated = (
            np.concatenate([getattr(one, name) for one in parts]) for name in ("stated", "right", "mated")
        )
        if not mated.any() or mated.all():
            return None
        weights = np.where(mated, DEFAULT_MATED_SHARE / mated.sum(), (1 - DEFAULT_MATED_SHARE) / (~mated).sum())
        found = {
            "mated searches": measure_reliability(stated[mated], right[mated], repeats=trials),
            "all searches": measure_reliability(stated, right, weights=weights, repeats=trials),
        }
        own = context.model.odds is not None
        metrics: dict[str, Any] = {name.replace(" ", "_"): one.to_json() for name, one in found.items()}
        metrics |= {
            "trials": trials,
            "odds": "the model's" if own else "of the other half",
            "mated_share": DEFAULT_MATED_SHARE,
        }
        return Measurement(probabilities_section(found, trials, own), {"probabilities": metrics})


def probabilities_section(found: dict[str, Reliability], trials: int, own: bool) -> Section:
    """What the probabilities are worth.

    Args:
        found: by name of the set that was searched.
        trials: random enrolments.
        own: whether the odds are the model's, measured on other people when its thresholds were.
    """
    whose = (
        "The odds are the model's own, measured with its thresholds"
        if own
        else "The model has no odds of its own, so these people were halved: each half is searched with odds measured "
        "on the other"
    )
    prose = (
        "`identify` states how probable it is that the nearest identity is the right one. "
        f"{whose}. It takes {percent(DEFAULT_MATED_SHARE)} of searches to be of somebody enrolled, so mated searches "
        f"alone are right more often than stated. Over {trials} random enrolments; pictures are counted once.",
    )
    return Section("How sure identifications are", prose, reliability_blocks(found, "pictures"))


def _searches(context: EvaluationContext, trials: int) -> Iterator[_Searches]:
    shown, options, metric = sample(context), context.options, context.model.metric
    labels = np.array(shown.pictures.identities, object)
    draws = {"enrolled": options.enrolled, "trials": trials, "seed": options.seed}
    if context.model.odds is not None:
        yield from _trials(shown.vectors, labels, context.model.odds, metric, draws)
        return
    codes, names = identity_codes(shown.pictures.identities)
    half = np.isin(codes, np.random.default_rng(options.seed).permutation(len(names))[: len(names) // 2])
    for mine, others in ((half, ~half), (~half, half)):
        odds = odds_of(verify_all_pairs(shown.vectors[others], labels[others].tolist(), metric))
        yield from _trials(shown.vectors[mine], labels[mine], odds, metric, draws)


def _trials(
    vectors: npt.NDArray[np.float32],
    labels: npt.NDArray[np.object_],
    odds: MatchOdds,
    metric: MetricName,
    draws: dict[str, int],
) -> Iterator[_Searches]:
    codes, _ = identity_codes(labels.tolist())
    for trial in enrolment_trials(labels.tolist(), **draws):
        yield _open_set(vectors, codes, trial, odds, metric)


def _open_set(
    vectors: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int64],
    trial: EnrolmentTrial,
    odds: MatchOdds,
    metric: MetricName,
) -> _Searches:
    gallery = trial.gallery[np.argsort(codes[trial.gallery], kind="stable")]
    enrolled, starts = np.unique(codes[gallery], return_index=True)
    probes = np.concatenate([trial.mated, trial.non_mated])
    distances = np.minimum.reduceat(pairwise(vectors[probes], vectors[gallery], metric), starts, axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :CANDIDATES]
    nearest = np.take_along_axis(distances, order, axis=1).astype(np.float64)
    stated = [odds.among(row, len(enrolled))[0] for row in nearest.tolist()]
    return _Searches(
        np.array(stated), enrolled[order[:, 0]] == codes[probes], np.arange(len(probes)) < len(trial.mated)
    )
