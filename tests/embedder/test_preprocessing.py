"""Deterministic preprocessing: what the network is given."""

import numpy as np
import pytest
from pydantic import ValidationError

from lookalike.embedder import Preprocessing


def test_shape_and_dtype():
    for channels in (1, 3):
        prepared = Preprocessing(image_size=(64, 48), channels=channels).prepare(np.zeros((112, 92, 3), np.uint8))
        assert prepared.pixels.shape == (64, 48, channels)
        assert prepared.pixels.dtype == np.uint8
        assert prepared.notes == ()


def test_the_middle_is_kept_and_the_aspect_ratio_is_not_bent():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 255  # the middle square
    prepared = Preprocessing(image_size=(50, 50)).prepare(picture)
    # Antialiasing blends in one column of what lies beside.
    assert (prepared.pixels[:, 1:-1] == 255).all()
    assert (prepared.pixels > 200).all()


def test_a_picture_of_the_right_size_is_untouched():
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    assert (Preprocessing().prepare(picture).pixels == picture).all()


def test_shrinking_is_antialiased():
    stripes = np.zeros((256, 256), np.uint8)
    stripes[::2] = 255
    prepared = Preprocessing(image_size=(32, 32), channels=1).prepare(stripes)
    assert np.ptp(prepared.pixels.astype(int)) < 20  # all grey; without antialiasing it would be black or white


def test_unknown_entries_are_refused():
    with pytest.raises(ValidationError):
        Preprocessing(image_sise=(1, 1))
