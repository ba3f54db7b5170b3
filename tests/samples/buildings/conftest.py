import numpy as np
import pytest

import lookalike.training  # noqa: F401 - its libraries bring an LLVM that crashes when it is loaded after VTK has drawn
from lookalike.samples.buildings.shapes import extent


def generators(shape, detail):
    return np.random.default_rng([1, shape]), np.random.default_rng([2, detail])


@pytest.fixture
def stands_and_varies():
    """Check one kind of building: on the ground, of a building's height, every shape and some details of its own."""

    def check(build):
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

    return check
