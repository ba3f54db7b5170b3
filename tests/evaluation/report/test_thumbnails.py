"""Thumbnails are small, and read when they are shown."""

import numpy as np
import pytest

from lookalike.errors import ImageError
from lookalike.evaluation.report.thumbnails import Thumbnails


def test_thumbnails_are_small_and_read_when_they_are_shown(people_folder, tmp_path):
    thumbnails = Thumbnails([people_folder / "s01" / "0.png", tmp_path / "none.png"])
    assert len(thumbnails) == 2
    assert thumbnails[np.int64(0)].shape == (112, 92, 3)
    with pytest.raises(ImageError):
        thumbnails[1]
