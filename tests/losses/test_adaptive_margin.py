"""AdaFace and CurricularFace against their papers' formulas, one example after the other, state included."""

import math
import statistics

import pytest
import torch
from torch.nn import functional

from lookalike.errors import InputError
from lookalike.losses import AdaFaceLoss, ArcFaceLoss, CurricularFaceLoss


def data(n=8, classes=5, d=4, seed=0, lengths=(2.0, 9.0)):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    x = functional.normalize(x) * torch.linspace(*lengths, n, dtype=torch.float64)[:, None]
    return x, torch.randint(0, classes, (n,), generator=generator)


def share_lost(logits, label):
    top = max(logits)
    return top + math.log(math.fsum(math.exp(v - top) for v in logits)) - logits[label]


def cosines(row, centers):
    return [
        math.fsum(a * b for a, b in zip(row, center, strict=True)) / (math.hypot(*row) * math.hypot(*center))
        for center in centers.tolist()
    ]


# AdaFace


def z_of(length, mean, deviation, h):
    return max(-1.0, min(1.0, (length - mean) / (deviation + 1e-3) * h))


def ada_face(x, labels, centers, margin, scale, zs):
    total = 0.0
    for row, label, z in zip(x.tolist(), labels.tolist(), zs, strict=True):
        logits = cosines(row, centers)
        g_angle, g_add = -margin * z, margin * z + margin  # Kim et al., equations 15 and 16
        angle = max(math.acos(max(-1.0, min(1.0, logits[label]))) + g_angle, 0.0)
        # Beyond π the authors hold cos at -1; ours falls on.
        logits[label] = (math.cos(angle) if angle < math.pi else -math.cos(angle) - 2) - g_add
        total += share_lost([scale * v for v in logits], label)
    return total / len(x)


@pytest.mark.parametrize("h", [0.0, 0.333, 3.0])
@pytest.mark.parametrize("margin", [0.0, 0.4, 1.2])
def test_adaface_is_its_formulas_and_its_averages_move(margin, h):
    torch.manual_seed(0)
    loss = AdaFaceLoss(5, 4, margin, scale=6.0, concentration=h, momentum=0.9).double()
    mean = deviation = None
    seen = set()
    for step in range(4):
        x, labels = data(seed=step, lengths=(1.0 + step, 9.0 + 2 * step))
        lengths = [math.hypot(*row) for row in x.tolist()]
        new = statistics.mean(lengths), statistics.stdev(lengths)
        mean = new[0] if mean is None else 0.9 * new[0] + 0.1 * mean
        deviation = new[1] if deviation is None else 0.9 * new[1] + 0.1 * deviation
        zs = [z_of(v, mean, deviation, h) for v in lengths]
        seen |= {round(z, 6) for z in zs}
        expected = ada_face(x, labels, loss.centers, margin, 6.0, zs)
        assert loss(x, labels).item() == pytest.approx(expected, rel=1e-9)
        assert loss.lengths.tolist() == pytest.approx([mean, deviation, step + 1], rel=1e-12)
    assert {-1.0, 1.0} <= seen if h == 3 else -1.0 not in seen  # the clip is reached, or it is not


def test_adaface_learns_in_training_only():
    loss = AdaFaceLoss(5, 4).double().eval()
    x, labels = data()
    assert loss.quality(torch.tensor([1.0, 50.0])).tolist() == [0.0, 0.0]  # nothing seen yet
    expected = ada_face(x, labels, loss.centers, 0.4, 64.0, [0.0] * 8)
    assert loss(x, labels).item() == pytest.approx(expected, rel=1e-9)
    assert loss.lengths.tolist() == [0, 0, 0]
    loss.train()(x, labels)
    before = loss.lengths.clone()
    loss.eval()(3 * x, labels)
    assert torch.equal(loss.lengths, before)


def test_adafaces_gradient_is_its_formulas_with_a_fixed_quality():
    x, labels = data(seed=3)
    torch.manual_seed(1)
    loss = AdaFaceLoss(5, 4, scale=6.0, concentration=1.0).double()
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    centers = loss.centers.detach().clone().requires_grad_()
    loss(a, labels).backward()
    z = loss.eval().quality(x.norm(dim=1))
    assert (z.abs() > 0.2).any()
    cos = functional.normalize(b) @ functional.normalize(centers).T
    target = torch.cos(cos[torch.arange(8), labels].acos() - 0.4 * z) - (0.4 * z + 0.4)
    right = functional.one_hot(labels, 5).bool()
    functional.cross_entropy(6 * torch.where(right, target[:, None], cos), labels).backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(loss.centers.grad, centers.grad, rtol=1e-9, atol=1e-12)


