"""Directions and their gradients of vectors of any length, alone and in every loss."""

import copy
import math
import runpy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lookalike import losses
from lookalike.distances import Covariance, cosine, minkowski
from lookalike.errors import InputError, VectorError
from lookalike.losses import ContrastiveLoss, ShardedSoftmaxLoss, SphereFaceLoss, TripletLoss
from lookalike.losses.directions import SHORTEST, lengths_of, unit_directions, unit_vectors, without_stretch

CLASSES, D = 4, 5
METRICS = {
    "squared": "squared_euclidean",
    "cosine": "cosine",
    "cosine function": cosine,
    "manhattan": "manhattan",
    "inner product": "inner_product",
    "minkowski 1.5": partial(minkowski, p=1.5),
    "chebyshev": partial(minkowski, p=math.inf),
    "mahalanobis": Covariance(np.diag([1.0, 4.0, 0.25, 1.0, 2.0])),
}
EVERY = {
    **runpy.run_path(str(Path(__file__).with_name("test_every_loss.py")))["EVERY"],
    "sphereface of directions": lambda: SphereFaceLoss(CLASSES, D, scale=8.0),
    "sharded": lambda: ShardedSoftmaxLoss(CLASSES, D, scale=8.0),
    **{f"triplet {name}": partial(TripletLoss, 0.5, "all", metric) for name, metric in METRICS.items()},
    **{f"contrastive {name}": partial(ContrastiveLoss, 1.5, metric) for name, metric in METRICS.items()},
}
#: Lengths of the one row; 1 is an ordinary one's.
SHORT = [0.0, 1e-45, 1e-38, 1e-30, 1e-12, 1e-6, 9e-4]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


# The rule


def by_definition(row, gradient):
    """Direction of one row of floats and the gradient it passes on, by the rule, one number at a time."""
    largest = max(map(abs, row))
    length = largest * math.hypot(*(v / largest for v in row)) if largest else 0.0
    u = [v / largest / math.hypot(*(w / largest for w in row)) for v in row] if largest else row
    along = sum(a * b for a, b in zip(u, gradient, strict=True))
    rate = 1 / length if length >= SHORTEST else 1.0
    return u, [rate * (g - along * v) for g, v in zip(gradient, u, strict=True)]


def with_lengths(lengths, seed=0, dtype=torch.float64, d=D):
    generator = torch.Generator().manual_seed(seed)
    unit = functional.normalize(torch.randn(len(lengths), d, generator=generator, dtype=torch.float64))
    return (unit * torch.tensor(lengths, dtype=torch.float64)[:, None]).to(dtype)


def through(x, gradient):
    leaf = x.clone().requires_grad_()
    u = unit_vectors(leaf)
    u.backward(gradient)
    return u.detach(), leaf.grad


