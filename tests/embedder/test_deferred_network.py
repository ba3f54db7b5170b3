"""A network that is built when it is needed: the same answers as `Embedder.load`, and refusals before that."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.embedder.deferred_network import DeferredNetwork
from lookalike.errors import ImageError, InputError


@pytest.fixture
def deferred(tiny_model):
    """The embedder, and how often its network was loaded."""
    loads = []

    def load():
        loads.append(1)
        return Embedder.load(tiny_model)

    return DeferredNetwork(tiny_model, load), loads


def test_it_is_the_model_and_embeds_as_it_does(deferred, tiny_model, people_folder):
    embedder, loads = deferred
    loaded = Embedder.load(tiny_model)
    for fact in ("name", "fingerprint", "metric", "dimension", "calibration", "finds_faces", "preprocessing"):
        assert getattr(embedder, fact) == getattr(loaded, fact)
    assert embedder.threshold() == loaded.threshold()
    assert loads == []
    pictures = sorted((people_folder / "s01").iterdir())
    assert np.array_equal(embedder.embed(pictures), loaded.embed(pictures))
    embedder.embed(pictures)
    assert loads == [1]


def test_what_is_no_picture_is_refused_without_the_network(deferred, bad_picture, tmp_path):
    embedder, loads = deferred
    with pytest.raises(ImageError, match="damaged or truncated"):
        embedder.embed([bad_picture("truncated", tmp_path / "x.png")])
    assert loads == []


def test_what_it_is_told_of_crops_goes_for_it_alone(tiny_model):
    assert not DeferredNetwork(tiny_model, lambda: Embedder.load(tiny_model)).preprocessing.cropped
    assert DeferredNetwork(tiny_model, lambda: Embedder.load(tiny_model), cropped=True).preprocessing.cropped


def test_it_looks_for_faces_where_the_model_does(deferred, people_folder):
    embedder, _ = deferred
    for ask in (embedder.faces, embedder.prepare_faces):
        with pytest.raises(InputError, match="looks for no faces"):
            ask(people_folder / "s01" / "0.png")
