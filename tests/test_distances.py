"""Every distance against a slow loop, and what must hold for any input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance as scipy_distance
from sklearn.covariance import LedoitWolf

from lookalike import distances
from lookalike.distances import (
    Covariance,
    cosine,
    inner_product,
    mahalanobis,
    minkowski,
    nearest,
    pairwise,
    squared_differences,
    unit_length,
)
from lookalike.errors import VectorError

ORDERS = [1, 1.5, 2, 3, math.inf]
METRICS = ["euclidean", "cosine", "inner_product", "manhattan"]
quick = settings(max_examples=50, deadline=None)


def loop(x, y, of):
    return np.array([[of(a, b) for b in y.tolist()] for a in x.tolist()]).reshape(len(x), len(y))


def minkowski_oracle(p):
    def of(a, b):
        gaps = [abs(u - v) for u, v in zip(a, b, strict=True)]
        return max(gaps) if p == math.inf else math.fsum(g**p for g in gaps) ** (1 / p)

    return of


def dot(a, b):
    return math.fsum(u * v for u, v in zip(a, b, strict=True))


def cosine_oracle(a, b):
    return 1 - dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


ORACLES = {
    "euclidean": minkowski_oracle(2),
    "manhattan": minkowski_oracle(1),
    "cosine": cosine_oracle,
    "inner_product": lambda a, b: -dot(a, b),
}


def spd(rng, d):
    a = rng.normal(size=(d, d + 3))
    return a @ a.T + 0.1 * np.eye(d)


@pytest.fixture
def xy():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 6)), rng.normal(size=(7, 6)) * 3


def vectors(rows, columns=3, bound=1e3):
    # Multiples of 1/1024: differences are exact, and none is so small that its p-th power vanishes.
    numbers = st.integers(-int(bound) * 1024, int(bound) * 1024).map(lambda i: i / 1024)
    return arrays(np.float64, (rows, columns), elements=numbers)


# Against the definition


@pytest.mark.parametrize("p", ORDERS)
def test_minkowski_is_its_definition(xy, p):
    np.testing.assert_allclose(minkowski(*xy, p=p), loop(*xy, minkowski_oracle(p)), rtol=1e-12)


@pytest.mark.parametrize(("p", "name"), [(1, "cityblock"), (2, "euclidean"), (math.inf, "chebyshev")])
def test_minkowski_of_known_orders_is_scipys(xy, p, name):
    np.testing.assert_allclose(minkowski(*xy, p=p), scipy_distance.cdist(*xy, name), rtol=1e-12)


def test_cosine_is_its_definition_and_scipys(xy):
    np.testing.assert_allclose(cosine(*xy), loop(*xy, cosine_oracle), rtol=1e-12)
    np.testing.assert_allclose(cosine(*xy), scipy_distance.cdist(*xy, "cosine"), rtol=1e-12)


def test_inner_product_is_its_definition(xy):
    np.testing.assert_allclose(inner_product(*xy), -(xy[0] @ xy[1].T), rtol=1e-12)


def test_mahalanobis_is_its_definition_and_scipys(xy):
    c = spd(np.random.default_rng(1), 6)
    inverse = np.linalg.inv(c)
    expected = np.array([[math.sqrt((a - b) @ inverse @ (a - b)) for b in xy[1]] for a in xy[0]])
    np.testing.assert_allclose(mahalanobis(*xy, c), expected, rtol=1e-9)
    np.testing.assert_allclose(mahalanobis(*xy, Covariance(c)), expected, rtol=1e-9)
    np.testing.assert_allclose(mahalanobis(*xy, c), scipy_distance.cdist(*xy, "mahalanobis", VI=inverse), rtol=1e-9)


def test_mahalanobis_under_the_identity_is_euclidean(xy):
    np.testing.assert_allclose(mahalanobis(*xy, np.eye(6)), minkowski(*xy), rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_pairwise_finds_each_metric_by_name(xy, metric):
    np.testing.assert_allclose(pairwise(*xy, metric), loop(*xy, ORACLES[metric]), rtol=1e-12)


# NumPy and torch


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_give_what_arrays_give_and_keep_their_dtype(xy, metric, dtype):
    x, y = (a.astype(dtype) for a in xy)
    array, tensor = pairwise(x, y, metric), pairwise(torch.from_numpy(x), torch.from_numpy(y), metric)
    assert array.dtype == dtype
    assert tensor.numpy().dtype == dtype
    np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-12 if dtype == np.float64 else 1e-5, atol=1e-6)


@pytest.mark.parametrize("p", ORDERS)
def test_minkowski_of_tensors(xy, p):
    np.testing.assert_allclose(minkowski(*map(torch.from_numpy, xy), p=p), minkowski(*xy, p=p), rtol=1e-12)


def test_mahalanobis_of_tensors(xy):
    c = spd(np.random.default_rng(1), 6)
    np.testing.assert_allclose(mahalanobis(*map(torch.from_numpy, xy), c), mahalanobis(*xy, c), rtol=1e-9)


def test_integers_are_computed_in_float64():
    x = [[2**40, 1]]
    for found in (minkowski(x, [[2**40, 0]]), minkowski(torch.tensor(x), torch.tensor([[2**40, 0]]))):
        assert found.item() == 1.0
    found = cosine(torch.tensor([[1, 0]]), torch.tensor([[0, 1]]))
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(1.0, rel=1e-15)


def test_tensors_of_two_precisions_meet_in_the_wider(xy):
    x, y = map(torch.from_numpy, xy)
    assert minkowski(x.float(), y).dtype == torch.float64


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_tensors_are_computed_as_float32(xy, metric, dtype):
    x, y = (torch.from_numpy(a).to(dtype) for a in xy)
    found = pairwise(x, y, metric)
    assert found.dtype == torch.float32
    assert (found == pairwise(x.float(), y.float(), metric)).all()


@pytest.mark.parametrize("metric", METRICS)
def test_half_precision_arrays_are_computed_as_float32(xy, metric):
    # float16 itself would overflow: 300² is beyond 65,504.
    x, y = ((a * 100).astype(np.float16) for a in xy)
    wide = [a.astype(np.float32) for a in (x, y)]
    found = pairwise(x, y, metric)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, pairwise(*wide, metric))
    for got, expected in zip(nearest(x, y, 3, metric), nearest(*wide, 3, metric), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(unit_length(x), unit_length(wide[0]))
    assert Covariance(np.eye(6)).whiten(x).dtype == np.float32


@pytest.mark.parametrize("p", ORDERS)
def test_minkowski_gradients(xy, p):
    x, y = (torch.from_numpy(a).requires_grad_() for a in xy)
    assert torch.autograd.gradcheck(lambda a, b: minkowski(a, b, p=p), (x, y))


@pytest.mark.parametrize(
    "of", [cosine, inner_product, lambda a, b: mahalanobis(a, b, spd(np.random.default_rng(2), 6))]
)
def test_other_gradients(xy, of):
    x, y = (torch.from_numpy(a).requires_grad_() for a in xy)
    assert torch.autograd.gradcheck(of, (x, y))


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_at_distance_zero_is_finite(p, dtype):
    x = torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [1.0, -1.0, 0.0]], dtype=dtype, requires_grad=True)
    minkowski(x, x, p=p).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0  # the third vector still pulls


def test_cosine_gradient_at_distance_zero_is_finite():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    cosine(x, x).sum().backward()
    assert torch.isfinite(x.grad).all()


# Precision


def test_near_duplicates_keep_their_digits():
    # |x|² + |y|² - 2xy would give 0 or half of it here.
    x = np.full((1, 128), 1.0, np.float32)
    y = x.copy()
    y[0, 0] += 2**-12
    for found in (minkowski(x, y), minkowski(torch.from_numpy(x), torch.from_numpy(y))):
        assert float(found[0, 0]) == pytest.approx(2**-12, rel=1e-6)


def test_mahalanobis_of_float32_vectors_far_from_the_origin():
    c = spd(np.random.default_rng(3), 4)
    x = np.full((1, 4), 10_000.0, np.float32)
    y = x + np.float32(1.0)
    expected = math.sqrt(np.ones(4) @ np.linalg.inv(c) @ np.ones(4))
    found = mahalanobis(x, y, c)
    assert found.dtype == np.float32
    assert found.item() == pytest.approx(expected, rel=1e-6)


NARROW = [0.0, 1e3, 1e4, 1e6]


def extended(x, y, metric):
    """`(n, m)` in extended precision, and what float64 may be off by."""
    x, y = (a.astype(np.longdouble) for a in (x, y))
    if metric == "inner_product":
        return -(x[:, None] * y).sum(axis=2), 1e-14 * np.abs(x[:, None] * y).sum(axis=2).max()
    if metric == "cosine":
        x, y = (a / np.sqrt((a**2).sum(axis=1, keepdims=True)) for a in (x, y))
    difference = np.abs(x[:, None] - y)
    if metric == "manhattan":
        return difference.sum(axis=2), 0
    squares = (difference**2).sum(axis=2)
    # A number of a float64 unit vector is off by 1e-16, whatever the distance is.
    return (squares / 2, 1e-15 * np.sqrt(squares).max() + 1e-30) if metric == "cosine" else (np.sqrt(squares), 0)


@quick
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.sampled_from(NARROW),
    scale=st.sampled_from([1e-18, 1.0, 1e18]),
    dtype=st.sampled_from([np.float32, np.float64]),
    metric=st.sampled_from(METRICS),
)
def test_distances_and_their_order_in_a_narrow_cone(seed, shift, scale, dtype, metric):
    rng = np.random.default_rng(seed)
    scale = scale if shift == 0 or scale < 1 else 1.0  # the products of float32 numbers must fit
    x, y = (((rng.normal(size=(n, 8)) + shift) * scale).astype(dtype) for n in (5, 60))
    y[30:40], x[0] = y[:10], y[0]
    true, off = extended(x, y, metric)
    digits = 4 * np.finfo(dtype).eps if dtype == np.float32 else 1e-9
    found = pairwise(x, y, metric)
    assert found.dtype == dtype
    assert (np.abs(found - true) <= digits * np.abs(true) + off).all()
    positions, near = nearest(x, y, 10, metric)
    best = np.sort(true, axis=1)[:, :10]
    assert (np.abs(np.take_along_axis(true, positions, 1) - best) <= 1e-12 * np.abs(best) + off).all()
    assert (np.abs(near - best) <= digits * np.abs(best) + off).all()


def test_cosine_of_tensors_keeps_the_digits_of_near_duplicates():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, 16)) + 1e3 for n in (4, 9))
    true, _ = extended(x, y, "cosine")
    found = cosine(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found.numpy(), true.astype(float), rtol=1e-9)
    single = cosine(torch.from_numpy(x).float(), torch.from_numpy(y).float())
    np.testing.assert_allclose(single.numpy(), true.astype(float), rtol=1e-2)


def test_squared_differences_of_many_close_pairs_and_of_few():
    rng = np.random.default_rng(0)
    for spread in (1.0, 1e-9):
        x = rng.normal(size=(30, 5))
        y = np.concatenate([x[:10] + spread * rng.normal(size=(10, 5)), rng.normal(size=(200, 5))])
        for some in (y, y[:10]):
            np.testing.assert_allclose(squared_differences(x, some), ((x[:, None] - some) ** 2).sum(axis=2), rtol=1e-8)
    assert squared_differences(np.empty((0, 3)), np.empty((4, 3))).shape == (0, 4)


def test_cosine_of_huge_and_tiny_vectors():
    x = np.array([[3e200, 4e200], [3e-200, 4e-200]])
    np.testing.assert_allclose(cosine(x, x), 0, atol=1e-15)
    np.testing.assert_allclose(unit_length(x), [[0.6, 0.8]] * 2)


def test_cosine_stays_within_its_range():
    x = np.random.default_rng(4).normal(size=(200, 3)).astype(np.float32)
    both = np.concatenate([x, -x, 7 * x])
    for found in (cosine(both, both), cosine(torch.from_numpy(both), torch.from_numpy(both)).numpy()):
        assert found.min() == 0.0
        assert found.max() == 2.0


# What holds for any vectors


@quick
@given(v=vectors(3), p=st.sampled_from(ORDERS) | st.floats(1, 6))
def test_minkowski_is_a_metric(v, p):
    is_a_metric(v, lambda a, b: minkowski(a, b, p=p))


@quick
@given(v=vectors(3), seed=st.integers(0, 2**32 - 1))
def test_mahalanobis_is_a_metric(v, seed):
    c = Covariance(spd(np.random.default_rng(seed), 3))
    is_a_metric(v, lambda a, b: mahalanobis(a, b, c))


def is_a_metric(v, of):
    d = of(v, v)
    assert (d >= 0).all()
    assert (np.diag(d) == 0).all()
    for i in range(3):
        for j in range(3):
            assert (d[i, j] == 0) == (v[i] == v[j]).all()
    np.testing.assert_allclose(d, d.T, rtol=1e-12)
    through = (d[:, :, None] + d[None, :, :]).min(axis=1)
    assert (d <= through * (1 + 1e-9) + 1e-12).all()


@quick
@given(v=vectors(3))
def test_cosine_properties(v):
    v = v + np.where((v == 0).all(axis=1, keepdims=True), 1.0, 0.0)
    d = cosine(v, v)
    assert (d >= 0).all()
    assert (d <= 2).all()
    np.testing.assert_allclose(np.diag(d), 0, atol=1e-15)
    np.testing.assert_allclose(d, d.T, atol=1e-15)
    np.testing.assert_allclose(cosine(v * 3.7, v * 0.01), d, atol=1e-14)
    # What the docstring says in its favour: the square root obeys the triangle inequality.
    root = np.sqrt(d)
    assert (root <= (root[:, :, None] + root[None, :, :]).min(axis=1) + 1e-7).all()


def test_cosine_breaks_the_triangle_inequality():
    a, b, c = [[1.0, 0.0]], [[1.0, 1.0]], [[0.0, 1.0]]
    assert cosine(a, c).item() > cosine(a, b).item() + cosine(b, c).item() + 0.4


def test_cosine_does_not_tell_parallel_vectors_apart():
    assert cosine([[1.0, 2.0]], [[3.0, 6.0]]).item() == pytest.approx(0.0, abs=1e-15)


@quick
@given(v=vectors(3))
def test_inner_product_is_symmetric_and_linear(v):
    d = inner_product(v, v)
    np.testing.assert_allclose(d, d.T, rtol=1e-12)
    np.testing.assert_allclose(inner_product(2 * v, v), 2 * d, rtol=1e-12)


def test_inner_product_is_no_metric():
    # Neither above 0, nor 0 to itself, nor least to itself; and the triangle inequality fails.
    assert inner_product([[2.0]], [[2.0]]).item() == -4.0
    assert inner_product([[1.0]], [[1.0]]).item() > inner_product([[1.0]], [[5.0]]).item()
    a, b, c = [[1.0]], [[5.0]], [[1.0]]
    assert inner_product(a, c).item() > inner_product(a, b).item() + inner_product(b, c).item()


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_below_an_order_of_one_the_triangle_inequality_would_fail(p):
    def of(a, b):
        return (np.abs(np.subtract(a, b)) ** p).sum() ** (1 / p)

    a, b, c = (0, 0), (1, 0), (1, 1)
    assert of(a, c) > of(a, b) + of(b, c)


# Covariance


@pytest.mark.parametrize(("n", "d"), [(40, 5), (6, 20), (3, 2)])
def test_ledoit_wolf_is_scikit_learns(n, d):
    x = np.random.default_rng(n).normal(size=(n, d)) @ np.diag(np.linspace(0.5, 4, d)) + 10
    np.testing.assert_allclose(Covariance.fit(x).matrix, LedoitWolf().fit(x).covariance_, rtol=1e-9, atol=1e-12)


def test_shrinkage_between_the_sample_covariance_and_a_sphere():
    x = np.random.default_rng(5).normal(size=(50, 4)) * [1, 2, 3, 4]
    s = np.cov(x, rowvar=False, bias=True)
    sphere = np.eye(4) * np.trace(s) / 4
    np.testing.assert_allclose(Covariance.fit(x, 0).matrix, s, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(Covariance.fit(x, 0.25).matrix, 0.75 * s + 0.25 * sphere, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(Covariance.fit(x, 1).matrix, sphere, rtol=1e-9, atol=1e-12)


def test_whitening_gives_identity_covariance_and_the_mahalanobis_distance(xy):
    x = np.random.default_rng(6).normal(size=(100, 6)) @ np.random.default_rng(7).normal(size=(6, 6))
    c = Covariance.fit(x, 0)
    np.testing.assert_allclose(np.cov(c.whiten(x), rowvar=False, bias=True), np.eye(6), atol=1e-8)
    np.testing.assert_allclose(minkowski(c.whiten(xy[0]), c.whiten(xy[1])), mahalanobis(*xy, c), rtol=1e-9)
    np.testing.assert_allclose(c.whiten(torch.from_numpy(x)).numpy(), c.whiten(x), rtol=1e-9, atol=1e-12)
    assert c.whiten(x.astype(np.float32)).dtype == np.float32


@quick
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 12), shrinkage=st.floats(0.05, 1) | st.just("ledoit-wolf"))
def test_a_fitted_mahalanobis_distance_is_whitening_and_the_euclidean(seed, n, shrinkage):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) * [0.1, 1, 10, 3] + 5
    c = Covariance.fit(x, shrinkage)
    inverse = np.linalg.inv(c.matrix)
    gaps = x[:, None] - x[None]
    expected = np.sqrt(np.maximum(np.einsum("abi,ij,abj->ab", gaps, inverse, gaps), 0))
    for found in (mahalanobis(x, x, c), minkowski(c.whiten(x), c.whiten(x))):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "square"),
        ([1.0, 2.0], "square"),
        (np.empty((0, 0)), "square"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite"),
        ([[1e-9, 1e-9], [0.0, 1e-9]], "symmetric"),
        ([[1.0, 1.0], [1.0, 1.0]], "positive definite"),
        ([[1.0, 0.0], [0.0, -1.0]], "positive definite"),
        (np.zeros((2, 2)), "positive definite"),
        ([["a"]], "numbers"),
        ([[1.0], [1.0, 2.0]], "cannot be read as an array"),
    ],
)
def test_unusable_covariances_are_refused(matrix, message):
    with pytest.raises(VectorError, match=message):
        Covariance(matrix)


@pytest.mark.parametrize(
    ("x", "shrinkage", "message"),
    [
        (np.ones((1, 3)), "ledoit-wolf", "at least 2"),
        (np.empty((5, 0)), "ledoit-wolf", "at least 2 of 1"),
        (np.ones((5, 3)), "ledoit-wolf", "all vectors are equal"),
        (np.eye(3), 1.5, "between 0 and 1"),
        (np.eye(3), math.nan, "between 0 and 1"),
        (np.eye(3), "oas", "between 0 and 1"),
        (np.eye(3), 0.0, "positive definite"),  # three points span a plane only
        ([[np.nan, 1.0]] * 3, "ledoit-wolf", "NaN"),
        ([["a", "b"]] * 3, "ledoit-wolf", "numbers"),
        (np.ones(4), "ledoit-wolf", "two-dimensional"),
    ],
)
def test_unusable_samples_are_refused(x, shrinkage, message):
    with pytest.raises(VectorError, match=message):
        Covariance.fit(x, shrinkage)


def test_a_covariance_of_other_dimensions_is_refused(xy):
    with pytest.raises(VectorError, match="2 dimensions, the vectors have 6"):
        mahalanobis(*xy, np.eye(2))
    for x in (np.ones((1, 3)), torch.ones(1, 3), np.ones(2), torch.ones(2)):
        with pytest.raises(VectorError, match=r"expects \(n, 2\)"):
            Covariance(np.eye(2)).whiten(x)


# nearest


def full_sort(q, v, k, metric):
    """Definition: every distance alone, in the result's precision, ordered by (distance, position)."""
    d = loop(q, v, ORACLES[metric]).astype(np.result_type(q, v))
    if metric == "cosine":
        d = d.clip(0, 2)
    positions = np.argsort(d, axis=1, kind="stable")[:, :k]
    return positions, np.take_along_axis(d, positions, axis=1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 30, 99])
