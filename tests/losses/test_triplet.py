"""The sums over sorted runs against three nested loops, in value and gradient."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses
from pytorch_metric_learning import miners as pml_miners

from lookalike.distances import Covariance, minkowski
from lookalike.errors import InputError, VectorError
from lookalike.losses import TripletLoss, tiles, triplet

MININGS = ["all", "easy", "semihard", "hard"]
METRICS = ["euclidean", "cosine", "inner_product", "manhattan"]
REDUCTIONS = ["active", "all"]
COVARIANCE = np.array([[4.0, 1.0, 0.0, 0.5], [1.0, 2.0, 0.3, 0.0], [0.0, 0.3, 1.0, 0.2], [0.5, 0.0, 0.2, 3.0]])
#: What a user can give as metric, by the name under which `distance` below knows it.
GIVEN = {name: name for name in (*METRICS, "squared_euclidean")} | {
    "mahalanobis": Covariance(COVARIANCE),
    "minkowski 3": partial(minkowski, p=3),
    "chebyshev": partial(minkowski, p=math.inf),
}
#: With up to this many positives an anchor, each is compared with all negatives; with more, these are sorted.
PATHS = {"compare": 10**9, "sort": 0}


def distance(a, b, metric):
    """One pair's distance, its gradient zero where it has none."""
    gap = a - b
    if metric in ("euclidean", "mahalanobis", "minkowski 3") and not (gap != 0).any():
        return (gap * 0).sum()
    if metric == "euclidean":
        return gap.norm()
    if metric == "squared_euclidean":
        return gap @ gap
    if metric == "mahalanobis":
        return (gap @ torch.linalg.inv(torch.from_numpy(COVARIANCE)) @ gap).sqrt()
    if metric == "minkowski 3":
        return gap.abs().pow(3).sum().pow(1 / 3)
    if metric == "chebyshev":
        return gap.abs().max()
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


def oracle(x, labels, margin, mining, metric, reduction="active", soft=False, references=None, own=True):
    """The definition: list every triplet, keep the mined, average the active (or all that were mined)."""
    columns, column_labels = (x, labels) if references is None else references
    ids, names = labels.tolist(), column_labels.tolist()
    d = [[distance(a, b, metric) for b in columns] for a in x]
    values = [[v.item() for v in row] for row in d]
    costs, mined, listed = [], 0, 0
    for a in range(len(ids)):
        for p in range(len(names)):
            for n in range(len(names)):
                if (own and a == p) or ids[a] != names[p] or ids[a] == names[n]:
                    continue
                listed += 1
                if not keeps(mining, values[a][p], values[a][n], margin):
                    continue
                mined += 1
                gap = d[a][p] - d[a][n]
                if soft:
                    costs.append(torch.nn.functional.softplus(gap))
                elif gap.item() + margin > 0:
                    costs.append(gap + margin)
    terms = len(costs) if reduction == "active" else mined
    value = torch.stack(costs).sum() / terms if costs else x.sum() * 0 + columns.sum() * 0
    return value, (len(costs) / max(listed, 1))


