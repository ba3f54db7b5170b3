"""Contrastive and NT-Xent losses against loops over pairs, in value and gradient."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses
from pytorch_metric_learning.distances import DotProductSimilarity, LpDistance

from lookalike.distances import Covariance, minkowski
from lookalike.errors import InputError
from lookalike.losses import ContrastiveLoss, NTXentLoss, tiles

SCALES = torch.tensor([1.0, 4.0, 0.25], dtype=torch.float64)
METRICS = {
    "euclidean": "euclidean",
    "squared_euclidean": "squared_euclidean",
    "cosine": "cosine",
    "inner_product": "inner_product",
    "manhattan": "manhattan",
    "mahalanobis": Covariance(SCALES.diag().numpy()),
    "minkowski 3": partial(minkowski, p=3),
}


def distance(a, b, metric):
    gap = a - b
    if metric == "inner_product":
        return -(a @ b)
    if metric == "cosine":
        return 1 - (a @ b) / (a.norm() * b.norm())
    if not (gap != 0).any():
        return (gap * 0).sum()
    return {
        "euclidean": lambda: gap.norm(),
        "squared_euclidean": lambda: gap @ gap,
        "manhattan": lambda: gap.abs().sum(),
        "mahalanobis": lambda: (gap * gap / SCALES).sum().sqrt(),
        "minkowski 3": lambda: gap.abs().pow(3).sum().pow(1 / 3),
    }[metric]()


def pairs_of(x, labels, references, own):
    """`(positive, negative)` lists of (anchor, column) positions, and the columns."""
    columns, names = (x, labels) if references is None else references
    positive, negative = [], []
    for a, name in enumerate(labels.tolist()):
        for b, other in enumerate(names.tolist()):
            if own and a == b:
                continue
            (positive if name == other else negative).append((a, b))
    return positive, negative, columns


def contrastive(x, labels, margin, metric, reduction, references=None, own=True):
    positive, negative, columns = pairs_of(x, labels, references, own)
    near = [0.5 * distance(x[a], columns[b], metric) ** 2 for a, b in positive]
    far = [0.5 * (margin - distance(x[a], columns[b], metric)).clamp(min=0) ** 2 for a, b in negative]
    zero = x.sum() * 0 + columns.sum() * 0
    if reduction == "all":
        return sum(near + far, zero) / max(1, len(near) + len(far))
    return sum(near, zero) / max(1, len(near)) + sum(far, zero) / max(1, len(far))


def nt_xent(x, labels, temperature, similarity, references=None, own=True):
    positive, negative, columns = pairs_of(x, labels, references, own)

    def s(a, b):
        u, v = x[a], columns[b]
        return (u @ v if similarity == "inner_product" else (u / u.norm()) @ (v / v.norm())) / temperature

    costs = []
    for a, p in positive:
        logits = torch.stack([s(a, p)] + [s(a, n) for b, n in negative if b == a])
        costs.append(logits.logsumexp(dim=0) - logits[0])
    return torch.stack(costs).mean() if costs else x.sum() * 0 + columns.sum() * 0


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
    return found.item()


LABELS = [[0, 0, 1, 1, 1, 2, 3], [0] * 7, [0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("reduction", ["balanced", "all"])
@pytest.mark.parametrize("metric", METRICS)
def test_contrastive_is_its_definition(metric, reduction, labels):
    x, labels = batch(7, 1, seed=1)[0], torch.tensor(labels)
    for margin in (0.5, 2.0):
        assert_same(
            ContrastiveLoss(margin, METRICS[metric], reduction),
            lambda a, b, m=margin: contrastive(a, b, m, metric, reduction),
            x,
            labels,
        )


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("similarity", ["cosine", "inner_product"])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_nt_xent_is_its_definition(similarity, temperature, labels):
    x, labels = batch(7, 1, seed=2)[0], torch.tensor(labels)
    loss = NTXentLoss(temperature, similarity)
    assert_same(loss, lambda a, b: nt_xent(a, b, temperature, similarity), x, labels)


@given(seed=st.integers(0, 2**31), n=st.integers(0, 8), classes=st.integers(1, 4), margin=st.floats(0.1, 3))
def test_random_batches(seed, n, classes, margin):
    x, labels = batch(n, classes, seed)
    assert_same(ContrastiveLoss(margin), lambda a, b: contrastive(a, b, margin, "euclidean", "balanced"), x, labels)
    assert_same(NTXentLoss(margin), lambda a, b: nt_xent(a, b, margin, "cosine"), x, labels)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("which", ["contrastive balanced", "contrastive all", "nt-xent"])
def test_references(which, own):
    x, labels = batch(5, 3, seed=3)
    others, other_labels = batch(6, 4, seed=4)
    labels[0], other_labels[0] = 99, -5  # identities that one side only has
    name, *reduction = which.split()
    results = []
    for ours in (True, False):
        a, b = x.clone().requires_grad_(), others.clone().requires_grad_()
        columns = torch.cat([a, b]) if own else b
        names = torch.cat([labels, other_labels]) if own else other_labels
        if ours:
            loss = ContrastiveLoss(1.5, reduction=reduction[0]) if reduction else NTXentLoss(0.3)
            value = loss(a, labels, columns, names, own)
        elif name == "nt-xent":
            value = nt_xent(a, labels, 0.3, "cosine", (columns, names), own)
        else:
            value = contrastive(a, labels, 1.5, "euclidean", reduction[0], (columns, names), own)
        value.backward()
        results.append((value.detach(), a.grad, b.grad))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", [ContrastiveLoss(1.5), ContrastiveLoss(1.5, reduction="all"), NTXentLoss(0.2)])
def test_tiles_do_not_matter(monkeypatch, loss):
    x, labels = batch(23, 6, seed=5)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = loss(a, labels)
    expected.backward()
    monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiles, "_TILE_ROWS", 5)
    found = loss(b, labels)
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(b.grad, a.grad, rtol=1e-10, atol=1e-14)


def test_the_n_pair_loss():
    # Sohn 2016, equation 6, one anchor after the other: log(1 + Σ_j exp(f·f_j⁺ - f·f⁺)).
    x, mates = batch(6, 1, seed=6)[0], batch(6, 1, seed=7)[0]
    labels = torch.arange(6)
    results = []
    for ours in (True, False):
        a, b = x.clone().requires_grad_(), mates.clone().requires_grad_()
        if ours:
            value = NTXentLoss(1.0, "inner_product")(a, labels, b, labels)
        else:
            costs = [
                torch.log(1 + sum(torch.exp(a[i] @ b[j] - a[i] @ b[i]) for j in range(6) if j != i)) for i in range(6)
            ]
            value = torch.stack(costs).mean()
        value.backward()
        results.append((value.detach(), a.grad, b.grad))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_pytorch_metric_learning_agrees_on_the_n_pair_loss():
    # Theirs takes one pair of every label from the batch, the first picture as anchor and the second as its positive,
    # and normalises unless told otherwise, which Sohn's does not.
    x, labels = batch(8, 1, seed=8)[0], torch.arange(4).repeat_interleave(2)
    theirs = pml_losses.NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))
    loss = NTXentLoss(1.0, "inner_product")
    assert_same(lambda a, b: loss(a[::2], b[::2], a[1::2], b[1::2]), theirs, x, labels)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_pytorch_metric_learning_agrees_on_nt_xent(temperature, seed):
    # Theirs adds the dtype's smallest number within the logarithm, which these shares are far from, and gives 0 for
    # a batch with a single positive pair, which this has not.
    x, labels = batch(20, 5, seed)
    assert_same(NTXentLoss(temperature), pml_losses.NTXentLoss(temperature), x, labels, rtol=1e-6)


def test_pytorch_metric_learning_agrees_on_contrastive_positives():
    # Theirs is Hadsell's with |d| for d²/2, on unit vectors, and averages over what is above 0. Given squared
    # distances, and a margin at which no negative counts, it is twice ours.
    x, labels = batch(12, 1, seed=9)[0], torch.arange(12) // 3
    theirs = pml_losses.ContrastiveLoss(0, 0, distance=LpDistance(power=2))
    ours = ContrastiveLoss(1e-9)
    assert_same(lambda a, b: 2 * ours(torch.nn.functional.normalize(a), b), theirs, x, labels, rtol=1e-6)


def test_contrastive_by_hand():
    x, labels = torch.tensor([[0.0], [0.6], [1.0]]), torch.tensor([0, 0, 1])
    # positive ½ 0.36; negatives 1.0 (0) and 0.4 (½ 0.36), two of each for both directions.
    assert ContrastiveLoss(1.0)(x, labels).item() == pytest.approx(0.18 + 0.09)
    assert ContrastiveLoss(1.0, reduction="all")(x, labels).item() == pytest.approx((0.18 * 2 + 0.18 * 2) / 6)


def test_beyond_its_margin_a_negative_feels_nothing_and_twins_pull_nowhere():
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [0.0, 0.0]], requires_grad=True)
    value = ContrastiveLoss(1.0)(x, torch.tensor([0, 0, 1, 2]))
    value.backward()
    assert value.item() == pytest.approx(0.5 * 4 / 10)  # the stranger at distance 0 costs ½ margin²
    assert torch.equal(x.grad, torch.zeros(4, 2))


def test_nt_xent_of_a_cold_softmax_neither_overflows_nor_vanishes():
    x = torch.nn.functional.normalize(batch(16, 4, seed=10)[0]).float().requires_grad_()
    labels = torch.arange(16) // 4
    value = NTXentLoss(1e-3)(x, labels)
    value.backward()
    expected = nt_xent(x.detach().double(), labels, 1e-3, "cosine").item()
    assert value.item() == pytest.approx(expected, rel=1e-4)
    assert torch.isfinite(x.grad).all()


def test_hard_negatives_weigh_more_in_a_colder_softmax():
    x = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, -0.8], [-1.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 2])
    shares = []
    for temperature in (1.0, 0.1):
        leaf = x.clone().requires_grad_()
        NTXentLoss(temperature)(leaf, labels).backward()
        shares.append((leaf.grad[2].norm() / (leaf.grad[3].norm() + leaf.grad[2].norm())).item())
    assert shares[1] > shares[0]


@pytest.mark.parametrize("margin", [0.0, -1.0, math.inf, math.nan])
def test_unusable_margins(margin):
    with pytest.raises(InputError, match=r"margin is .*; it must be finite and above 0, or no negative is pushed away"):
        ContrastiveLoss(margin)


@pytest.mark.parametrize("reduction", ["mean", "active", None])
def test_unusable_reductions(reduction):
    with pytest.raises(InputError, match="choose one of balanced, all"):
        ContrastiveLoss(reduction=reduction)


def test_unusable_metrics():
    with pytest.raises(InputError, match="metric is 'l2'; choose one of euclidean"):
        ContrastiveLoss(metric="l2")


@pytest.mark.parametrize("temperature", [0.0, -0.1, math.inf, math.nan])
def test_unusable_temperatures(temperature):
    with pytest.raises(InputError, match=r"temperature is .*; it must be finite and above 0"):
        NTXentLoss(temperature)


@pytest.mark.parametrize("similarity", ["euclidean", None, ""])
def test_unusable_similarities(similarity):
    with pytest.raises(InputError, match="choose one of cosine, inner_product"):
        NTXentLoss(similarity=similarity)
