"""Sampled rows (Partial FC): what a step does not sample, it does not change, and what it does is as if all were there.

Through `ShardedSoftmaxLoss` on one process, which is how rows are used.
"""

import pytest
import torch

from lookalike.errors import InputError, VectorError
from lookalike.losses import CosFaceLoss
from lookalike.losses.class_rows import starting_rows
from lookalike.losses.sharded_softmax import ShardedSoftmaxLoss

CLASSES, D = 30, 5
SGD = (torch.optim.SGD, {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.1})
ADAMW = (torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True})
KINDS = [SGD, ADAMW, (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1})]


def sampling(rate=0.3, kind=SGD, seed=0, classes=CLASSES, dtype=torch.float64):
    loss = ShardedSoftmaxLoss(classes, D, (1.0, 0.0, 0.35), scale=8.0, sample_rate=rate, seed=seed).to(dtype)
    optimizer = kind[0](loss.parameters(), **kind[1])
    loss.attach(optimizer)
    return loss, optimizer


def batch(step, classes=CLASSES, n=6):
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(n, D, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def sampled_rows(loss):
    """Which rows are in the running sample, found by their values."""
    return [next(i for i, row in enumerate(loss.centers) if torch.equal(row, one)) for one in loss.sampled.detach()]


def state_of(loss):
    """Centers and the optimizer's rows, by name, copied."""
    return {k: v.clone() for k, v in loss.state_dict().items() if k not in ("sampled", "steps")}


def train(loss, optimizer, steps):
    drawn = []
    for step in steps:
        x, labels = batch(step)
        optimizer.zero_grad()
        value = loss(x.to(loss.centers.dtype), labels)
        drawn.append(sampled_rows(loss))
        value.backward()
        optimizer.step()
    return drawn


# What is not sampled


@pytest.mark.parametrize("kind", KINDS)
def test_unsampled_rows_and_their_state_are_untouched(kind):
    loss, optimizer = sampling(kind=kind)
    train(loss, optimizer, [0])
    names = {"centers"} | set(state_of(loss))
    assert len(names) > 1  # or nothing but centers would be looked at
    for step in range(1, 12):
        before = state_of(loss)
        (rows,) = train(loss, optimizer, [step])
        others = [j for j in range(CLASSES) if j not in rows]
        after = state_of(loss)
        assert len(rows) == 9
        assert set(after) == names
        for name in names:
            assert torch.equal(after[name][others], before[name][others]), name
        for name in (name for name in names if "max" not in name):  # AMSGrad's maximum need not grow
            assert (after[name][rows] != before[name][rows]).any(dim=1).all(), name
    assert before["centers"].abs().sum() > 0


@pytest.mark.parametrize(("kind", "seed"), [(SGD, 0), (SGD, 1)])
def test_momentum_is_that_of_the_steps_a_row_took_part_in(kind, seed):
    # By hand, on whole matrices: w and its momentum change where a row is sampled, and nowhere else.
    loss, optimizer = sampling(kind=kind, seed=seed)
    w = starting_rows(seed, range(CLASSES), D).double()
    momentum = torch.zeros_like(w)
    for step in range(10):
        x, labels = batch(step)
        (rows,) = train(loss, optimizer, [step])
        whole = CosFaceLoss(len(rows), D, margin=0.35, scale=8.0).double()
        with torch.no_grad():
            whole.centers.copy_(w[rows])
        whole(x, torch.tensor([rows.index(label) for label in labels.tolist()])).backward()
        momentum[rows] = 0.9 * momentum[rows] + whole.centers.grad + 0.1 * w[rows]
        w[rows] -= 0.3 * momentum[rows]
        torch.testing.assert_close(loss.centers, w, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_all_is_the_loss_without_sampling(kind):
    # 0.99 of 30 classes rounds to all of them, by way of the sampled Parameter.
    some, one = sampling(rate=0.99, kind=kind)
    every, other = sampling(rate=1.0, kind=kind)
    for step in range(6):
        train(some, one, [step])
        x, labels = batch(step)
        other.zero_grad()
        every(x, labels).backward()
        other.step()
        torch.testing.assert_close(some.centers, every.centers.detach(), rtol=0, atol=1e-13)


# What is sampled


def test_the_batchs_classes_are_always_in_the_sample_and_the_rest_is_random():
    loss, optimizer = sampling()
    seen = set()
    for step in range(100):
        (rows,) = train(loss, optimizer, [step])
        labels = set(batch(step)[1].tolist())
        assert labels <= set(rows)
        assert len(set(rows)) == len(rows) == 9
        seen |= set(rows) - labels
    assert seen == set(range(CLASSES))


def test_more_classes_in_the_batch_than_the_sample_holds():
    loss, optimizer = sampling(rate=0.1)
    x, labels = torch.randn(12, D).double(), torch.arange(12)
    value = loss(x, labels)
    assert sampled_rows(loss) == list(range(12))
    value.backward()
    optimizer.step()
    assert torch.isfinite(loss.centers).all()


def test_every_other_class_is_as_likely():
    loss, optimizer = sampling(rate=0.5, kind=(torch.optim.SGD, {"lr": 0.0}))
    counts = torch.zeros(CLASSES)
    for _ in range(400):
        loss(torch.ones(1, D).double(), torch.tensor([0])).backward()
        counts[sampled_rows(loss)] += 1
        optimizer.step()
    # 14 of 29: a standard deviation of 10 around 193.
    assert counts[0] == 400
    assert counts[1:].min() > 143
    assert counts[1:].max() < 243


def test_samples_depend_on_seed_and_step_alone():
    first, second, other = (train(*sampling(seed=seed), range(5)) for seed in (0, 0, 1))
    assert first == second
    assert first != other
    fixed = [sampling(kind=(torch.optim.SGD, {"lr": 0.0})) for _ in range(2)]
    x, labels = batch(0)
    drawn = []
    for loss, optimizer in fixed:
        loss(x, labels).backward()
        optimizer.step()
        loss(x, labels)
        drawn.append(sampled_rows(loss))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_goes_on_bit_for_bit(kind):
    straight, optimizer = sampling(kind=kind)
    expected = train(straight, optimizer, range(6))
    before, first = sampling(kind=kind)
    train(before, first, range(3))
    after, second = sampling(kind=kind)
    after.load_state_dict(before.state_dict())
    second.load_state_dict(first.state_dict())
    assert train(after, second, range(3, 6)) == expected[3:]
    for name, value in state_of(straight).items():
        assert torch.equal(state_of(after)[name], value), name


def test_all_classes_count_where_nothing_is_learned():
    loss, _ = sampling()
    x, labels = batch(0)
    whole = CosFaceLoss(CLASSES, D, margin=0.35, scale=8.0).double()
    with torch.no_grad():
        whole.centers.copy_(loss.centers)
        expected = whole(x, labels).item()
        assert loss(x, labels).item() == pytest.approx(expected, rel=1e-12)
    loss.eval()
    x.requires_grad_()
    value = loss(x, labels)
    value.backward()
    assert value.item() == pytest.approx(expected, rel=1e-12)
    assert x.grad.any()
    assert int(loss.steps) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_added_in_mid_training(kind):
    loss, optimizer = sampling(kind=kind)
    train(loss, optimizer, range(4))
    before, parameter = state_of(loss), loss.sampled
    loss.add_classes(8)
    for name, value in state_of(loss).items():
        assert torch.equal(value[:CLASSES], before[name])
        assert value.shape == (CLASSES + 8, D)
    assert torch.equal(loss.centers[CLASSES:], starting_rows(0, range(CLASSES, CLASSES + 8), D).double())
    x, labels = torch.randn(3, D).double(), torch.tensor([1, 30, 37])
    loss(x, labels).backward()
    assert {1, 30, 37} <= set(sampled_rows(loss))
    assert len(loss.sampled) == round(0.3 * 38)
    optimizer.step()
    assert loss.sampled is parameter


def test_gradients_can_be_clipped_and_scaled():
    (loss, optimizer), (other, _) = sampling(kind=(torch.optim.SGD, {"lr": 1.0})), sampling()
    x, labels = batch(0)
    value, before = loss(x, labels), loss.centers.clone()
    rows = sampled_rows(loss)
    value.backward()
    torch.nn.utils.clip_grad_norm_(loss.parameters(), 0.01)
    optimizer.step()
    assert (loss.centers - before)[rows].norm().item() == pytest.approx(0.01, rel=1e-6)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = other.centers.clone()
    optimizer = torch.optim.SGD(other.parameters(), lr=1.0)
    other.attach(optimizer)  # instead of the one before
    scaler.scale(other(x, labels) * torch.inf).backward()
    scaler.step(optimizer)  # skips the step
    scaler.update()
    assert torch.equal(other.centers, before)
    optimizer.zero_grad()
    scaler.scale(other(x, labels)).backward()
    scaler.step(optimizer)
    assert not torch.equal(other.centers, before)


# What would lose an update


def test_training_without_an_optimizer_attached():
    loss = ShardedSoftmaxLoss(CLASSES, D, sample_rate=0.5)
    with pytest.raises(InputError, match=r"call attach\(optimizer\)"):
        loss(torch.ones(2, D), torch.tensor([0, 1]))
    loss.eval()(torch.ones(2, D), torch.tensor([0, 1]))


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_attaching_an_optimizer_of_something_else(rate):
    loss = ShardedSoftmaxLoss(CLASSES, D, sample_rate=rate)
    with pytest.raises(InputError, match="does not hold this loss's parameters"):
        loss.attach(torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1))


def test_optimizers_whose_state_belongs_to_no_row():
    loss = ShardedSoftmaxLoss(CLASSES, D, sample_rate=0.5)
    with pytest.raises(InputError, match="Adagrad makes its state before the first step"):
        loss.attach(torch.optim.Adagrad(loss.parameters()))
    optimizer = torch.optim.Adafactor(loss.parameters())
    loss.attach(optimizer)
    loss(torch.ones(2, D), torch.tensor([0, 1])).backward()
    with pytest.raises(InputError, match="Adafactor keeps a 'row_var' of shape"):
        optimizer.step()
    every = ShardedSoftmaxLoss(CLASSES, D)
    optimizer = torch.optim.Adafactor(every.parameters())
    every(torch.ones(2, D), torch.tensor([0, 1])).backward()
    optimizer.step()
    with pytest.raises(InputError, match="Adafactor keeps a 'row_var' of shape"):
        every.add_classes(1, optimizer)
    assert every.num_classes == len(every.centers) == CLASSES


def test_a_second_batch_before_the_step():
    loss, optimizer = sampling()
    x, labels = batch(0)
    loss(x, labels).backward()
    with pytest.raises(InputError, match="gradients are accumulated over several batches with sample_rate=1 only"):
        loss(x, labels)
    optimizer.zero_grad(set_to_none=False)
    loss(x, labels).backward()
    optimizer.zero_grad()
    loss(x, labels).backward()
    optimizer.step()


def test_a_backward_pass_that_comes_too_late():
    loss, optimizer = sampling()
    x, labels = batch(0)
    first = loss(x, labels)
    loss(x, labels).backward()
    with pytest.raises(InputError, match="computed on an earlier sample"):
        first.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):  # torch's own check comes first
        first.backward()
    assert loss.sampled.grad is None


