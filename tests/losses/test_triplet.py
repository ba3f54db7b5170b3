"""The sums over sorted runs against three nested loops, in value and gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses
from pytorch_metric_learning import miners as pml_miners

from lookalike.errors import InputError, VectorError
from lookalike.losses import TripletLoss, tiles

MININGS = ["all", "easy", "semihard", "hard"]
METRICS = ["euclidean", "cosine", "inner_product", "manhattan"]


def distance(a, b, metric):
    """One pair's distance, its gradient zero where it has none."""
    gap = a - b
    if metric == "euclidean":
        return gap.norm() if (gap != 0).any() else (gap * 0).sum()
    if metric == "manhattan":
        return gap.abs().sum()
    if metric == "inner_product":
        return -(a @ b)
    return (1 - (a / a.norm()) @ (b / b.norm())).clamp(0, 2)


def keeps(mining, d_ap, d_an, margin):
    return {
        "all": True,
        "easy": d_an >= d_ap + margin,
        "semihard": d_ap < d_an < d_ap + margin,
        "hard": d_an <= d_ap,
    }[mining]


def oracle(x, labels, margin, mining, metric):
    """The definition: list every triplet, keep the mined, average the active."""
    ids = labels.tolist()
    d = [[distance(a, b, metric) for b in x] for a in x]
    active = []
    for a in range(len(x)):
        for p in range(len(x)):
            for n in range(len(x)):
                if a == p or ids[a] != ids[p] or ids[a] == ids[n]:
                    continue
                value = d[a][p] - d[a][n] + margin
                if keeps(mining, d[a][p].item(), d[a][n].item(), margin) and value.item() > 0:
                    active.append(value)
    return torch.stack(active).mean() if active else x.sum() * 0


def both(x, labels, margin=0.5, mining="all", metric="euclidean"):
    """(value, gradient) of ours and of the oracle."""
    found = []
    for of in (TripletLoss(margin, mining, metric), lambda a, b: oracle(a, b, margin, mining, metric)):
        leaf = x.clone().requires_grad_()
        value = of(leaf, labels)
        value.backward()
        found += [value.item(), leaf.grad]
    return found


def assert_same(x, labels, rtol=1e-8, **how):
    value, gradient, expected, expected_gradient = both(x, labels, **how)
    assert value == pytest.approx(expected, rel=rtol, abs=1e-12)
    torch.testing.assert_close(gradient, expected_gradient, rtol=rtol, atol=1e-10)
    return value


def batch(n, classes, seed, d=4):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


# Against the definition


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("margin", [0.0, 0.3, 100.0])
def test_value_and_gradient_are_the_definitions(mining, metric, margin):
    x, labels = batch(13, 4, seed=1)
    assert_same(x, labels, margin=margin, mining=mining, metric=metric)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(0, 9),
    classes=st.integers(1, 4),
    margin=st.floats(0, 2),
    mining=st.sampled_from(MININGS),
    metric=st.sampled_from(METRICS),
)
def test_random_batches(seed, n, classes, margin, mining, metric):
    assert_same(*batch(n, classes, seed), margin=margin, mining=mining, metric=metric)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 2)), min_size=1, max_size=9),
    margin=st.sampled_from([0.0, 1.0, 2.0]),
    mining=st.sampled_from(MININGS),
)
def test_ties_and_duplicates(rows, margin, mining):
    # Whole numbers on a line: distances are exact, equal to each other and to the margin, and often zero.
    x = torch.tensor([[float(v)] for v, _ in rows], dtype=torch.float64)
    labels = torch.tensor([label for _, label in rows])
    for metric in ("euclidean", "manhattan", "inner_product"):
        assert_same(x, labels, margin=margin, mining=mining, metric=metric)


