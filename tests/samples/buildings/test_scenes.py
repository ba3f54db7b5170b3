import numpy as np
import pytest

from lookalike.samples.buildings.renderer import Renderer
from lookalike.samples.buildings.scenes import photograph_landmark

SIZE = 64


@pytest.fixture(scope="module")
def renderer():
    return Renderer(SIZE)


def take(renderer, seed=0, number=2, azimuth=75.0, part="noon", weather="clear", stream=1):
    return photograph_landmark(
        renderer, seed, number, azimuth, part=part, weather=weather, rng=np.random.default_rng(stream)
    )


def test_a_photo_tells_how_it_was_taken(renderer):
    taken = take(renderer)
    assert taken.picture.size == (SIZE, SIZE)
    assert taken.azimuth == 75.0
    assert taken.weather == "clear"
    assert 11.5 <= taken.hour <= 13.5
    assert taken.distance > 10
    assert 0 < taken.elevation < 60


def test_the_same_stream_takes_the_same_photo_and_another_another(renderer):
    first, second, third = take(renderer), take(renderer), take(renderer, stream=2)
    np.testing.assert_array_equal(np.asarray(first.picture), np.asarray(second.picture))
    assert (np.asarray(first.picture) != np.asarray(third.picture)).any()


@pytest.mark.parametrize("number", range(0, 24, 3))
def test_every_photo_shows_something(renderer, number):
    for part, weather in (("night", "clear"), ("morning", "snow")):
        picture = np.asarray(take(renderer, number=number, part=part, weather=weather).picture, float)
        assert picture.std() > 4
        assert 10 < picture.mean() < 245
