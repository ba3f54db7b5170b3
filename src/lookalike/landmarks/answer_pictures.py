"""Answers as pictures: a photo that was asked about, beside the enrolled photos that decided what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.answers import Identified
from lookalike.errors import ImageError, InputError
from lookalike.evaluation.report.page import PicturePair, data_uri
from lookalike.images import read_picture

__all__ = ["AnswerPictures", "answer_pictures", "pictures_that_are_left"]

Picture = npt.NDArray[np.uint8]


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
    asked: Picture | Path, name: str, answer: Identified, good: bool | None, verdict: str = ""
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
    return _beside(asked, name, answer, examples, good, verdict)


def pictures_that_are_left(
    asked: Picture | Path, name: str, answer: Identified, good: bool | None
) -> tuple[AnswerPictures | None, int]:
    """As `answer_pictures`, without those enrolled photos that were moved or damaged since.

    Returns:
        None where no enrolled photo is left, and how many of them are gone.

    Raises:
        ImageError: the photo that was asked about cannot be read.
    """
    best = answer.best
    if best is None:
        return None, 0
    examples = []
    for one in best.photos:
        try:
            examples.append((read_picture(one.source), f"{best.name}, {one.distance:.2f}"))
        except ImageError:
            continue
    gone = len(best.photos) - len(examples)
    return (_beside(asked, name, answer, examples, good) if examples else None), gone


def _beside(
    asked: Picture | Path,
    name: str,
    answer: Identified,
    examples: list[tuple[Picture, str]],
    good: bool | None,
    verdict: str = "",
) -> AnswerPictures:
    return AnswerPictures(
        left=read_picture(asked) if isinstance(asked, Path) else asked,
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
