"""The same loss however many processes share the classes: against one process that holds them all."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from lookalike.errors import InputError, VectorError
from lookalike.losses import CombinedMarginLoss
from lookalike.losses.class_rows import starting_rows
from lookalike.losses.sharded_softmax import ShardedSoftmaxLoss

D = 6
ARC, COS, ALL, NONE = (1.0, 0.5, 0.0), (1.0, 0.0, 0.35), (1.2, 0.3, 0.2), (1.0, 0.0, 0.0)
#: (dtype, classes, margins, embeddings on each of four ranks; on fewer ranks those of several are one's).
CASES = [
    (torch.float64, 11, ARC, (3, 3, 3, 3)),
    (torch.float64, 11, COS, (5, 1, 4, 2)),
    (torch.float64, 13, ALL, (1, 0, 7, 0)),
    (torch.float64, 3, ARC, (2, 3, 2, 3)),  # fewer classes than ranks
    (torch.float64, 1, NONE, (2, 1, 2, 1)),  # nothing to tell apart, and three ranks without a class
    (torch.float32, 11, ARC, (4, 4, 4, 4)),
    (torch.float32, 300, COS, (9, 2, 5, 1)),
]


def batch(n, classes, seed=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, D, generator=generator, dtype=torch.float64)
    return x.to(dtype), torch.randint(0, classes, (n,), generator=generator)


def part(sizes, rank, world):
    """Which rows are this rank's."""
    sizes = [sum(sizes[i * 4 // world : (i + 1) * 4 // world]) for i in range(world)]
    return slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))


def whole_loss(classes, dtype=torch.float64, **options):
    """One process with all classes, on the same starting centers."""
    loss = CombinedMarginLoss(classes, D, **options).to(dtype)
    with torch.no_grad():
        loss.centers.copy_(starting_rows(0, range(classes), D))
    return loss


def together(parts):
    """The whole matrix from the ranks' rows."""
    whole = torch.empty(sum(map(len, parts)), *parts[0].shape[1:], dtype=parts[0].dtype)
    for rank, rows in enumerate(parts):
        whole[rank :: len(parts)] = rows
    return whole


def sampled_rows(loss):
    """Which rows are in the running sample, found by their values."""
    return [next(i for i, row in enumerate(loss.centers) if torch.equal(row, one)) for one in loss.sampled.detach()]


# The same on any number of processes


def job_cases(rank, world, folder):
    results = []
    for dtype, classes, margins, sizes in CASES:
        x, labels = batch(sum(sizes), classes, dtype=dtype)
        own = part(sizes, rank, world)
        x = x[own].clone().requires_grad_()
        loss = ShardedSoftmaxLoss(classes, D, margins, scale=16.0).to(dtype)
        value = loss(x, labels[own])
        value.backward()
        with torch.no_grad():
            quiet = loss.eval()(x, labels[own])
        results.append([t.detach() for t in (value, x.grad, loss.centers, loss.centers.grad, quiet)])
    return results


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 2, 4])
def test_loss_and_gradients_are_those_of_one_process(world, tmp_path, gloo):
    found = gloo.run(__file__, "job_cases", world, tmp_path)
    for number, (dtype, classes, margins, sizes) in enumerate(CASES):
        x, labels = batch(sum(sizes), classes, dtype=dtype)
        expected = whole_loss(classes, dtype, margins=margins, scale=16.0)
        value = expected(x.requires_grad_(), labels)
        value.backward()
        case = [result[number] for result in found]
        # Centers are short, so float32 gradients of them are large.
        bound = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0, "atol": 1e-12}
        for loss, _, _, _, quiet in case:
            torch.testing.assert_close(loss, value.detach(), **bound)
            assert torch.equal(loss, case[0][0])  # bit for bit on all ranks
            assert torch.equal(loss, quiet)
        torch.testing.assert_close(torch.cat([c[1] for c in case]), x.grad, **bound)
        assert torch.equal(together([c[2] for c in case]), expected.centers.detach())
        torch.testing.assert_close(together([c[3] for c in case]), expected.centers.grad, **bound)