@pytest.mark.parametrize("mining", MININGS)
def test_tiles_do_not_matter(monkeypatch, mining):
    x, labels = batch(11, 3, seed=2)
    whole = both(x, labels, mining=mining)
    for tile in (1, 3, 10, 11):
        monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": tile * len(x)})
        monkeypatch.setattr(tiles, "_TILE_ROWS", 1)
        value, gradient, *_ = both(x, labels, mining=mining)
        assert value == pytest.approx(whole[0], rel=1e-12)
        torch.testing.assert_close(gradient, whole[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
@pytest.mark.parametrize("metric", METRICS)
def test_gradcheck(mining, metric):
    x, labels = batch(7, 3, seed=3)
    assert torch.autograd.gradcheck(lambda a: TripletLoss(0.7, mining, metric)(a, labels), x.requires_grad_())


def test_semihard_and_hard_divide_what_is_active():
    # sum over all active = sum over semihard + sum over hard; means weighted by their counts.
    x, labels = batch(12, 3, seed=4)
    d = torch.cdist(x, x)
    same = labels[:, None] == labels
    gap = (d[:, :, None] - d[:, None, :] + 0.5)[
        same[:, :, None] & ~same[:, None, :] & ~torch.eye(12).bool()[:, :, None]
    ]
    hard, active = int((gap >= 0.5).sum()), int((gap > 0).sum())
    values = {mining: TripletLoss(0.5, mining)(x, labels).item() for mining in MININGS}
    assert 0 < hard < active
    assert values["all"] * active == pytest.approx(values["hard"] * hard + values["semihard"] * (active - hard))
    assert values["easy"] == 0


@pytest.mark.parametrize(("mining", "theirs"), [("all", "all"), ("hard", "hard"), ("semihard", "semihard")])
def test_pytorch_metric_learning_agrees(mining, theirs):
    x, labels = batch(24, 5, seed=5)
    margin = 0.2
    miner = pml_miners.TripletMarginMiner(margin=margin, type_of_triplets=theirs)
    loss = pml_losses.TripletMarginLoss(margin=margin)  # its reducer averages over the non-zero
    found, expected = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours = TripletLoss(margin, mining)(torch.nn.functional.normalize(found), labels)  # they do so unasked
    other = loss(expected, labels, miner(expected, labels))
    assert ours.item() == pytest.approx(other.item(), rel=1e-6)
    ours.backward()
    other.backward()
    torch.testing.assert_close(found.grad, expected.grad, rtol=1e-5, atol=1e-8)


def test_by_hand():
    x = torch.tensor([[0.0], [0.5], [1.0]])
    labels = torch.tensor([0, 0, 1])
    # (a=0, p=1, n=2): .5 - 1 + 1 = .5; (a=1, p=0, n=2): .5 - .5 + 1 = 1
    assert TripletLoss(1.0, "all")(x, labels).item() == pytest.approx(0.75)
    assert TripletLoss(1.0, "semihard")(x, labels).item() == pytest.approx(0.5)
    assert TripletLoss(1.0, "hard")(x, labels).item() == pytest.approx(1.0)
    assert TripletLoss(1.0, "easy")(x, labels).item() == 0.0


def test_it_pulls_the_positive_and_pushes_the_negative():
    x = torch.tensor([[0.0], [1.0], [1.1]], requires_grad=True)
    TripletLoss(0.5)(x, torch.tensor([0, 0, 1])).backward()
    assert x.grad[1] > 0  # a step against it brings the positive back towards 0
    assert x.grad[2] < 0


# Batches without a triplet


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize(
    ("n", "labels"),
    [(0, []), (1, [3]), (5, [7] * 5), (5, [0, 1, 2, 3, 4]), (2, [0, 0]), (2, [0, 1])],
)
def test_a_batch_without_triplets_costs_nothing_and_keeps_its_graph(mining, n, labels):
    x = torch.randn(n, 3, requires_grad=True)
    value = TripletLoss(mining=mining)(x, torch.tensor(labels, dtype=torch.int64))
    value.backward()
    assert value.item() == 0.0
    assert torch.equal(x.grad, torch.zeros(n, 3))


def test_identities_with_one_picture_are_negatives_only():
    x, _ = batch(6, 1, seed=6)
    assert assert_same(x, torch.tensor([0, 0, 0, 1, 2, 3]), margin=5.0) > 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_collapsed_batch_has_finite_gradients(metric, dtype):
    x = torch.ones(8, 4, dtype=dtype, requires_grad=True)
    value = TripletLoss(0.2, "all", metric)(x, torch.arange(8) // 2)
    value.backward()
    assert value.item() == pytest.approx(0.2, rel=1e-6)
    assert torch.isfinite(x.grad).all()


# Labels


@pytest.mark.parametrize("base", [0, 2**24, 2**53, 2**62, -(2**63)])
def test_neighbouring_labels_stay_apart(base):
    # Cast to float32, labels merge above 2**24; to float64, above 2**53.
    x, _ = batch(6, 1, seed=7)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    expected = TripletLoss(1.0, "all")(x, labels).item()
    assert TripletLoss(1.0, "all")(x, labels + base).item() == expected > 0


def test_neither_names_nor_order_matter():
    x, labels = batch(12, 4, seed=8)
    expected = TripletLoss(0.5)(x, labels).item()
    assert TripletLoss(0.5)(x, 100 - 7 * labels).item() == pytest.approx(expected, rel=1e-12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    assert TripletLoss(0.5)(x[order], labels[order]).item() == pytest.approx(expected, rel=1e-12)


# Precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    x, labels = batch(12, 3, seed=9)
    x = x.to(dtype)
    value = TripletLoss(0.5)(x, labels)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(TripletLoss(0.5)(x.double(), labels).item(), rel=1e-5)


def test_autocast_does_not_reach_the_distances():
    x, labels = batch(12, 3, seed=10)
    x = x.float()
    expected = TripletLoss(0.5, metric="cosine")(x, labels).item()
    with torch.autocast("cpu", torch.bfloat16):
        assert TripletLoss(0.5, metric="cosine")(x, labels).item() == expected


def test_float32_keeps_its_digits_over_many_triplets():
    # 256 × 7 × 248 triplets: prefix sums in float32 would lose three digits.
    x = torch.nn.functional.normalize(torch.randn(256, 16, generator=torch.Generator().manual_seed(0))) + 10
    labels = torch.arange(256) // 8
    d = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels
    values = []
    for a in range(256):
        positives = d[a, same[a] & (torch.arange(256) != a)]
        values.append((positives[:, None] - d[a, ~same[a]][None] + 0.2).clamp(min=0).flatten())
    values = torch.cat(values)
    assert TripletLoss(0.2, "all")(x, labels).item() == pytest.approx(values[values > 0].mean().item(), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_no_numbers_show_in_the_loss(bad):
    # Training watches the loss for this; a quiet 0 would hide it.
    x, labels = batch(6, 2, seed=11)
    x[3, 1] = bad
    assert math.isnan(TripletLoss()(x, labels).item())


# Bad input


@pytest.mark.parametrize("mining", ["semi-hard", "", None, 3])
def test_unknown_mining(mining):
    with pytest.raises(InputError, match="choose one of all, easy, semihard, hard"):
        TripletLoss(mining=mining)


@pytest.mark.parametrize("metric", ["l2", None, "Euclidean"])
def test_unknown_metric(metric):
    with pytest.raises(
        InputError, match="choose one of euclidean, squared_euclidean, cosine, inner_product, manhattan"
    ):
        TripletLoss(metric=metric)


@pytest.mark.parametrize("margin", [-0.1, math.inf, math.nan])
def test_unusable_margin(margin):
    with pytest.raises(InputError, match="finite and not negative"):
        TripletLoss(margin=margin)


@pytest.mark.parametrize(
    ("embeddings", "labels", "message"),
    [
        (torch.ones(4), torch.zeros(4, dtype=torch.int64), r"\(4,\).*expected \(B, d\) floats"),
        (torch.ones(4, 2, 2), torch.zeros(4, dtype=torch.int64), r"expected \(B, d\) floats"),
        (torch.ones(4, 2, dtype=torch.int64), torch.zeros(4, dtype=torch.int64), "int64; expected"),
        (torch.ones(4, 2), torch.zeros(3, dtype=torch.int64), r"expected \(4,\) int64"),
        (torch.ones(4, 2), torch.zeros(4, 1, dtype=torch.int64), r"expected \(4,\) int64"),
        (torch.ones(4, 2), torch.zeros(4), "float32; expected"),
        (torch.ones(4, 2), torch.zeros(4, dtype=torch.int32), "int32; expected"),
        (np.ones((4, 2)), torch.zeros(4, dtype=torch.int64), "embeddings are a ndarray; give a torch tensor"),
        (torch.ones(4, 2), [0, 0, 1, 1], "labels are a list; give a torch tensor"),
    ],
)
def test_unusable_batches(embeddings, labels, message):
    with pytest.raises(VectorError, match=message):
        TripletLoss()(embeddings, labels)
