"""Whether a gallery of places keeps its promise about photos that show none, as a section of the report."""

from __future__ import annotations

from lookalike.decisions.promise import PromisedRate
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.page import Drawing, Drawings, Section
from lookalike.landmarks import figures
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth
from lookalike.landmarks.measurement import Measured

__all__ = ["PlacesPromise", "places_promise_section"]


class PlacesPromise:
    """The false-positive rate that was promised, beside the distances of photos with and without a place."""

    def measure(self, context: PlacesContext) -> Measurement:
        """The promise as it was fitted; what was measured of it is in `recognition`."""
        section = places_promise_section(answers_worth(context), context.promised)
        return Measurement(section, {"promise": vars(context.promised)})


def places_promise_section(measured: Measured, promised: PromisedRate) -> Section:
    """Distances beyond the threshold, and precision by recall."""
    m = measured.measures
    drawings = (
        Drawing(
            figure_style.inline_svg(figures.scores(measured)),
            "How far from the threshold",
            f"{measured.counts['falsely accepted']} of {m.non_landmarks:,} pictures without a landmark were accepted, "
            f"{measured.counts['missed']} of {m.landmarks:,} photos of places missed.",
            "histogram of distances beyond their thresholds",
        ),
        Drawing(
            figure_style.inline_svg(figures.precision_by_recall({"this gallery": measured})),
            "Precision by recall",
            "From the surest guess to the least sure, pictures without a landmark among them. The area below is GAP.",
            "precision over recall",
        ),
    )
    prose = [f"The promise: {promised.source}.", *([f"Note: {promised.note}."] if promised.note else [])]
    if m.false_positives is None:
        prose.append("No picture without a landmark was asked about, so nothing is said of whether it is kept.")
    return Section("The promise about pictures without a landmark", tuple(prose), (Drawings(drawings),))
