"""Multi-similarity loss against its two equations and its miner, one anchor at a time."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses
from pytorch_metric_learning import miners as pml_miners

from lookalike.errors import InputError
from lookalike.losses import MultiSimilarityLoss, tiles


def oracle(x, labels, alpha=2.0, beta=50.0, base=0.5, epsilon=0.1, references=None, own=True):
    columns, names = (x, labels) if references is None else references
    total = x.sum() * 0 + columns.sum() * 0
    for a, name in enumerate(labels.tolist()):
        s = [(x[a] / x[a].norm()) @ (c / c.norm()) for c in columns]
        positive = [v for j, v in enumerate(s) if names[j] == name and not (own and j == a)]
        negative = [v for j, v in enumerate(s) if names[j] != name]
        if epsilon is not None:
            least = min((v.item() for v in positive), default=math.inf)
            most = max((v.item() for v in negative), default=-math.inf)
            positive = [v for v in positive if v.item() < most + epsilon]  # Wang et al., equation 13
            negative = [v for v in negative if v.item() > least - epsilon]  # and 12
        total = total + torch.log(1 + sum((torch.exp(-alpha * (v - base)) for v in positive), x.new_zeros(()))) / alpha
        total = total + torch.log(1 + sum((torch.exp(beta * (v - base)) for v in negative), x.new_zeros(()))) / beta
    return total / max(1, len(x))


def batch(n, classes, seed, d=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def assert_same(loss, of, x, labels, rtol=1e-9):
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, expected = loss(a, labels), of(b, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=rtol, abs=1e-12)
    torch.testing.assert_close(a.grad, b.grad, rtol=rtol, atol=1e-11)


@pytest.mark.parametrize("epsilon", [0.1, 0.0, -0.3, None])
@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 2, 3], [0] * 7, [0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0, 1]])
def test_it_is_its_definition(labels, epsilon):
    for options in ({}, {"alpha": 1.0, "beta": 4.0, "base": -0.2}):
        loss = MultiSimilarityLoss(epsilon=epsilon, **options)
        x = batch(7, 1, seed=1)[0]
        assert_same(loss, lambda a, b, o=options: oracle(a, b, epsilon=epsilon, **o), x, torch.tensor(labels))


@given(
    seed=st.integers(0, 2**31), n=st.integers(0, 8), classes=st.integers(1, 4), epsilon=st.floats(-0.5, 1) | st.none()
)
def test_random_batches(seed, n, classes, epsilon):
    assert_same(
        MultiSimilarityLoss(epsilon=epsilon), lambda a, b: oracle(a, b, epsilon=epsilon), *batch(n, classes, seed)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("epsilon", [0.1, None])
def test_pytorch_metric_learning_agrees(seed, epsilon):
    x, labels = batch(24, 6, seed, d=6)
    theirs = pml_losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)
    miner = pml_miners.MultiSimilarityMiner(epsilon) if epsilon else lambda a, b: None
    assert_same(
        MultiSimilarityLoss(epsilon=epsilon), lambda a, b: theirs(a, b, miner(a.detach(), b)), x, labels, rtol=1e-8
    )


def test_an_anchor_needs_both_a_positive_and_a_negative():
    # As the authors' code, which passes over the others. Without mining, every pair counts.
    x = torch.nn.functional.normalize(batch(4, 1, seed=2)[0])
    for labels in (torch.arange(4), torch.zeros(4, dtype=torch.int64)):
        assert MultiSimilarityLoss()(x, labels).item() == 0.0
        assert MultiSimilarityLoss(epsilon=None)(x, labels).item() > 0


@pytest.mark.parametrize("own", [False, True])
def test_references(own):
    x, labels = batch(5, 3, seed=3)
    others, other_labels = batch(6, 4, seed=4)
    labels[0], other_labels[0] = 99, -5
    results = []
    for of in (MultiSimilarityLoss(), None):
        a, b = x.clone().requires_grad_(), others.clone().requires_grad_()
        columns = torch.cat([a, b]) if own else b
        names = torch.cat([labels, other_labels]) if own else other_labels
        value = of(a, labels, columns, names, own) if of else oracle(a, labels, references=(columns, names), own=own)
        value.backward()
        results.append((value.detach(), a.grad, b.grad))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_tiles_do_not_matter(monkeypatch):
    x, labels = batch(23, 6, seed=5)
    loss = MultiSimilarityLoss()
    expected = loss(x, labels).item()
    monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiles, "_TILE_ROWS", 5)
    assert loss(x, labels).item() == pytest.approx(expected, rel=1e-12)
    assert_same(loss, oracle, x, labels)


def test_a_steep_beta_does_not_overflow_in_float32():
    x = torch.ones(6, 3, requires_grad=True)
    value = MultiSimilarityLoss(beta=1e4)(x, torch.tensor([0, 0, 0, 1, 1, 1]))
    value.backward()
    # Every similarity is 1: 1/β log(1 + 3 e^(β/2)) is nearly ½, the positives' ½ log(1 + 2 e^-1).
    assert value.item() == pytest.approx(0.5 + math.log(3) / 1e4 + math.log(1 + 2 / math.e) / 2, rel=1e-5)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(("alpha", "beta"), [(0, 50), (2, 0), (-1, 50), (math.inf, 50), (2, math.nan)])
def test_unusable_weights(alpha, beta):
    with pytest.raises(InputError, match="both must be finite and above 0"):
        MultiSimilarityLoss(alpha, beta)


@pytest.mark.parametrize(("base", "epsilon"), [(math.nan, 0.1), (math.inf, None), (0.5, math.nan), (0.5, math.inf)])
def test_unusable_similarities(base, epsilon):
    with pytest.raises(InputError, match="both must be finite"):
        MultiSimilarityLoss(base=base, epsilon=epsilon)
