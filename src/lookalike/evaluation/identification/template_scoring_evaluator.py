"""The template scorings compared, as a section of the report, and the rule that thresholds are measured for."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from lookalike.counted_nouns import how_many
from lookalike.decisions.promise import Promise
from lookalike.decisions.scoring_rule import TemplateScoring
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement, measured_once
from lookalike.evaluation.identification.template_scoring import MeasuredScoring, ScoringComparison, compare_scorings
from lookalike.evaluation.options import DEFAULT_PROMISE
from lookalike.evaluation.report.page import Cell, Section, Table
from lookalike.evaluation.report.rate_text import percent, percent_range
from lookalike.evaluation.sample import sample
from lookalike.evaluation.statistics.intervals import Interval

__all__ = ["TemplateScorings", "answering_scoring", "scoring_comparison", "scoring_section"]

#: Trials at most.
TRIALS = 10


@measured_once
def scoring_comparison(context: EvaluationContext) -> ScoringComparison | None:
    """All rules, at the rates of the promise; None where no rule but `nearest` was asked about.

    Raises:
        InputError: as `compare_scorings`.
    """
    options = context.options
    if options.template_scoring == "nearest":
        return None
    asked = [Promise.parse(text) for text in (options.promise or DEFAULT_PROMISE, DEFAULT_PROMISE)]
    shown = sample(context)
    return compare_scorings(
        shown.vectors,
        shown.pictures.identities,
        context.model.metric,
        options.enrolled,
        trials=min(options.trials, TRIALS),
        fpir=next(one.rate for one in asked if one.kind == "fpir"),
        far=asked[0].rate if asked[0].kind == "fmr" else 0.01,
        seed=options.seed,
    )


def answering_scoring(context: EvaluationContext) -> TemplateScoring:
    """The rule that was asked for, or with `auto` the one that the comparison chose."""
    compared = scoring_comparison(context)
    if compared is None:
        return "nearest"
    asked = context.options.template_scoring
    return compared.chosen if asked == "auto" else cast(TemplateScoring, asked)


class TemplateScorings:
    """FNIR and TAR of every template scoring, chosen on one half of the identities and reported on the other."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """None where no rule but `nearest` was asked about."""
        compared = scoring_comparison(context)
        if compared is None:
            return None
        rule = answering_scoring(context)
        context.report.remark(_verdict(compared, rule))
        metrics = {"asked": context.options.template_scoring, "answering": rule} | asdict(compared)
        return Measurement(scoring_section(compared, rule), {"template_scoring": metrics})


def scoring_section(compared: ScoringComparison, rule: TemplateScoring) -> Section:
    """The rules on both halves; `rule` is the one that thresholds were measured for."""
    prose = (
        f"Galleries of {how_many(compared.enrolled, 'template')} an identity, {compared.trials} random enrolments. "
        f"FNIR is the share of mated searches without the right name where at most {compared.fpir:g} of the searches "
        f"of strangers name anybody; TAR the share of genuine comparisons of a picture with a set of templates at FAR "
        f"{compared.far:g}. The rule was chosen on {compared.identities[0]} identities; the figures reported are of "
        f"{compared.identities[1]} others.",
        _verdict(compared, rule),
    )
    pairs = zip(compared.reported, compared.chosen_on, strict=True)
    rows = tuple(
        (
            Cell(one.rule, best=one.rule == rule),
            Cell(percent(one.fnir), percent_range(one.interval)),
            _gain(one),
            percent(one.tar),
            Cell(percent(chosen_on.fnir), percent_range(chosen_on.interval)),
            _gain(chosen_on),
        )
        for one, chosen_on in pairs
    )
    columns = ("rule", "FNIR", "gain over nearest", "TAR", "FNIR where chosen", "gain where chosen")
    few = "" if compared.sufficient else " The searches of strangers allow fewer than 10 errors at this rate."
    table = Table(columns, rows, f"Intervals of 95%, by a paired bootstrap over identities.{few}")
    return Section("Several templates of a person", prose, (table,))


def _gain(one: MeasuredScoring) -> Cell:
    if one.rule == "nearest":
        return Cell("–")
    return Cell(f"{100 * one.gain:+.1f} points", _points(one.gain_interval))


def _points(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} – {100 * interval.high:+.1f}"


def _verdict(compared: ScoringComparison, rule: TemplateScoring) -> str:
    """Which rule answers, and how much it gains, in a sentence."""
    own, nearest = compared.of(rule), compared.of("nearest")
    if rule == "nearest":
        return (
            f"template scoring: nearest is kept, for no other rule gains more than chance at {compared.enrolled} "
            f"templates an identity (FNIR {percent(nearest.fnir)} at FPIR {compared.fpir:g})"
        )
    return (
        f"template scoring: {rule} has FNIR {percent(own.fnir)} at FPIR {compared.fpir:g}, nearest "
        f"{percent(nearest.fnir)}; a gain of {100 * own.gain:+.1f} points ({_points(own.gain_interval)} with 95% "
        "confidence)"
    )