def test_nearest_is_the_head_of_the_full_sort(metric, k):
    rng = np.random.default_rng(8)
    q, v = rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(30, 5)).astype(np.float32)
    positions, found = nearest(q, v, k, metric)
    expected, values = full_sort(q, v, k, metric)
    assert positions.dtype == np.int64
    assert found.dtype == np.float32
    np.testing.assert_array_equal(positions, expected)
    np.testing.assert_allclose(found, values, rtol=1e-6, atol=1e-7)


@quick
@given(data=st.data(), k=st.integers(1, 8), metric=st.sampled_from(METRICS))
def test_nearest_orders_ties_by_position(data, k, metric):
    # Few distinct small whole numbers: many exact ties, and every product exact.
    numbers = st.integers(0, 2).map(float)
    q = data.draw(arrays(np.float64, (2, 2), elements=numbers)) + np.array([1.0, 0.0])
    v = data.draw(arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=numbers)) + np.array(
        [1.0, 0.0]
    )
    positions, found = nearest(q, v, k, metric)
    assert positions.shape == found.shape == (2, min(k, len(v)))
    if metric != "cosine":  # whose ties the loop itself rounds
        np.testing.assert_array_equal(positions, full_sort(q, v, k, metric)[0])
    for row, line in zip(positions, found, strict=True):
        assert len(set(row.tolist())) == len(row)
        order = list(zip(line.tolist(), row.tolist(), strict=True))
        assert order == sorted(order)
        for a, b in np.argwhere((v[:, None] == v[None]).all(axis=2) & (np.arange(len(v))[:, None] < np.arange(len(v)))):
            if b in row:  # the same vector earlier comes earlier
                assert row.tolist().index(a) < row.tolist().index(b)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_does_not_depend_on_the_block_size(monkeypatch, metric, dtype):
    # A matrix product rounds by the shape of its block, which must neither reorder nor change a distance.
    rng = np.random.default_rng(9)
    q, v = rng.normal(size=(17, 33)).astype(dtype), rng.normal(size=(25, 33)).astype(dtype)
    v = np.concatenate([v, v])
    whole = nearest(q, v, 7, metric)
    assert (np.diff(whole[1], axis=1) == 0).any()  # the doubles do tie
    for numbers in (1, 50, 150, 400):
        monkeypatch.setattr(distances, "BLOCK_NUMBERS", numbers)
        for a, b in zip(whole, nearest(q, v, 7, metric), strict=True):
            np.testing.assert_array_equal(a, b)
    for order in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2]):
        np.testing.assert_array_equal(nearest(order(q), order(v), 7, metric)[0], whole[0])


