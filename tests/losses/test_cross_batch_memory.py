"""The memory against a list kept by hand, and against pytorch-metric-learning's."""

import math

import pytest
import torch
from pytorch_metric_learning import losses as pml_losses
from pytorch_metric_learning import miners as pml_miners

from lookalike.errors import InputError, VectorError
from lookalike.losses import (
    ArcFaceLoss,
    ContrastiveLoss,
    CrossBatchMemory,
    MultiSimilarityLoss,
    NTXentLoss,
    TripletLoss,
)

LOSSES = {
    "triplet": lambda: TripletLoss(0.5, "all"),
    "contrastive": lambda: ContrastiveLoss(1.5),
    "nt-xent": lambda: NTXentLoss(0.2),
    "multi-similarity": MultiSimilarityLoss,
}


def data(step, n=6, classes=3, d=3):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def value_and_gradient(of, x, labels, others=None, other_labels=None):
    """Of a loss on a batch, and on it with others behind it where these are given."""
    leaf = x.clone().requires_grad_()
    if others is None:
        value = of(leaf, labels)
    else:
        value = of(leaf, labels, torch.cat([leaf, others]), torch.cat([labels, other_labels]), own=True)
    value.backward()
    return value.detach(), leaf.grad


@pytest.mark.parametrize("warm_up", [0, 2])
@pytest.mark.parametrize("name", LOSSES)
def test_the_batch_meets_itself_and_the_last_embeddings(name, warm_up):
    # Batches of changing size, in a memory of 15: it fills, wraps and forgets in the order they came.
    memory, alone, old = CrossBatchMemory(LOSSES[name](), 3, 15, warm_up).double(), LOSSES[name](), []
    for step, n in enumerate([6, 1, 15, 4, 7, 0, 9, 6]):
        x, labels = data(step, n)
        if old and step >= warm_up:
            remembered = (torch.stack([row for row, _ in old]), torch.stack([label for _, label in old]))
            expected = value_and_gradient(alone, x, labels, *remembered)
        else:
            expected = value_and_gradient(alone, x, labels)
        found = value_and_gradient(memory, x, labels)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
        old = [*old, *zip(x, labels, strict=True)][-15:]
        assert len(memory) == len(old)
        assert sorted(memory.labels[: len(memory)].tolist()) == sorted(int(label) for _, label in old)


def theirs_of(name):
    """Their loss and miner of the same definition."""
    return {
        "triplet": (
            pml_losses.TripletMarginLoss(0.5),
            pml_miners.TripletMarginMiner(0.5, type_of_triplets="all"),
        ),
        "nt-xent": (pml_losses.NTXentLoss(0.2), None),
        "multi-similarity": (pml_losses.MultiSimilarityLoss(2, 50, 0.5), None),
    }[name]


def on_unit_vectors(loss):
    return lambda x, labels: loss(torch.nn.functional.normalize(x), labels)


def with_copies_of_itself(loss, x, labels, others, other_labels):
    """A loss in which only the anchor of a pair within the batch feels a gradient."""
    columns, names = torch.cat([x, others]), torch.cat([labels, other_labels])
    return lambda a, b: loss(torch.nn.functional.normalize(a), b, columns, names, own=True)


