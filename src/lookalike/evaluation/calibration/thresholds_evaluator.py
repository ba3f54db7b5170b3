"""The thresholds that an evaluation measures, as a section of the report and as `calibration.json`."""

from __future__ import annotations

from lookalike.counted_nouns import how_many
from lookalike.decisions.calibration import Calibration
from lookalike.decisions.promise import Promise
from lookalike.evaluation import sample as sampling
from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_large, calibrate_sets
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement, measured_once
from lookalike.evaluation.identification.template_scoring_evaluator import answering_scoring
from lookalike.evaluation.measured_method import verification
from lookalike.evaluation.report.page import Cell, Section, Table
from lookalike.evaluation.report.rate_text import percent, small_percent
from lookalike.evaluation.verification.template_sets import verify_sets
from lookalike.evaluation.verification.whole_set_evaluator import pair_counts

__all__ = ["Thresholds", "answering_threshold", "calibration", "thresholds_section"]


@measured_once
def calibration(context: EvaluationContext) -> Calibration:
    """Thresholds from all pairs of all pictures, with the promise that was asked for."""
    model, options = context.model, context.options
    source = f"{len(context.pictures.names)} identities of {options.data}"
    if sampling.sample(context).whole:
        found = calibrate(
            verification(context),
            fingerprint=model.fingerprint,
            metric=model.metric,
            source=source,
            seed=options.seed,
        )
    else:
        found = calibrate_large(
            context.vectors,
            context.pictures.identities,
            fingerprint=model.fingerprint,
            metric=model.metric,
            source=source,
            seed=options.seed,
            counts=pair_counts(context),
        )
    own = {"promise": None if options.promise is None else Promise.parse(options.promise)}
    rule = answering_scoring(context)
    if rule == "nearest":
        return found.model_copy(update=own)
    shown = sampling.sample(context)
    scored = calibrate_sets(
        verify_sets(shown.vectors, shown.pictures.identities, model.metric, rule, options.enrolled, seed=options.seed),
        fingerprint=model.fingerprint,
        metric=model.metric,
        source=f"{source}, {rule} of {how_many(options.enrolled, 'template')} each",
        seed=options.seed,
    )
    return found.model_copy(update=own | {"of_identities": scored.model_copy(update=own)})


def answering_threshold(context: EvaluationContext) -> float:
    """The distance that the model answers with, whatever the size of the gallery; where it has none, that measured."""
    threshold = context.model.threshold
    return calibration(context).threshold() if threshold is None else threshold


class Thresholds:
    """A threshold per false match rate; the figures are `calibration.json`."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """What each threshold costs."""
        return Measurement(thresholds_section(calibration(context)))


def thresholds_section(measured: Calibration) -> Section:
    """Every operating point: threshold, FMR and FNMR as measured."""
    rows = tuple(
        (
            Cell(f"1 in {1 / point.target_fmr:,.0f}", "default" if point == measured.point() else ""),
            f"{point.threshold:.4g}",
            small_percent(point.fmr),
            Cell(percent(point.fnmr), f"{percent(point.fnmr_low)} – {percent(point.fnmr_high)}"),
            f"{point.impostor_pairs:,}",
            "yes" if point.sufficient else "no: a guess",
        )
        for point in measured.points
    )
    table = Table(
        ("false matches allowed", "threshold", "FMR measured", "FNMR measured", "impostor pairs", "enough data"),
        rows,
        "Per comparison of two pictures. In a search among N identities, false alarms are up to N times as frequent.",
    )
    prose = tuple(text for text in (f"Measured on {measured.source}.", measured.note) if text)
    return Section("Thresholds", prose, (table,))
