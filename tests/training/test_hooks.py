"""What happens beside the steps: when it is shown, warned and saved."""

import math

import pytest
import torch

from lookalike.errors import TrainingDiverged
from lookalike.training.collapse import CollapseMonitor
from lookalike.training.hooks import CheckpointHook, CollapseHook, ProgressHook
from lookalike.training.training_state import TrainingState

pytestmark = pytest.mark.network


@pytest.fixture
def state():
    """Two steps of six taken, whose losses were 1 and 2."""
    state = TrainingState(steps=6, learning_rate=0.1, step=2)
    for step, loss in enumerate((1.0, 2.0)):
        state.running.add(step, torch.tensor(loss), torch.ones(2, 3))
    return state


def ended(state):
    """The entry of an epoch, as the trainer writes it before it calls hooks."""
    state.history.append({"epoch": len(state.history) + 1, "loss": 1.5})
    return state.history[-1]


def test_progress_shows_the_loss_once_it_was_read(state):
    events = []
    hook = ProgressHook(events.append, "Training (arcface)")
    hook.after_step(state)
    state.read_losses()
    hook.after_step(state)
    assert [(e.stage, e.done, e.total, e.detail) for e in events] == [
        ("Training (arcface)", 2, 6, ""),
        ("Training (arcface)", 2, 6, "loss 1.500"),
    ]


def test_a_collapse_is_logged_every_epoch_and_warned_of_once(state):
    events = []
    batch = torch.ones(6, 3), torch.arange(6) // 2
    hook = CollapseHook(CollapseMonitor(patience=1), lambda: batch, events.append, "Training", [])
    for _ in range(2):
        hook.after_epoch(state, ended(state))
    assert [entry["mean_similarity"] for entry in state.history] == [1.0, 1.0]
    assert [event.warning for event in events] == state.warnings
    assert len(state.warnings) == 1
    assert state.warnings[0].startswith("epoch 1: the embeddings collapse to one point")
    # Resumed after these epochs, it does not warn again.
    resumed = CollapseHook(CollapseMonitor(patience=1), lambda: batch, events.append, "Training", state.history)
    resumed.after_epoch(state, ended(state))
    assert len(state.warnings) == 1


def test_checkpoints_are_written_now_and_then_and_when_interrupted(state):
    saved = []
    hook = CheckpointHook(lambda state: saved.append(state.step), seconds=0.0)
    hook.after_epoch(state, ended(state))
    state.step = 6  # the model itself comes next
    hook.after_epoch(state, ended(state))
    assert saved == [2]
    seldom = CheckpointHook(lambda state: saved.append(state.step), seconds=math.inf)
    state.step = 3
    seldom.after_epoch(state, ended(state))
    assert saved == [2]
    seldom.on_interrupt(state)
    assert saved == [2, 3]


def test_weights_that_have_diverged_are_not_saved(state):
    saved = []
    state.running.add(2, torch.tensor(math.nan), torch.ones(2, 3))
    with pytest.raises(TrainingDiverged, match=r"the loss became nan in step 3 of 6, though not the embeddings"):
        CheckpointHook(saved.append, seconds=0.0).on_interrupt(state)
    assert saved == []
