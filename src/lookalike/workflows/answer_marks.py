"""How answers are drawn: which box, in which colour, with which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lookalike.face_drawing import Mark

if TYPE_CHECKING:
    from lookalike.answers import Identified, IdentifiedFace
    from lookalike.embedder.face import Face

__all__ = ["answer_label", "answer_marks", "answered_face_marks", "found_face_marks"]


def answer_label(answer: Identified) -> str:
    """The answer in a few words: a name, "nobody" ("no landmark"), or "perhaps" a name.

    Example:
        >>> answer_label(Identified(None, 0.8, 0.6, "given by the user", ()))
        'nobody'
    """
    if answer.decision == "unknown" or not answer.candidates:
        return "nobody" if answer.kind == "people" else "no landmark"
    name = answer.best.name if answer.best is not None else answer.candidates[0].identity
    return name if answer.decision == "match" else f"perhaps {name}"


def answer_marks(answer: Identified) -> list[Mark]:
    """The answer about one picture: the face that it is about with its name; other faces, about which none was asked.

    Where the model looks for no faces, the mark is the whole picture.
    """
    asked = answer.face
    first = Mark(None if asked is None else asked.box, answer_label(answer), answer.decision)
    return [first, *(Mark(face.box, "", "not asked") for face in answer.faces[1:])]


def answered_face_marks(faces: Sequence[IdentifiedFace]) -> list[Mark]:
    """Every face of a picture with its number, by which lists call it, and its name."""
    return [
        Mark(one.face.box, f"{number} {answer_label(one.answer)}", one.answer.decision)
        for number, one in enumerate(faces, 1)
    ]


def found_face_marks(faces: Sequence[Face]) -> list[Mark]:
    """Every face of a picture with its number and its landmarks."""
    return [Mark(face.box, str(number), "face", face.landmarks) for number, face in enumerate(faces, 1)]
