import numpy as np
import pytest

from lookalike.samples.buildings.building_parts import around, column, corners, dome, repeat, roof_over, square_tower
from lookalike.samples.buildings.shapes import box, extent, move

POST = box(1, 1, 0, 2, "wall")


def test_rows_rings_and_corners_hold_their_copies():
    assert len(repeat(3, lambda i: move(POST, i))) == 3 * len(POST)
    low, high = extent(around(4, 10, POST))
    assert high == pytest.approx([10.5, 10.5, 2])
    assert low == pytest.approx([-10.5, -10.5, 0])
    low, high = extent(corners(6, 8, POST))
    assert high - low == pytest.approx([7, 9, 2])


def test_a_column_stands_between_its_heights():
    low, high = extent(column(0.5, 1, 7))
    assert (low[2], high[2]) == pytest.approx((1, 7))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("tall", [False, True])
def test_roofs_domes_and_towers_rise_from_where_they_are_put(seed, tall):
    detail = np.random.default_rng(seed)
    for solid, foot in (
        (roof_over(8, 6, 10, detail, tall), 10),
        (dome(4, 10, detail), 10),
        (square_tower(5, 20, detail), 0),
    ):
        low, high = extent(solid)
        assert np.isfinite([low, high]).all()
        assert foot - 3 <= low[2] <= foot + 0.01
        assert high[2] > foot