@given(
    lengths=st.lists(st.one_of(st.just(0.0), st.floats(-28, 36).map(lambda e: 10.0**e)), min_size=1, max_size=6),
    seed=st.integers(0, 2**31),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_each_row_follows_the_rule_whatever_the_others_are(lengths, seed, dtype):
    x = with_lengths(lengths, seed, dtype)
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    u, moved = through(x, gradient)
    directions, rates = unit_directions(x)
    by_hand = without_stretch(gradient.clone(), directions, rates)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    rows = [by_definition(*pair) for pair in zip(x.tolist(), gradient.tolist(), strict=True)]
    for row, (expected, slope) in enumerate(rows):
        # A length that rounds to another side of the floor has either rate.
        length, size = (float(v[row].double().norm()) for v in (x, gradient))
        near = abs(length / SHORTEST - 1) < 1e-6
        rate = 1 / length if length >= SHORTEST else 1.0
        for found, way_back in ((u, moved), (directions, by_hand)):
            assert found[row].tolist() == pytest.approx(expected, abs=tolerance)
            assert near or way_back[row].tolist() == pytest.approx(slope, abs=tolerance * rate * size)
            assert way_back[row].double().norm() <= 1.001 * size / SHORTEST


@given(seed=st.integers(0, 2**31), n=st.integers(1, 8), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_ordinary_rows_are_as_ever_bit_for_bit(seed, n, dtype):
    lengths = (10 ** torch.empty(n).uniform_(-2.9, 14, generator=torch.Generator().manual_seed(seed))).tolist()
    x = with_lengths(lengths, seed, dtype)
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    leaf = x.clone().requires_grad_()
    expected = functional.normalize(leaf)
    expected.backward(gradient)
    for more in ([], [0.0, 1e-20, 1e20]):  # whether such are in the batch or not
        rows = torch.cat([x, with_lengths(more, dtype=dtype)])
        u, moved = through(rows, torch.cat([gradient, torch.ones(len(more), D, dtype=dtype)]))
        assert torch.equal(u[:n], expected)
        assert torch.equal(moved[:n], leaf.grad)
        assert torch.equal(unit_directions(rows)[0][:n], x * torch.linalg.vector_norm(x, dim=1).reciprocal()[:, None])
        assert torch.equal(lengths_of(rows)[:n], torch.linalg.vector_norm(x, dim=1))


def test_a_zero_row_is_nothing_and_is_moved_as_a_unit_vector_is():
    x, gradient = torch.zeros(2, 3), torch.tensor([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0]])
    u, moved = through(x, gradient)
    assert torch.equal(u, x)
    assert torch.equal(moved, gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradcheck_from_the_floor_on(dtype):
    x = with_lengths([1.0, 2 * SHORTEST, 100.0]).requires_grad_()
    assert torch.autograd.gradcheck(unit_vectors, x, eps=1e-9, atol=1e-3)
    assert torch.autograd.gradcheck(lengths_of, x, eps=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lengths_where_squares_do_not_fit(dtype):
    lengths = [0.0, 1e-30, 1e-20, 1.0, 1e16, 1e30]
    x = with_lengths(lengths, dtype=dtype).requires_grad_()
    found = lengths_of(x)
    assert found.tolist() == pytest.approx(lengths, rel=1e-6)
    found.sum().backward()
    torch.testing.assert_close(x.grad, unit_directions(x.detach())[0])


def test_directions_go_into_the_room_that_is_given():
    x, room = with_lengths([1.0, 0.0, 3.0]), torch.full((4, D), 7.0, dtype=torch.float64)
    directions, _ = unit_directions(x, room)
    assert directions.data_ptr() == room.data_ptr()
    torch.testing.assert_close(room[:3].norm(dim=1), torch.tensor([1.0, 0.0, 1.0]).double())
    assert torch.equal(room[3], torch.full((D,), 7.0, dtype=torch.float64))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_stays_so_in_its_row_only(bad):
    x = with_lengths([1.0, 1.0, 0.0])
    x[1, 2] = bad
    for u in (unit_vectors(x), unit_directions(x)[0]):
        assert u.isnan().any(dim=1).tolist() == [False, True, False]


def test_no_rows():
    x = torch.empty(0, 3, requires_grad=True)
    assert unit_vectors(x).shape == unit_directions(x)[0].shape == (0, 3)
    assert lengths_of(x).shape == (0,)


def test_a_second_derivative_of_a_short_row_is_refused():
    x = with_lengths([1.0, 0.0]).requires_grad_()
    with pytest.raises(InputError, match="leave create_graph out"):
        torch.autograd.grad(unit_vectors(x).sum(), x, create_graph=True)


# Every loss


def made(name, double=True):
    torch.manual_seed(0)
    loss = EVERY[name]()
    return (loss.double() if double else loss).eval()


def run(loss, x, labels, autocast=None):
    """Value, gradient by the embeddings, and the parameters'."""
    leaf = x.detach().clone().requires_grad_()
    loss.zero_grad()
    with torch.autocast("cpu", autocast, enabled=autocast is not None):
        value = loss(leaf, labels)
        value.backward()
    return value.detach(), leaf.grad, [p.grad for p in loss.parameters()]


def batch(length=1.0, n=8, others=1.0):
    """Embeddings `others` long but for row 3, their labels, and which rows are the others."""
    x = with_lengths([others] * n, seed=1)
    x[3] = x[3] / others * length
    return x, torch.arange(n) % CLASSES, torch.arange(n) != 3


def by_direction(name):
    """Whether the loss looks at directions only."""
    x, labels, _ = batch()
    return run(made(name), x, labels)[0].item() == pytest.approx(run(made(name), 3 * x, labels)[0].item(), rel=1e-12)


OF_DIRECTIONS = [name for name in EVERY if by_direction(name)]
OF_LENGTHS = [name for name in EVERY if name not in OF_DIRECTIONS]


def test_no_loss_is_left_out():
    tested = {type(make()).__name__ for make in EVERY.values()}
    assert tested >= {name for name in losses.__all__ if issubclass(getattr(losses, name), nn.Module)}
    assert {"arcface", "ntxent", "adaface", "proxy_anchor", "sharded", "triplet cosine"} <= set(OF_DIRECTIONS)
    assert {"triplet", "softmax", "sphereface", "center", "memory"} <= set(OF_LENGTHS)


def assert_finite(value, gradient, others):
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert all(torch.isfinite(g).all() for g in others)


@pytest.mark.parametrize(("n", "others", "share"), [(8, 1.0, 0.6), (64, 11.0, 0.2)])
@pytest.mark.parametrize(
    ("dtype", "autocast"),
    [*((dtype, None) for dtype in DTYPES), (torch.float32, torch.bfloat16), (torch.float16, torch.float16)],
)
@pytest.mark.parametrize("name", EVERY)
def test_a_short_row_leaves_the_batch_its_share_of_a_clipped_gradient(name, dtype, autocast, n, others, share):
    # Clipping shrinks all rows alike, so the others keep the share of the norm that they have before it.
    ordinary, labels, rest = batch(1.0, n, others)
    most = run(made(name), ordinary, labels)[1].norm(dim=1).amax().item()
    for length in SHORT:
        loss = made(name, dtype == torch.float64).train()
        value, gradient, parameters = run(loss, batch(length, n, others)[0].to(dtype), labels, autocast)
        assert_finite(value, gradient, parameters)
        lengths = gradient.double().norm(dim=1)
        assert lengths[3] <= 8 * most
        assert lengths[rest].norm() >= share * lengths.norm()


@pytest.mark.parametrize("name", OF_DIRECTIONS)
def test_a_short_row_counts_by_its_direction_and_gets_the_gradient_of_length_one(name):
    x, labels, rest = batch()
    expected = run(made(name), x, labels)
    for length in SHORT:
        if length < 1e-30:
            continue
        for dtype, rtol in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
            found = run(made(name, dtype == torch.float64), batch(length)[0].to(dtype), labels)
            for one, other in zip(
                (found[0], found[1], *found[2]), (expected[0], expected[1], *expected[2]), strict=True
            ):
                assert (one.double() - other).abs().max() <= rtol * other.abs().max()
    for length in (
        SHORTEST * 1.01,
        0.1,
        30.0,
        1e6,
        1e20,
        1e30,
    ):  # and longer ones the true gradient, 1 / length of that
        for dtype, rtol in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
            value, gradient, _ = run(made(name, dtype == torch.float64), batch(length)[0].to(dtype), labels)
            assert value.item() == pytest.approx(expected[0].item(), rel=rtol)
            assert (gradient[rest].double() - expected[1][rest]).abs().max() <= rtol * expected[1].abs().max()
            assert gradient[3].double().mul(length).tolist() == pytest.approx(
                expected[1][3].tolist(), abs=rtol * expected[1].abs().max().item()
            )


def with_another_dimension(loss):
    """The same loss of one dimension more, in which its parameters are 0."""
    wider = copy.deepcopy(loss)
    for module in wider.modules():
        if hasattr(module, "embedding_size"):
            module.embedding_size += 1
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(functional.pad(parameter.detach(), (0, 1))))
    return wider


@pytest.mark.parametrize("name", OF_DIRECTIONS)
def test_a_zero_row_is_as_one_at_right_angles_to_everything(name):
    x, labels, _ = batch(0.0)
    loss = made(name)
    value, gradient, parameters = run(loss, x, labels)
    apart = functional.pad(x, (0, 1))
    apart[3, D] = 1.0
    expected = run(with_another_dimension(loss), apart, labels)
    assert value.item() == pytest.approx(expected[0].item(), rel=1e-12)
    for one, other in zip((gradient, *parameters), (expected[1], *expected[2]), strict=True):
        torch.testing.assert_close(one, other[..., :D], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("length", [0.0, 1e-12, 1e-6, 1e16, 1e20])
@pytest.mark.parametrize("name", OF_LENGTHS)
def test_losses_of_lengths_are_true_with_a_short_or_a_long_row(name, length):
    # Their gradients are bounded by themselves: float32 must find what float64 does, squares that do not fit or not.
    most = torch.finfo(torch.float32).max
    x, labels, rest = batch(length)
    x[rest] *= torch.linspace(0.7, 1.4, 7, dtype=torch.float64)[:, None]  # no two distances tie
    value, gradient, parameters = run(made(name), x, labels)
    loss = made(name, double=False)
    if length > 1e19 and name in ("triplet all", "triplet squared", "contrastive squared"):
        with pytest.raises(VectorError, match=r"entries up to .* do not fit torch.float32; expected lengths"):
            loss(x.float(), labels)
        return
    found, slope, others = run(loss, x.float(), labels)
    if value > most / 1000:
        assert found.item() in (math.inf, pytest.approx(value.item(), rel=1e-4))  # the sum before the mean may not fit
    elif name.startswith("triplet") and length > 1:
        assert found.item() == pytest.approx(value.item(), rel=0.5)  # distances tie, and rounding decides who is active
    else:
        assert found.item() == pytest.approx(value.item(), rel=1e-4)
        for one, other in zip((slope, *others), (gradient, *parameters), strict=True):
            assert (one.double() - other).abs().max() <= 1e-4 * other.abs().max().clamp(min=1e-6)
    if gradient.abs().max() <= most / 1000:
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EVERY)
def test_nothing_but_zeros(name, dtype):
    x, labels, _ = batch()
    for embeddings in (x, torch.zeros_like(x)):
        for which in (slice(0, 1), slice(None)):
            loss = made(name, dtype == torch.float64)
            before = max([g.abs().max().item() for g in run(loss, x.to(dtype), labels)[2]], default=0.0)
            with torch.no_grad():
                for parameter in loss.parameters():
                    parameter[which] = 0.0
            value, gradient, parameters = run(loss, embeddings.to(dtype), labels)
            assert_finite(value, gradient, parameters)
            assert gradient.double().norm(dim=1).amax() <= 100
            assert all(g.abs().max() <= 10 * before for g in parameters)


@pytest.mark.parametrize("name", [name for name in OF_DIRECTIONS if list(made(name).parameters())])
def test_embeddings_that_are_all_zero_move_towards_their_classes(name):
    x, labels, _ = batch()
    loss = made(name)
    gradient = run(loss, 0 * x, labels)[1]
    centers = next(loss.parameters()).detach().reshape(CLASSES, -1, D)[labels]
    assert (torch.linalg.vecdot(-gradient[:, None], centers).amax(dim=1) > 0).all()
    assert gradient.norm(dim=1).amin() > 0.01
