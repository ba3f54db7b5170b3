"""Copies within rounding, against all pairs compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import VectorError
from lookalike.landmarks.near_copies import ROUNDING, copy_of


@given(seed=st.integers(0, 10_000), n=st.integers(0, 30), dimension=st.integers(1, 6), groups=st.integers(1, 3))
def test_equal_to_comparing_all_pairs(seed, n, dimension, groups):
    draw = np.random.default_rng(seed)
    originals = draw.normal(size=(5, dimension)) * 10
    noise = draw.normal(size=(n, dimension)) * 1e-8
    vectors = (originals[draw.integers(0, 5, n)] + noise).astype(np.float32)
    codes = draw.integers(0, groups, n)
    near = ROUNDING * max([float(np.linalg.norm(v)) for v in vectors], default=0)
    expected = [
        next(j for j in range(i + 1) if codes[j] == codes[i] and np.linalg.norm(vectors[i] - vectors[j]) <= near)
        for i in range(n)
    ]
    assert copy_of(vectors, codes).tolist() == expected


def test_many_copies_and_none():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(20_000, 32)).astype(np.float32)
    assert (copy_of(x) == np.arange(len(x))).all()
    assert (copy_of(np.repeat(x[:3], 200, axis=0)) == np.repeat([0, 200, 400], 200)).all()
    assert copy_of(np.zeros((3, 2), np.float32)).tolist() == [0, 0, 0]
    with pytest.raises(VectorError, match="1 groups were given for 2 vectors"):
        copy_of(np.ones((2, 2), np.float32), np.zeros(1, np.int64))
