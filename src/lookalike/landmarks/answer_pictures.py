"""Answers as pictures: a photo that was asked about, beside the enrolled photos that decided what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.answers import Identified
from lookalike.errors import InputError
from lookalike.evaluation.report.page import PicturePair, PicturePairs, Section, data_uri
from lookalike.images import read_picture
from lookalike.landmarks.comparison import Compared
from lookalike.landmarks.measurement import Outcome
from lookalike.landmarks.photo_splits import PhotoSplits
from lookalike.landmarks.place import Place

__all__ = ["AnswerPictures", "answer_pictures", "answers_section"]

Picture = npt.NDArray[np.uint8]

#: Photos shown of an outcome at most.
SHOWN = 8
#: What is shown of each outcome: heading, and whether the surest come first or a sample of all.
_SHOWN: dict[Outcome, tuple[str, bool]] = {
    "right": ("Right: from the surest answer to the least sure", False),
    "wrong place": ("Wrong place, the surest first", True),
    "missed": ("Missed: refused or ambiguous although a landmark is seen, the nearest to acceptance first", True),
    "falsely accepted": ("Falsely accepted: no landmark is seen, the surest first", True),
    "refused": ("Rightly refused, the nearest to acceptance first", True),
}


@dataclass(frozen=True, eq=False)
class AnswerPictures(PicturePair):
    """A photo asked about, and the enrolled photos that decided the answer: the nearest one, then `further` ones."""

    further: tuple[tuple[Picture, str], ...] = ()

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """Data URI and name of each."""
        pair = [(self.left, self.left_name), (self.right, self.right_name)]
        return [(data_uri(picture), name) for picture, name in (*pair, *self.further)]


def answer_pictures(
    asked: Picture | str, name: str, answer: Identified, good: bool | None, verdict: str = ""
) -> AnswerPictures:
    """A photo asked about beside the enrolled photos that its first candidate was chosen by.

    Args:
        asked: the photo.
        name: below it.
        answer: of the recogniser.
        good: whether the answer is right.
        verdict: below all; by default the decision, the place and the confidence.

    Raises:
        InputError: no enrolled photo decided.
        ImageError: a photo cannot be read.
    """
    best = answer.best
    if best is None or not best.photos:
        raise InputError("no enrolled photo decided this answer; ask a gallery that holds photos")
    examples = [(read_picture(one.source), f"{best.name}, {one.distance:.2f}") for one in best.photos]
    return AnswerPictures(
        left=read_picture(asked) if isinstance(asked, str) else asked,
        right=examples[0][0],
        left_name=name,
        right_name=examples[0][1],
        verdict=verdict or f"{_said(answer)}, confidence {answer.confidence:.2f}",
        good=good,
        further=tuple(examples[1:]),
    )


def _said(answer: Identified) -> str:
    if answer.decision == "match":
        return f"answer: {answer.name}"
    return "answer: ambiguous" if answer.decision == "ambiguous" else "answer: no known landmark"


def answers_section(featured: Compared, photos: PhotoSplits, places: Mapping[str, Place]) -> Section:
    """Photos of every outcome; at most eight of each.

    Args:
        featured: whose answers.
        photos: that it was asked about.
        places: their names.
    """
    questions = photos.questions
    blocks: list[PicturePairs] = []
    none: list[str] = []
    for outcome, (heading, surest) in _SHOWN.items():
        found = featured.measured.photos(outcome)
        if not found:
            none.append(outcome)
            continue
        few = SHOWN if outcome != "refused" else SHOWN // 2
        chosen = found[:few] if surest else [found[at] for at in _spread(len(found), few)]
        items = []
        for at in chosen:
            place = featured.measured.truth[at]
            name = "no landmark" if place is None else places[place].name if place in places else place
            good = outcome in ("right", "refused")
            items.append(answer_pictures(str(questions[at]), f"asked: {name}", featured.measured.answers[at], good))
        blocks.append(PicturePairs(tuple(items), f"{heading} ({len(chosen)} of {len(found):,})"))
    prose = [
        f"Answers of {featured.name}. Top left the photo that was asked about, then the enrolled photos that look most "
        "like it, with their distances: they show why the answer is what it is.",
    ]
    if none:
        prose.append(f"No photo was {' or '.join(none)}.")
    return Section("Accepted and rejected", tuple(prose), tuple(blocks))


def _spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` of 0 … count - 1, first and last among them."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, wanted)).tolist()})
