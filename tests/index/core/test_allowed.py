import numpy as np
import pytest

from lookalike.index.core.allowed import Allowed


@pytest.mark.parametrize("positions", [[], [5], [3, 1, 3], [*range(20)], [19, 0]])
def test_every_form_tells_the_same_positions(positions):
    expected = sorted(set(positions))
    mask = np.isin(np.arange(20), expected)
    for allowed in (Allowed(20, np.array(positions, np.int64)), Allowed(20, mask=mask)):
        assert allowed.count == len(expected)
        assert allowed.positions.tolist() == expected
        assert allowed.positions.dtype == np.int64
        np.testing.assert_array_equal(allowed.mask, mask)
        np.testing.assert_array_equal(np.unpackbits(allowed.bits, bitorder="little")[:20].astype(bool), mask)
        assert allowed.mask is allowed.mask
        assert allowed.bits is allowed.bits


def test_few_positions_of_many_make_no_mask():
    allowed = Allowed(10**12, np.array([7, 10**11, 7]))  # a mask would take a terabyte
    assert allowed.positions.tolist() == [7, 10**11]
    assert allowed.count == 2