def test_no_gradient_flows_through_the_quality():
    # The loss depends on an embedding's length by ẑ alone, so along it there is no gradient.
    x, labels = data()
    x.requires_grad_()
    loss = AdaFaceLoss(5, 4, scale=6.0).double()
    loss(x, labels).backward()
    assert (x.grad * x.detach()).sum(dim=1).abs().max() <= 1e-14
    assert x.grad.abs().max() > 1e-3


def test_adafaces_extremes_are_arcface_and_a_cosine_margin():
    # ẑ = 0: cos θ - m. ẑ = -1: cos(θ + m). ẑ = 1: cos(θ - m) - 2 m.
    loss = AdaFaceLoss(2, 2, margin=0.4, scale=1.0, concentration=1e6).double().eval()
    with torch.no_grad():
        loss.centers.copy_(torch.eye(2))
        loss.lengths.copy_(torch.tensor([5.0, 1.0, 1.0]))
    for length, logit in (
        (1.0, math.cos(0.7 + 0.4)),
        (5.0, math.cos(0.7) - 0.4),
        (9.0, math.cos(0.7 - 0.4) - 0.8),
    ):
        x = length * torch.tensor([[math.cos(0.7), math.sin(0.7)]], dtype=torch.float64)
        expected = math.log(1 + math.exp(math.sin(0.7) - logit))
        assert loss(x, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-6)


def test_a_good_picture_nearer_than_its_angle_feels_only_the_other_classes():
    # θ - m ẑ stops at 0, where cos is 1 and flat.
    loss = AdaFaceLoss(2, 2, margin=0.4, scale=3.0, concentration=1e6).double().eval()
    with torch.no_grad():
        loss.centers.copy_(torch.eye(2))
        loss.lengths.copy_(torch.tensor([0.5, 0.1, 1.0]))
    theta = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    value = loss(torch.stack([theta.cos(), theta.sin()])[None], torch.tensor([0]))
    value.backward()
    expected = math.log(1 + math.exp(3 * (math.sin(0.1) - (1 - 0.8))))
    assert value.item() == pytest.approx(expected, rel=1e-12)
    assert theta.grad.item() == pytest.approx((1 - math.exp(-expected)) * 3 * math.cos(0.1), rel=1e-9)


def test_a_batch_with_infinity_or_one_picture_does_not_spoil_the_averages():
    loss = AdaFaceLoss(5, 4)
    x, labels = data()
    loss(x.float(), labels)
    before = loss.lengths.clone()
    x[0, 0] = math.nan
    assert math.isnan(loss(x.float(), labels).item())
    assert torch.equal(loss.lengths, before)
    x, labels = data(1)
    assert torch.isfinite(loss(x.float(), labels))  # one length has no deviation
    assert torch.isfinite(loss.lengths).all()


def test_lengths_count_up_to_a_hundred_as_in_the_authors_code():
    loss = AdaFaceLoss(5, 4).double()
    loss(data(lengths=(1e3, 1e4))[0], data()[1])
    assert loss.lengths[:2].tolist() == [100.0, 0.0]


@pytest.mark.parametrize("margin", [-0.1, math.pi / 2, math.nan])
def test_unusable_adaface_margins(margin):
    with pytest.raises(InputError, match=r"AdaFace's is in radians, from 0 up to pi/2 \(0.4 is usual\)"):
        AdaFaceLoss(2, 2, margin)


@pytest.mark.parametrize(("h", "momentum"), [(-1, 0.99), (math.inf, 0.99), (math.nan, 0.99), (0.3, 0), (0.3, 1.1)])
def test_unusable_concentrations(h, momentum):
    with pytest.raises(InputError, match="expected the first not below 0, the second above 0 and up to 1"):
        AdaFaceLoss(2, 2, concentration=h, momentum=momentum)


# CurricularFace


