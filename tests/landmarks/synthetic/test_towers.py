import numpy as np
import pytest

from lookalike.landmarks.synthetic import towers
from lookalike.landmarks.synthetic.shapes import extent


def generators(shape, detail):
    return np.random.default_rng([1, shape]), np.random.default_rng([2, detail])


@pytest.mark.parametrize("kind", sorted(set(towers.__all__)))
def test_every_kind_stands_on_the_ground_and_its_details_vary(kind):
    build = getattr(towers, kind)
    drawn = set()
    for number in range(8):
        solid = build(*generators(number, number))
        low, high = extent(solid)
        assert np.isfinite([low, high]).all()
        assert -1 <= low[2] <= 1.5
        assert 8 <= high[2] <= 140
        assert all(np.isfinite(surface.uv).all() for surface in solid)
        drawn.add(tuple(np.round(high, 3)))
    assert len(drawn) == 8
    looks = {b"".join(s.points.tobytes() for s in build(*generators(0, n))) for n in range(8)}
    assert len(looks) >= 2  # of one massing
