"""The pieces of every margin: angles added and multiplied, in value and slope, up to the poles and beyond π."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.losses import (
    AdaFaceLoss,
    ArcFaceLoss,
    CombinedMarginLoss,
    CosFaceLoss,
    CurricularFaceLoss,
    SphereFaceLoss,
    SubCenterArcFaceLoss,
)
from lookalike.losses.margin_softmax import MarginSoftmaxLoss, add_angle, multiply_angle, share_lost, sine, with_slope

FACTORS = [1.0, 1.35, 2.0, 3.0, 4.0]
CLASSES = [
    AdaFaceLoss,
    ArcFaceLoss,
    CombinedMarginLoss,
    CosFaceLoss,
    CurricularFaceLoss,
    SphereFaceLoss,
    SubCenterArcFaceLoss,
]


def slope_of(function, theta):
    """d function / d cos θ, by autograd."""
    cos = theta.cos().requires_grad_()
    (slope,) = torch.autograd.grad(function(cos).sum(), cos)
    return slope


def psi(theta, factor, margin):
    """SphereFace's equation 6 for one angle."""
    phi = factor * theta + margin
    k = math.floor(phi / math.pi)
    return (-1) ** k * math.cos(phi) - 2 * k


@given(theta=st.floats(0.01, math.pi - 0.01), margin=st.floats(0, 3.1))
def test_an_added_angle_is_the_cosine_of_the_sum(theta, margin):
    cos = torch.tensor([math.cos(theta)], dtype=torch.float64)
    if theta + margin < math.pi - 1e-9:
        assert add_angle(cos, margin).item() == pytest.approx(math.cos(theta + margin), abs=1e-12)
        expected = math.sin(theta + margin) / math.sin(theta)
    elif theta + margin > math.pi + 1e-9:
        penalty = max(margin * math.sin(margin), 1 - math.cos(margin))
        assert add_angle(cos, margin).item() == pytest.approx(math.cos(theta) - penalty, abs=1e-12)
        expected = 1.0
    else:
        return
    slope = slope_of(lambda c: add_angle(c, margin), torch.tensor([theta], dtype=torch.float64))
    assert slope.item() == pytest.approx(expected, rel=1e-9, abs=1e-10)