def both(x, labels, margin=0.5, mining="all", metric="euclidean", reduction="active", soft=False):
    """(value, gradient) of ours and of the oracle."""
    loss = TripletLoss(margin, mining, GIVEN[metric], reduction, soft)
    found = []
    for of in (loss, lambda a, b: oracle(a, b, margin, mining, metric, reduction, soft)[0]):
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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("metric", GIVEN)
def test_every_metric_mining_and_reduction_on_both_ways(monkeypatch, mining, metric, reduction, path):
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    x, labels = batch(9, 3, seed=21)
    assert_same(x, labels, margin=0.7, mining=mining, metric=metric, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("metric", ["euclidean", "squared_euclidean", "cosine"])
def test_the_soft_margin(mining, metric, reduction):
    x, labels = batch(9, 3, seed=22)
    assert assert_same(x, labels, margin=0.7, mining=mining, metric=metric, reduction=reduction, soft=True) > 0


def test_the_soft_margin_does_not_overflow():
    x = torch.tensor([[0.0], [1000.0], [1.0]], dtype=torch.float64)  # e^999 is no float
    assert_same(x, torch.tensor([0, 0, 1]), soft=True)
    # (a=0, p=1, n=2): log(1 + e^999); (a=1, p=0, n=2): log(1 + e^(1000 - 999)).
    loss = TripletLoss(soft_margin=True, mining="all")
    expected = (999 + math.log(1 + math.e)) / 2
    assert loss(x.float(), torch.tensor([0, 0, 1])).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("soft", [False, True])
def test_references(monkeypatch, mining, reduction, own, path, soft):
    # Identities that only one side has, and (own) the batch itself at the front.
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    x, labels = batch(6, 4, seed=23)
    others, other_labels = batch(7, 5, seed=24)
    labels[0], other_labels[0] = 99, -5
    loss, results = TripletLoss(0.7, mining, "euclidean", reduction, soft), []
    for ours in (True, False):
        a, b = x.clone().requires_grad_(), others.clone().requires_grad_()
        columns = torch.cat([a, b]) if own else b
        names = torch.cat([labels, other_labels]) if own else other_labels
        if ours:
            value = loss(a, labels, columns, names, own)
        else:
            value, share = oracle(a, labels, 0.7, mining, "euclidean", reduction, soft, (columns, names), own)
        value.backward()
        results.append((value.detach(), a.grad, b.grad))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert loss.active_share.item() == pytest.approx(share)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 0], [0, 1, 2, 3, 4], [0, 0, 1, 2, 3], [0, 0, 0, 0, 1]])
