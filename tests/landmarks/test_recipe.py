"""Landmark recipes: what a loss makes of them, and that they learn places."""

from pathlib import Path

import pytest
import torch

from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.errors import InputError
from lookalike.landmarks.recipe import RECIPES, landmark_recipe
from lookalike.losses import JointLoss, SoftmaxLoss, SubCenterArcFaceLoss
from lookalike.training.named_losses import LOSSES


def places(*counts):
    identities = [name for name, count in counts for _ in range(count)]
    return PictureSet(tuple(Path(f"{i}.jpg") for i in range(len(identities))), tuple(identities))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_goes_with_every_recipe(name, loss):
    recipe = landmark_recipe(name, loss, embedding_size=16)
    data = places(("eiffel", 5), ("giza", 3), (NON_LANDMARK, 9))
    assert (recipe.loss, recipe.pretrained, recipe.backbone_options) == (loss, True, {"pooling": "gem"})
    value = recipe.build_loss(data)(torch.randn(17, 16), torch.from_numpy(data.labels))
    assert torch.isfinite(value)
    assert next(recipe.build_batches(data).epoch(0)).size > 1


def test_center_loss_pulls_places_only_with_or_without_non_landmarks():
    loss = landmark_recipe().build_loss(places(("eiffel", 2), (NON_LANDMARK, 2), ("taj", 2)))
    assert isinstance(loss, JointLoss)
    assert isinstance(loss.losses[0], SoftmaxLoss)
    assert loss.losses[0].num_classes == 3
    assert loss.losses[1].has_center.tolist() == [True, False, True]
    without = landmark_recipe().build_loss(places(("eiffel", 2), ("taj", 2)))
    assert without.losses[1].has_center.tolist() == [True, True]


def test_subcenter_arcface_has_three_centers_and_the_least_margin_for_non_landmarks():
    recipe = landmark_recipe(loss="subcenter_arcface")
    loss = recipe.build_loss(places(("eiffel", 16), (NON_LANDMARK, 2), ("taj", 4)))
    assert isinstance(loss, SubCenterArcFaceLoss)
    assert loss.subcenters == 3
    assert loss.margins.tolist() == pytest.approx([0.05, 0.05, 0.5])


def test_a_backbone_of_our_own_starts_from_nothing():
    recipe = landmark_recipe(backbone="mobilefacenet", epochs=3)
    assert (recipe.pretrained, recipe.backbone_options, recipe.progressive_sizes) == (False, {}, ())
    assert landmark_recipe(backbone="efficientnet_lite0") == landmark_recipe()


def test_what_is_no_recipe():
    with pytest.raises(InputError, match="'landmark' is unknown; choose landmarks, landmarks-large or the path"):
        landmark_recipe("landmark")
    with pytest.raises(InputError, match="recipe landmarks: epochs"):
        landmark_recipe(epochs=0)
    with pytest.raises(InputError, match="recipe landmarks: loss: "):
        landmark_recipe(loss="magic")