@given(theta=st.floats(0.01, math.pi - 0.01), factor=st.floats(1, 16), margin=st.floats(0, 3))
def test_a_multiplied_angle_is_psi(theta, factor, margin):
    turn = (factor * theta + margin) / math.pi
    angle = torch.tensor([theta], dtype=torch.float64)
    assert multiply_angle(angle.cos(), factor, margin).item() == pytest.approx(psi(theta, factor, margin), abs=1e-10)
    if abs(turn - round(turn)) > 1e-6:
        slope = slope_of(lambda c: multiply_angle(c, factor, margin), angle)
        phi = factor * theta + margin
        expected = (-1) ** math.floor(turn) * factor * math.sin(phi) / math.sin(theta)
        assert slope.item() == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_psi_falls_without_a_jump_from_pole_to_pole(factor, margin):
    theta = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
    value = multiply_angle(theta.cos(), factor, margin)
    steps = value.diff()
    assert (steps <= 1e-6).all()
    # Of a slope of at most `factor`; at the poles sin θ counts as 0.001, which moves ψ by factor · 0.001 at most.
    assert (steps >= -factor * math.pi / 20_000 - 1e-3 * factor * math.sin(margin) - 1e-5).all()
    assert value[0].item() == pytest.approx(math.cos(margin), abs=2e-3)
    assert value[-1].item() == pytest.approx(psi(math.pi, factor, margin), abs=2e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cos", [1.0, -1.0, 1.0 + 1e-6, -1.0 - 1e-6, 0.0])
def test_values_and_slopes_are_finite_at_and_past_the_poles(cos, dtype):
    for function in (
        lambda c: add_angle(c, 0.5),
        lambda c: add_angle(c, torch.tensor([0.3], dtype=dtype)),
        *(lambda c, m=m: multiply_angle(c, m, 0.2) for m in FACTORS),
    ):
        given_cos = torch.tensor([cos], dtype=dtype, requires_grad=True)
        value = function(given_cos)
        value.sum().backward()
        assert torch.isfinite(value).all()
        assert torch.isfinite(given_cos.grad).all()
        assert given_cos.grad.item() >= 0  # more alike is never punished


@pytest.mark.parametrize("factor", FACTORS)
def test_slopes_at_the_poles_are_their_limits(factor):
    # sin(m θ) / sin θ goes to m at 0, where m times it is m².
    cos = torch.ones(1, dtype=torch.float64, requires_grad=True)
    multiply_angle(cos, factor).backward()
    assert cos.grad.item() == pytest.approx(factor**2, rel=1e-5)


def test_every_cosine_may_have_its_own_margin():
    cos, margins = torch.linspace(-1, 1, 41, dtype=torch.float64), torch.linspace(0, 3, 41, dtype=torch.float64)
    alone = torch.stack([add_angle(c, m.item()) for c, m in zip(cos, margins, strict=True)])
    assert torch.equal(add_angle(cos, margins), alone)


def test_sine_is_kept_off_zero():
    cos = torch.tensor([1.0, -1.0, 1.0 + 1e-7, 0.0, 0.6])
    torch.testing.assert_close(sine(cos), torch.tensor([1e-3, 1e-3, 1e-3, 1.0, 0.8]))


def test_with_slope():
    cos = torch.tensor([0.2, 0.4], requires_grad=True)
    made = with_slope(torch.tensor([5.0, 6.0]), torch.tensor([7.0, 8.0]), cos)
    made.sum().backward()
    assert made.tolist() == [5.0, 6.0]
    assert cos.grad.tolist() == [7.0, 8.0]


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500) | st.just(-math.inf)), min_size=1, max_size=5))
def test_share_lost_is_cross_entropy(pairs):
    target, rest = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in zip(*pairs, strict=True))
    value = share_lost(target, rest)
    value.backward()
    logits = torch.tensor(pairs, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(len(pairs), dtype=torch.int64))
    expected.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    torch.testing.assert_close(torch.stack([target.grad, rest.grad], dim=1), logits.grad, rtol=1e-9, atol=1e-12)


def test_the_margin_is_the_subclasses():
    with pytest.raises(NotImplementedError):
        MarginSoftmaxLoss(2, 2, 1.0)(torch.ones(1, 2), torch.tensor([0]))


def target_of(loss, theta):
    """The target's logit as the loss itself has it, before the scale: from the loss with one other class at 90°."""
    with torch.no_grad():
        loss.centers.zero_()
        loss.centers.view(2, -1, 3)[0, :, 0] = 1.0
        loss.centers.view(2, -1, 3)[1, :, 2] = 1.0
    x = torch.stack([theta.cos(), theta.sin(), torch.zeros_like(theta)], dim=1)
    values = torch.stack([loss(row[None], torch.tensor([0])) for row in x]).detach()
    # value = log(1 + e^(s (0 - f)))
    return -(values.exp() - 1).log() / loss.scale


@pytest.mark.parametrize("kind", CLASSES)
def test_the_target_logit_falls_as_the_angle_grows_and_a_margin_never_helps(kind):
    options = {"annealing": (0.0, 0.0, 0.0), "scale": 2.0} if kind is SphereFaceLoss else {"scale": 2.0}
    loss = kind(2, 3, **options).double().eval()
    theta = torch.linspace(0, math.pi, 301, dtype=torch.float64)
    found = target_of(loss, theta)
    assert (found.diff() <= 1e-6).all()
    assert (found <= theta.cos() + 1e-9).all()
    assert found[150] < theta[150].cos() - 0.1  # nor is it nothing


@pytest.mark.parametrize("kind", CLASSES)
def test_unusable_scales_and_sizes(kind):
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match=r"scale is .*; it must be positive and finite \(64 for many"):
            kind(2, 2, scale=scale)
    for sizes in ((0, 4), (4, 0), (-1, 4)):
        with pytest.raises(InputError, match="both start at 1"):
            kind(*sizes)
