"""Where the landmarks of a face lie in an aligned picture: ArcFace's template and dlib's, for either set of landmarks.

Either scheme of landmarks (`face.LandmarkScheme`) is aligned to either template, because the mean place of dlib's five
points in ArcFace's template was measured.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from lookalike.embedder.face import Face, LandmarkScheme
from lookalike.embedder.similarity_transform import similarity_transform, warp
from lookalike.images import RGBArray

__all__ = ["Alignment", "align_to_template", "template"]

Alignment = Literal["arcface-112", "dlib-150"]
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


def template(alignment: Alignment, scheme: LandmarkScheme, size: int) -> Points:
    """Where the five landmarks lie in an aligned face.

    Args:
        alignment: `arcface-112`, or `dlib-150`.
        scheme: which five points; see `LandmarkScheme`.
        size: side of the aligned face in pixels; the templates grow with it.

    Returns:
        `(5, 2)`: x and y in pixels.

    Example:
        >>> template("arcface-112", "eye-centres", 112)[0].tolist()
        [38.2946, 51.6963]
    """
    if alignment == "arcface-112":
        return (_ARCFACE if scheme == "eye-centres" else _DLIB_IN_ARCFACE) * (size / 112)
    dlib: Points = (_DLIB_BORDER + _DLIB_MEAN) / (1 + 2 * _DLIB_BORDER) * size
    if scheme == "eye-corners":
        return dlib
    matrix = similarity_transform(_DLIB_IN_ARCFACE, dlib)
    moved: Points = _ARCFACE @ matrix[:, :2].T + matrix[:, 2]
    return moved


def align_to_template(rgb: RGBArray, face: Face, alignment: Alignment, size: int) -> RGBArray:
    """Cut a face out of a picture, upright, its landmarks where the template has them.

    Args:
        rgb: `(h, w, 3)` uint8, in which the face was found.
        face: with its landmarks, of either scheme.
        alignment: the template.
        size: side of the result in pixels.

    Returns:
        `(size, size, 3)` uint8.
    """
    if alignment == "dlib-150" and face.scheme == "eye-corners":
        from lookalike.embedder.face_alignment import aligned

        return aligned(rgb, face, size)  # dlib's own code, which its network was trained with
    matrix = similarity_transform(np.array(face.landmarks, np.float64), template(alignment, face.scheme, size))
    return warp(rgb, matrix, (size, size))