def test_blocks_cover_every_row_once(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_NUMBERS", 10)
    for rows, columns in [(0, 3), (1, 3), (7, 3), (7, 100), (9, 0)]:
        slices = list(distances.blocks(rows, columns))
        assert [i for s in slices for i in range(rows)[s]] == list(range(rows))
        assert all((s.stop - s.start) * columns <= max(10, columns) for s in slices)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_asked_or_nothing_to_find(metric):
    some, none = np.ones((4, 3), np.float32), np.empty((0, 3), np.float32)
    for q, v, shape in [(none, some, (0, 2)), (some, none, (4, 0)), (none, none, (0, 0))]:
        positions, found = nearest(q, v, 2, metric)
        assert positions.shape == found.shape == shape
        assert (positions.dtype, found.dtype) == (np.int64, np.float32)
        assert pairwise(q, v, metric).shape == (len(q), len(v))


# Bad input


@pytest.mark.parametrize("k", [0, -1, 1.5, "2", None])
def test_nearest_refuses_a_k_that_is_no_count(k):
    with pytest.raises(VectorError, match="at least 1"):
        nearest([[1.0]], [[1.0]], k)


def test_nearest_refuses_an_unknown_metric():
    with pytest.raises(VectorError, match="'hamming' is unknown; choose one of euclidean, cosine"):
        nearest([[1.0]], [[1.0]], 1, "hamming")


@pytest.mark.parametrize("p", [0.5, 0, -1, -math.inf, math.nan])
def test_orders_below_one_are_refused(p):
    with pytest.raises(VectorError, match="p >= 1"):
        minkowski([[1.0]], [[2.0]], p=p)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[1.0, 2.0]], [[1.0, np.nan]], r"y\[0\] holds NaN"),
        ([[1.0, 2.0], [np.inf, 0.0]], [[1.0, 1.0]], r"x\[1\] holds NaN or infinity"),
        ([[1.0, 2.0]], [[1.0]], "x has 2 dimensions and y has 1"),
        ([1.0, 2.0], [[1.0, 2.0]], "two-dimensional"),
        (3.0, [[1.0]], "two-dimensional"),
        ([[[1.0]]], [[1.0]], "two-dimensional"),
        ([["1.0"]], [[1.0]], "numbers"),
        ([[1j]], [[1.0]], "numbers"),
        ([[None]], [[1.0]], "numbers"),
        (None, [[1.0]], "numbers"),
        ([[1.0, 2.0], [3.0]], [[1.0]], "cannot be read as an array of numbers"),
        (np.array([["2020-01-01"]], "datetime64[D]"), [[1.0]], "numbers"),
        (torch.ones(1, 2), np.ones((1, 2)), "both as tensors"),
        ([[1.0]], torch.ones(1, 1), "both as tensors"),
        (torch.ones(1, 2), torch.ones(1, 3), "x has 2 dimensions and y has 3"),
        (torch.ones(2), torch.ones(1, 2), "two-dimensional"),
        (torch.ones(1, 2, dtype=torch.complex64), torch.ones(1, 2), "real numbers"),
    ],
)
def test_unusable_vectors_are_refused_in_one_line(metric, x, y, message):
    with pytest.raises(VectorError, match=message) as caught:
        pairwise(x, y, metric)
    assert "\n" not in str(caught.value)


def test_zero_vectors_have_no_direction():
    with pytest.raises(VectorError, match="vector 1 is all zeros"):
        cosine([[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0]])
    with pytest.raises(VectorError, match="all zeros"):
        nearest([[1.0]], [[1.0], [0.0]], 1, "cosine")


def test_tensors_are_not_searched_for_bad_values():
    # Documented: a check would stall a GPU at every step. NaN stays visible; zero is like nothing.
    zero, one, bad = torch.zeros(1, 2), torch.ones(1, 2), torch.full((1, 2), torch.nan)
    assert cosine(zero, one).item() == 1.0
    assert torch.isnan(minkowski(bad, one)).all()
    assert torch.isnan(cosine(bad, one)).all()


@pytest.mark.parametrize("x", [np.ones(3), torch.ones(3), np.ones((1, 1, 3))])
def test_unit_length_wants_two_dimensions(x):
    with pytest.raises(VectorError, match="two-dimensional"):
        unit_length(x)
