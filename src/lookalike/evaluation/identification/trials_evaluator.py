"""Identification over random enrolments, closed and open set, as a section of the report."""

from __future__ import annotations

from lookalike.counted_nouns import how_many
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.identification.enrolment_trials import IdentificationResult
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Section, Table
from lookalike.evaluation.report.rate_text import percent

__all__ = ["IdentificationTrials", "identification_section"]

_HEADING = "Who is it, if anybody? (identification, 1:N)"


class IdentificationTrials:
    """Closed and open set over random enrolments; the figures are in `methods` of `metrics.json`."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """CMC, FNIR over FPIR, and what happens at the model's threshold."""
        return Measurement(identification_section(compared(context)))


def identification_section(methods: ComparedMethods) -> Section | None:
    """CMC and open set of all methods; None where none of them was measured."""
    results = {name: m.identification for name, m in methods.results.items() if m.identification is not None}
    if not results:
        return None
    one = next(iter(results.values()))
    enrolled = how_many(one.enrolled, "picture per identity is", "pictures per identity are")
    prose = (
        f"In each of {one.trials} trials, {enrolled} enrolled by chance. Closed set: "
        f"all {one.identities} identities are enrolled, and the other {one.closed_searches:,} pictures are searched. "
        f"Open set: {one.known} identities are enrolled; {one.mated:,.0f} searches have a mate, and "
        f"{one.non_mated:,.0f} show strangers and should come back as nobody.",
        *one.notes,
    )
    drawings = Drawings(
        (
            Drawing(
                figure_style.inline_svg(figures.cmc(results, methods.colours, methods.featured)),
                "CMC (closed set)",
                "How often the right identity is among the nearest 1, 2, … of the gallery.",
                "cumulative match characteristic",
            ),
            Drawing(
                figure_style.inline_svg(figures.open_set(results, methods.colours, methods.featured)),
                "Open set",
                "Lower is better. False positives are counted over searches of strangers, not over comparisons.",
                "false negative over false positive identification rate",
            ),
        )
    )
    table = _at_threshold(results, methods)
    return Section(_HEADING, prose, (drawings,) if table is None else (drawings, table))


def _at_threshold(results: dict[str, IdentificationResult], methods: ComparedMethods) -> Table | None:
    rows = tuple(
        (
            Cell(name, colour=figure_style.css_colour(methods.colours[name])),
            f"{at.threshold:.4g}",
            Cell(percent(at.right / at.mated)),
            Cell(percent(at.wrong_name / at.mated)),
            Cell(percent(at.missed / at.mated)),
            Cell(percent(at.false_alarms / at.non_mated)),
        )
        for name, result in results.items()
        if (at := result.at_threshold) is not None
    )
    if not rows:
        return None
    return Table(
        ("method", "threshold", "named right", "wrong name", "missed", "strangers named"),
        rows,
        "Open set at a threshold chosen beforehand, over all trials. The first three are shares of the enrolled; the "
        "last is the share of strangers who were given a name.",
    )
