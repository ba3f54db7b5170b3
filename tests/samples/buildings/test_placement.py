import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.samples.buildings.placement import Sight, around, direction, in_front


def sight(azimuth=30.0, away=60.0, view=45.0, clear=12.0):
    return Sight(direction(azimuth), away, float(np.tan(np.radians(view / 2))), clear)


def test_azimuths_go_clockwise_from_north():
    assert direction(0) == pytest.approx([0, 1])
    assert direction(90) == pytest.approx([1, 0])


@given(st.integers(0, 10_000), st.floats(0, 360), st.floats(30, 120))
@settings(max_examples=25, deadline=None)
def test_no_house_stands_in_the_landmark_or_hides_it(seed, azimuth, away):
    seen = sight(azimuth, away)
    for surface in around(np.random.default_rng(seed), seen):
        if not surface.material.startswith("house"):
            continue
        corners = surface.points[..., :2].reshape(-1, 2)
        assert np.hypot(*corners.T).min() > seen.clear
        along, off = corners @ seen.toward, np.abs(corners @ seen.aside)
        between = (along > seen.clear) & (along < away)
        assert (off[between] >= seen.slope * (away - along[between]) * 0.5).all()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_things_in_front_stand_between_the_camera_and_the_landmark(seed):
    seen = sight()
    for surface in in_front(np.random.default_rng(seed), seen):
        along = surface.points[..., :2].reshape(-1, 2) @ seen.toward
        assert along.max() < seen.away
        assert along.min() > 0
