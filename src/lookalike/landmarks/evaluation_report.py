"""The report of `lookalike evaluate --recipe landmarks`: one gallery, asked about photos whose places are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.answers import Identified
from lookalike.decisions.promise import PromisedRate
from lookalike.errors import ImageError
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Fact, PicturePairs, Report, Section, Table
from lookalike.evaluation.retrieval.landmark_metrics import RetrievalMeasures
from lookalike.evaluation.statistics.bootstrap import Interval
from lookalike.evaluation.statistics.rate import Rate
from lookalike.images import read_picture
from lookalike.landmarks import figures
from lookalike.landmarks.answer_pictures import AnswerPictures, answer_pictures
from lookalike.landmarks.measurement import Measured, Outcome

__all__ = ["evaluation_report"]

#: Photos shown of an outcome at most.
SHOWN = 8
_HEADINGS: dict[Outcome, str] = {
    "wrong place": "Wrong place, the surest first",
    "falsely accepted": "No landmark, and accepted all the same, the surest first",
    "missed": "Missed: refused or ambiguous although a place is seen, the nearest to acceptance first",
    "right": "Right, the surest first",
    "refused": "Rightly refused, the nearest to acceptance first",
}


def evaluation_report(
    measured: Measured,
    promised: PromisedRate,
    paths: Sequence[Path],
    *,
    title: str,
    lead: str,
    retrieval: RetrievalMeasures | None = None,
    names: dict[str, str] | None = None,
    remarks: Sequence[str] = (),
) -> Report:
    """Build the report.

    Args:
        measured: answers and what they are worth.
        promised: of the gallery.
        paths: of the photos asked about.
        title: of the page.
        lead: one paragraph.
        retrieval: of the same photos among those enrolled.
        names: of places by id.
        remarks: what the reader should know of the data.

    Raises:
        ImageError: a photo that was asked about cannot be read any more. Enrolled photos that are gone are left out.
    """
    sections = [
        Section(
            "What the answers are worth", tuple(remarks), (_table(measured, promised, retrieval), _outcomes(measured))
        ),
        _promise_section(measured, promised),
        _answers_section(measured, paths, names or {}),
    ]
    return Report(title, lead, _facts(measured, promised), tuple(sections))


def _facts(measured: Measured, promised: PromisedRate) -> tuple[Fact, ...]:
    m = measured.measures
    facts = [
        Fact("GAP", f"{m.gap:.3f}", _between(m.gap_interval)),
        Fact("best guess right (top-1)", _percent(m.top_1), _percents(m.top_1_interval)),
        Fact("answered, and right", _percent(m.right_answers), _percents(m.right_answers_interval)),
    ]
    if m.false_positives is not None:
        told = f"promised: at most {100 * promised.promise:g}%"
        facts.append(Fact("of pictures without a landmark accepted", _percent(m.false_positives.value), told))
    return tuple(facts)


def _table(measured: Measured, promised: PromisedRate, retrieval: RetrievalMeasures | None) -> Table:
    m = measured.measures
    rows: list[tuple[Cell | str, ...]] = [
        ("GAP (µAP)", Cell(f"{m.gap:.3f}", _between(m.gap_interval)), "all, by confidence"),
        ("top-1", Cell(_percent(m.top_1), _percents(m.top_1_interval)), f"{m.landmarks:,} photos of places"),
        ("right answers", Cell(_percent(m.right_answers), _percents(m.right_answers_interval)), "the same"),
    ]
    if m.false_positives is not None:
        rate = Cell(_percent(m.false_positives.value), _percents(m.false_positives))
        rows.append(
            ("false positives", rate, f"{m.non_landmarks:,} without a landmark; promised ≤ {100 * promised.promise:g}%")
        )
    if retrieval is not None:
        value = Cell(f"{retrieval.mean_average_precision:.3f}", _between(retrieval.interval))
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


def _promise_section(measured: Measured, promised: PromisedRate) -> Section:
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


def _answers_section(measured: Measured, paths: Sequence[Path], names: dict[str, str]) -> Section:
    blocks = []
    gone = 0
    for outcome, heading in _HEADINGS.items():
        found = measured.photos(outcome)
        items = []
        for at in found[:SHOWN]:
            answer, lost = _with_photos_that_are_there(measured.answers[at])
            gone += lost
            if answer.photos:
                items.append(_answer(answer, paths[at], measured.truth[at], outcome in ("right", "refused"), names))
        if items:
            blocks.append(PicturePairs(tuple(items), f"{heading} ({len(items)} of {len(found):,})"))
    prose = [
        "First the photo that was asked about, then the enrolled photos of its best candidate that look most like it, "
        "with their distances: they show why the answer is what it is."
    ]
    if gone:
        prose.append(f"{gone} of the enrolled photos are no longer where they were, and are not shown.")
    return Section("Answers", tuple(prose), tuple(blocks))


def _answer(answer: Identified, path: Path, place: str | None, good: bool, names: dict[str, str]) -> AnswerPictures:
    shown = "no landmark" if place is None else names.get(place, place)
    return answer_pictures(read_picture(path), f"{path.name}: {shown}", answer, good)


def _with_photos_that_are_there(answer: Identified) -> tuple[Identified, int]:
    """The answer without those deciding photos that were moved or damaged since, and how many these are."""
    best = answer.best
    if best is None:
        return answer, 0
    kept = []
    for photo in best.photos:
        try:
            read_picture(photo.source)
        except ImageError:
            continue
        kept.append(photo)
    fewer = replace(answer, candidates=(replace(best, photos=tuple(kept)), *answer.candidates[1:]))
    return fewer, len(best.photos) - len(kept)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def _percents(interval: Interval | Rate | None) -> str:
    return "" if interval is None else f"{_percent(interval.low)} – {_percent(interval.high)}"


def _between(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low:.3f} – {interval.high:.3f}"
