"""Answers of a gallery of places by outcome, with the photos that decided them, as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lookalike.answers import Identified
from lookalike.errors import ImageError
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import PicturePairs, Section
from lookalike.images import read_picture
from lookalike.landmarks.answer_pictures import AnswerPictures, answer_pictures
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth
from lookalike.landmarks.measurement import Measured, Outcome

__all__ = ["Answers", "answers_by_outcome"]

#: Photos shown of an outcome at most.
SHOWN = 8
_HEADINGS: dict[Outcome, str] = {
    "wrong place": "Wrong place, the surest first",
    "falsely accepted": "No landmark, and accepted all the same, the surest first",
    "missed": "Missed: refused or ambiguous although a place is seen, the nearest to acceptance first",
    "right": "Right, the surest first",
    "refused": "Rightly refused, the nearest to acceptance first",
}


class Answers:
    """Photos of every outcome; it has no figures of its own."""

    def measure(self, context: PlacesContext) -> Measurement:
        """At most eight photos of each outcome."""
        names = {place: context.atlas.place(place).name for place in context.atlas.places}
        return Measurement(answers_by_outcome(answers_worth(context), context.questions.paths, names))


def answers_by_outcome(measured: Measured, paths: Sequence[Path], names: Mapping[str, str]) -> Section:
    """Photos of every outcome, errors first.

    Args:
        measured: answers and what they are worth.
        paths: of the photos asked about.
        names: of places by id.

    Raises:
        ImageError: a photo that was asked about cannot be read any more. Enrolled photos that are gone are left out.
    """
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


def _answer(answer: Identified, path: Path, place: str | None, good: bool, names: Mapping[str, str]) -> AnswerPictures:
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
