import numpy as np
import pytest

from lookalike.samples.buildings.shapes import extent
from lookalike.samples.buildings.surroundings import (
    car,
    footprint,
    hills,
    house,
    lamp,
    open_ground,
    person,
    sheet,
    stock,
    street_things,
    tree,
)
from lookalike.samples.buildings.textures import GROUNDS

HEIGHTS = {house: (4, 40), tree: (5, 15), car: (1, 2.5), lamp: (4, 9), person: (1.4, 2)}


@pytest.mark.parametrize("make", HEIGHTS, ids=lambda make: make.__name__)
def test_everything_is_of_ordinary_size_and_of_the_stocks_materials(make):
    rng = np.random.default_rng(0)
    for _ in range(30):
        solid = make(rng)
        low, high = extent(solid)
        assert low[2] == pytest.approx(0, abs=0.36)
        assert HEIGHTS[make][0] <= high[2] <= HEIGHTS[make][1]
        assert {surface.material for surface in solid} <= set(stock(0))
        assert footprint(solid) < 25


def test_houses_are_hardly_ever_alike():
    rng = np.random.default_rng(0)
    assert len({tuple(np.round(extent(house(rng))[1], 2)) for _ in range(50)}) == 50


@pytest.mark.parametrize("kind", [None, *GROUNDS])
def test_ground_reaches_far_and_is_flat(kind):
    solid = open_ground(np.random.default_rng(1), kind)
    low, high = extent(solid)
    assert (high - low)[:2].min() >= 2000
    assert 0 <= high[2] < 0.2
    if kind is not None:
        assert GROUNDS[int(solid[0].material.split()[1]) % len(GROUNDS)] == kind


def test_hills_ring_the_origin_without_a_gap():
    (ring,) = hills(np.random.default_rng(2), 500, 80)
    assert np.hypot(ring.points[..., 0], ring.points[..., 1]).min() == pytest.approx(500)
    np.testing.assert_allclose(ring.points[:, 1], np.roll(ring.points[:, 0], -1, axis=0), atol=1e-9)


def test_a_sheet_is_as_large_as_asked():
    (flat,) = sheet("paint", 30, 20, 0.5)
    low, high = extent((flat,))
    assert high - low == pytest.approx([30, 20, 0])


def test_what_stands_in_streets():
    assert set(street_things()) == {"tree", "car", "lamp", "person"}
