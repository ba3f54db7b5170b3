"""Generalised-mean pooling against its formula, and what must hold of every map."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.embedder.gem_pooling import GeMPooling
from lookalike.errors import InputError

maps = arrays(np.float64, (2, 3, 4, 5), elements=st.floats(0, 6, width=32))


def pooled(x, p):
    return GeMPooling(p).double()(torch.from_numpy(x)).detach().numpy()


@given(x=maps, p=st.sampled_from([0.5, 1.0, 3.0, 4.5]))
def test_it_is_the_root_of_the_mean_of_powers(x, p):
    expected = np.array([[np.mean(np.maximum(x[n, c], 1e-6) ** p) ** (1 / p) for c in range(3)] for n in range(2)])
    assert pooled(x, p) == pytest.approx(expected, rel=1e-9)


@given(x=maps)
def test_it_lies_between_mean_and_maximum_and_grows_with_p(x):
    values = [pooled(x, p) for p in (1.0, 2.0, 3.0, 8.0)]
    for smaller, larger in itertools.pairwise(values):
        assert (larger >= smaller - 1e-9).all()
    assert (values[0] >= x.mean(axis=(2, 3)) - 1e-9).all()
    assert (values[-1] <= np.maximum(x.max(axis=(2, 3)), 1e-6) + 1e-9).all()


@given(x=maps, size=st.integers(1, 3))
def test_any_size_of_map_and_repeating_it_changes_nothing(x, size):
    assert pooled(np.tile(x, (1, 1, size, size)), 3.0) == pytest.approx(pooled(x, 3.0))


def test_p_is_learned_by_the_true_slope_also_where_nothing_is_active():
    layer = GeMPooling(3.0).double()
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64).requires_grad_()
    layer(x).sum().backward()
    sums = []
    for step in (1e-5, -1e-5):
        moved = GeMPooling().double()
        moved.p.data += step
        sums.append(moved(x).sum().item())
    assert layer.p.grad.item() == pytest.approx((sums[0] - sums[1]) / 2e-5, rel=1e-5)
    dead = torch.zeros(1, 2, 3, 3, requires_grad=True)
    GeMPooling()(dead).sum().backward()
    assert torch.isfinite(dead.grad).all()


@pytest.mark.parametrize("p", [0.0, -1.0, float("nan"), float("inf")])
def test_powers_that_are_none(p):
    with pytest.raises(InputError, match="finite p above 0"):
        GeMPooling(p)
