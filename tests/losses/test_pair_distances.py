"""Rows of distances and the way back against one pair at a time, near zero and far out."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distances import Covariance, minkowski
from lookalike.errors import InputError, VectorError
from lookalike.losses import pair_distances as measures
from lookalike.losses.pair_distances import Similarity, measure_of

SCALES = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
GIVEN = {
    "euclidean": "euclidean",
    "squared_euclidean": "squared_euclidean",
    "cosine": "cosine",
    "inner_product": "inner_product",
    "manhattan": "manhattan",
    "mahalanobis": Covariance(SCALES.diag().numpy()),
    "minkowski 3": partial(minkowski, p=3),
    "chebyshev": partial(minkowski, p=math.inf),
}


def by_definition(x, y, name):
    """All pairs by autograd-friendly formulas, without cdist or a product for differences."""
    gaps = x[:, None] - y[None]
    apart = (gaps != 0).any(dim=2)
    # A distance of 0 has no slope: kept out of the roots.
    safe = torch.where(apart[:, :, None], gaps, 1.0)
    value = {
        "euclidean": lambda: safe.square().sum(dim=2).sqrt(),
        "squared_euclidean": lambda: safe.square().sum(dim=2),
        "manhattan": lambda: safe.abs().sum(dim=2),
        "mahalanobis": lambda: (safe.square() / SCALES.to(x.dtype)).sum(dim=2).sqrt(),
        "minkowski 3": lambda: safe.abs().pow(3).sum(dim=2).pow(1 / 3),
        "chebyshev": lambda: safe.abs().amax(dim=2),
        "inner_product": lambda: -(x @ y.T),
        "cosine": lambda: 1 - (x @ y.T) / (x.norm(dim=1, keepdim=True) * y.norm(dim=1)),
    }[name]()
    return value if name in ("inner_product", "cosine") else torch.where(apart, value, 0.0)


def through(measure, x, y, weights):
    """Distances, and the gradients of their weighted sum by rows and columns, as the tiles get them."""
    a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
    rows, columns = measure.prepare(a), measure.prepare(b)
    to_columns = torch.zeros_like(columns)
    with torch.no_grad():
        values, pull = measure.against(columns)(rows)
        to_rows = pull(weights.clone(), to_columns)
    torch.autograd.backward((rows, columns), (to_rows, to_columns))
    return values, a.grad, b.grad


def expected_of(x, y, weights, name):
    a, b = x.double().clone().requires_grad_(), y.double().clone().requires_grad_()
    values = by_definition(a, b, name)
    (values * weights.double()).sum().backward()
    return values.detach(), a.grad, b.grad


def assert_right(x, y, name, rtol, measure=None, seed=0):
    weights = torch.randn(len(x), len(y), generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    found = through(measure or measure_of(GIVEN[name]), x, y, weights)
    for one, other in zip(found, expected_of(x, y, weights, name), strict=True):
        assert one.dtype == x.dtype
        assert one.shape == other.shape
        if other.numel():
            assert (one.double() - other).abs().max() <= rtol * other.abs().max().clamp(min=1e-12)
    return found


def data(n=6, m=9, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(k, d, generator=generator, dtype=torch.float64) for k in (n, m))


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize(("n", "m"), [(6, 9), (1, 1), (0, 4), (4, 0)])
def test_every_metric_forth_and_back(name, n, m):
    assert_right(*data(n, m), name, 1e-12)
    assert_right(*(v.float() for v in data(n, m)), name, 2e-6)


@given(seed=st.integers(0, 2**31), n=st.integers(1, 6), m=st.integers(1, 6), name=st.sampled_from([*GIVEN]))
def test_random_vectors(seed, n, m, name):
    x, y = data(n, m, seed=seed)
    assert_right(x, y, name, 1e-9)
    y[0] = x[0]  # a distance of 0
    if name != "cosine":
        assert_right(x, y, name, 1e-9)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("gap", [0.0, 1e-7, 1e-4, 1e-2, 0.1, 0.3])
@pytest.mark.parametrize("close", ["few", "many"])
def test_close_pairs_in_float32(monkeypatch, gap, squared, close):
    # Each pair on its own: an error of a distance of 1 would hide one of a distance of 1e-4.
    monkeypatch.setattr(measures, "_MANY", 1.0 if close == "few" else -1.0)
    generator = torch.Generator().manual_seed(1)
    x = torch.nn.functional.normalize(torch.randn(8, 32, generator=generator))
    y = x + gap * torch.nn.functional.normalize(torch.randn(8, 32, generator=generator))
    name = "squared_euclidean" if squared else "euclidean"
    values, to_x, to_y = through(measure_of(name), x, y, torch.eye(8))
    exact, exact_x, exact_y = expected_of(x, y, torch.eye(8), name)
    torch.testing.assert_close(values.double(), exact, rtol=2e-5, atol=0.0)
    torch.testing.assert_close(to_x.double(), exact_x, rtol=2e-4, atol=2e-5 * float(exact_x.abs().max()))
    torch.testing.assert_close(to_y.double(), exact_y, rtol=2e-4, atol=2e-5 * float(exact_y.abs().max()))


@pytest.mark.parametrize("offset", [1.0, 100.0, 1e4, 1e6, -1e5])
@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean"])
def test_where_the_vectors_lie_does_not_matter_in_float32(offset, name):
    x, y = (v.float() + offset for v in data())
    assert_right(x, y, name, 5e-6)


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean"])
def test_one_vector_far_away_takes_no_digits_from_the_others(name):
    x, y = (v.float() for v in data())
    y[0] = 1e5
    weights = torch.ones(6, 9)
    weights[:, 0] = 0.0
    values, to_x, _ = through(measure_of(name), x, y, weights)
    exact, exact_x, _ = expected_of(x, y, weights, name)
    torch.testing.assert_close(values.double(), exact, rtol=1e-5, atol=0.0)
    torch.testing.assert_close(to_x.double(), exact_x, rtol=1e-5, atol=1e-5)


@given(
    rows=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=2, max_size=8),
    shift=st.integers(-50, 50),
)
def test_what_ties_still_ties(rows, shift):
    # Whole numbers, whose squared distances are exact in float32 wherever they lie: equal ones come out equal,
    # whichever way each was computed, so that mining sees a tie.
    x = torch.tensor(rows, dtype=torch.float32) + shift
    exact = (x[:, None] - x[None]).square().sum(dim=2)
    for name, right in (("squared_euclidean", exact), ("euclidean", exact.sqrt())):
        with torch.no_grad():
            values, _ = measure_of(name).against(x)(x)
        torch.testing.assert_close(values, right, rtol=2e-7, atol=0.0)
        for distance in exact.unique():
            assert len(values[exact == distance].unique()) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", GIVEN)
def test_equal_vectors_are_at_zero_and_pull_nowhere(name, dtype):
    x = torch.full((5, 3), 0.7, dtype=dtype)
    values, to_x, to_y = through(measure_of(GIVEN[name]), x, x, torch.ones(5, 5, dtype=dtype))
    zero = torch.zeros(5, 5, dtype=dtype) if name != "inner_product" else torch.full((5, 5), -3 * 0.49, dtype=dtype)
    torch.testing.assert_close(values, zero)
    if name != "inner_product":
        torch.testing.assert_close(to_x, torch.zeros_like(x))
        torch.testing.assert_close(to_y, torch.zeros_like(x))


def test_similarity_is_larger_where_more_alike():
    x, y = data()
    torch.testing.assert_close(
        through(Similarity(), x, y, torch.ones(6, 9).double())[0], 1 - by_definition(x, y, "cosine")
    )
    torch.testing.assert_close(through(Similarity(unit=False), x, y, torch.ones(6, 9).double())[0], x @ y.T)


def test_cosine_stays_within_its_range_in_float32():
    x = torch.randn(200, 16, generator=torch.Generator().manual_seed(0))
    both = torch.cat([x, -x, 3 * x])
    measure = measure_of("cosine")
    unit = measure.prepare(both)
    values, _ = measure.against(unit)(unit)
    assert values.min() >= 0.0
    assert values.max() <= 2.0


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "mahalanobis"])
@pytest.mark.parametrize("length", [1e16, 1e18, 3e18])
def test_vectors_whose_squares_do_not_fit_float32(name, length):
    x, y = (v.float() for v in data())
    for far in (x, y):
        far[1] *= length / 3
    if name != "squared_euclidean" or length < 1e18:
        assert_right(x, y, name, 2e-6)
        # What the long ones do not outweigh: the distances of the others, one by one.
        measure = measure_of(GIVEN[name])
        values = measure.against(measure.prepare(y))(measure.prepare(x))[0].double()
        torch.testing.assert_close(values, by_definition(x.double(), y.double(), name), rtol=1e-5, atol=0.0)


def test_vectors_whose_distances_do_not_fit_float32():
    x, y = (v.float() * 1e20 for v in data())
    measure = measure_of("squared_euclidean")
    with pytest.raises(
        VectorError, match=r"entries up to 3.48e\+20, whose distances do not fit torch.float32; expected"
    ):
        measure.against(y)(x)
    assert torch.isfinite(measure_of("euclidean").against(y)(x)[0]).all()
    assert measure.against(y[:0])(x)[0].shape == (6, 0)
    y[3, 0] = math.nan  # is for the loss to show
    assert measure.against(y)(x)[0].isnan().any()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["euclidean", "cosine", "manhattan"])
def test_what_is_no_number_stays_visible(name, bad):
    x, y = data()
    x[2, 0] = bad
    measure = measure_of(GIVEN[name])
    values, _ = measure.against(measure.prepare(y))(measure.prepare(x))
    assert not torch.isfinite(values[2]).any()


def test_the_origin_is_amid_the_vectors_and_of_few_bits():
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor([100.0, 0.0, -3.0])
    origin = measures._origin(x)
    unit = 128 / 16
    assert torch.equal(origin / unit, (origin / unit).round())
    assert (origin - x.mean(dim=0)).abs().max() <= unit / 2
    assert torch.equal(measures._origin(torch.empty(0, 3)), torch.zeros(1, 3))
    assert torch.equal(measures._origin(torch.zeros(4, 3)), torch.zeros(1, 3))
    assert torch.isfinite(measures._origin(torch.full((4, 3), math.nan))).all()


def test_a_function_may_be_a_metric():
    def canberra(a, b):
        return ((a[:, None] - b[None]).abs() / (a[:, None].abs() + b[None].abs())).sum(dim=2)

    x, y = data()
    a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
    canberra(a, b).sum().backward()
    values, to_x, to_y = through(measure_of(canberra), x, y, torch.ones(6, 9).double())
    torch.testing.assert_close(values, canberra(x, y))
    torch.testing.assert_close(to_x, a.grad)
    torch.testing.assert_close(to_y, b.grad)


@pytest.mark.parametrize("metric", [lambda a, b: a @ a.T, lambda a, b: (a @ b.T).sum(), lambda a, b: np.ones((6, 9))])
def test_a_function_that_returns_no_distances(metric):
    x, y = data()
    with pytest.raises(VectorError, match=r"the metric returned .* for 6 and 9 vectors; expected a tensor of shape"):
        measure_of(metric).against(y)(x)


@pytest.mark.parametrize("metric", ["l2", "", None, 3, ["euclidean"]])
def test_unknown_metrics(metric):
    with pytest.raises(InputError, match=r"choose one of euclidean, .*, manhattan, or give a Covariance or a function"):
        measure_of(metric)


def test_a_covariance_of_other_dimensions():
    with pytest.raises(VectorError, match=r"the covariance expects \(n, 3\)"):
        measure_of(GIVEN["mahalanobis"]).prepare(torch.ones(2, 4))
