"""What finds the faces for an ONNX model: dlib's detector, or another ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lookalike.embedder.face import Face
from lookalike.images import RGBArray

__all__ = ["DlibFinder", "FaceFinder", "face_finder"]


class FaceFinder(Protocol):
    """Finds faces in a picture.

    Attributes:
        identity: bytes that differ between finders, for the fingerprint of a model that aligns faces by one.
    """

    identity: bytes

    def find_faces(self, rgb: RGBArray, smallest: int = 0) -> list[Face]:
        """All faces of at least `smallest` pixels in a `(h, w, 3)` uint8 picture, the most likely subject first."""
        ...

    def find_subject(self, rgb: RGBArray) -> list[Face]:
        """As `find_faces`, where only the first is wanted."""
        ...


class DlibFinder:
    """dlib's detector and 5-point landmarks, as `face_detection` has them."""

    identity = b"dlib 5-point landmarks"

    def find_faces(self, rgb: RGBArray, smallest: int = 0) -> list[Face]:
        """See `face_detection.find_faces`."""
        from lookalike.embedder.face_detection import find_faces

        return find_faces(rgb, smallest)

    def find_subject(self, rgb: RGBArray) -> list[Face]:
        """See `face_detection.find_subject`."""
        from lookalike.embedder.face_detection import find_subject

        return find_subject(rgb)


def face_finder(detector: str | Path | None, device: str = "auto") -> FaceFinder:
    """The finder of a name.

    Args:
        detector: an ONNX file; None for dlib's.
        device: where an ONNX file runs; see `LoadOptions`.

    Raises:
        ArtefactError: the file is missing or damaged.
        InputError: it is no detector that is known.
        MissingDependencyError: dlib or onnxruntime is not installed.

    Example:
        >>> face_finder(None).identity    # doctest: +SKIP
        b'dlib 5-point landmarks'
    """
    if detector is None:
        from lookalike.embedder.dlib_tools import load_dlib

        load_dlib()  # said now, not at the first picture
        return DlibFinder()
    from lookalike.embedder.onnx_detector import OnnxDetector

    return OnnxDetector(Path(detector), device)
