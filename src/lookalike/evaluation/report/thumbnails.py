"""Small pictures for a report, decoded when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.embedder.face import Face, FaceBox
from lookalike.evaluation.report.page import PICTURE_PIXELS
from lookalike.face_drawing import Mark, draw_marks
from lookalike.images import RGBArray, read_picture

__all__ = ["Thumbnails"]


class Thumbnails(Sequence[npt.NDArray[np.uint8]]):
    """Small `(h, w, 3)` uint8 pictures, decoded only when a report shows them: a million pictures stay a page.

    Args:
        paths: of the pictures.
        faces: finds the faces of an `(h, w, 3)` picture, the one that is compared first. Where there are several, that
            one has a blue box and the others grey ones. None: no face is looked for.

    Raises:
        ImageError: a picture that is asked for cannot be read.

    Example:
        >>> Thumbnails([Path("ada.jpg")])[0].shape    # doctest: +SKIP
        (160, 120, 3)
    """

    def __init__(self, paths: Sequence[Path], faces: Callable[[RGBArray], Sequence[Face]] | None = None) -> None:
        self._paths, self._faces = paths, faces

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, position: Any) -> Any:
        rgb = read_picture(self._paths[int(position)])
        image = Image.fromarray(rgb)
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        faces = [] if self._faces is None else self._faces(rgb)
        if len(faces) < 2:
            return np.asarray(image)
        scale = image.width / rgb.shape[1]
        compared, *others = (_scaled(face.box, scale) for face in faces)
        marks = [Mark(compared, "", "face"), *(Mark(box, "", "not asked") for box in others)]
        return np.asarray(draw_marks(np.asarray(image), marks, smallest=1))


def _scaled(box: FaceBox, scale: float) -> FaceBox:
    return FaceBox(*(round(edge * scale) for edge in (box.left, box.top, box.right, box.bottom)))
