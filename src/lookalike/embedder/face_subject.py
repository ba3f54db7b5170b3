"""Which of several faces a picture is of, where one is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lookalike.embedder.face import Face

__all__ = ["prominence", "subject_first", "subject_note"]


def prominence(face: Face, size: tuple[int, int]) -> float:
    """How likely a face is the subject of its picture: its side in pixels, less what speaks against it.

    The side of the box is multiplied by four factors:

    - whole: 0.5 where the face reaches over the picture's edge, else 1: it loses to a whole one of more than half its
      side;
    - centred: from 1 in the middle of the picture down to 0.7 in its corners;
    - sure: from 0.6 at the detector's decision boundary up to 1 at a score of 0.5 (dlib's; other detectors' scores are
      above, or between 0 and 1, and count in the same way);
    - sharp: from 0.7 where the face is blurred (sharpness 2) up to 1 where it is sharp (8). Not measured: 1.

    Args:
        face: found in the picture.
        size: (width, height) of the picture in pixels.

    Example:
        >>> from lookalike.embedder.face import FaceBox
        >>> landmarks = ((0.0, 0.0),) * 5
        >>> whole = Face(FaceBox(50, 50, 130, 130), 1.0, landmarks, cut_off=False)
        >>> cut = Face(FaceBox(-20, 50, 80, 150), 1.0, landmarks, cut_off=True)
        >>> prominence(whole, (200, 200)) > prominence(cut, (200, 200))
        True
    """
    box, (width, height) = face.box, size
    aside = math.hypot((box.left + box.right - width) / 2, (box.top + box.bottom - height) / 2)
    whole = 0.5 if face.cut_off else 1.0
    centred = 1 - 0.3 * min(1.0, aside / (math.hypot(width, height) / 2))
    sure = 0.6 + 0.4 * min(1.0, max(0.0, face.score / 0.5))
    sharp = 1.0 if face.quality is None else 0.7 + 0.3 * min(1.0, max(0.0, (face.quality.sharpness - 2) / 6))
    return math.sqrt(box.area) * whole * centred * sure * sharp


def subject_first(faces: Iterable[Face], size: tuple[int, int]) -> list[Face]:
    """Faces by falling `prominence`; `size` is (width, height) of the picture."""
    return sorted(faces, key=lambda face: (-prominence(face, size), face.box.left, face.box.top))


def subject_note(faces: Sequence[Face]) -> str:
    """What to tell the user of several faces of which the first is used: which, and why not the largest."""
    used, largest = faces[0], max(faces, key=lambda face: face.box.area)
    if largest.box.area <= used.box.area:
        return f"{len(faces)} faces were found; the largest is used ({used.box})"
    reason = "is cut off by the edge" if largest.cut_off and not used.cut_off else _drawback(largest, used)
    return f"{len(faces)} faces were found; the most likely subject is used ({used.box}; the largest {reason})"


def _drawback(largest: Face, used: Face) -> str:
    blurred = (
        largest.quality is not None
        and used.quality is not None
        and largest.quality.sharpness < 8
        and largest.quality.sharpness < 0.7 * used.quality.sharpness
    )
    if blurred:
        return "is blurred"
    return "is an uncertain detection" if largest.score < min(0.5, used.score) else "is farther from the middle"
