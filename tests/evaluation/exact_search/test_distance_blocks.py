import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lookalike.errors import VectorError
from lookalike.evaluation.exact_search.distance_blocks import Comparison, row_workers

METRICS = ["euclidean", "cosine", "inner_product", "manhattan"]


def slow_distance(x, y, metric):
    """Of one pair, in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if metric == "euclidean":
        return np.sqrt(np.sum((x - y) ** 2))
    if metric == "manhattan":
        return np.sum(np.abs(x - y))
    if metric == "cosine":
        x, y = x / np.abs(x).max(), y / np.abs(y).max()
        return min(np.sum((x / np.sqrt(np.sum(x**2)) - y / np.sqrt(np.sum(y**2))) ** 2) / 2, 2)
    return -np.sum(x * y)


@st.composite
def two_sides(draw):
    """Vectors on a coarse grid, so that distances tie, in any precision, scaled and moved."""
    dtype = draw(st.sampled_from([np.float64, np.float32, np.float16, np.int32]))
    d = draw(st.integers(1, 5))
    metric = draw(st.sampled_from(METRICS))
    elements = st.integers(-3, 3)
    x, y = (
        draw(arrays.arrays(np.int64, (draw(st.integers(1, 5)), d), elements=elements)).astype(np.float64)
        for _ in range(2)
    )
    if metric == "cosine":
        x[~x.any(axis=1)], y[~y.any(axis=1)] = 1, 1
    scale = draw(st.sampled_from([1.0, 2.0**-40, 2.0**60])) if dtype in (np.float64, np.float32) else 1.0
    offset = draw(st.sampled_from([0.0, 1024.0])) if dtype == np.float64 and metric != "cosine" else 0.0
    return (x * scale + offset).astype(dtype), (y * scale + offset).astype(dtype), metric


@given(two_sides(), st.data())
def test_pairs_within_limits_equal_the_slow_way(case, data):
    x, y, metric = case
    slow = np.array([[slow_distance(a, b, metric) for b in y] for a in x])
    # Limits that are distances: whether a tie is within is what rounding must not decide.
    limits = np.array([data.draw(st.sampled_from([*row, np.nan, -np.inf, np.inf, row[0] + 1])) for row in slow])
    comparison = Comparison(x, metric)
    block = comparison.block(y)
    rows = slice(0, len(x))
    found = comparison.within(rows, block, limits)
    assert list(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == [
        (i, j) for i in range(len(x)) for j in range(len(y)) if slow[i, j] <= limits[i]
    ]
    nearest = comparison.nearer(rows, block, np.full(len(x), np.inf))
    np.testing.assert_array_equal(nearest, slow.min(axis=1))
    np.testing.assert_array_equal(comparison.nearer(rows, block, slow.min(axis=1)), slow.min(axis=1))


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e6])
def test_cosine_keeps_its_digits_in_a_narrow_cone(shift):
    # ``1 - x·y`` is off by 1e-16; the distances at 1e6 are 1e-12, and those of near copies less.
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, 16)) + shift for n in (20, 300))
    wide = [a.astype(np.longdouble) for a in (x, y)]
    wide = [a / np.sqrt((a**2).sum(axis=1, keepdims=True)) for a in wide]
    true = ((wide[0][:, None] - wide[1]) ** 2).sum(axis=2) / 2
    comparison = Comparison(x, "cosine")
    block, rows = comparison.block(y), slice(0, 20)
    i, j = np.indices(true.shape).reshape(2, -1)
    np.testing.assert_allclose(comparison.distances(i, y, j), true.ravel().astype(float), rtol=1e-8)
    nearest = comparison.nearer(rows, block, np.full(20, np.inf))
    np.testing.assert_allclose(nearest, true.min(axis=1).astype(float), rtol=1e-8)
    limits = np.sort(true, axis=1)[:, 9:11].mean(axis=1).astype(float)
    found = comparison.within(rows, block, limits)
    assert (np.bincount(found.rows, minlength=20) == 10).all()
    assert (true[found.rows, found.columns] <= limits[found.rows]).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e6])
def test_rounding_stays_within_its_bound(metric, offset):
    """The similarity of every pair is as near to that of its float64 distance as `rounding` says."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, 64)) * rng.lognormal(0, 3, (n, 1)) + offset for n in (30, 500))
    comparison = Comparison(x, metric)
    block, rows = comparison.block(y), slice(0, 30)
    i, j = np.indices((30, 500)).reshape(2, -1)
    exact = comparison.distances(i, y, j)
    wrong = np.abs(comparison.similarities(rows, block).ravel() - comparison.level(i, exact)).reshape(30, 500)
    assert (wrong.max(axis=1) <= comparison.rounding(rows, block)).all()
    slow = [slow_distance(x[a], y[b], metric) for a, b in zip(i[:200], j[:200], strict=True)]
    np.testing.assert_allclose(exact[:200], slow, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_copies_of_a_vector_are_all_at_one_distance(metric):
    """A float32 product gives equal vectors at different places different similarities; here they tie, all of them."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 61)).astype(np.float32), rng.normal(size=(1, 61)).astype(np.float32)
    comparison = Comparison(x, metric)
    copies = np.repeat(y, 1003, axis=0)
    limits = comparison.distances(np.arange(7), y, np.zeros(7, np.int64))
    assert len(comparison.within(slice(0, 7), comparison.block(copies), limits).rows) == 7 * 1003
    below = np.nextafter(limits, -np.inf)
    assert len(comparison.within(slice(0, 7), comparison.block(copies), below).rows) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_the_nearest_is_that_of_float64(metric):
    """A thousand vectors whose distances differ by less than float32 can hold, in two blocks."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, 61))
    y = rng.normal(size=61) + 1e-9 * rng.normal(size=(1003, 61))
    comparison = Comparison(x, metric)
    nearest = np.full(5, np.inf)
    for part in (y[:600], y[600:]):
        nearest = comparison.nearer(slice(0, 5), comparison.block(part), nearest)
    i, j = np.indices((5, 1003)).reshape(2, -1)
    np.testing.assert_array_equal(nearest, comparison.distances(i, y, j).reshape(5, -1).min(axis=1))


def test_work_is_shared_and_its_errors_are_not_lost(monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks._blas_threads", lambda: 3)
    done = np.zeros(10)
    slices = [slice(i, i + 1) for i in range(10)]
    for parts in (1, 10):
        with row_workers(parts) as each:
            each(lambda rows: done.__setitem__(rows, done[rows] + 1), slices)
            with pytest.raises(ZeroDivisionError):
                each(lambda rows: 1 // (rows.start - 5), slices)
    assert (done == 2).all()


def test_vectors_beyond_float32_are_compared_in_float64():
    x = np.array([[1e100, 0.0], [0.0, 1e-100]])
    comparison = Comparison(x, "euclidean")
    found = comparison.within(slice(0, 2), comparison.block(x), np.array([0.0, 0.0]))
    assert found.rows.tolist() == found.columns.tolist() == [0, 1]


def test_unusable_vectors_are_named(monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks.GALLERY_ROWS", 2)
    good = np.ones((5, 3))
    for value, message in ((np.nan, r"gallery vectors\[3\] holds NaN"), (1e200, r"\[3\] holds numbers whose squares")):
        bad = good.copy()
        bad[3, 1] = value
        with pytest.raises(VectorError, match=message):
            Comparison(good, "euclidean").check(bad)
        with pytest.raises(VectorError, match=r"probes\[3\]"):
            Comparison(bad, "euclidean")
    zero = good * [[1], [1], [1], [0], [1]]
    Comparison(good, "euclidean").check(zero)
    with pytest.raises(VectorError, match=r"gallery vectors\[3\] is all zeros"):
        Comparison(good, "cosine").check(zero)
    with pytest.raises(VectorError, match="same dimensions"):
        Comparison(good, "cosine").check(np.ones((2, 4)))
    with pytest.raises(VectorError, match="vectors must be numbers"):
        Comparison(good, "cosine").check(np.full((2, 3), "a"))
    with pytest.raises(VectorError, match="metric 'angle' is unknown"):
        Comparison(good, "angle")
