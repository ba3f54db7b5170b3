import numpy as np
import pytest

from lookalike.samples.buildings import other_scenes
from lookalike.samples.buildings.other_scenes import NON_LANDMARK_SCENES, photograph_other
from lookalike.samples.buildings.renderer import Renderer

SIZE = 64


@pytest.fixture(scope="module")
def renderer():
    return Renderer(SIZE)


@pytest.mark.parametrize("kind", NON_LANDMARK_SCENES)
def test_every_kind_of_scene_can_be_photographed_and_varies(renderer, kind, monkeypatch):
    monkeypatch.setattr(other_scenes, "NON_LANDMARK_SCENES", {kind: NON_LANDMARK_SCENES[kind]})
    pictures = []
    for stream, (part, weather) in enumerate([("noon", "clear"), ("night", "rain"), ("dusk", "overcast")]):
        taken = photograph_other(renderer, 0, part, weather, np.random.default_rng(stream))
        assert taken.picture.size == (SIZE, SIZE)
        assert 0 <= taken.azimuth < 360
        pictures.append(np.asarray(taken.picture, float))
    assert all(picture.std() > 1 for picture in pictures)
    assert np.abs(pictures[0] - pictures[2]).mean() > 3


def test_the_same_stream_takes_the_same_photo(renderer):
    first, second = (photograph_other(renderer, 0, "noon", "snow", np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(first.picture), np.asarray(second.picture))


def test_many_of_them_are_buildings_and_none_of_them_a_landmark():
    shares = {name: share for name, (share, _) in NON_LANDMARK_SCENES.items()}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["ordinary building"] + shares["nameless monument"] + shares["street"] > 0.5