def test_a_step_with_a_closure():
    loss, optimizer = sampling()
    before = loss.centers.clone()

    def closure():
        value = loss(*batch(0))
        value.backward()
        return value

    with pytest.raises(InputError, match="closure"):
        optimizer.step(closure)
    with pytest.raises(InputError, match="closure"):
        optimizer.step(closure=closure)
    assert torch.equal(loss.centers, before)


def test_steps_without_a_gradient_change_nothing():
    loss, optimizer = sampling()
    train(loss, optimizer, range(2))
    before = state_of(loss)
    optimizer.step()
    loss(*batch(2))
    optimizer.step()
    for name, value in state_of(loss).items():
        assert torch.equal(value, before[name])


# On several processes


def job_repeat(rank, world, folder):
    """Six steps, against three and a new start from plain state dicts; a rank without classes is among them."""
    drawn = []
    for pause in (False, True):
        loss, optimizer = sampling(kind=ADAMW, classes=3, rate=0.5)
        for step in range(6):
            if pause and step == 3:
                saved, state = loss.state_dict(), optimizer.state_dict()
                loss, optimizer = sampling(kind=ADAMW, classes=3, rate=0.5)
                loss.load_state_dict(saved)
                optimizer.load_state_dict(state)
            x, labels = batch(10 * step + rank, classes=3, n=1)
            optimizer.zero_grad()
            loss(x, labels).backward()
            optimizer.step()
        drawn.append(loss.centers.clone())
    return drawn


@pytest.mark.slow
def test_a_rank_without_classes_samples_none(tmp_path, gloo):
    found = gloo.run(__file__, "job_repeat", 4, tmp_path)
    assert [len(straight) for straight, _ in found] == [1, 1, 1, 0]
    for straight, resumed in found:
        assert torch.equal(straight, resumed)
    assert not torch.equal(found[0][0], starting_rows(0, range(1), D).double())


def test_the_batch_is_still_checked():
    loss, _ = sampling()
    with pytest.raises(VectorError, match="30 classes, numbered 0 to 29"):
        loss(torch.ones(1, D).double(), torch.tensor([30]))
