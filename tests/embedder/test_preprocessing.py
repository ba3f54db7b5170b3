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


def test_what_older_models_did_not_have_is_saved_only_where_it_was_chosen():
    assert "scales" not in Preprocessing().model_dump(mode="json")
    chosen = Preprocessing(scales=(1.0, 0.5))
    assert chosen.model_dump(mode="json")["scales"] == [1.0, 0.5]
    for preprocessing in (Preprocessing(), chosen):
        assert Preprocessing.model_validate(preprocessing.model_dump(mode="json")) == preprocessing


def test_sizes_at_scales():
    preprocessing = Preprocessing(image_size=(128, 96))
    assert [preprocessing.size_at(scale) for scale in (1.0, 0.7071, 1.5)] == [(128, 96), (91, 68), (192, 144)]
    assert Preprocessing(image_size=(4, 2)).size_at(0.1) == (1, 1)


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, 1.0), (5.0,), (float("nan"),), (-1.0,)])
def test_scales_that_are_none(scales):
    with pytest.raises(ValidationError, match="scales"):
        Preprocessing(scales=scales)
