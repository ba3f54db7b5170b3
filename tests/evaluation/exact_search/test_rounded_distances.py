import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import pairwise
from lookalike.evaluation.exact_search.rounded_distances import RoundedDistances

METRICS = ("euclidean", "cosine", "inner_product", "manhattan")


def everything(distances, queries, references):
    """Rounded, exact, and the bound, of all pairs."""
    rows = np.arange(queries)
    left, error = distances.left(rows)
    positions = np.broadcast_to(np.arange(references), (queries, references))
    return distances.product(left, slice(0, references)), distances.exact(rows, positions), error


@settings(max_examples=40)
@pytest.mark.parametrize("metric", METRICS)
@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.sampled_from([1, 3, 64]),
    offset=st.sampled_from([0.0, 10.0, 1e5]),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    precision=st.sampled_from([np.float32, np.float64]),
)
def test_rounding_stays_within_its_bound(metric, seed, d, offset, scale, precision):
    rng = np.random.default_rng(seed)
    x, q = (scale * (offset + rng.standard_cauchy((n, d))) for n in (12, 7))
    rounded, exact, error = everything(RoundedDistances(q, x, metric, False, precision), 7, 12)
    assert rounded.dtype == precision
    assert (np.abs(rounded - exact) <= error[:, None]).all()


@pytest.mark.parametrize("metric", METRICS)
def test_the_bound_is_no_excuse(metric):
    """It is small beside the distances, wherever the vectors lie."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 32)) + (1000 if metric in ("euclidean", "manhattan") else 0)
    _, exact, error = everything(RoundedDistances(x, x, metric, True, np.float32), 100, 100)
    assert error.max() < 1e-3 * np.ptp(exact)


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_is_that_of_the_metric(metric):
    rng = np.random.default_rng(1)
    x, q = rng.normal(size=(50, 5)), rng.normal(size=(9, 5))
    _, exact, _ = everything(RoundedDistances(q, x, metric, False, np.float32), 9, 50)
    np.testing.assert_array_equal(np.argsort(exact, axis=1), np.argsort(pairwise(q, x, metric), axis=1))


@pytest.mark.parametrize("metric", METRICS)
def test_without_room_for_a_copy_all_is_the_same(metric, monkeypatch):
    x = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)
    whole = everything(RoundedDistances(x, x, metric, True, np.float32), 40, 40)
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", 50)
    cut = everything(RoundedDistances(x, x, metric, True, np.float32), 40, 40)
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_copies_are_equal_and_neighbours_are_not(metric):
    x = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0 + 1e-9]])
    distances = RoundedDistances(x, x, metric, True, np.float32)
    exact = distances.exact(np.array([0]), np.array([[0, 1, 2]]))
    assert exact[0, 0] == exact[0, 1]
    if metric != "inner_product":
        assert exact[0, 2] > distances.up_to(np.array([0]), exact[:, :1])[0, 0]
