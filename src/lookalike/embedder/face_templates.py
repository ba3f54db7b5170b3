"""Where the landmarks of a face lie in an aligned picture: ArcFace's template and dlib's, for either set of landmarks.

Detectors such as YuNet, SCRFD and RetinaFace give the centres of the eyes, the tip of the nose and the corners of the
mouth, in the order of `ARCFACE`: left in the picture first. dlib's predictor gives the four corners of the eyes and
the base of the nose, in the order of `_DLIB_MEAN`. Either is aligned to either template, because the mean place of
dlib's five points in ArcFace's template was measured.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from lookalike.embedder.similarity_transform import similarity_transform, warp
from lookalike.images import RGBArray

__all__ = ["Alignment", "LandmarkSet", "align", "template"]

Alignment = Literal["arcface-112", "dlib-150"]
LandmarkSet = Literal["arcface", "dlib"]
Points = npt.NDArray[np.float64]

#: InsightFace's template (`face_align.py`), in pixels of 112×112: eyes, tip of the nose, corners of the mouth.
_ARCFACE: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
#: dlib's five points in that template: the mean of 100 photos of LFW, aligned by MTCNN's landmarks (benchmarks/
#: hard_faces.py measures it again); one photo differs from it by 1 to 2.5 pixels (standard deviation).
_DLIB_IN_ARCFACE: Final = np.array([[78.3, 52.3], [65.2, 52.6], [31.8, 52.5], [44.9, 52.6], [54.9, 79.3]])
#: The mean shape that dlib aligns to, as shares of the face without its border (`image_transforms/interpolation.h`).
_DLIB_MEAN: Final = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
_DLIB_BORDER: Final = 0.25


def template(alignment: Alignment, landmarks: LandmarkSet, size: int) -> Points:
    """Where the five landmarks lie in an aligned face.

    Args:
        alignment: `arcface-112`, or `dlib-150`.
        landmarks: which five points: those of most detectors, or dlib's.
        size: side of the aligned face in pixels.

    Returns:
        `(5, 2)`: x and y in pixels.

    Example:
        >>> template("arcface-112", "arcface", 112)[0].tolist()
        [38.2946, 51.6963]
    """
    if alignment == "arcface-112":
        return (_ARCFACE if landmarks == "arcface" else _DLIB_IN_ARCFACE) * (size / 112)
    dlib = (_DLIB_BORDER + _DLIB_MEAN) / (1 + 2 * _DLIB_BORDER) * size
    if landmarks == "dlib":
        return dlib
    matrix = similarity_transform(_DLIB_IN_ARCFACE, dlib)
    return _ARCFACE @ matrix[:, :2].T + matrix[:, 2]


def align(
    rgb: RGBArray, points: tuple[tuple[float, float], ...], alignment: Alignment, landmarks: LandmarkSet, size: int
) -> RGBArray:
    """Cut a face out of a picture, upright, its landmarks where the template has them.

    Args:
        rgb: `(h, w, 3)` uint8.
        points: its five landmarks, x and y in pixels.
        alignment: the template.
        landmarks: which five points they are.
        size: side of the result.

    Returns:
        `(size, size, 3)` uint8.
    """
    matrix = similarity_transform(np.array(points, np.float64), template(alignment, landmarks, size))
    return warp(rgb, matrix, (size, size))
