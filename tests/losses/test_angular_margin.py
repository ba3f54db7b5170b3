"""ArcFace against its formula with a true arc cosine, and at the angles where implementations break."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses

from lookalike.errors import InputError, VectorError
from lookalike.losses import ArcFaceLoss


def oracle(x, centers, labels, margin, scale):
    """One example at a time: angles, the margin on the right one, minus the log of its share."""
    total = 0.0
    for row, label in zip(x.tolist(), labels.tolist(), strict=True):
        logits = []
        for j, center in enumerate(centers.tolist()):
            dot = math.fsum(a * b for a, b in zip(row, center, strict=True))
            cos = dot / math.sqrt(math.fsum(a * a for a in row) * math.fsum(b * b for b in center))
            angle = math.acos(max(-1.0, min(1.0, cos)))
            if j == label:
                # The authors' continuation, where cos would turn back up.
                turned = angle + margin >= math.pi
                logits.append(scale * (cos - margin * math.sin(margin) if turned else math.cos(angle + margin)))
            else:
                logits.append(scale * cos)
        top = max(logits)
        total += top + math.log(math.fsum(math.exp(v - top) for v in logits)) - logits[label]
    return total / len(x)


def head(classes=5, d=6, seed=0, **options):
    torch.manual_seed(seed)
    return ArcFaceLoss(classes, d, **options).double()


def batch(n=9, classes=5, d=6, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def at_angle(degrees, dtype=torch.float64):
    """A head of two classes on the axes, and a vector at this angle from the first."""
    arcface = ArcFaceLoss(2, 2).to(dtype)
    with torch.no_grad():
        arcface.centers.copy_(torch.eye(2))
    radians = math.radians(degrees)
    return arcface, torch.tensor([[math.cos(radians), math.sin(radians)]], dtype=dtype)


# Against the definition


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.5])
@pytest.mark.parametrize("scale", [1.0, 16.0, 64.0])
def test_the_value_is_the_formulas(margin, scale):
    arcface, (x, labels) = head(margin=margin, scale=scale), batch()
    assert arcface(x, labels).item() == pytest.approx(oracle(x, arcface.centers, labels, margin, scale), rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 6),
    classes=st.integers(1, 5),
    margin=st.floats(0, 2),
    scale=st.floats(0.1, 100),
)
def test_random_batches(seed, n, classes, margin, scale):
    arcface, (x, labels) = head(classes, 3, seed, margin=margin, scale=scale), batch(n, classes, 3, seed + 1)
    assert arcface(x, labels).item() == pytest.approx(
        oracle(x, arcface.centers, labels, margin, scale), rel=1e-9, abs=1e-9
    )


def test_gradcheck():
    x, labels = batch()
    arcface = head(scale=8.0)

    def of(embeddings, centers):
        return torch.func.functional_call(arcface, {"centers": centers}, (embeddings, labels))

    assert torch.autograd.gradcheck(of, (x.requires_grad_(), arcface.centers.detach().requires_grad_()))


def test_without_a_margin_it_is_the_normalised_softmax():
    arcface, (x, labels) = head(margin=0.0, scale=20.0), batch()
    cos = torch.nn.functional.normalize(x) @ torch.nn.functional.normalize(arcface.centers).T
    assert arcface(x, labels).item() == pytest.approx(
        torch.nn.functional.cross_entropy(20 * cos, labels).item(), rel=1e-12
    )


@pytest.mark.parametrize("factor", [1e-6, 0.1, 1e6])
def test_lengths_do_not_matter(factor):
    arcface, (x, labels) = head(), batch()
    expected = arcface(x, labels).item()
    assert arcface(x * factor, labels).item() == pytest.approx(expected, rel=1e-9)
    with torch.no_grad():
        arcface.centers.mul_(factor)
    assert arcface(x, labels).item() == pytest.approx(expected, rel=1e-9)


def test_a_larger_margin_costs_more():
    x, labels = batch()
    values = [head(margin=margin)(x, labels).item() for margin in (0.0, 0.1, 0.3, 0.5)]
    assert values == sorted(values)
    assert len(set(values)) == 4


def test_pytorch_metric_learning_agrees_away_from_its_bugs():
    # Angles between 60° and 120°: far from its clamp near the poles, and from θ + m > π, which it treats otherwise.
    generator = torch.Generator().manual_seed(3)
    d, classes = 64, 7
    x, labels = torch.randn(20, d, generator=generator), torch.randint(0, classes, (20,), generator=generator)
    theirs = pml_losses.ArcFaceLoss(classes, d, margin=math.degrees(0.5), scale=64)
    ours = ArcFaceLoss(classes, d, margin=0.5, scale=64.0)
    with torch.no_grad():
        ours.centers.copy_(theirs.W.T)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = ours(a, labels), theirs(b, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5)


# The slope, and the poles


@pytest.mark.parametrize(("degrees", "slope"), [(10, 230), (45, 87)])
def test_the_slope_of_the_target_logit_is_the_true_one(degrees, slope):
    cos = torch.tensor(math.cos(math.radians(degrees)), dtype=torch.float64, requires_grad=True)
    (64 * ArcFaceLoss(2, 2).target_logits(cos)).backward()
    theta = math.radians(degrees)
    assert cos.grad.item() == pytest.approx(64 * math.sin(theta + 0.5) / math.sin(theta), rel=1e-12)
    assert round(cos.grad.item()) == slope


@pytest.mark.parametrize("degrees", [0, 180, 0.001, 179.999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradient_are_finite_at_the_poles(degrees, dtype):
    arcface, x = at_angle(degrees, dtype)
    x.requires_grad_()
    value = arcface(x, torch.tensor([0]))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(arcface.centers.grad).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_many_vectors_exactly_on_their_centers_in_float32(sign):
    # Products of fp32 unit vectors pass 1, where the sine would be the root of a negative number.
    torch.manual_seed(0)
    arcface = ArcFaceLoss(500, 128)
    x = (sign * arcface.centers.detach().clone()).requires_grad_()
    unit = torch.nn.functional.normalize(x.detach())
    assert ((unit * unit).sum(dim=1) > 1).any()  # or this test would test nothing
    value = arcface(x, torch.arange(500))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(arcface.centers.grad).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_finite_under_autocast_and_in_full_precision_there(sign):
    torch.manual_seed(0)
    arcface = ArcFaceLoss(50, 128)
    x = (sign * arcface.centers.detach().clone() + 1e-3).requires_grad_()
    labels = torch.arange(50)
    expected = arcface(x, labels).item()
    with torch.autocast("cpu", torch.bfloat16):
        value = arcface(x, labels)
    value.backward()
    assert value.item() == expected
    assert torch.isfinite(x.grad).all()
    half = x.detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = arcface(half, labels)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(half.grad).all()


def test_a_zero_embedding_has_a_finite_loss():
    assert torch.isfinite(ArcFaceLoss(3, 4)(torch.zeros(2, 4), torch.tensor([0, 1])))


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.5, 1.5, 2.0, 2.4, 3.0, 3.14])
def test_the_target_logit_falls_as_the_angle_grows(margin):
    # All the way to π, past θ + m = π, where cos(θ + m) alone would turn and reward the worst; at m > 2.33
    # even the authors' continuation would jump up. A millionth is the pole's: sin θ never counts as below 0.001.
    theta = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
    logit = ArcFaceLoss(2, 2, margin=margin).target_logits(theta.cos())
    assert (logit.diff() <= 1e-6).all()
    assert (logit - logit.cummin(dim=0).values <= 1e-6).all()
    assert (logit <= theta.cos() + 1e-12).all()  # a margin never helps


def test_the_margin_is_the_formulas_up_to_the_turn():
    theta = torch.linspace(0.01, math.pi - 0.5, 999, dtype=torch.float64)[:-1]
    torch.testing.assert_close(ArcFaceLoss(2, 2).target_logits(theta.cos()), (theta + 0.5).cos(), rtol=0, atol=1e-10)
    beyond = torch.linspace(math.pi - 0.49, math.pi, 99, dtype=torch.float64)
    expected = beyond.cos() - 0.5 * math.sin(0.5)
    torch.testing.assert_close(ArcFaceLoss(2, 2).target_logits(beyond.cos()), expected, rtol=0, atol=1e-12)


def test_the_centers_learn():
    torch.manual_seed(0)
    arcface = ArcFaceLoss(4, 8, scale=16.0)
    x, labels = torch.randn(4, 8).repeat(5, 1) + 0.1 * torch.randn(20, 8), torch.arange(4).repeat(5)
    first = arcface(x, labels).item()
    for _ in range(100):
        (gradient,) = torch.autograd.grad(arcface(x, labels), arcface.centers)
        with torch.no_grad():
            arcface.centers -= 0.1 * gradient
    assert arcface(x, labels).item() < first / 3


# Bad input


@pytest.mark.parametrize("margin", [-0.1, math.pi, 28.6, math.nan, math.inf])
def test_unusable_margins(margin):
    with pytest.raises(InputError, match="in radians"):
        ArcFaceLoss(2, 2, margin=margin)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_unusable_scales(scale):
    with pytest.raises(InputError, match="positive and finite"):
        ArcFaceLoss(2, 2, scale=scale)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (-1, 4)])
def test_unusable_sizes(sizes):
    with pytest.raises(InputError, match="both start at 1"):
        ArcFaceLoss(*sizes)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (torch.ones(2, 4), torch.tensor([0, 3]), r"labels lie in \[0, 3\].*3 classes, numbered 0 to 2"),
        (torch.ones(2, 4), torch.tensor([-1, 0]), r"labels lie in \[-1, 0\]"),
        (torch.ones(2, 4), torch.tensor([0.0, 1.0]), "expected .* int64"),
        (torch.ones(2, 4), torch.tensor([0]), r"expected \(2,\) int64"),
        (torch.ones(2, 5), torch.tensor([0, 1]), "5 dimensions; this loss was made for 4"),
        (torch.ones(4), torch.tensor([0, 1]), r"expected \(B, d\) floats"),
        (torch.ones(2, 4, dtype=torch.int64), torch.tensor([0, 1]), r"expected \(B, d\) floats"),
        (torch.ones(0, 4), torch.tensor([], dtype=torch.int64), "the batch is empty"),
        ([[1.0] * 4], torch.tensor([0]), "give a torch tensor"),
    ],
)
def test_unusable_batches(x, labels, message):
    with pytest.raises(VectorError, match=message):
        ArcFaceLoss(3, 4)(x, labels)
