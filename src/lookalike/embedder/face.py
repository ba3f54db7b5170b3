"""What a face in a picture is: where it is, how sure its detector is, its landmarks, and how good a picture it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Face", "FaceBox", "FaceQuality", "LandmarkScheme", "Point"]

#: (x, y) in pixels of the picture.
Point = tuple[float, float]
#: Which five points a detector gives. `eye-corners`: outer and inner corner of the eye at the picture's right, outer
#: and inner corner of the other, base of the nose (dlib). `eye-centres`: eye at the picture's left, the other, tip of
#: the nose, corners of the mouth from left to right (RetinaFace, SCRFD; what ArcFace's alignment expects).
LandmarkScheme = Literal["eye-corners", "eye-centres"]

#: A face is cut off where more than this share of a side of its box lies beyond the picture's edge.
_BEYOND = 0.04


@dataclass(frozen=True)
class FaceBox:
    """A found face, in pixels of the picture; may reach over its edge."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """Square pixels."""
        return self.width * self.height

    def shared_area(self, other: FaceBox) -> int:
        """Square pixels that lie in both."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, width) * max(0, height)

    def is_cut_off(self, width: int, height: int) -> bool:
        """Whether more than 4% of a side lie beyond the edge of a picture of this size."""
        beyond = max(-self.left, self.right - width, -self.top, self.bottom - height)
        return beyond > _BEYOND * self.width

    def __str__(self) -> str:
        return f"{self.width}×{self.height} pixels at {self.left},{self.top}"


@dataclass(frozen=True)
class FaceQuality:
    """How good a picture of a face is: measured numbers, and one score made of them (`face_quality`).

    Attributes:
        sharpness: standard deviation of the Laplacian of the aligned face at 96 pixels, in grey levels: 10 in a good
            photo, below about 3 it is blurred or was enlarged from few pixels.
        brightness: mean grey level of the aligned face, 0 to 255.
        size: pixels between the centres of the eyes, in the picture.
        yaw: turn to the side in degrees, roughly estimated from the landmarks; positive: towards the picture's right.
        roll: tilt of the line between the eyes in degrees; positive: clockwise.
        score: 0 (useless) to 1 (good): how far the face's vector can be trusted; see `measured_quality`.
    """

    sharpness: float
    brightness: float
    size: float
    yaw: float
    roll: float
    score: float


@dataclass(frozen=True)
class Face:
    """A face that a detector found in a picture.

    Attributes:
        box: the detector's box.
        score: the detector's own confidence, on its own scale (dlib: distance from the decision boundary, above 0).
        landmarks: five points.
        cut_off: the face reaches over the picture's edge.
        quality: measured on the picture, or None where it was not.
        scheme: which five points the landmarks are.

    Example:
        >>> face = Face(FaceBox(0, 0, 80, 80), 1.2, ((58, 30), (50, 30), (22, 30), (30, 30), (40, 50)), False)
        >>> face.eyes
        ((26.0, 30.0), (54.0, 30.0))
    """

    box: FaceBox
    score: float
    landmarks: tuple[Point, ...]
    cut_off: bool
    quality: FaceQuality | None = None
    scheme: LandmarkScheme = "eye-corners"

    @property
    def eyes(self) -> tuple[Point, Point]:
        """Centres of the eyes, first the one at the picture's left."""
        if self.scheme == "eye-centres":
            return self.landmarks[0], self.landmarks[1]
        right_outer, right_inner, left_outer, left_inner, _ = self.landmarks
        return _middle(left_outer, left_inner), _middle(right_outer, right_inner)

    @property
    def nose(self) -> Point:
        """Base of the nose (`eye-corners`), or its tip (`eye-centres`)."""
        return self.landmarks[2 if self.scheme == "eye-centres" else 4]


def _middle(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
