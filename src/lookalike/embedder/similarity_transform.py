"""Turn a picture so that points in it come to lie where a template has them.

Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", TPAMI 13(4), 1991.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.images import RGBArray

__all__ = ["similarity_transform", "warp"]

Points = npt.NDArray[np.float64]


def similarity_transform(points: Points, template: Points) -> Points:
    """The rotation, scale and shift that bring points nearest to a template's, by least squares.

    Args:
        points: `(n, 2)`, not all at one place.
        template: `(n, 2)`, where they should come to lie.

    Returns:
        `(2, 3)`: a point `(x, y)` goes to `matrix @ (x, y, 1)`. It never mirrors.

    Example:
        >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> similarity_transform(square, 2 * square + [5, 7]).round(6)
        array([[ 2., -0.,  5.],
               [ 0.,  2.,  7.]])
    """
    centre, goal = points.mean(axis=0), template.mean(axis=0)
    left, singular, right = np.linalg.svd((template - goal).T @ (points - centre) / len(points))
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = left @ np.diag(signs) @ right
    scale = (singular @ signs) / ((points - centre) ** 2).sum(axis=1).mean()
    return np.column_stack([scale * rotation, goal - scale * rotation @ centre])


def warp(rgb: RGBArray, matrix: Points, size: tuple[int, int]) -> RGBArray:
    """The picture as `matrix` moves it, in a frame of its own; black where the picture ends.

    Coordinates are those of detectors and of OpenCV: `(0, 0)` is the centre of the first pixel. A picture that is made
    much smaller is averaged first, for bilinear interpolation alone reads four pixels of each place.

    Args:
        rgb: `(h, w, 3)` uint8.
        matrix: `(2, 3)`, from the picture to the frame, as `similarity_transform` gives it.
        size: `(height, width)` of the frame.

    Returns:
        `(height, width, 3)` uint8.
    """
    image = Image.fromarray(rgb)
    shrink = int(min(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))) + 1e-6, *image.size))
    if shrink > 1:
        image = image.reduce(shrink)
        # The centre of a pixel of the smaller picture is the mean of the centres that it averages.
        shift = (shrink - 1) / 2
        matrix = np.column_stack([shrink * matrix[:, :2], matrix @ (shift, shift, 1.0)])
    back = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))[:2]
    back[:, 2] += 0.5 - back[:, :2].sum(axis=1) / 2  # Pillow's (0, 0) is the corner of the first pixel
    height, width = size
    turned = image.transform((width, height), Image.Transform.AFFINE, tuple(back.ravel()), Image.Resampling.BILINEAR)
    return np.asarray(turned)
