"""How good a picture of a face is: sharpness, brightness, size, pose. Each a measured number; one score of them all."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.embedder.face import Face, FaceQuality
from lookalike.images import RGBArray

__all__ = ["measured_quality"]

#: Side in pixels of the aligned face that sharpness and brightness are measured on.
_SIDE = 96
#: How far the base and the tip of the nose lie before the eyes, as shares of the distance between these.
_NOSE_DEPTH = {"eye-corners": 0.4, "eye-centres": 0.6}


def measured_quality(rgb: RGBArray, face: Face) -> FaceQuality:
    """Measure a face in the `(h, w, 3)` uint8 picture in which it was found.

    Its score is the root of a product of four shares: sharpness from 1.5 to 10, size from 5 to 40, brightness from 5 to
    50, and the turn to the side from 60 to 20 degrees. It orders pictures by how far a vector can be trusted. Photos of
    Labeled Faces in the Wild were blurred, shrunk and darkened; dlib's vectors (threshold 0.6) then lay this far from
    those of the originals, in the median: 0.45 at scores below 0.1, 0.36 up to 0.25, 0.23 up to 0.5, 0.14 up to 0.75.
    So faces below 0.25 are poor ones to enroll, and an answer about one is to be doubted.

    Example:
        >>> faces = Embedder.load("dlib").faces("group.jpg")    # doctest: +SKIP
        >>> good = [face for face in faces if face.quality.score >= 0.25]    # doctest: +SKIP
    """
    (left_x, left_y), (right_x, right_y) = face.eyes
    size = math.hypot(right_x - left_x, right_y - left_y)
    roll = math.degrees(math.atan2(right_y - left_y, right_x - left_x))
    grey = _aligned_grey(rgb, face, size, roll)
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    sharpness, brightness, yaw = float(laplacian.std()), float(grey.mean()), _yaw(face, size, roll)
    useful = (_ramp(sharpness, 1.5, 10), _ramp(size, 5, 40), _ramp(brightness, 5, 50), _ramp(60 - abs(yaw), 0, 40))
    score = math.sqrt(math.prod(useful))
    return FaceQuality(sharpness, brightness, size, yaw, roll, score)


def _aligned_grey(rgb: RGBArray, face: Face, size: float, roll: float) -> npt.NDArray[np.float32]:
    """The face upright in a square whose side is 2.4 times the distance of the eyes, as grey levels."""
    (left_x, left_y), (right_x, right_y) = face.eyes
    reach = round(4 * max(size, 1.0)) + 2
    height, width = rgb.shape[:2]
    left = min(max(0, round(min(left_x, right_x)) - reach), width - 1)
    top = min(max(0, round(min(left_y, right_y)) - reach), height - 1)
    bottom = max(top + 1, round(max(left_y, right_y)) + reach)
    right = max(left + 1, round(max(left_x, right_x)) + reach)
    scale = 2.4 * max(size, 1.0) / _SIDE
    reduced = max(1, int(scale))  # averaged before it is read at single points, which alone would invent detail
    near = Image.fromarray(rgb[top:bottom, left:right]).convert("L").reduce(reduced)
    cos, sin = scale / reduced * math.cos(math.radians(roll)), scale / reduced * math.sin(math.radians(roll))
    middle_x, middle_y = ((left_x + right_x) / 2 - left) / reduced, ((left_y + right_y) / 2 - top) / reduced
    across, down = _SIDE / 2, _SIDE * 0.38  # where the middle between the eyes comes to lie
    matrix = (cos, -sin, middle_x - cos * across + sin * down, sin, cos, middle_y - sin * across - cos * down)
    turned = near.transform((_SIDE, _SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32)


def _yaw(face: Face, size: float, roll: float) -> float:
    """Degrees, from how far the nose lies beside the middle between the eyes, along their line.

    On a head turned by a, a point at depth d before the eyes moves aside by d sin(a), while the eyes come nearer by
    cos(a). Depths are those of an average head: an estimate, good to some ten degrees.
    """
    (left_x, left_y), (right_x, right_y) = face.eyes
    nose_x, nose_y = face.nose
    angle = math.radians(roll)
    aside = (nose_x - (left_x + right_x) / 2) * math.cos(angle) + (nose_y - (left_y + right_y) / 2) * math.sin(angle)
    return math.degrees(math.atan2(aside / max(size, 1.0), _NOSE_DEPTH[face.scheme]))


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
