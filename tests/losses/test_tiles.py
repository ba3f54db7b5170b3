"""Who is compared with whom, and that no tile's size changes a sum nor any tensor holds all pairs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import VectorError
from lookalike.losses import ContrastiveLoss, MultiSimilarityLoss, NTXentLoss, TripletLoss, tiles
from lookalike.losses.pair_distances import measure_of
from lookalike.losses.tiles import Pairs, Tile, mean_over_tiles


def batch(n=7, classes=3, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def cubes(tile):
    """A loss of no use: the sum of ``w d³`` over columns of other identities, counted one by one."""
    others = ~tile.same()
    d = tile.distances
    return (d**3 * others).sum().double(), others.sum(), 3 * d**2 * others


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("own", [None, False, True])
def test_the_mean_over_all_pairs_in_tiles_of_any_size(monkeypatch, rows, own):
    monkeypatch.setattr(tiles, "_TILE_NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiles, "_TILE_ROWS", rows)
    x, labels = batch()
    y, names = batch(5, seed=1)
    results = []
    for ours in (True, False):
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        columns = a if own is None else torch.cat([a, b]) if own else b
        of_columns = labels if own is None else torch.cat([labels, names]) if own else names
        references = (None, None) if own is None else (columns, of_columns)
        if ours:
            pairs = Pairs.of(a, labels, *references, own=bool(own))
            value, count = mean_over_tiles(pairs, measure_of("euclidean"), cubes)
        else:
            others = labels[:, None] != of_columns
            gaps = (a[:, None] - columns[None]).square().sum(dim=2)
            value, count = (gaps[others] ** 1.5).sum() / others.sum(), others.sum()
        value.backward()
        results.append((value.detach(), count, a.grad, b.grad))
    for found, expected in zip(*results, strict=True):
        if expected is None:
            assert found is None
        else:
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_the_gradient_scales_with_what_comes_back_and_may_be_asked_twice():
    x, labels = batch()
    x.requires_grad_()
    value, count = mean_over_tiles(Pairs.of(x, labels), measure_of("euclidean"), cubes)
    assert not count.requires_grad
    (once,) = torch.autograd.grad(value, x, retain_graph=True)
    (thrice,) = torch.autograd.grad(3 * value, x)
    torch.testing.assert_close(thrice, 3 * once)


def test_without_gradients_no_way_back_is_kept():
    x, labels = batch()
    for wanted in (x, x.clone().requires_grad_()):
        with torch.no_grad():
            value, _ = mean_over_tiles(Pairs.of(wanted, labels), measure_of("euclidean"), cubes)
        assert not value.requires_grad
    value, _ = mean_over_tiles(Pairs.of(x, labels), measure_of("euclidean"), cubes)
    assert not value.requires_grad


@pytest.mark.parametrize("frozen", ["anchors", "columns"])
def test_one_side_may_be_frozen(frozen):
    x, labels = batch()
    y, names = batch(5, seed=1)
    gradients = []
    for freeze in (False, True):
        a = x.clone().requires_grad_(not (freeze and frozen == "anchors"))
        b = y.clone().requires_grad_(not (freeze and frozen == "columns"))
        mean_over_tiles(Pairs.of(a, labels, b, names), measure_of("euclidean"), cubes)[0].backward()
        gradients.append((a.grad, b.grad))
    kept = 1 if frozen == "anchors" else 0
    assert gradients[1][1 - kept] is None
    assert torch.equal(gradients[1][kept], gradients[0][kept])


# Pairs


@given(
    labels=st.lists(st.integers(-3, 3), max_size=8),
    names=st.lists(st.integers(-3, 3), max_size=8),
    own=st.booleans(),
    base=st.sampled_from([0, 2**24, 2**53, 2**62]),
)
def test_counts_are_what_a_loop_counts(labels, names, own, base):
    columns = labels + names if own else names
    pairs = Pairs.of(
        torch.zeros(len(labels), 2),
        torch.tensor(labels, dtype=torch.int64) + base,
        torch.zeros(len(columns), 2),
        torch.tensor(columns, dtype=torch.int64) + base,
        own,
    )
    positives, negatives = pairs.counts()
    for a, label in enumerate(labels):
        others = [name for b, name in enumerate(columns) if not (own and a == b)]
        assert positives[a].item() == others.count(label)
        assert negatives[a].item() == len(others) - others.count(label)


def test_a_tile_knows_its_rows_and_leaves_out_the_anchors_themselves():
    labels = torch.tensor([4, 4, 5, 4])
    tile = Tile(2, torch.zeros(2, 4), labels[2:], labels, own=True)
    assert tile.rows == slice(2, 4)
    assert tile.same().tolist() == [[False, False, True, False], [True, True, False, True]]
    assert tile.without_self(tile.same()).tolist() == [[False] * 4, [True, True, False, False]]
    strangers = Tile(2, torch.zeros(2, 4), labels[2:], labels, own=False)
    assert torch.equal(strangers.without_self(strangers.same()), strangers.same())


def test_alone_a_batch_is_its_own_columns():
    x, labels = batch()
    pairs = Pairs.of(x, labels)
    assert pairs.columns is pairs.anchors
    assert pairs.own


def test_references_take_the_batchs_precision():
    x, labels = batch()
    pairs = Pairs.of(x.float(), labels, x.half(), labels)
    assert pairs.columns.dtype == torch.float32
    assert Pairs.of(x.bfloat16(), labels, x, labels).columns.dtype == torch.float32
    assert Pairs.of(x, labels, x.half(), labels).columns.dtype == torch.float64


@pytest.mark.parametrize(
    ("references", "labels", "own", "message"),
    [
        (torch.ones(4, 3), None, False, "one was given without the other: give both or neither"),
        (None, torch.zeros(4, dtype=torch.int64), False, "give both or neither"),
        (torch.ones(4, 2), torch.zeros(4, dtype=torch.int64), False, "2 dimensions; this loss was made for 3"),
        (torch.ones(4, 3), torch.zeros(3, dtype=torch.int64), False, r"expected \(4,\) int64"),
        (torch.ones(4, 3), torch.zeros(4), False, "int64, one per embedding"),
        (torch.ones(4), torch.zeros(4, dtype=torch.int64), False, r"expected \(B, d\) floats"),
        (torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), True, "begin with the batch of 7; they are 4"),
    ],
)
@pytest.mark.parametrize("loss", [TripletLoss(), ContrastiveLoss(), NTXentLoss(), MultiSimilarityLoss()])
def test_unusable_references(loss, references, labels, own, message):
    with pytest.raises(VectorError, match=message):
        loss(*batch(), references, labels, own)


# Memory


class Kept:
    """Wraps what autograd keeps for a backward pass, and counts the numbers as long as it does."""

    numbers = 0

    def __init__(self, value):
        self.value = value
        Kept.numbers += value.numel()

    def __del__(self):
        Kept.numbers -= self.value.numel()


@pytest.mark.parametrize(
    ("loss", "positives"),
    [
        (TripletLoss(), 4),
        (TripletLoss(), 32),
        (TripletLoss(mining="all", reduction="all"), 4),
        (TripletLoss(mining="all", reduction="all"), 32),
        (TripletLoss(metric="manhattan"), 4),
        (TripletLoss(soft_margin=True), 4),
        (ContrastiveLoss(), 4),
        (NTXentLoss(), 4),
        (MultiSimilarityLoss(), 4),
    ],
)
def test_no_tensor_holds_all_pairs(loss, positives, watch_largest):
    n = 4096
    x = torch.nn.functional.normalize(torch.randn(n, 8, generator=torch.Generator().manual_seed(0)))
    x.requires_grad_()
    Kept.numbers = 0
    with watch_largest() as largest, torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.value):
        value = loss(x, torch.arange(n) // positives)
        assert 0 < Kept.numbers <= 8 * x.numel()  # what stays for the backward pass is as the batch
        value.backward()
    assert math.isfinite(value.item())
    assert torch.isfinite(x.grad).all()
    assert largest.numbers <= 129 * (n + 1) < n * n / 30  # a tile has 128 anchors, a thirty-second of all pairs
    with watch_largest() as naive:  # the same measure sees what it should
        torch.cdist(x.detach(), x.detach())
    assert naive.numbers >= n * n


def test_neither_do_the_differences_of_close_pairs(watch_largest):
    # One in eighty pairs lies close, in many dimensions: all their differences would fill five tiles.
    n, d = 1024, 400
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) // 13
    x = torch.randn(79, d, generator=generator)[labels] + 0.01 * torch.randn(n, d, generator=generator)
    with watch_largest() as largest:
        TripletLoss(mining="all")(x.requires_grad_(), labels).backward()
    assert largest.numbers <= n * n / 4 + n + n * d  # a tile of 256 anchors, or the batch
