"""Thumbnails are small, and read when they are shown."""

import numpy as np
import pytest
from PIL import Image

from lookalike.embedder.face import Face, FaceBox
from lookalike.errors import ImageError
from lookalike.evaluation.report.thumbnails import Thumbnails


def test_thumbnails_are_small_and_read_when_they_are_shown(people_folder, tmp_path):
    thumbnails = Thumbnails([people_folder / "s01" / "0.png", tmp_path / "none.png"])
    assert len(thumbnails) == 2
    assert thumbnails[np.int64(0)].shape == (112, 92, 3)
    with pytest.raises(ImageError):
        thumbnails[1]


def test_of_several_faces_the_compared_one_is_told_from_the_others(tmp_path):
    Image.new("L", (800, 400), 128).save(tmp_path / "a.png")
    faces = [Face(FaceBox(left, 100, left + 150, 250), 1.0, (), False) for left in (500, 100)]
    boxed = Thumbnails([tmp_path / "a.png"], lambda rgb: faces if rgb.shape == (400, 800, 3) else [])[0]
    assert boxed.shape == (80, 160, 3)
    assert tuple(boxed[20, 100]) == (0x56, 0xB4, 0xE9)
    assert tuple(boxed[20, 20]) == (0x99, 0x99, 0x99)
    one = Thumbnails([tmp_path / "a.png"], lambda rgb: faces[:1])[0]
    assert (one == 128).all()
