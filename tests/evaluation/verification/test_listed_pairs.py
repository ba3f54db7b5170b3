from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import MetricName, pairwise
from lookalike.errors import VectorError
from lookalike.evaluation.verification import listed_pairs
from lookalike.evaluation.verification.listed_pairs import pair_distances


@settings(max_examples=40)
@given(
    st.sampled_from(get_args(MetricName)),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25),
    st.integers(1, 40),
)
def test_each_is_what_the_matrix_of_all_holds(metric, pairs, block):
    x = np.random.default_rng(0).normal(size=(10, 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed_pairs, "BLOCK_NUMBERS", block)
        found = pair_distances(x, pairs, metric)
    every = pairwise(x, x, metric)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [every[a, b] for a, b in pairs], atol=1e-12)


def test_float32_and_whole_numbers_are_computed_in_float64():
    x = np.array([[1.0, 0], [1, 1e-4], [30_000, 30_001]], np.float32)
    assert pair_distances(x, [[0, 1]])[0] == pytest.approx(5e-9, rel=1e-6)
    assert pair_distances(np.array([[200], [100]], np.uint8), [[1, 0]], "manhattan").tolist() == [100]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], [[0, 1]]), "pairs name vectors 0 to 1; there are 0 to 0"),
        (([[1.0]], [[-1, 0]]), "-1 to 0"),
        (([[1.0]], [0, 0]), "shape"),
        (([[1.0]], [[0.0, 0.0]]), "integers"),
        (([[np.nan]], [[0, 0]]), "NaN"),
        (([[1.0]], [[0, 0]], "hamming"), "metric 'hamming' is unknown"),
        (([[1.0], [0.0]], [[0, 1]]), "all zeros"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(VectorError, match=message):
        pair_distances(*arguments)


def test_cosine_keeps_its_digits_in_a_narrow_cone():
    vectors = np.random.default_rng(0).normal(size=(30, 8)) + 1e6
    wide = vectors.astype(np.longdouble)
    wide /= np.sqrt((wide**2).sum(axis=1, keepdims=True))
    true = ((wide[:15] - wide[15:]) ** 2).sum(axis=1) / 2
    found = pair_distances(vectors, np.arange(30).reshape(2, 15).T)
    np.testing.assert_allclose(found, true.astype(float), rtol=1e-8)
