"""Angular margins against their formulas with true arc cosines, and at the angles where implementations break."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses

from lookalike.errors import InputError, VectorError
from lookalike.losses import (
    ArcFaceLoss,
    CombinedMarginLoss,
    CosFaceLoss,
    SphereFaceLoss,
    SubCenterArcFaceLoss,
)
from lookalike.losses.angular_margin import dynamic_margins


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


# The other angular margins: against all logits at once, with true arc cosines and autograd


def with_margin(loss, cos, labels):
    """The right classes' logits before the scale, from their angles; none of these passes π."""
    theta = cos.acos()
    if isinstance(loss, CosFaceLoss):
        return cos - loss.margin
    if isinstance(loss, CombinedMarginLoss):
        m1, m2, m3 = loss.margins
        return torch.cos(m1 * theta + m2) - m3
    if isinstance(loss, SubCenterArcFaceLoss):
        return torch.cos(theta + loss.margins.to(cos.dtype)[labels])
    if isinstance(loss, SphereFaceLoss):
        k = (loss.margin * theta / math.pi).floor().detach()
        psi = (-1) ** k * torch.cos(loss.margin * theta) - 2 * k
        return (loss.plainness * cos + psi) / (1 + loss.plainness)
    return torch.cos(theta + loss.margin)


def all_at_once(loss, x, centers, labels):
    """The definition, with all B × C logits held."""
    unit = torch.nn.functional.normalize
    cos = torch.einsum("bd,ckd->bck", unit(x), unit(centers.view(len(centers), -1, x.shape[1]), dim=2)).amax(dim=2)
    right = torch.nn.functional.one_hot(labels, len(centers)).bool()
    target = with_margin(loss, cos[torch.arange(len(x)), labels], labels)
    scale = x.norm(dim=1, keepdim=True) if getattr(loss, "by_length", False) else loss.scale
    return torch.nn.functional.cross_entropy(scale * torch.where(right, target[:, None], cos), labels)


def assert_all_at_once(loss, x, labels, reference=None):
    loss = loss.double()
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    centers = loss.centers.detach().clone().requires_grad_()
    expected = (reference or all_at_once)(loss, b, centers, labels)
    found = loss(a, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-8, atol=1e-11)
    torch.testing.assert_close(loss.centers.grad, centers.grad, rtol=1e-8, atol=1e-11)
    return found.item()


def near_the_right_center(loss, n=12, seed=4):
    """A batch with angles of some 20° to 70° to the right center, and lengths from 1 to 3."""
    classes, d = len(loss.centers), loss.embedding_size
    x, labels = batch(n, classes, d, seed)
    centers = torch.nn.functional.normalize(loss.centers.detach().view(classes, -1, d)[:, 0].double())
    unit = torch.nn.functional.normalize
    x = unit(centers[labels] + 0.8 * unit(x))
    return x * torch.linspace(1, 3, n, dtype=torch.float64)[:, None], labels


