"""Detectors that are kept for the process and lent to one thread at a time."""

import importlib.metadata
import threading

import numpy as np
import pytest
from PIL import Image

from lookalike.embedder.dlib_tools import _DETECTOR, borrowed_tools, dlib_model_file, load_dlib
from lookalike.errors import MissingDependencyError

dlib = pytest.importorskip("dlib", reason="the extra faces is not installed")


def found(detector, pixels):
    rectangles, scores, kinds = detector.run(pixels, 0, -0.5)
    return [(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles], list(scores), list(kinds)


def test_the_detector_in_the_file_is_the_one_that_dlib_builds(orl):
    built, read = dlib.get_frontal_face_detector(), dlib.fhog_object_detector(str(_DETECTOR))
    for path in orl.paths[::40]:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.resize((2 * picture.width, 2 * picture.height)))
        assert found(read, pixels) == found(built, pixels)


def test_tools_come_back_and_are_lent_again():
    with borrowed_tools() as first:
        pass
    with borrowed_tools() as again, borrowed_tools() as other:
        assert again.detector is first.detector
        assert other.detector is not first.detector  # it is in use
        assert other.predictor is first.predictor  # keeps no scratch space


def test_threads_that_end_take_no_tools_along():
    used = []

    def use():
        with borrowed_tools() as tools:
            used.append(tools.detector)

    for _ in range(3):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert len({id(detector) for detector in used}) == 1


def test_tools_come_back_after_an_error():
    def fail():
        with borrowed_tools() as tools:
            raise RuntimeError(str(id(tools.detector)))

    with pytest.raises(RuntimeError) as failed:
        fail()
    with borrowed_tools() as again:
        assert str(id(again.detector)) == str(failed.value)


def test_a_missing_wheel_is_named(monkeypatch):
    def absent(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lookalike\[faces\]'"):
        dlib_model_file("anything.dat")


def test_dlib_is_imported():
    assert load_dlib() is dlib
