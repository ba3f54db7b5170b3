"""The mean loss: the same whenever it is read, and read seldom."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from lookalike.training import running_loss
from lookalike.training.running_loss import Diverged, RunningLoss

LOSSES = st.lists(st.floats(-(2.0**90), 2.0**90, width=32), min_size=1, max_size=40)
FINE = torch.zeros(2, 3)


class HostReads(TorchDispatchMode):
    """Counts what makes the host wait for a device: `float`, `bool`, `int`, `item` and `tolist` of a tensor."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def in_order(losses):
    """The obvious sum."""
    total = 0.0
    for loss in losses:
        total += loss
    return total


@given(losses=LOSSES, reads=st.sets(st.integers(0, 39)), stop=st.integers(0, 40))
def test_reads_and_interruptions_do_not_change_the_mean(losses, reads, stop):
    running = RunningLoss()
    for step, loss in enumerate(losses):
        running.add(step, torch.tensor(loss), FINE)
        if step in reads:
            assert running.read() is None
        if step == stop:
            running.read()
            running = RunningLoss(running.total, running.count)  # as from a checkpoint
    assert running.read() is None
    assert running.count == len(losses)
    assert running.total == in_order(losses)
    assert running.mean == in_order(losses) / len(losses)


@given(losses=LOSSES, bad=st.sampled_from([math.nan, math.inf, -math.inf]), at=st.integers(0, 39), finite=st.booleans())
def test_the_first_loss_that_is_not_finite_is_named(losses, bad, at, finite):
    at = min(at, len(losses))
    running = RunningLoss()
    spoilt = FINE if finite else torch.tensor([[0.0, math.nan]])
    for step, loss in enumerate(losses[:at]):
        running.add(step, torch.tensor(loss), FINE)
    running.add(at, torch.tensor(bad), spoilt)
    running.add(at + 1, torch.tensor(math.nan), torch.tensor([[math.inf]]))
    found = running.read()
    assert isinstance(found, Diverged)
    assert (found.step, repr(found.loss), found.finite_embeddings) == (at, repr(bad), finite)
    assert (running.total, running.count) == (in_order(losses[:at]), at)


def test_nothing_is_known_before_the_first():
    running = RunningLoss()
    assert running.read() is None
    assert math.isnan(running.mean)


def test_noting_a_loss_waits_for_nothing():
    running, losses = RunningLoss(), torch.rand(200)
    with HostReads() as reads:
        for step, loss in enumerate(losses.unbind()):
            running.add(step, loss, FINE)
    assert reads.count == 0


@pytest.mark.parametrize("seconds", [0.0, math.inf])
def test_reading_is_due_at_first_then_after_so_many_steps_or_seconds(monkeypatch, seconds):
    monkeypatch.setattr(running_loss, "READ_SECONDS", seconds)
    running, read_after = RunningLoss(), []
    for step in range(200):
        running.add(step, torch.tensor(1.0), FINE)
        if running.due:
            running.read()
            read_after.append(step + 1)
    assert read_after == (list(range(1, 201)) if seconds == 0 else [1, 65, 129, 193])
