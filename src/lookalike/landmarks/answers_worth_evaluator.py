"""What the answers of a gallery of places are worth, as the first section of a report."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.decisions.promise import PromisedRate
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import Cell, Fact, Section, Table
from lookalike.evaluation.report.rate_text import number_range, percent, percent_range
from lookalike.evaluation.retrieval.landmark_metrics import RetrievalMeasures
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth, enrolled_themselves, retrieval
from lookalike.landmarks.measurement import Measured

__all__ = ["AnswersWorth", "answers_worth_section", "facts_of"]


class AnswersWorth:
    """GAP, top-1, right answers, false positives, mAP@100, and how many photos had each outcome."""

    def measure(self, context: PlacesContext) -> Measurement:
        """Of all photos asked about; a remark says how many of them are enrolled themselves."""
        remarks = list(context.remarks)
        copies = enrolled_themselves(context)
        if copies.any():
            remarks.append(
                f"{copies.sum()} of {len(copies)} pictures are enrolled themselves, such as "
                f"{context.questions.paths[int(copies.argmax())]}: the figures are too good; ask about others"
            )
            context.report.remark(remarks[-1])
        worth, among_enrolled = answers_worth(context), retrieval(context)
        metrics = {
            "enrolled_themselves": int(copies.sum()),
            "recognition": worth.measures.to_json(),
            "outcomes": worth.counts,
            "retrieval": None if among_enrolled is None else among_enrolled.to_json(),
        }
        return Measurement(answers_worth_section(worth, context.promised, among_enrolled, remarks), metrics)


def facts_of(measured: Measured, promised: PromisedRate) -> tuple[Fact, ...]:
    """Tiles: GAP, top-1, right answers, and false positives beside the promise."""
    m = measured.measures
    facts = [
        Fact("GAP", f"{m.gap:.3f}", number_range(m.gap_interval)),
        Fact("best guess right (top-1)", percent(m.top_1), percent_range(m.top_1_interval)),
        Fact("answered, and right", percent(m.right_answers), percent_range(m.right_answers_interval)),
    ]
    if m.false_positives is not None:
        note = f"promised: at most {100 * promised.promise:g}%"
        facts.append(Fact("of pictures without a landmark accepted", percent(m.false_positives.value), note))
    return tuple(facts)


def answers_worth_section(
    measured: Measured, promised: PromisedRate, retrieval: RetrievalMeasures | None, remarks: Sequence[str] = ()
) -> Section:
    """Measures with intervals, and outcomes.

    Args:
        measured: answers and what they are worth.
        promised: of the gallery.
        retrieval: of the same photos among those enrolled; None where it was not measured.
        remarks: what the reader should know of the data.
    """
    tables = (_measures(measured, promised, retrieval), _outcomes(measured))
    return Section("What the answers are worth", tuple(remarks), tables)


def _measures(measured: Measured, promised: PromisedRate, retrieval: RetrievalMeasures | None) -> Table:
    m = measured.measures
    rows: list[tuple[Cell | str, ...]] = [
        ("GAP (µAP)", Cell(f"{m.gap:.3f}", number_range(m.gap_interval)), "all, by confidence"),
        ("top-1", Cell(percent(m.top_1), percent_range(m.top_1_interval)), f"{m.landmarks:,} photos of places"),
        ("right answers", Cell(percent(m.right_answers), percent_range(m.right_answers_interval)), "the same"),
    ]
    if m.false_positives is not None:
        rate = Cell(percent(m.false_positives.value), percent_range(m.false_positives))
        rows.append(
            ("false positives", rate, f"{m.non_landmarks:,} without a landmark; promised ≤ {100 * promised.promise:g}%")
        )
    if retrieval is not None:
        value = Cell(f"{retrieval.mean_average_precision:.3f}", number_range(retrieval.interval))
        rows.append((f"mAP@{retrieval.k}", value, f"{retrieval.queries:,} photos among those enrolled"))
    return Table(
        ("measure", "value", "of"),
        tuple(rows),
        "Small print: 95% intervals, over places by bootstrap, of false positives by Wilson. GAP is 1 where every "
        "place is guessed right and no wrong guess is surer; right answers were sure enough to be given.",
    )


def _outcomes(measured: Measured) -> Table:
    counts = measured.counts
    return Table(
        ("pictures", *counts),
        (("how many", *(f"{count:,}" for count in counts.values())),),
        "Of places: right, another place, or missed because no answer or an ambiguous one was given. Without a "
        "landmark: refused, or falsely accepted.",
    )
