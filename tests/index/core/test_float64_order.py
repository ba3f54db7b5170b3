"""The bounds on float32's rounding hold for what faiss computes; the second look is right in any blocks."""

import faiss
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lookalike.index.core import float64_order
from lookalike.index.core.float64_order import (
    exact_values,
    in_order,
    least_of_expanded_squares,
    least_of_sums,
    most_of_products,
    nearest_in_float64,
    squared_lengths,
)

METRICS = ["cosine", "euclidean", "inner_product", "manhattan"]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 32, 257]),
    st.sampled_from([0.0, 1.0, 1e3, 1e6]),
    st.sampled_from([1e-20, 1e-10, 1.0, 1e10]),
    st.sampled_from([4, 30]),
)
def test_nothing_is_nearer_than_its_float32_distance_less_the_bound(seed, d, shift, scale, count):
    rng = np.random.default_rng(seed)
    vectors, queries = (((rng.standard_normal((n, d)) + shift) * scale).astype(np.float32) for n in (60, count))
    longest = float(np.sqrt(squared_lengths(vectors).max()))
    assume(longest < 1e17)
    x, y = queries.astype(np.longdouble)[:, None], vectors.astype(np.longdouble)[None]
    squares = squared_lengths(queries)[:, None]

    def rough(metric):
        index = faiss.IndexFlat(d, metric)
        index.add(vectors)
        values, positions = index.search(queries, 60)
        return np.take_along_axis(values, np.argsort(positions, axis=1), 1).astype(np.float64)

    assert (least_of_sums(rough(faiss.METRIC_L1), d) <= np.abs(x - y).sum(axis=2)).all()
    product = most_of_products(rough(faiss.METRIC_INNER_PRODUCT), d, squares, longest)
    assert (product >= (x * y).sum(axis=2)).all()
    found, true = rough(faiss.METRIC_L2), ((x - y) ** 2).sum(axis=2)
    if count < faiss.cvar.distance_compute_blas_threshold:
        assert (least_of_sums(found, d) <= true).all()
    else:
        assert (least_of_expanded_squares(found, d, squares, longest) <= true).all()


@pytest.mark.parametrize("metric", METRICS)
def test_values_are_the_definition_in_whatever_parts(metric, monkeypatch):
    rng = np.random.default_rng(0)
    vectors, queries = rng.standard_normal((50, 9)).astype("f"), rng.standard_normal((7, 9)).astype("f")
    positions = rng.integers(0, 50, (7, 11))
    x, y = queries.astype(float)[:, None], vectors.astype(float)[positions]
    expected = {
        "inner_product": -(x * y).sum(axis=2),
        "manhattan": np.abs(x - y).sum(axis=2),
    }.get(metric, ((x - y) ** 2).sum(axis=2))
    whole = exact_values(queries, vectors, positions, metric)
    np.testing.assert_allclose(whole, expected, rtol=1e-12)
    for numbers in (1, 30):
        monkeypatch.setattr(float64_order, "_NUMBERS", numbers)
        monkeypatch.setattr(float64_order, "_LARGEST", numbers)
        assert (exact_values(queries, vectors, positions, metric) == whole).all()


@pytest.mark.parametrize("metric", METRICS)
def test_float64_search_is_the_head_of_the_full_sort_in_whatever_blocks(metric, monkeypatch):
    rng = np.random.default_rng(1)
    vectors, queries = (rng.standard_normal((70, 5)) + 100).astype("f"), (rng.standard_normal((6, 5)) + 100).astype("f")
    vectors[40:] = vectors[:30]
    every = np.tile(np.arange(70), (6, 1))
    expected = in_order(exact_values(queries, vectors, every, metric), every, 20)
    for rows in (7, 30, 1000):
        monkeypatch.setattr(float64_order, "_ROWS", rows)
        values, positions = nearest_in_float64(queries, vectors, 20, metric)
        assert (positions == expected[1]).all()
        assert (values == expected[0]).all()


def test_equal_values_come_in_order_of_position():
    values, positions = np.array([[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]]), np.array([[0, 9, 4], [5, 3, 4]])
    for rows in (slice(0, 1), slice(0, 2)):
        found = in_order(values[rows], positions[rows], 2)
        assert found[1].tolist() == [[4, 9], [3, 4]][rows]