@pytest.mark.parametrize("name", ["triplet", "nt-xent", "multi-similarity"])
def test_pytorch_metric_learning_agrees(name):
    # Values agree as long as no memory is full; of a full one of theirs the batch itself is part. Gradients differ:
    # theirs compares the batch with detached copies of itself, so that of a pair within it only the anchor feels
    # anything. Given such copies, ours is the same. They normalise unasked.
    own_loss = MultiSimilarityLoss(epsilon=None) if name == "multi-similarity" else LOSSES[name]()
    memory = CrossBatchMemory(own_loss, 3, 100).double()
    loss, miner = theirs_of(name)
    theirs = pml_losses.CrossBatchMemory(loss, 3, 100, miner)
    for step in range(5):
        x, labels = data(step, 8)
        x = torch.nn.functional.normalize(x)
        old, old_labels = memory.embeddings[: len(memory)].clone(), memory.labels[: len(memory)].clone()
        copies = with_copies_of_itself(own_loss, x, labels, old, old_labels)
        found = value_and_gradient(on_unit_vectors(memory), x, labels)
        expected = value_and_gradient(theirs, x, labels)
        torch.testing.assert_close(found[0], expected[0], rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(value_and_gradient(copies, x, labels)[1], expected[1], rtol=1e-5, atol=1e-8)


def test_what_is_remembered_carries_no_gradient_and_is_a_copy():
    memory = CrossBatchMemory(ContrastiveLoss(3.0), 3, 20).double()
    first = data(0)[0].requires_grad_()
    memory(first, data(0)[1])
    with torch.no_grad():
        first.add_(100)
    second = data(1)[0].requires_grad_()
    value = memory(second, data(1)[1])
    memory(*data(2))  # the queue moves on before the gradient is asked for
    value.backward()
    assert first.grad is None
    assert torch.isfinite(second.grad).all()
    torch.testing.assert_close(memory.embeddings[:6], data(0)[0])


def test_in_evaluation_nothing_is_remembered():
    memory = CrossBatchMemory(ContrastiveLoss(3.0), 3, 20).double()
    memory(*data(0))
    memory.eval()
    first, second = memory(*data(1)), memory(*data(1))
    assert first.item() == second.item()
    assert len(memory) == 6
    assert memory.steps.tolist() == [6, 1]


def test_a_resumed_training_goes_on_with_the_pairs_it_had():
    one, other = (CrossBatchMemory(TripletLoss(0.5, "all"), 3, 15).double() for _ in range(2))
    for step in range(4):
        one(*data(step))
    other.load_state_dict(one.state_dict())
    assert len(other) == 15
    for step in range(4, 7):
        assert other(*data(step)).item() == one(*data(step)).item()
    assert torch.equal(one.embeddings, other.embeddings)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_shows_once_and_is_not_remembered(bad):
    memory = CrossBatchMemory(ContrastiveLoss(3.0), 3, 20).double()
    x, labels = data(0)
    x[2, 1] = bad
    assert not math.isfinite(memory(x, labels).item())
    assert len(memory) == 0
    assert math.isfinite(memory(*data(1)).item())


def test_large_labels_stay_apart_in_the_memory():
    losses = []
    for base in (0, 2**24, 2**53, 2**62):
        memory = CrossBatchMemory(TripletLoss(0.5, "all"), 3, 20).double()
        losses.append([memory(data(step)[0], data(step)[1] + base).item() for step in range(3)])
    assert losses[0] == losses[1] == losses[2] == losses[3]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_batches(dtype):
    memory = CrossBatchMemory(NTXentLoss(), 3, 20)
    for step in range(3):
        value = memory(data(step)[0].to(dtype), data(step)[1])
        assert value.dtype == torch.float32
        assert torch.isfinite(value)


def test_the_losss_own_share_is_shown():
    memory = CrossBatchMemory(TripletLoss(0.5, "all"), 3, 20).double()
    assert memory.active_share is None
    memory(*data(0))
    assert 0 < memory.active_share.item() <= 1
    assert CrossBatchMemory(NTXentLoss(), 3, 20).active_share is None


@pytest.mark.parametrize(("d", "size", "warm_up"), [(0, 5, 0), (3, 0, 0), (3, 5, -1)])
def test_unusable_sizes(d, size, warm_up):
    with pytest.raises(InputError, match="sizes start at 1, steps at 0"):
        CrossBatchMemory(NTXentLoss(), d, size, warm_up)


def test_a_loss_over_classes_has_no_pairs():
    with pytest.raises(InputError, match=r"ArcFaceLoss compares no pairs; give one that does \(contrastive"):
        CrossBatchMemory(ArcFaceLoss(3, 3), 3)


def test_unusable_batches():
    memory = CrossBatchMemory(NTXentLoss(), 3, 5)
    with pytest.raises(VectorError, match="the batch has 6 embeddings, the memory 5; make it larger than a batch"):
        memory(*data(0))
    with pytest.raises(VectorError, match="4 dimensions; this loss was made for 3"):
        memory(torch.ones(2, 4), torch.tensor([0, 1]))
    assert len(memory) == 0
