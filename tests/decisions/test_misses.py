"""The curve of misses."""

import pytest

from lookalike.decisions.misses import MissCurve


def test_misses_between_and_beyond():
    misses = MissCurve(distances=(0.2, 0.4), fnmr=(0.8, 0.2), low=(0.7, 0.1), high=(0.9, 0.3))
    assert misses.at(0.3) == pytest.approx((0.5, 0.4, 0.6))
    assert misses.at(0.1) == (1.0, 0.7, 1.0)
    assert misses.at(9.0) == (0.2, 0.1, 0.3)
    with pytest.raises(ValueError, match="differ in length"):
        MissCurve(distances=(0.2,), fnmr=(0.8,), low=(), high=(0.9,))