def test_lopsided_labels(monkeypatch, path, mining, labels):
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    for reduction in REDUCTIONS:
        assert_same(batch(5, 1, seed=25)[0], torch.tensor(labels), mining=mining, reduction=reduction, margin=1.0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mining", MININGS)
def test_equal_pictures_under_two_names(monkeypatch, path, mining):
    # Distances of 0 to a positive and to a negative: a tie, so hard, and it costs the margin but pulls nowhere.
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    x, _ = batch(4, 1, seed=26)
    x = x[[0, 0, 0, 1, 1, 2, 3]]
    for metric in ("euclidean", "squared_euclidean", "manhattan"):
        assert_same(x, torch.tensor([0, 0, 1, 1, 0, 2, 2]), mining=mining, metric=metric, margin=0.4)
    assert_same(x, torch.tensor([0, 0, 1, 1, 0, 2, 2]), mining=mining, margin=0.4, soft=True)
    if mining == "hard":
        assert TripletLoss(0.4, "hard")(x[:3], torch.tensor([0, 0, 1])).item() == pytest.approx(0.4)


def test_semihard_never_takes_another_anchors_negative():
    # Found elsewhere: negatives compared with the positive distances of all anchors. Here the only negative within
    # (d(a,p), d(a,p) + margin) of some anchor's positive is one of another anchor; nothing may be mined.
    x = torch.tensor([[0.0], [1.0], [100.0], [101.5]])
    labels = torch.tensor([0, 0, 1, 2])
    loss = TripletLoss(1.0, "semihard", reduction="all")
    assert loss(x, labels).item() == 0.0
    assert loss.active_share.item() == 0.0


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


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 2)), min_size=1, max_size=9),
    margin=st.sampled_from([0.0, 1.0, 2.0]),
    mining=st.sampled_from(MININGS),
    path=st.sampled_from([*PATHS]),
    how=st.fixed_dictionaries({"reduction": st.sampled_from(REDUCTIONS), "soft": st.booleans()}),
)
def test_ties_and_duplicates(rows, margin, mining, path, how):
    # Whole numbers on a line: distances are exact, equal to each other and to the margin, and often zero.
    x = torch.tensor([[float(v)] for v, _ in rows], dtype=torch.float64)
    labels = torch.tensor([label for _, label in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triplet, "_FEW", PATHS[path])
        for metric in ("euclidean", "manhattan", "inner_product"):
            assert_same(x, labels, margin=margin, mining=mining, metric=metric, **how)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mining", MININGS)
def test_a_negative_exactly_at_the_margin_is_easy_and_not_active(monkeypatch, path, mining):
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    x, labels = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    # (a=0, p=1, n=2): 1 - 3 + 2 = 0; (a=1, p=0, n=2): 1 - 2 + 2 = 1, semi-hard.
    loss = TripletLoss(2.0, mining, reduction="all")
    x.requires_grad_()
    value = loss(x, labels)
    value.backward()
    assert value.item() == {"all": 0.5, "easy": 0.0, "semihard": 1.0, "hard": 0.0}[mining]
    assert loss.active_share.item() == (0.5 if mining in ("all", "semihard") else 0.0)
    assert (
        x.grad[:, 0].tolist()
        == {
            "all": [-0.5, 1.0, -0.5],
            "easy": [0.0, 0.0, 0.0],
            "semihard": [-1.0, 2.0, -1.0],
            "hard": [0.0, 0.0, 0.0],
        }[mining]
    )


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


def counted(x, labels, margin, mining, reduction="active", squared=False):
    """Value, gradient and share of active triplets in float64, all B × B × B triplets at once."""
    x = x.detach().double().requires_grad_()
    far = ~torch.eye(len(x), dtype=torch.bool)  # a distance of 0 has no slope, and an anchor is not its own positive
    squares = (x[:, None] - x[None]).square().sum(dim=2)
    d = torch.where(squares > 0, squares.clamp(min=1e-300).sqrt(), 0.0)
    d = squares if squared else d
    same = labels[:, None] == labels
    triplets = (same & far)[:, :, None] & ~same[:, None, :]
    p, n = d.detach()[:, :, None], d.detach()[:, None, :]
    mined = (
        triplets
        & {
            "all": torch.ones(1, dtype=torch.bool),
            "easy": n >= p + margin,
            "semihard": (p < n) & (n < p + margin),
            "hard": n <= p,
        }[mining]
    )
    active = mined & (p - n + margin > 0)
    terms = int(active.sum() if reduction == "active" else mined.sum())
    pairs = active.sum(dim=2) - active.sum(dim=1)  # how often d(a, j) counts, as a positive's less as a negative's
    value = ((pairs * d).sum() + margin * active.sum()) / max(terms, 1)
    (gradient,) = torch.autograd.grad(value, x)
    return value.item(), gradient, active.sum().item() / triplets.sum().item()


def assert_counted(x, labels, rtol, margin, mining, reduction="active", squared=False):
    loss = TripletLoss(margin, mining, "squared_euclidean" if squared else "euclidean", reduction)
    leaf = x.clone().requires_grad_()
    value = loss(leaf, labels)
    value.backward()
    expected, gradient, share = counted(x, labels, margin, mining, reduction, squared)
    assert value.item() == pytest.approx(expected, rel=rtol)
    assert (leaf.grad - gradient).abs().max() <= rtol * gradient.abs().max()
    assert loss.active_share.item() == pytest.approx(share, rel=1e-6)
    return value.item()


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("classes", [8, 50])  # some 20 positives an anchor, which are sorted; some 3, which are not
def test_a_larger_batch_in_several_tiles(monkeypatch, mining, classes):
    monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiles, "_TILE_ROWS", 64)
    x, labels = batch(160, classes, seed=27, d=8)
    for reduction in REDUCTIONS:
        value = assert_counted(x, labels, 1e-10, 0.5, mining, reduction)
        assert (value > 0) == (mining != "easy")


@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
@pytest.mark.parametrize("path", PATHS)
def test_one_large_class_among_single_pictures(monkeypatch, mining, path):
    monkeypatch.setattr(triplet, "_FEW", PATHS[path])
    monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiles, "_TILE_ROWS", 7)
    x, _ = batch(60, 1, seed=28)
    labels = torch.cat([torch.zeros(40, dtype=torch.int64), torch.arange(1, 16), torch.full((5,), 77)])
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    assert_counted(x, labels[order], 1e-10, 0.5, mining, "all")


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


# What holds for any batch

batches = st.tuples(st.integers(0, 2**31), st.integers(2, 12), st.integers(1, 4)).map(
    lambda given: batch(given[1], given[2], given[0])
)