def job_train(rank, world, folder, add=0, optimizer="sgd", steps=6):
    """A DDP backbone and this loss; the old loss's graph is still alive when classes are added."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(D, 8), nn.Tanh(), nn.Linear(8, D)).double()
    if dist.is_initialized():
        network = nn.parallel.DistributedDataParallel(network)
    loss = ShardedSoftmaxLoss(7, D, scale=8.0, averaged=True).double()
    held = [*network.parameters(), *loss.parameters()]
    if optimizer == "sgd":
        optimizer = torch.optim.SGD(held, lr=0.3, momentum=0.9, weight_decay=1e-2)
    else:
        optimizer = torch.optim.AdamW(held, lr=0.05, weight_decay=1e-1)
    losses, parameter = [], loss.centers
    for step in range(steps):
        if add and step == 3:
            before = loss.centers.detach().clone()
            loss.add_classes(add, optimizer)
            assert torch.equal(loss.centers[: len(before)], before)
        x, labels = batch(12, 7 + (add if step >= 3 else 0), seed=step)
        own = part((3, 3, 3, 3), rank, world)
        value = loss(network(x[own]), labels[own])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert loss.centers is parameter
    first = next(network.parameters())
    return [torch.tensor(losses), loss.centers.detach(), first.detach(), first.grad]


@pytest.mark.slow
@pytest.mark.parametrize(("add", "optimizer"), [(0, "sgd"), (6, "sgd"), (6, "adamw")])
def test_training_on_two_is_training_on_one(add, optimizer, tmp_path, gloo):
    losses, centers, weight, gradient = job_train(0, 1, None, add, optimizer)
    found = gloo.run(__file__, "job_train", 2, tmp_path, add=add, optimizer=optimizer)
    bound = {"rtol": 0, "atol": 1e-9}
    for result in found:
        torch.testing.assert_close(result[0], losses, **bound)
        torch.testing.assert_close(result[2], weight, **bound)
        torch.testing.assert_close(result[3], gradient, **bound)
    torch.testing.assert_close(together([result[1] for result in found]), centers, **bound)


def test_added_classes_are_as_if_padded_by_hand():
    losses, centers, weight, _ = job_train(0, 1, None, add=6)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(D, 8), nn.Tanh(), nn.Linear(8, D)).double()
    loss, kept = whole_loss(7, margins=ARC, scale=8.0), None
    options = {"lr": 0.3, "momentum": 0.9, "weight_decay": 1e-2}
    slow = torch.optim.SGD(network.parameters(), **options)
    fast = torch.optim.SGD(loss.parameters(), **options)
    expected = []
    for step in range(6):
        if step == 3:
            kept = fast.state[loss.centers]["momentum_buffer"]
            longer = whole_loss(13, margins=ARC, scale=8.0)
            with torch.no_grad():
                longer.centers[:7] = loss.centers
            loss, fast = longer, torch.optim.SGD(longer.parameters(), **options)
            fast.state[loss.centers]["momentum_buffer"] = torch.cat([kept, kept.new_zeros(6, D)])
        x, labels = batch(12, 7 if step < 3 else 13, seed=step)
        slow.zero_grad()
        fast.zero_grad()
        value = loss(network(x), labels)
        value.backward()
        slow.step()
        fast.step()
        expected.append(value.item())
    assert losses.tolist() == pytest.approx(expected, abs=1e-6)  # kept in float32
    torch.testing.assert_close(centers, loss.centers.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(weight, network[0].weight.detach(), rtol=0, atol=1e-12)


def test_starting_centers_depend_on_seed_and_class_only():
    whole = starting_rows(5, range(1000), D)
    assert whole.std().item() == pytest.approx(0.01, rel=0.05)
    assert len(whole.unique(dim=0)) == 1000
    for world in (1, 2, 3, 7, 300, 999):
        for rank in (0, 1, world - 1):
            assert torch.equal(starting_rows(5, range(rank, 1000, world), D), whole[rank::world])
    assert torch.equal(starting_rows(5, range(500, 777), D), whole[500:777])
    assert starting_rows(5, range(3, 3), D).shape == (0, D)
    assert not torch.equal(starting_rows(6, range(1000), D), whole)


def test_gradcheck():
    loss, (x, labels) = ShardedSoftmaxLoss(5, D, scale=8.0).double(), batch(7, 5)

    def of(embeddings, centers):
        return torch.func.functional_call(loss, {"centers": centers}, (embeddings, labels))

    assert torch.autograd.gradcheck(of, (x.requires_grad_(), loss.centers.detach().requires_grad_()))


def test_autocast_changes_nothing():
    loss, (x, labels) = ShardedSoftmaxLoss(5, D), batch(7, 5, dtype=torch.float32)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = loss(a, labels)
    expected.backward()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(b, labels)
        found.backward()
    assert found.item() == expected.item()
    assert torch.equal(a.grad, b.grad)


# What is wrong on one rank


def job_wrong(rank, world, folder):
    loss = ShardedSoftmaxLoss(5, D)
    x, labels = torch.ones(3, D), torch.arange(3)
    wrong = {
        "label": lambda: loss(x, labels + 3 * rank),
        "shape": lambda: loss(x[:, : D - rank], labels),
        "tensor": lambda: loss(None if rank else x, labels),
        "dtype": lambda: loss(x.double() if rank else x, labels),
        "gradient": lambda: loss(x.clone().requires_grad_(bool(rank)), labels),
        "empty": lambda: loss(x[:0], labels[:0]),
        "attached": lambda: ShardedSoftmaxLoss(5, D, sample_rate=0.5)(x, labels),
        "mode": lambda: ShardedSoftmaxLoss(5, D).train(bool(rank))(x, labels),
        "classes": lambda: loss(x, labels),  # last: see below
    }
    messages = {}
    for name, attempt in wrong.items():
        if name == "classes" and rank:
            loss.add_classes(2)
        try:
            attempt()
            messages[name] = "nothing was raised"
        except (InputError, VectorError) as error:
            messages[name] = f"{type(error).__name__} {error}"
    return messages


@pytest.mark.slow
def test_what_is_wrong_on_one_rank_is_raised_on_all(tmp_path, gloo):
    zero, one = gloo.run(__file__, "job_wrong", 2, tmp_path)
    assert one["label"].startswith("VectorError labels lie in [3, 5]; this loss has 5 classes")
    assert zero["label"].startswith("VectorError rank 1 of 2: labels lie in [3, 5]; this loss has 5 classes")
    assert "VectorError rank 1 of 2: embeddings have 5 dimensions" in zero["shape"]
    assert "VectorError rank 1 of 2: embeddings are a NoneType" in zero["tensor"]
    for name, message in [
        ("dtype", "VectorError ranks differ in dtypes: [0, 1]"),
        ("gradient", "VectorError ranks differ in whether embeddings want gradients: [0, 1]"),
        ("empty", "VectorError the batch is empty on every rank"),
        ("attached", "InputError with sample_rate below 1"),
        ("classes", "VectorError ranks differ in numbers of classes: [5, 7]"),
    ]:
        assert message in zero[name]
        assert message in one[name]
    assert zero["mode"] == one["mode"] == "nothing was raised"  # training changes nothing where nothing is sampled


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "both start at 1"),
        ({"embedding_size": 0}, "both start at 1"),
        ({"scale": 0.0}, "positive and finite"),
        ({"scale": float("nan")}, "positive and finite"),
        ({"margins": (1.0, 0.5)}, "give three"),
        ({"margins": (0.5, 0.0, 0.0)}, "m1 is 0.5"),
        ({"margins": (1.0, 4.0, 0.0)}, "in radians"),
        ({"sample_rate": 0.0}, r"lies in \(0, 1\]"),
        ({"sample_rate": 1.1}, r"lies in \(0, 1\]"),
        ({"sample_rate": float("nan")}, r"lies in \(0, 1\]"),
        ({"seed": -1}, "whole number"),
        ({"seed": 0.5}, "whole number"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(InputError, match=message):
        ShardedSoftmaxLoss(**({"num_classes": 3, "embedding_size": 4} | options))


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (torch.ones(2, 4), torch.tensor([0, 3]), r"labels lie in \[0, 3\].*3 classes, numbered 0 to 2"),
        (torch.ones(2, 4), torch.tensor([-1, 0]), r"labels lie in \[-1, 0\]"),
        (torch.ones(2, 4), torch.tensor([0.0, 1.0]), "expected .* int64"),
        (torch.ones(2, 5), torch.tensor([0, 1]), "5 dimensions; this loss was made for 4"),
        (torch.ones(0, 4), torch.tensor([], dtype=torch.int64), "the batch is empty"),
        (torch.ones(2, 4, device="meta"), torch.tensor([0, 1]), "move them to one device"),
    ],
)
def test_unusable_batches(x, labels, message):
    with pytest.raises(VectorError, match=message):
        ShardedSoftmaxLoss(3, 4)(x, labels)


def test_no_classes_to_add():
    with pytest.raises(InputError, match="at least 1"):
        ShardedSoftmaxLoss(3, 4).add_classes(0)


# Sampling on several processes


def job_sample(rank, world, folder):
    loss = ShardedSoftmaxLoss(41, D, COS, scale=16.0, sample_rate=0.3).double()
    loss.attach(torch.optim.SGD(loss.parameters(), lr=0.1))
    x, labels = batch(8, 41)
    own = part((2, 2, 3, 1), rank, world)
    x = x[own].clone().requires_grad_()
    value = loss(x, labels[own])
    value.backward()
    return [value.detach(), x.grad, torch.tensor(sampled_rows(loss)) * world + rank, loss.sampled.grad]


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 2])
def test_with_sampling_it_is_the_loss_over_the_sampled_classes(world, tmp_path, gloo):
    found = gloo.run(__file__, "job_sample", world, tmp_path)
    classes = torch.cat([result[2] for result in found])
    for rank, result in enumerate(found):
        assert len(result[2]) == max(round(0.3 * len(range(rank, 41, world))), 1)
    x, labels = batch(8, 41)
    assert set(labels.tolist()) <= set(classes.tolist())
    expected = CombinedMarginLoss(len(classes), D, COS, scale=16.0).double()
    with torch.no_grad():
        expected.centers.copy_(starting_rows(0, range(41), D)[classes])
    value = expected(x.requires_grad_(), (labels[:, None] == classes).nonzero()[:, 1])
    value.backward()
    for result in found:
        torch.testing.assert_close(result[0], value.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat([result[1] for result in found]), x.grad, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat([result[3] for result in found]), expected.centers.grad, rtol=0, atol=1e-12)
