"""One step: which weights move, how far, and at what size the network sees the pictures."""

import math
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lookalike.datasets import PictureSet
from lookalike.embedder.backbones import create_backbone
from lookalike.errors import InputError
from lookalike.losses import ContrastiveLoss, TripletLoss
from lookalike.training import Recipe
from lookalike.training.input_pipeline import BatchOrder, InputPipeline
from lookalike.training.training_step import TrainingSteps, _Trainee

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


def pictures():
    return PictureSet(tuple(Path(f"{i}.png") for i in range(12)), tuple("aabbccddeeff"))


def recipe(**changes):
    content = {
        "backbone": "test_efficientnet",
        "backbone_options": {"pooling": "gem"},
        "embedding_size": 8,
        "preprocessing": {"image_size": (64, 64)},
        "loss": "softmax",
        "batch_size": 12,
        "warmup": 0.0,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "learning_rate": 0.01,
    }
    return Recipe.of(content | changes)


def batch(given, size):
    """The first batch, of random pictures."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    return InputPipeline(given, pixels, pictures().labels).make(BatchOrder(0, np.arange(12), size))


def taken(given, size=(64, 64)):
    """A step on random pictures, and every tensor of the backbone before it."""
    torch.manual_seed(0)
    steps = TrainingSteps(given, pictures())
    before = {name: tensor.clone() for name, tensor in steps.backbone.state_dict().items()}
    steps.step(batch(given, size), 10)
    return steps, before


def moves(steps, before):
    return {name: (tensor - before[name]).abs().max().item() for name, tensor in steps.backbone.state_dict().items()}


def test_the_trunk_moves_by_its_factor_and_the_head_as_ever():
    full, before = taken(recipe())
    slow, _ = taken(recipe(trunk_rate=0.1))
    fast, slowed = moves(full, before), moves(slow, before)
    weights = [name for name, p in full.backbone.named_parameters() if fast[name] > 1e-6]
    assert any(name.startswith("0.") for name in weights)
    assert "1.p" in weights  # pooling learns with the head
    for name in weights:
        factor = 0.1 if name.startswith("0.") else 1.0
        assert slowed[name] == pytest.approx(factor * fast[name], rel=0.05, abs=1e-7), name


def test_a_frozen_trunk_does_not_move_at_all_and_computes_no_gradients():
    steps, before = taken(recipe(trunk_rate=0.0))
    moved = {name for name, move in moves(steps, before).items() if move}
    assert moved
    assert not any(name.startswith("0.") for name in moved)
    assert all(p.grad is None for p in steps.backbone.trunk.parameters())


def test_fixed_statistics_stay_and_the_weights_move():
    steps, before = taken(recipe(trunk_statistics="fixed"))
    moved = {name for name, move in moves(steps, before).items() if move}
    statistics = {name for name in before if "running" in name and name.startswith("0.")}
    assert statistics
    assert not statistics & moved
    assert any(name.startswith("0.") and name.endswith("weight") for name in moved)
    assert any("running" in name for name in moved)  # the head's own batch norm
    assert statistics & {name for name, move in moves(*taken(recipe())).items() if move}


@pytest.mark.parametrize("size", [(32, 32), (48, 48), (64, 64)])
def test_the_network_sees_pictures_of_the_epochs_size(size):
    given = recipe(progressive_sizes=((0.5, 32), (0.25, 48), (0.25, 64)))
    torch.manual_seed(0)
    steps = TrainingSteps(given, pictures())
    seen = []
    steps.backbone.trunk.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    steps.step(batch(given, size), 10)
    assert seen == [(12, 3, *size)]


def test_a_network_for_one_size_is_refused_before_the_first_step():
    for changes in (
        {"progressive_sizes": ((0.5, 32), (0.5, 64))},
        {"preprocessing": {"image_size": (64, 64), "scales": (1.0, 0.5)}},
    ):
        with pytest.raises(InputError, match="mobilefacenet cannot take pictures of 32×32 pixels"):
            TrainingSteps(recipe(backbone="mobilefacenet", backbone_options={}, **changes), pictures())


def test_a_recipe_without_these_choices_builds_what_it_always_built():
    torch.manual_seed(0)
    expected = create_backbone("test_efficientnet", 8, (32, 32)).state_dict()
    torch.manual_seed(0)
    steps = TrainingSteps(recipe(backbone_options={}), pictures())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in steps.backbone.state_dict().items())
    assert len(steps.optimizer.param_groups) == 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", [TripletLoss(mining="all"), ContrastiveLoss()])
@pytest.mark.parametrize("length", [0.0, 1e-6])
def test_a_picture_that_the_network_makes_nothing_of_does_not_outweigh_its_batch(loss, dtype, length):
    x = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    x[3] *= length / x[3].norm()
    x = x.to(dtype).requires_grad_()
    value = _Trainee(torch.nn.Identity(), loss, unit_length=True, chunk_size=None)(x, torch.arange(8) // 2)
    value.backward()
    lengths = x.grad.double().norm(dim=1)
    assert torch.isfinite(lengths).all()
    # The others are about 4 long, so their gradients are a quarter of those of vectors of length 1.
    assert lengths[3] <= 20 * lengths[torch.arange(8) != 3].amax()


class _ReadsNothing(torch.nn.Module):
    def forward(self, embeddings, labels):
        return embeddings.square().mean()


@pytest.mark.parametrize("chunk_size", [None, 5])
def test_a_step_never_waits_for_the_device(chunk_size):
    torch.manual_seed(0)
    steps = TrainingSteps(recipe(chunk_size=chunk_size, momentum=0.9), pictures())
    steps.module.loss = _ReadsNothing()  # ours check labels, and read them for that
    first = batch(steps.recipe, (64, 64))
    reads = []

    class Reads(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten._local_scalar_dense.default:
                reads.append("".join(traceback.format_stack(limit=6)))
            return func(*args, **(kwargs or {}))

    with Reads():
        loss = steps.step(first, 10)
        assert reads == []
        assert math.isfinite(float(loss))
        assert len(reads) == 1  # such a wait is seen
