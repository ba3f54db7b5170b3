import numpy as np
import pytest

from lookalike.samples.buildings.light import DAY_PARTS, WEATHERS, develop, draw_light
from lookalike.samples.buildings.renderer import SUPERSAMPLING, Pixels

SIZE = 32
SIDE = SIZE * SUPERSAMPLING
FOCUS = (0, 0, 10, 20)


def scene(distance=30.0):
    """Sky above; below it a white wall that looks north on its left half, south on its right."""
    shape = (SIDE, SIDE)
    normal = np.zeros((*shape, 3), np.float32)
    normal[:, : SIDE // 2, 1], normal[:, SIDE // 2 :, 1] = 1, -1
    place = np.zeros((*shape, 3), np.float32)
    place[..., 2] = 10
    sky = np.zeros(shape, bool)
    sky[: SIDE // 2] = True
    ray = np.zeros((*shape, 3), np.float32)
    ray[..., 1], ray[..., 2] = 0.8, 0.6
    far = np.full(shape, distance, np.float32)
    return Pixels(np.full((*shape, 3), 0.8, np.float32), None, place, normal, far, sky, ~sky, ray)


def wall(picture):
    values = np.asarray(picture, float)[SIZE // 2 + 1 :]
    return values[:, : SIZE // 2], values[:, SIZE // 2 :]


@pytest.mark.parametrize("part", DAY_PARTS)
@pytest.mark.parametrize("weather", WEATHERS)
def test_every_hour_and_weather_can_be_photographed(part, weather):
    rng = np.random.default_rng(1)
    light = draw_light(part, weather, rng)
    low, high = DAY_PARTS[part]
    assert low <= light.hour <= high
    assert np.linalg.norm(light.sun) == pytest.approx(1)
    assert light.sun[2] > 0
    assert (light.flood > 0) == (part == "night")
    assert (light.snow > 0) == (weather == "snow")
    picture = develop(scene(), light, FOCUS, rng)
    assert picture.size == (SIZE, SIZE)
    assert picture.mode == "RGB"
    assert 8 < np.asarray(picture).mean() < 250


def test_the_sun_rises_in_the_east_stands_in_the_south_and_sets_in_the_west():
    rng = np.random.default_rng(0)
    assert draw_light("dawn", "clear", rng).sun[0] > 0.7
    noon = draw_light("noon", "clear", rng).sun
    assert noon[1] < 0
    assert noon[2] > 0.8
    assert draw_light("dusk", "clear", rng).sun[0] < -0.7


def test_the_sunny_side_is_brighter_on_a_clear_noon_and_hardly_under_clouds():
    def contrast(weather):
        light = draw_light("noon", weather, np.random.default_rng(3))
        north, south = wall(develop(scene(), light, FOCUS, np.random.default_rng(3)))
        return south.mean() - north.mean()

    assert contrast("clear") > 15
    assert abs(contrast("overcast")) < contrast("clear") / 2


def test_what_is_far_takes_the_colour_of_fog():
    light = draw_light("noon", "fog", np.random.default_rng(4))

    def beside_the_sky(distance):
        picture = np.asarray(develop(scene(distance), light, FOCUS, np.random.default_rng(4)), float)
        return abs(picture[SIZE // 2 + 1 :].mean() - picture[: SIZE // 2 - 1].mean())

    assert beside_the_sky(2000.0) < beside_the_sky(5.0) / 2


def test_the_same_generator_takes_the_same_photo():
    light = draw_light("morning", "rain", np.random.default_rng(5))
    first, second = (develop(scene(), light, FOCUS, np.random.default_rng(6)) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