def curricular_face(x, labels, centers, margin, scale, t):
    total = 0.0
    for row, label in zip(x.tolist(), labels.tolist(), strict=True):
        cos = cosines(row, centers)
        angle = math.acos(max(-1.0, min(1.0, cos[label])))
        threshold = math.cos(angle + margin)
        turned = angle + margin >= math.pi
        logits = [c * (t + c) if c > threshold else c for c in cos]
        logits[label] = cos[label] - margin * math.sin(margin) if turned else threshold
        total += share_lost([scale * v for v in logits], label)
    return total / len(x)


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.5])
def test_curricularface_is_its_formula_and_t_moves_before_it_is_used(margin):
    torch.manual_seed(0)
    loss = CurricularFaceLoss(5, 4, margin, scale=6.0, momentum=0.25).double()
    t = 0.0
    for step in range(4):
        x, labels = data(seed=step)
        x = x + 3 * functional.normalize(loss.centers.detach())[labels] * step  # ever better
        right = [cosines(row, loss.centers)[label] for row, label in zip(x.tolist(), labels.tolist(), strict=True)]
        t = 0.25 * statistics.mean(right) + 0.75 * t  # the authors' code: before the logits
        expected = curricular_face(x, labels, loss.centers, margin, 6.0, t)
        assert loss(x, labels).item() == pytest.approx(expected, rel=1e-9)
        assert loss.t.item() == pytest.approx(t, rel=1e-12)
    loss.eval()
    x, labels = data(seed=9)
    assert loss(x, labels).item() == pytest.approx(curricular_face(x, labels, loss.centers, margin, 6.0, t), rel=1e-9)
    assert loss.t.item() == pytest.approx(t, rel=1e-12)


def test_curricularfaces_gradient_is_its_formulas():
    x, labels = data(seed=3)
    torch.manual_seed(1)
    loss = CurricularFaceLoss(5, 4, scale=6.0).double().eval()
    with torch.no_grad():
        loss.t.fill_(0.3)
    x = x + 3 * functional.normalize(loss.centers.detach())[labels]  # no angle passes π
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    centers = loss.centers.detach().clone().requires_grad_()
    loss(a, labels).backward()
    cos = functional.normalize(b) @ functional.normalize(centers).T
    target = torch.cos(cos[torch.arange(8), labels].acos() + 0.5)
    right = functional.one_hot(labels, 5).bool()
    hard = (cos > target[:, None]) & ~right
    assert hard.any()
    assert not hard[~right].all()
    assert (cos[torch.arange(8), labels].acos() + 0.5 < math.pi).all()
    logits = torch.where(right, target[:, None], torch.where(hard, cos * (0.3 + cos), cos))
    functional.cross_entropy(6 * logits, labels).backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(loss.centers.grad, centers.grad, rtol=1e-9, atol=1e-12)


def test_without_hard_classes_curricularface_is_arcface():
    x, labels = data()
    curricular, arcface = CurricularFaceLoss(5, 4, 0.1).double().eval(), ArcFaceLoss(5, 4, 0.1).double()
    with torch.no_grad():
        curricular.centers.copy_(torch.eye(5)[:, :4] + 0.01)
        arcface.centers.copy_(curricular.centers)
    x = curricular.centers.detach()[labels % 4] + 0.01 * x
    assert curricular(x, labels % 4).item() == pytest.approx(arcface(x, labels % 4).item(), rel=1e-12)


def test_nan_does_not_stay_in_t():
    loss = CurricularFaceLoss(5, 4)
    x, labels = data()
    x[0, 0] = math.nan
    assert math.isnan(loss(x.float(), labels).item())
    assert loss.t.item() == 0.0


@pytest.mark.parametrize("momentum", [0.0, -0.1, 1.1, math.nan])
def test_unusable_momenta(momentum):
    with pytest.raises(InputError, match=r"momentum is .*; it is a share, above 0 and up to 1 \(0.01 is usual\)"):
        CurricularFaceLoss(2, 2, momentum=momentum)


@pytest.mark.parametrize("margin", [-0.1, math.pi, math.nan])
def test_unusable_curricularface_margins(margin):
    with pytest.raises(InputError, match="in radians"):
        CurricularFaceLoss(2, 2, margin)
