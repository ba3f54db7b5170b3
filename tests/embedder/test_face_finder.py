"""Faces are found by dlib, or by an ONNX file."""

import numpy as np
import pytest

from lookalike.embedder.face_finder import face_finder
from lookalike.errors import ArtefactError


def test_dlib_is_the_default():
    pytest.importorskip("dlib")
    finder = face_finder(None)
    assert finder.identity == b"dlib 5-point landmarks"
    assert finder.find_faces(np.full((60, 60, 3), 128, np.uint8)) == []


def test_a_missing_file(tmp_path):
    with pytest.raises(ArtefactError, match=r"det\.onnx does not exist"):
        face_finder(tmp_path / "det.onnx")
