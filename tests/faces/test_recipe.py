"""Recipes by name."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from lookalike.datasets import PictureSet
from lookalike.errors import InputError
from lookalike.faces.recipe import RECIPES, face_recipe
from lookalike.training import LossName, Recipe


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("loss", get_args(LossName))
def test_every_recipe_suits_every_loss_and_survives_being_saved(name, loss):
    recipe = face_recipe(name, loss)
    assert recipe.loss == loss
    people = PictureSet(tuple(map(Path, "abcd")), ("a", "a", "b", "b"))
    assert isinstance(recipe.build_loss(people), torch.nn.Module)
    assert Recipe.of(recipe.model_dump(mode="json", exclude_none=True)) == recipe


def test_changes_take_precedence_and_none_changes_nothing():
    assert face_recipe("small-faces", "triplet", epochs=5, seed=None) == face_recipe("small-faces", "triplet", epochs=5)
    assert face_recipe(epochs=5).epochs == 5
    assert face_recipe(batch_size=7).batch_size == 7
    assert face_recipe(epochs=5).backbone == face_recipe().backbone


def test_what_is_unknown_is_said():
    with pytest.raises(InputError, match=r"recipe .magic. is unknown; .* face-crops, faces or the path"):
        face_recipe("magic")
    with pytest.raises(InputError, match="recipe small-faces: magic: "):
        face_recipe(magic=1)
    with pytest.raises(InputError, match="recipe small-faces: epochs: "):
        face_recipe(epochs=0)
