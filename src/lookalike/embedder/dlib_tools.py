"""dlib, its model files, and its detectors, kept for the life of the process and lent to one thread at a time."""

from __future__ import annotations

import copy
import importlib.metadata
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.errors import MissingDependencyError

__all__ = ["FaceTools", "borrowed_tools", "dlib_model_file", "load_dlib"]

#: `dlib.get_frontal_face_detector().save(...)`; Boost Software License, beside it.
_DETECTOR = Path(__file__).with_name("frontal_face_detector.svm")


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


@dataclass(frozen=True)
class FaceTools:
    """What finds faces and their landmarks. The detector keeps scratch space, so one thread uses it at a time."""

    detector: Any
    predictor: Any


# Reading a predictor takes 0.1 s, and it keeps no scratch space: there is one. Copying a detector takes 3 ms: every
# thread that needs one while the others are in use gets a copy.
_building = threading.Lock()
_idle: deque[FaceTools] = deque()
_first: list[FaceTools] = []


def _detector(dlib: Any) -> Any:
    """The frontal face detector of dlib, from a file that dlib wrote: it takes 2 ms to read, and 0.6 s to build."""
    try:
        return dlib.fhog_object_detector(str(_DETECTOR))
    except RuntimeError:  # a dlib of the future may write detectors otherwise; the one that it builds is the same
        return dlib.get_frontal_face_detector()


def _more_tools() -> FaceTools:
    with _building:
        if not _first:
            dlib = load_dlib()
            predictor = dlib.shape_predictor(dlib_model_file("shape_predictor_5_face_landmarks.dat"))
            _first.append(FaceTools(_detector(dlib), predictor))
        return FaceTools(copy.copy(_first[0].detector), _first[0].predictor)


@contextmanager
def borrowed_tools() -> Iterator[FaceTools]:
    """Lend a detector and a predictor that nobody else uses meanwhile.

    As many are kept as were ever in use at once, whatever threads used them: a thread pool that ends takes none along.

    Raises:
        MissingDependencyError: dlib or its model files are not installed.

    Example:
        >>> with borrowed_tools() as tools:    # doctest: +SKIP
        ...     rectangles, scores, _ = tools.detector.run(rgb, 0, 0.0)
    """
    try:
        tools = _idle.pop()
    except IndexError:
        tools = _more_tools()
    try:
        yield tools
    finally:
        _idle.append(tools)
