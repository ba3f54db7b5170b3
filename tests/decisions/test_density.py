import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.decisions.density import density, density_without_itself
from lookalike.distances import pairwise
from lookalike.errors import InputError, VectorError

METRICS = ["cosine", "euclidean", "manhattan", "inner_product"]


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 6), st.sampled_from(METRICS))
def test_is_what_loops_find(seed, bank_size, k, metric):
    rng = np.random.default_rng(seed)
    bank, queries = rng.normal(size=(bank_size, 4)), rng.normal(size=(3, 4))
    found = density(queries, bank, k, metric)
    for query, value in zip(queries, found, strict=True):
        distances = sorted(float(pairwise(query[None], other[None], metric)[0, 0]) for other in bank)
        assert value == pytest.approx(-np.mean(distances[:k]), abs=1e-9)
    assert density(queries, bank[rng.permutation(bank_size)], k, metric) == pytest.approx(found, abs=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 12), st.data(), st.sampled_from(METRICS))
def test_each_is_measured_on_the_others(seed, bank_size, data, metric):
    k = data.draw(st.integers(1, bank_size - 1))
    bank = np.random.default_rng(seed).normal(size=(bank_size, 4))
    expected = [density(bank[[i]], np.delete(bank, i, axis=0), k, metric)[0] for i in range(bank_size)]
    assert density_without_itself(bank, k, metric) == pytest.approx(expected, abs=1e-9)


def test_a_photo_looks_denser_with_itself_in_the_bank():
    bank = np.random.default_rng(0).normal(size=(50, 8))
    assert (density(bank, bank) > density_without_itself(bank)).all()


def test_bad_input():
    with pytest.raises(VectorError, match="empty"):
        density([[1.0]], np.empty((0, 1)))
    with pytest.raises(VectorError, match="NaN"):
        density([[np.nan]], [[1.0]])
    with pytest.raises(InputError, match="expected 1 to 1"):
        density_without_itself([[1.0], [2.0]], k=2)
