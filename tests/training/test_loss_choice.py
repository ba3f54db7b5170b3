"""Every loss by its name in a recipe: what it takes, what it is made for, and what it refuses."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from lookalike import losses
from lookalike.datasets import PictureSet
from lookalike.errors import InputError
from lookalike.losses import CenterLoss, CrossBatchMemory, JointLoss
from lookalike.training import LossName, Recipe
from lookalike.training.named_losses import LOSSES


def pictures(identities):
    return PictureSet(tuple(Path(f"{i}.png") for i in range(len(identities))), tuple(identities))


def test_every_name_has_a_loss_and_every_loss_a_name():
    assert set(LOSSES) == set(get_args(LossName))
    made = {type(Recipe(loss=name).build_loss(pictures("aabbcc"))).__name__ for name in LOSSES}
    # One is inside JointLoss, one around another loss, and one for several processes.
    assert made == set(losses.__all__) - {"CenterLoss", "CrossBatchMemory", "ShardedSoftmaxLoss"}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_by_name_takes_the_embeddings_the_trainer_gives_it(name):
    recipe = Recipe(loss=name, embedding_size=6)
    loss = recipe.build_loss(pictures("aabbcc"))
    x = torch.randn(6, 6, requires_grad=True)
    loss(x, torch.arange(6) // 2).backward()
    assert torch.isfinite(x.grad).all()
    assert Recipe.of(recipe.model_dump(mode="json", exclude_none=True)) == recipe


@pytest.mark.parametrize(
    ("name", "options", "attribute", "value"),
    [
        ("ntxent", {"temperature": 0.3}, "temperature", 0.3),
        ("triplet", {"metric": "cosine", "reduction": "all", "soft_margin": True}, "soft_margin", True),
        ("contrastive", {"reduction": "all"}, "reduction", "all"),
        ("sphereface", {"scale": 20.0, "annealing": [10.0, 0.1, 1.0]}, "annealing", (10.0, 0.1, 1.0)),
        ("combined_margin", {"margins": [1.0, 0.2, 0.1]}, "margins", (1.0, 0.2, 0.1)),
        ("subcenter_arcface", {"subcenters": 2}, "subcenters", 2),
        ("adaface", {"concentration": 0.5}, "concentration", 0.5),
        ("curricularface", {"momentum": 0.1}, "momentum", 0.1),
        ("proxy_anchor", {"scale": 16.0}, "scale", 16.0),
        ("multi_similarity", {"epsilon": 0.2}, "epsilon", 0.2),
        ("softmax", {"label_smoothing": 0.1}, "label_smoothing", 0.1),
    ],
)
def test_options_reach_the_loss(name, options, attribute, value):
    assert getattr(Recipe(loss=name, loss_options=options).build_loss(pictures("aabb")), attribute) == value


def test_scale_margin_and_mining_are_the_recipes():
    loss = Recipe(loss="cosface", margin=0.1, scale=12.0).build_loss(pictures("aabb"))
    assert (loss.margin, loss.scale) == (0.1, 12.0)
    assert Recipe(loss="triplet", mining="all").build_loss(pictures("aabb")).mining == "all"


def test_center_loss_stands_beside_softmax_unless_it_is_told_not_to():
    joint = Recipe(loss="center", loss_options={"weight": 0.3}).build_loss(pictures("aabb"))
    assert isinstance(joint, JointLoss)
    assert joint.losses[1].weight == 0.3
    assert isinstance(Recipe(loss="center", loss_options={"softmax": False}).build_loss(pictures("aabb")), CenterLoss)


def test_identities_without_center_are_named():
    recipe = Recipe(loss="center", loss_options={"without_center": ["nothing", "absent"]})
    joint = recipe.build_loss(pictures(["eiffel", "nothing", "sacre"]))
    assert joint.losses[1].has_center.tolist() == [True, False, True]
    for wrong in ("nothing", [1]):
        with pytest.raises(InputError, match="give a list of identities by name"):
            Recipe(loss="center", loss_options={"without_center": wrong}).build_loss(pictures("aabb"))


def test_dynamic_margins_follow_the_training_sets_own_counts():
    recipe = Recipe(loss="subcenter_arcface", loss_options={"dynamic_margins": True})
    margins = recipe.build_loss(pictures("a" * 16 + "b")).margins
    assert margins.tolist() == pytest.approx([0.5 * 16**-0.25 + 0.05, 0.55])


def minmax(*counts, least=(), absent=()):
    identities = [name for name, count in counts for _ in range(count)]
    options = {"dynamic_margins": "minmax", "least_margin": [*least, *absent]}
    loss = Recipe(loss="subcenter_arcface", loss_options=options).build_loss(pictures(identities))
    return dict(zip(sorted({name for name, _ in counts}), loss.margins.tolist(), strict=True))


def test_minmax_margins_are_those_of_the_landmark_winners_code():
    counts = {"a": 3, "b": 17, "c": 40, "d": 5}
    tmp = np.sqrt(1 / np.sqrt(list(counts.values())))
    expected = (tmp - tmp.min()) / (tmp.max() - tmp.min()) * 0.45 + 0.05
    assert list(minmax(*counts.items()).values()) == pytest.approx(expected)
    assert list(minmax(("a", 4), ("b", 4)).values()) == pytest.approx([0.275, 0.275])


@pytest.mark.parametrize("others", [1, 40, 400])
def test_non_landmarks_have_the_least_margin_however_few_they_are(others):
    margins = minmax(("a", 4), ("b", 64), ("non-landmark", others), least=["non-landmark"], absent=["nobody"])
    assert margins["non-landmark"] == pytest.approx(0.05)
    assert margins["a"] == pytest.approx(0.5)
    assert margins["b"] >= 0.05 - 1e-9
    if others <= 64:
        assert margins["b"] == pytest.approx(0.05)


def test_margins_that_are_none():
    for options, said in (
        ({"dynamic_margins": "max"}, "dynamic_margins is 'max'; choose true, 'minmax' or false"),
        ({"least_margin": ["a"]}, "which only dynamic_margins give"),
        ({"dynamic_margins": "minmax", "least_margin": "a"}, "give a list of identities by name"),
        ({"dynamic_margins": "minmax", "least_margin": 3}, "give a list of identities by name"),
    ):
        with pytest.raises(InputError, match=said):
            Recipe(loss="subcenter_arcface", loss_options=options).build_loss(pictures("aab"))


def test_a_memory_goes_around_the_loss():
    loss = Recipe(loss="triplet", memory=100, memory_warm_up=7, embedding_size=6).build_loss(pictures("aabb"))
    assert isinstance(loss, CrossBatchMemory)
    assert (loss.size, loss.warm_up, loss.embeddings.shape) == (100, 7, (100, 6))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"loss": "softmax", "margin": 0.3}, "mine: margin is given, but softmax has none"),
        ({"loss": "ntxent", "loss_options": {"tau": 1}}, r"mine: loss_options holds 'tau'; ntxent takes temperature"),
        ({"loss": "arcface", "loss_options": {"margin": 1}}, "'margin'; arcface takes none"),
        ({"loss": "arcface", "memory": 500}, "compares no pairs, so a memory does nothing; it serves contrastive, mu"),
        ({"loss": "triplet", "memory": 5}, "memory is 5, less than a batch of 60"),
        ({"loss": "triplet", "chunk_size": 0}, "chunk_size"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(content, message):
    with pytest.raises(InputError, match=message) as caught:
        Recipe.of(content, "mine")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ntxent", {"temperature": 0}, "temperature is 0"),
        ("ntxent", {"temperature": "warm"}, "loss_options .*warm.* cannot be used"),
        ("combined_margin", {"margins": 3}, "loss_options .*cannot be used"),
        ("contrastive", {"metric": "l2"}, "metric is 'l2'; choose one of"),
    ],
)
def test_what_the_loss_refuses_is_said(name, options, message):
    with pytest.raises(InputError, match=message):
        Recipe(loss=name, loss_options=options).build_loss(pictures("aabb"))
