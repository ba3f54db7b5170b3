"""Find the faces in a photograph: dlib's detector and 5-point landmarks.

Detector: histogram of oriented gradients (Dalal & Triggs 2005; King, "Max-Margin Object Detection", 2015). Landmarks:
regression trees (Kazemi & Sullivan, "One Millisecond Face Alignment", CVPR 2014).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from lookalike.embedder.dlib_tools import FaceTools, borrowed_tools, load_dlib
from lookalike.embedder.face import Face, FaceBox, FaceQuality, LandmarkScheme
from lookalike.embedder.face_quality import measured_quality
from lookalike.images import RGBArray

__all__ = ["Face", "FaceBox", "FaceQuality", "LandmarkScheme", "face_in_box", "find_faces"]

#: Settings of the detector, tried in order until a face is found: (border as a share of the long side, largest
#: enlargement, largest long side in pixels). The second finds small faces and those that touch the edge.
_DETECTOR_PASSES = ((0.0, 2.0, 1200), (0.25, 4.0, 1600))


def find_faces(rgb: RGBArray) -> list[Face]:
    """All faces of at least about 40 pixels in a `(h, w, 3)` uint8 picture, the most likely subject first.

    Example:
        >>> [str(face.box) for face in find_faces(read_picture("photo.jpg"))]    # doctest: +SKIP
        ['120×120 pixels at 40,52']
    """
    with borrowed_tools() as tools:
        found = [face_in_box(rgb, box, score, tools) for box, score in _found_boxes(rgb, tools.detector)]
    return sorted(found, key=lambda face: (-face.box.area, face.box.left, face.box.top))


def face_in_box(rgb: RGBArray, box: FaceBox, score: float, tools: FaceTools) -> Face:
    """The face in a box: its landmarks and quality."""
    rectangle = load_dlib().rectangle(box.left, box.top, box.right, box.bottom)
    points = tuple((float(point.x), float(point.y)) for point in tools.predictor(rgb, rectangle).parts())
    height, width = rgb.shape[:2]
    cut_off = box.left < 0 or box.top < 0 or box.right > width or box.bottom > height
    face = Face(box, score, points, cut_off)
    return replace(face, quality=measured_quality(rgb, face))


def _found_boxes(rgb: RGBArray, detector: Any) -> list[tuple[FaceBox, float]]:
    height, width = rgb.shape[:2]
    for border, enlarge, longest in _DETECTOR_PASSES:
        margin = round(border * max(height, width))
        padded = np.pad(rgb, ((margin, margin), (margin, margin), (0, 0)), mode="edge") if margin else rgb
        scale = min(enlarge, longest / max(padded.shape[:2]))
        size = (max(1, round(padded.shape[1] * scale)), max(1, round(padded.shape[0] * scale)))
        resized = np.array(Image.fromarray(padded).resize(size, Image.Resampling.BICUBIC))
        rectangles, scores, _ = detector.run(resized, 0, 0.0)
        if rectangles:
            boxes = [
                FaceBox(*(round(edge / scale) - margin for edge in (r.left(), r.top(), r.right(), r.bottom())))
                for r in rectangles
            ]
            return list(zip(boxes, scores, strict=True))
    return []
