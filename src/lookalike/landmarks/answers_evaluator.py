"""Answers about places by outcome, with the photos that decided them, as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import PicturePairs, Section
from lookalike.landmarks.answer_pictures import AnswerPictures, pictures_that_are_left
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth
from lookalike.landmarks.measurement import Measured, Outcome

__all__ = ["Answers", "answers_by_outcome"]

#: Photos shown of an outcome at most.
SHOWN = 8
#: What is shown of each outcome: heading, and whether the surest come first or a sample of all.
_SHOWN: dict[Outcome, tuple[str, bool]] = {
    "wrong place": ("Wrong place, the surest first", True),
    "falsely accepted": ("Falsely accepted: no landmark is seen, the surest first", True),
    "missed": ("Missed: refused or ambiguous although a landmark is seen, the nearest to acceptance first", True),
    "right": ("Right: from the surest answer to the least sure", False),
    "refused": ("Rightly refused, the nearest to acceptance first", True),
}


class Answers:
    """Photos of every outcome; it has no figures of its own."""

    def measure(self, context: PlacesContext) -> Measurement:
        """At most eight photos of each outcome."""
        names = {place: context.atlas.place(place).name for place in context.atlas.places}
        return Measurement(answers_by_outcome(answers_worth(context), context.questions.paths, names))


def answers_by_outcome(
    measured: Measured, paths: Sequence[Path], names: Mapping[str, str], *, method: str = ""
) -> Section:
    """Photos of every outcome, errors first; at most eight of each.

    Args:
        measured: answers and what they are worth.
        paths: of the photos asked about.
        names: of places by id; one that is missing is called by its id.
        method: whose answers these are, where a page compares several.

    Raises:
        ImageError: a photo that was asked about cannot be read any more. Enrolled photos that are gone are left out.
    """
    blocks: list[PicturePairs] = []
    none: list[str] = []
    gone = 0
    for outcome, (heading, surest) in _SHOWN.items():
        found = measured.photos(outcome)
        if not found:
            none.append(outcome)
            continue
        items: list[AnswerPictures] = []
        for at in found[:SHOWN] if surest else [found[at] for at in _spread(len(found), SHOWN)]:
            place = measured.truth[at]
            shown = "no landmark" if place is None else names.get(place, place)
            good = outcome in ("right", "refused")
            item, lost = pictures_that_are_left(paths[at], f"{paths[at].name}: {shown}", measured.answers[at], good)
            gone += lost
            if item is not None:
                items.append(item)
        if items:
            blocks.append(PicturePairs(tuple(items), f"{heading} ({len(items)} of {len(found):,})"))
    prose = [
        (f"Answers of {method}. " if method else "")
        + "First the photo that was asked about, then the enrolled photos of its best candidate that look most like "
        "it, with their distances: they show why the answer is what it is."
    ]
    if none:
        prose.append(f"No photo was {' or '.join(none)}.")
    if gone:
        prose.append(f"{gone} of the enrolled photos are no longer where they were, and are not shown.")
    return Section("Accepted and rejected", tuple(prose), tuple(blocks))


def _spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` of 0 … count - 1, first and last among them."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, wanted)).tolist()})
