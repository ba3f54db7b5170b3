"""Center loss and its update rule by hand, as Wen et al. wrote them; and losses side by side."""

import math

import pytest
import torch

from lookalike.errors import InputError, VectorError
from lookalike.losses import ArcFaceLoss, CenterLoss, JointLoss, SoftmaxLoss, TripletLoss


def data(n=9, classes=4, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def oracle(x, labels, centers, weight, rate, without=()):
    """One picture at a time: the loss, and the centers after it (equation 4)."""
    pulled = [(row, label) for row, label in zip(x.tolist(), labels.tolist(), strict=True) if label not in without]
    value = sum(sum((a - c) ** 2 for a, c in zip(row, centers[label], strict=True)) for row, label in pulled)
    moved = []
    for j, center in enumerate(centers):
        mine = [row for row, label in pulled if label == j]
        delta = [sum(c - row[k] for row in mine) / (1 + len(mine)) for k, c in enumerate(center)]
        moved.append([c - rate * change for c, change in zip(center, delta, strict=True)])
    return weight / 2 * value / max(1, len(pulled)), moved


@pytest.mark.parametrize("without", [(), (2,), (0, 1, 2, 3)])
@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_it_is_wens_rule(rate, without):
    loss = CenterLoss(4, 3, weight=0.3, rate=rate, without_center=without).double()
    centers = loss.centers.tolist()
    for step in range(4):
        x, labels = data(seed=step)
        expected, centers = oracle(x, labels, centers, 0.3, rate, without)
        assert loss(x, labels).item() == pytest.approx(expected, rel=1e-12)
        torch.testing.assert_close(loss.centers, torch.tensor(centers, dtype=torch.float64), rtol=1e-12, atol=1e-15)


def test_the_gradient_is_the_way_from_the_center():
    loss = CenterLoss(4, 3, weight=0.3, without_center=[1]).double()
    loss(*data(seed=1))
    before = loss.centers.clone()
    x, labels = data(seed=2)
    labels[:2] = 1
    x.requires_grad_()
    loss(x, labels).backward()  # the centers have moved meanwhile; the gradient is from where they were
    pulled = labels != 1
    assert 0 < pulled.sum() < 9
    expected = 0.3 * (x.detach() - before[labels]) * pulled[:, None] / pulled.sum()
    torch.testing.assert_close(x.grad, expected)
    assert not loss.centers.requires_grad
    assert list(loss.parameters()) == []


def test_gradcheck():
    loss = CenterLoss(4, 3, weight=0.3, without_center=[1]).double()
    loss(*data(seed=1))
    loss.eval()
    x, labels = data(seed=2)
    assert torch.autograd.gradcheck(lambda a: loss(a, labels), x.requires_grad_())


def test_centers_stay_in_evaluation_and_are_saved():
    loss = CenterLoss(4, 3)
    x, labels = data()
    loss(x, labels)
    before = loss.centers.clone()
    assert before.abs().sum() > 0
    loss.eval()(x, labels)
    assert torch.equal(loss.centers, before)
    other = CenterLoss(4, 3)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.centers, before)


def test_a_center_comes_to_its_class():
    loss = CenterLoss(2, 2, rate=0.5)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [-7.0, 0.0]])
    for _ in range(60):
        loss(x, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(loss.centers, torch.tensor([[2.0, 3.0], [-7.0, 0.0]]), rtol=1e-4, atol=1e-4)


def test_a_batch_of_nothing_but_strangers_costs_nothing():
    loss = CenterLoss(3, 2, without_center=[2])
    x = torch.randn(4, 2, requires_grad=True)
    value = loss(x, torch.full((4,), 2))
    value.backward()
    assert value.item() == 0.0
    assert torch.equal(x.grad, torch.zeros(4, 2))
    assert torch.equal(loss.centers, torch.zeros(3, 2))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_shows_and_does_not_stay_in_the_centers(bad):
    loss = CenterLoss(4, 3)
    x, labels = data()
    x[0, 0] = bad
    assert not math.isfinite(loss(x, labels).item())
    assert torch.equal(loss.centers, torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "both start at 1"),
        ({"embedding_size": 0}, "both start at 1"),
        ({"weight": -1}, "weight is -1 and rate 0.5; expected finite and not below 0, and 0 to 1"),
        ({"weight": math.nan}, "weight is nan"),
        ({"weight": math.inf}, "weight is inf"),
        ({"rate": 1.1}, "rate 1.1"),
        ({"rate": math.nan}, "rate nan"),
        ({"without_center": [0, 3]}, "class 3 was to have no center; classes are numbered 0 to 2"),
        ({"without_center": [-1]}, "class -1 was to have no center"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(InputError, match=message):
        CenterLoss(**{"num_classes": 3, "embedding_size": 2} | options)


# JointLoss


def test_a_joint_loss_is_the_sum_in_value_and_gradient():
    x, labels = data()
    parts = [SoftmaxLoss(4, 3).double(), CenterLoss(4, 3, weight=0.5).double(), TripletLoss(0.5)]
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = sum(part.eval()(b, labels) for part in parts)
    found = JointLoss(*parts).eval()(a, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(a.grad, b.grad)
    assert {name.split(".")[1] for name, _ in JointLoss(*parts).named_parameters()} == {"0"}


def test_a_joint_loss_trains_and_saves_its_parts():
    joint = JointLoss(ArcFaceLoss(4, 3), CenterLoss(4, 3))
    joint(*data())
    assert joint.losses[1].centers.abs().sum() > 0
    assert {"losses.0.centers", "losses.1.centers", "losses.1.has_center"} == set(joint.state_dict())


def test_no_losses_are_no_sum():
    with pytest.raises(InputError, match="a sum of no losses was asked for; give at least one"):
        JointLoss()


def test_a_bad_batch_is_refused_by_the_part_that_it_does_not_suit():
    with pytest.raises(VectorError, match=r"labels lie in \[0, 3\]; this loss has 3 classes"):
        JointLoss(CenterLoss(4, 3), CenterLoss(3, 3))(torch.ones(2, 3), torch.tensor([0, 3]))
