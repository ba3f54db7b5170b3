"""The model under test by the three protocols: verification, identification and retrieval."""

from __future__ import annotations

from lookalike.counted_nouns import how_many
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import measured_once
from lookalike.evaluation.identification.enrolment_trials import IdentificationResult, identify_trials
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.summary import MethodResult
from lookalike.evaluation.retrieval.ranking_metrics import RetrievalResult, self_retrieval
from lookalike.evaluation.sample import sample
from lookalike.evaluation.verification.all_pairs import VerificationResult, verify_all_pairs

__all__ = ["compared", "identification", "retrieval", "verification"]

#: Recall and precision are told among this many nearest pictures, where there are so many.
RANKS = (1, 5, 10)


@measured_once
def verification(context: EvaluationContext) -> VerificationResult:
    """All pairs of the sample.

    Raises:
        InputError: the pictures make no genuine or no impostor pair.
    """
    single = context.pictures.single
    if single:
        context.report.remark(
            f"{how_many(len(single), 'identity has', 'identities have')} one picture, "
            f"such as {single[0]!r}: impostors only"
        )
    shown = sample(context)
    return verify_all_pairs(shown.vectors, shown.pictures.identities, context.model.metric)


@measured_once
def identification(context: EvaluationContext) -> IdentificationResult | None:
    """Random enrolments of all pictures; None where fewer than two identities have several pictures."""
    pictures, options = context.pictures, context.options
    if len(pictures.names) - len(pictures.single) < 2:
        return None
    return identify_trials(
        context.vectors,
        pictures.identities,
        context.model.metric,
        enrolled=options.enrolled,
        trials=options.trials,
        threshold=context.model.threshold,
        seed=options.seed,
    )


@measured_once
def retrieval(context: EvaluationContext) -> RetrievalResult:
    """Every picture as a query among all others."""
    ks = [k for k in RANKS if k < len(context.pictures)]
    return self_retrieval(context.vectors, context.pictures.identities, context.model.metric, ks)


@measured_once
def compared(context: EvaluationContext) -> ComparedMethods:
    """All three, as a report shows them: one method, that of the model."""
    result = MethodResult(
        verification(context), identification(context), retrieval(context), threshold=context.model.threshold
    )
    return ComparedMethods({context.model.name: result}, seed=context.options.seed)
