"""Faces in pictures, as the service describes them; see `lookalike.embedder.face`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lookalike.service.schemas.base import Answered

__all__ = ["Box", "Detected", "DetectedPicture", "FoundFace", "Quality"]


class Box(Answered):
    """A face's place, in pixels of the upright picture; may reach over its edge."""

    left: int
    top: int
    right: int
    bottom: int


class Quality(Answered):
    """How good a picture of a face is.

    Attributes:
        sharpness: standard deviation of the Laplacian of the aligned face, in grey levels; below about 3 it is blurred.
        brightness: mean grey level, 0 to 255.
        size: pixels between the centres of the eyes.
        yaw: turn to the side in degrees.
        roll: tilt in degrees.
        score: 0 (useless) to 1 (good): how far the face's vector can be trusted.
    """

    sharpness: float
    brightness: float
    size: float
    yaw: float
    roll: float
    score: float = Field(ge=0, le=1)


class FoundFace(Answered):
    """A face that was found.

    Attributes:
        box: where it is.
        score: the detector's confidence, on its own scale.
        landmarks: five points, (x, y) in pixels.
        cut_off: whether the face reaches over the picture's edge.
        quality: None where it was not measured.
        scheme: which five points the landmarks are; see `lookalike.embedder.face.LandmarkScheme`.
    """

    box: Box
    score: float
    landmarks: list[tuple[float, float]]
    cut_off: bool
    quality: Quality | None = None
    scheme: Literal["eye-corners", "eye-centres"] = "eye-corners"


class DetectedPicture(Answered):
    """The faces of one picture, the most likely subject first; none where no face was found.

    Attributes:
        width: of the upright picture, in pixels.
        height: of the upright picture, in pixels.
        faces: found in it.
    """

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    faces: list[FoundFace]


class Detected(Answered):
    """The faces of each picture, in the order given."""

    pictures: list[DetectedPicture]
