"""Where a training stands, through a checkpoint's JSON and back."""

import json

import pytest
import torch

from lookalike.training.training_state import TrainingState

pytestmark = pytest.mark.network


def test_it_stands_where_it_was_saved():
    state = TrainingState(steps=9, learning_rate=0.1, step=5, history=[{"epoch": 1, "loss": 0.3}], warnings=["w"])
    for step, loss in enumerate((0.1, 0.2)):
        state.running.add(step, torch.tensor(loss), torch.ones(2, 3))
    state.read_losses()
    saved = json.loads(json.dumps(state.to_json()))
    again = TrainingState(steps=9, learning_rate=0.1)
    again.restore(saved)
    assert again.to_json() == state.to_json() == saved
    assert (again.epoch, again.detail) == (1, "loss 0.150")


def test_format_1_listed_the_losses_of_the_epoch_and_knew_no_warnings():
    state = TrainingState(steps=9, learning_rate=0.1)
    losses = [0.1] * 10
    state.restore({"step": 10, "history": [], "losses": losses})
    total = 0.0
    for loss in losses:
        total += loss
    assert (state.running.total, state.running.count, state.warnings) == (total, 10, [])