OTHERS = {
    "cosface": lambda: CosFaceLoss(5, 6, scale=8.0),
    "combined": lambda: CombinedMarginLoss(5, 6, scale=8.0),
    "combined with a factor": lambda: CombinedMarginLoss(5, 6, (1.2, 0.1, 0.1), scale=8.0),
    "sphereface": lambda: SphereFaceLoss(5, 6),
    "sphereface at full margin": lambda: SphereFaceLoss(5, 6, annealing=(0, 0, 0)),
    "sphereface 1.35": lambda: SphereFaceLoss(5, 6, 1.35, annealing=(0, 0, 0)),
    "sphereface of a fixed scale": lambda: SphereFaceLoss(5, 6, 2.0, scale=8.0, annealing=(3, 0, 0)),
    "subcenters": lambda: SubCenterArcFaceLoss(5, 6, scale=8.0, subcenters=3),
    "dynamic margins": lambda: SubCenterArcFaceLoss(5, 6, scale=8.0, subcenters=2, class_counts=[1, 3, 10, 99, 5000]),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_value_and_gradients_with_all_logits_at_once(name, seed):
    torch.manual_seed(seed)
    loss = OTHERS[name]()
    assert assert_all_at_once(loss, *near_the_right_center(loss, seed=seed)) > 0.01


@pytest.mark.parametrize(
    ("kind", "margins"),
    [
        (lambda: ArcFaceLoss(5, 6, 0.5, 8.0), (1, 0.5, 0)),
        (lambda: CosFaceLoss(5, 6, 0.35, 8.0), (1, 0, 0.35)),
        (lambda: SphereFaceLoss(5, 6, 1.7, 8.0, annealing=(0, 0, 0)), (1.7, 0, 0)),
        (lambda: ArcFaceLoss(5, 6, 0.0, 8.0), (1, 0, 0)),
    ],
)
def test_the_corners_of_the_combined_margin(kind, margins):
    x, labels = batch(40)
    loss, combined = kind().double(), CombinedMarginLoss(5, 6, margins, 8.0).double()
    with torch.no_grad():
        combined.centers.copy_(loss.centers)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = combined(a, labels), loss(b, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("counts", [None, [17] * 5])
def test_one_subcenter_is_arcface(counts):
    x, labels = batch(40)
    margin = 0.5 if counts is None else 0.5 * 17**-0.25 + 0.05
    loss, arcface = SubCenterArcFaceLoss(5, 6, subcenters=1, class_counts=counts).double(), head(margin=margin)
    with torch.no_grad():
        arcface.centers.copy_(loss.centers)
    assert loss(x, labels).item() == pytest.approx(arcface(x, labels).item(), rel=1e-7)


def test_the_nearest_subcenter_counts_and_only_it_learns():
    loss = SubCenterArcFaceLoss(2, 2, scale=4.0, subcenters=2).double()
    with torch.no_grad():
        loss.centers.copy_(torch.tensor([[[1.0, 0.0], [-1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]]))
    x = torch.tensor([[math.cos(0.4), math.sin(0.4)]], dtype=torch.float64)
    value = loss(x, torch.tensor([0]))
    assert value.item() == pytest.approx(math.log(1 + math.exp(4 * (math.sin(0.4) - math.cos(0.9)))), rel=1e-12)
    value.backward()
    assert (loss.centers.grad[:, 0] != 0).any(dim=1).all()
    assert torch.equal(loss.centers.grad[:, 1], torch.zeros(2, 2, dtype=torch.float64))


def test_dynamic_margins_are_the_formula():
    counts = [1, 2, 50, 12_345]
    expected = [0.5 * n**-0.25 + 0.05 for n in counts]
    assert dynamic_margins(counts).tolist() == pytest.approx(expected, rel=1e-12)
    assert dynamic_margins(counts, 0.4, 0.5, 0.1).tolist() == pytest.approx([0.4 / n**0.5 + 0.1 for n in counts])
    loss = SubCenterArcFaceLoss(4, 2, class_counts=counts)
    assert loss.margins.tolist() == pytest.approx(expected, rel=1e-6)
    assert "margins" in loss.state_dict()


# DESIGN: one library's CosFace is inverted


def test_cosface_is_not_inverted():
    x, labels = batch()
    for cos in (-1.0, 0.0, 0.7):
        assert CosFaceLoss(2, 2, 0.35).target_logits(torch.tensor(cos)).item() == pytest.approx(cos - 0.35)
    values = []
    for margin in (0.0, 0.1, 0.35, 1.0):
        torch.manual_seed(0)
        values.append(CosFaceLoss(5, 6, margin, 16.0).double()(x, labels).item())
    assert values == sorted(values)
    assert len(set(values)) == 4
    # The target's logit is s (cos - m): one center, one other at 90°, by hand.
    loss = CosFaceLoss(2, 2, 0.35, 16.0)
    with torch.no_grad():
        loss.centers.copy_(torch.eye(2))
    expected = math.log(1 + math.exp(16 * (0.6 - (0.8 - 0.35))))
    assert loss(torch.tensor([[0.8, 0.6]]), torch.tensor([0])).item() == pytest.approx(expected, rel=1e-5)


# SphereFace


def test_annealing():
    loss = SphereFaceLoss(5, 6).double()
    x, labels = batch()
    for step in range(4):
        assert loss.plainness == pytest.approx(1000 / (1 + 0.12 * step), rel=1e-12)
        loss(x, labels)
    loss.eval()(x, labels)
    assert loss.steps.item() == 4
    loss.steps.fill_(10**9)
    assert loss.plainness == 5.0
    # So mixed, the target is 5/6 plain.
    cos = torch.linspace(-0.99, 0.99, 9, dtype=torch.float64)
    full = SphereFaceLoss(5, 6, annealing=(0, 0, 0)).target_logits(cos)
    torch.testing.assert_close(loss.target_logits(cos), (5 * cos + full) / 6)


def test_sphereface_scales_with_the_embeddings_length_and_has_a_gradient_along_it():
    loss = SphereFaceLoss(5, 6, 2.0, annealing=(0, 0, 0)).double()
    x, labels = near_the_right_center(loss)
    assert loss(5 * x, labels).item() != pytest.approx(loss(x, labels).item(), rel=1e-2)
    assert torch.autograd.gradcheck(lambda a: loss(a, labels), x.requires_grad_())
    with torch.no_grad():
        before = loss(x, labels).item()
        loss.centers.mul_(7)  # centers count by their direction
    assert loss(x, labels).item() == pytest.approx(before, rel=1e-12)


# pytorch-metric-learning, where definitions agree


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
@pytest.mark.parametrize("name", ["cosface", "sphereface 2", "sphereface 4", "subcenters"])
def test_pytorch_metric_learning_agrees_on(name):
    # Its SphereFace is the full margin from the start and takes whole factors only; it initialises centers
    # otherwise. Its CosFace is not the inverted one.
    torch.manual_seed(0)
    classes, d = 7, 6
    if name == "cosface":
        theirs, ours = pml_losses.CosFaceLoss(classes, d, margin=0.35, scale=16), CosFaceLoss(classes, d, 0.35, 16.0)
    elif name == "subcenters":
        theirs = pml_losses.SubCenterArcFaceLoss(
            num_classes=classes, embedding_size=d, margin=math.degrees(0.5), scale=16, sub_centers=3
        )
        ours = SubCenterArcFaceLoss(classes, d, 0.5, 16.0, subcenters=3)
    else:
        margin = int(name[-1])
        theirs = pml_losses.SphereFaceLoss(classes, d, margin=margin, scale=1)
        ours = SphereFaceLoss(classes, d, margin, annealing=(0, 0, 0))
    with torch.no_grad():
        ours.centers.copy_(theirs.W.T.reshape(ours.centers.shape))
    assert_all_at_once(
        ours,
        *near_the_right_center(ours),
        reference=lambda loss, x, centers, labels: with_weights(theirs, x, centers, labels),
    )


def with_weights(theirs, x, centers, labels):
    """Their loss with our centers as its weights, so that both have gradients to compare."""
    weights = centers.reshape(-1, centers.shape[-1]).T
    del theirs._parameters["W"]
    theirs.W = weights
    theirs.cast_types = lambda dtype, device: None
    for name in ("n_range", "margin_choose_n", "cos_powers", "alternating"):
        if hasattr(theirs, name):
            setattr(theirs, name, getattr(theirs, name).double())
    return theirs(x, labels)


# Bad input


@pytest.mark.parametrize("margin", [-0.1, 2.0, math.nan])
def test_unusable_cosine_margins(margin):
    with pytest.raises(InputError, match=r"margin is .*; a cosine margin lies between 0 and 2 \(0.35 is usual\)"):
        CosFaceLoss(2, 2, margin)


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        ((1.0, 0.3), r"give three: \(m1, m2, m3\)"),
        ((0.9, 0.3, 0.2), r"m1 is 0.9; it multiplies the angle: from 1 \(no margin\) to 16"),
        ((17, 0.3, 0.2), "m1 is 17"),
        ((math.nan, 0.3, 0.2), "m1 is nan"),
        ((1.0, 3.2, 0.2), "in radians"),
        ((1.0, 0.3, -0.2), "between 0 and 2"),
    ],
)
def test_unusable_combined_margins(margins, message):
    with pytest.raises(InputError, match=message):
        CombinedMarginLoss(2, 2, margins)


@pytest.mark.parametrize("margin", [0.9, 0.0, 17.0, math.nan, math.inf])
def test_unusable_factors(margin):
    with pytest.raises(InputError, match=r"SphereFace multiplies the angle by it: from 1 \(no margin\) to 16"):
        SphereFaceLoss(2, 2, margin)


@pytest.mark.parametrize("annealing", [(1, 2), (-1, 0, 0), (1, math.inf, 0), (math.nan, 0, 0)])
def test_unusable_annealing(annealing):
    with pytest.raises(InputError, match=r"give \(λ_0, γ, λ_min\), none below 0"):
        SphereFaceLoss(2, 2, annealing=annealing)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subcenters": 0}, "every class has at least 1"),
        ({"margin": 3.2}, "in radians"),
        ({"class_counts": [1, 2, 3]}, "class_counts has 3 entries; there are 2 classes"),
        ({"class_counts": [1, 0]}, "whole numbers of at least 1, one for every class"),
        ({"class_counts": [1.5, 2]}, "whole numbers of at least 1"),
        ({"class_counts": [[1, 2]]}, "whole numbers of at least 1"),
        ({"class_counts": [1, 2], "dynamic": (4.0, 0.25, 0.05)}, r"a = 4.0, b = 0.25, c = 0.05 give margins from 3"),
        ({"class_counts": [1, 2], "dynamic": (0.5, 0.25, -0.6)}, "in radians, from 0 up to pi"),
    ],
)
def test_unusable_subcenters(options, message):
    with pytest.raises(InputError, match=message):
        SubCenterArcFaceLoss(2, 2, **options)
