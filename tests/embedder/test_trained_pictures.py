"""Digests of what a model was trained on: eight bytes each, read as they were written, absent in older models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.embedder import Embedder
from lookalike.embedder.digest_files import short_digests
from lookalike.embedder.trained_pictures import NAMES, PICTURES, TrainedPictures, content_digest
from lookalike.errors import ArtefactError


@given(st.lists(st.binary(max_size=40), max_size=30), st.lists(st.text(max_size=8), max_size=10))
def test_what_is_written_is_read(tmp_path_factory, contents, names):
    folder = tmp_path_factory.mktemp("model")
    made = TrainedPictures.of([content_digest(one) for one in contents], names)
    made.write(folder)
    found = TrainedPictures.read(folder)
    assert np.array_equal(found.pictures, made.pictures)
    assert np.array_equal(found.names, made.names)
    assert len(found.pictures) == len(set(contents))
    assert found.pictures.itemsize == 8
    assert found.knows_names(names).all()


def test_names_are_compared_in_canonical_form_and_pictures_by_contents(tmp_path):
    made = TrainedPictures.of([content_digest(b"one")], ["Jos\u00e9"])
    assert made.knows_names(["Jose\u0301", " Jos\u00e9 ", "Jose"]).tolist() == [True, True, False]
    for name, content in (("a.png", b"one"), ("b.png", b"two")):
        (tmp_path / name).write_bytes(content)
    assert made.knows_pictures([tmp_path / "b.png", tmp_path / "a.png"]).tolist() == [False, True]
    assert made.knows_pictures([]).shape == (0,)
    assert short_digests([]).dtype == np.uint64


def test_a_model_of_an_earlier_version_says_nothing(tmp_path, tiny_model):
    assert TrainedPictures.read(tmp_path) is None
    assert Embedder.load(tiny_model).trained_on is None


@pytest.mark.parametrize("damage", ["missing", "cut", "dtype"])
def test_damage_is_one_clear_error(tmp_path, damage):
    TrainedPictures.of([content_digest(b"a")], ["ada"]).write(tmp_path)
    if damage == "missing":
        (tmp_path / NAMES).unlink()
    elif damage == "cut":
        (tmp_path / PICTURES).write_bytes((tmp_path / PICTURES).read_bytes()[:20])
    else:
        np.save(tmp_path / PICTURES, np.ones(3))
    with pytest.raises(ArtefactError, match=r"trained_.*restore a copy"):
        TrainedPictures.read(tmp_path)
