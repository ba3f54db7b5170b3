"""Small pictures for a report, decoded when they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.evaluation.report.page import PICTURE_PIXELS
from lookalike.images import read_picture

__all__ = ["Thumbnails"]


class Thumbnails(Sequence[npt.NDArray[np.uint8]]):
    """Small `(h, w, 3)` uint8 pictures, decoded only when a report shows them: a million pictures stay a page.

    Args:
        paths: of the pictures.

    Raises:
        ImageError: a picture that is asked for cannot be read.

    Example:
        >>> Thumbnails([Path("ada.jpg")])[0].shape    # doctest: +SKIP
        (160, 120, 3)
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, position: Any) -> Any:
        image = Image.fromarray(read_picture(self._paths[int(position)]))
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        return np.asarray(image)