@settings(max_examples=30)
@given(given=batches, seed=st.integers(0, 99), mining=st.sampled_from(MININGS), metric=st.sampled_from([*GIVEN]))
def test_order_does_not_matter(given, seed, mining, metric):
    x, labels = given
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    loss = TripletLoss(0.5, mining, GIVEN[metric], "all")
    a, b = x.clone().requires_grad_(), x[order].clone().requires_grad_()
    loss(a, labels).backward()
    loss(b, labels[order]).backward()
    assert loss(x[order], labels[order]).item() == pytest.approx(loss(x, labels).item(), rel=1e-9, abs=1e-12)
    torch.testing.assert_close(a.grad[order], b.grad, rtol=1e-9, atol=1e-12)


@settings(max_examples=30)
@given(given=batches, shift=st.floats(-100, 100), mining=st.sampled_from(MININGS), soft=st.booleans())
def test_where_the_origin_lies_does_not_matter(given, shift, mining, soft):
    x, labels = given
    for metric in ("euclidean", "squared_euclidean", "manhattan", "mahalanobis", "chebyshev"):
        loss = TripletLoss(0.5, mining, GIVEN[metric], soft_margin=soft)
        assert loss(x + shift, labels).item() == pytest.approx(loss(x, labels).item(), rel=1e-7, abs=1e-9)


@settings(max_examples=30)
@given(given=batches, factor=st.floats(0.01, 100), mining=st.sampled_from(MININGS))
def test_units(given, factor, mining):
    # Distances and margin in other units cost as much, in these units; cosines have none.
    x, labels = given
    for metric, power in (("euclidean", 1), ("manhattan", 1), ("minkowski 3", 1), ("squared_euclidean", 2)):
        loss, scaled = (TripletLoss(m, mining, GIVEN[metric]) for m in (0.5, 0.5 * factor**power))
        expected = factor**power * loss(x, labels).item()
        assert scaled(x * factor, labels).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    loss = TripletLoss(0.5, mining, "cosine")
    assert loss(x * factor, labels).item() == pytest.approx(loss(x, labels).item(), rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(given=batches, margin=st.floats(0, 3), metric=st.sampled_from([*GIVEN]))
def test_active_sums_of_semihard_and_hard_are_that_of_all(given, margin, metric):
    x, labels = given
    same = labels[:, None] == labels
    triplets = int(((same.sum(dim=1) - 1) * (~same).sum(dim=1)).sum())
    sums, shares = {}, {}
    for mining in MININGS:
        loss = TripletLoss(margin, mining, GIVEN[metric])
        value = loss(x, labels).item()
        shares[mining] = loss.active_share.item() * triplets
        sums[mining] = value * round(shares[mining])
    assert sums["semihard"] + sums["hard"] == pytest.approx(sums["all"], rel=1e-9, abs=1e-9)
    assert shares["semihard"] + shares["hard"] == pytest.approx(shares["all"], rel=1e-5)
    assert sums["easy"] == shares["easy"] == 0


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


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("copies", [2, 8])  # a few close pairs, computed one by one, or a tile full of them
def test_near_duplicates_in_float32(squared, copies):
    # |x|² + |y|² - 2 x·y of unit vectors 1e-4 apart is 1e-8 with an error of 1e-7.
    generator = torch.Generator().manual_seed(29)
    clouds = torch.nn.functional.normalize(torch.randn(32 // copies, 24, generator=generator))
    x = clouds.repeat_interleave(copies, dim=0)
    x = x + 1e-4 * torch.nn.functional.normalize(torch.randn(x.shape, generator=generator))
    labels = torch.arange(32) // 2
    labels[::8] = 99  # some of the twins are strangers
    for mining in ("all", "hard"):
        assert_counted(x, labels, 2e-6, 1e-4, mining, squared=squared)


@pytest.mark.parametrize("offset", [10.0, 1e3, 1e5])
@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
def test_far_from_the_origin_in_float32(offset, mining):
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(30)) + offset
    assert_counted(x, torch.arange(64) // 4, 5e-6, 0.5, mining)


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
