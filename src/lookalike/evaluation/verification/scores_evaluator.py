"""Distances of genuine and impostor pairs, ROC and DET, as a section of the report."""

from __future__ import annotations

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Drawing, Drawings, Section

__all__ = ["Scores", "scores_section"]


class Scores:
    """Verification over all pairs of the sample; its figures are in `methods` of `metrics.json`."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Histogram, ROC and DET."""
        return Measurement(scores_section(compared(context)))


def scores_section(methods: ComparedMethods) -> Section:
    """A histogram per method; ROC and DET of all of them, with a band of the featured one."""
    results = {name: method.verification for name, method in methods.results.items()}
    star, colours = methods.featured, methods.colours
    band = figures.Band.of(results[star], methods.seed)
    bands = {} if band is None else {star: band}
    shaded = "" if band is None else f" Shaded: 95% interval of {star} over identities, point by point."
    histograms = tuple(
        Drawing(
            figure_style.inline_svg(figures.score_histogram(method.verification, method.threshold)),
            name if methods.several else "Distances of pairs",
            alternative=f"histogram of genuine and impostor distances of {name}",
        )
        for name, method in methods.results.items()
    )
    curves = (
        Drawing(
            figure_style.inline_svg(figures.roc(results, colours, star, bands)),
            "ROC",
            "Higher is better. Each point keeps its false accept rate: it is never exceeded, ties included." + shaded,
            "receiver operating characteristic",
        ),
        Drawing(
            figure_style.inline_svg(figures.det(results, colours, star, bands)),
            "DET",
            "Lower is better; a dot marks the equal error rate, a line along the lower edge no error at all. Axes are "
            "normal deviates (ISO/IEC 19795-1)." + shaded,
            "detection error trade-off",
        ),
    )
    prose = (
        "Every picture is compared with every other one. A genuine pair shows one identity, an impostor pair two; "
        "the less their distances overlap, the better. Two pictures match when their distance is at most the "
        "threshold.",
    )
    return Section("Same or different? (verification, 1:1)", prose, (Drawings(histograms), Drawings(curves)))
