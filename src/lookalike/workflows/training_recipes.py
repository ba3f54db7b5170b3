"""The recipe that training options ask for: by name, from a file, or given; and what they change of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.faces.recipe import RECIPES as FACE_RECIPES
from lookalike.faces.recipe import face_recipe
from lookalike.landmarks.recipe import RECIPES as LANDMARK_RECIPES
from lookalike.landmarks.recipe import landmark_recipe
from lookalike.training.recipe_file import read_recipe_file

if TYPE_CHECKING:
    from lookalike.training.recipe import Recipe

__all__ = ["check_recipe", "chosen_recipe", "is_landmark_recipe"]


def is_landmark_recipe(recipe: str | Path | Recipe) -> bool:
    """Whether it is the name of a recipe for places."""
    return isinstance(recipe, str) and recipe in LANDMARK_RECIPES


def check_recipe(recipe: str | Path | Recipe) -> None:
    """Refuse a name that is none and a file that is no TOML: what can be told without torch.

    Raises:
        InputError: no such recipe, or a file that cannot be read.

    Example:
        >>> check_recipe("face-crops")
    """
    if not isinstance(recipe, str | Path) or str(recipe) in (*FACE_RECIPES, *LANDMARK_RECIPES):
        return
    path = Path(recipe)
    if path.suffix != ".toml" and not path.exists():
        names = ", ".join((*FACE_RECIPES, *LANDMARK_RECIPES))
        raise InputError(f"recipe {str(recipe)!r} is unknown; choose {names} or the path of a TOML file")
    read_recipe_file(path)


def chosen_recipe(recipe: str | Path | Recipe, changes: Mapping[str, Any], cropped: bool = False) -> Recipe:
    """The recipe with its changes.

    Args:
        recipe: a name, a TOML file, or a recipe.
        changes: entries of it that are replaced; None leaves the recipe's.
        cropped: pictures are face crops.

    Raises:
        InputError: no such recipe, or an entry that is none.

    Example:
        >>> chosen_recipe("face-crops", {"epochs": 3}).epochs
        3
    """
    from lookalike.training.named_losses import LOSSES

    check_recipe(recipe)
    given = {name: value for name, value in changes.items() if value is not None}
    if given.get("loss", "arcface") not in LOSSES:
        raise InputError(f"loss {given['loss']!r} is unknown; choose {', '.join(sorted(LOSSES))}")
    chosen = _recipe(recipe, given)
    return chosen.for_crops() if cropped else chosen


def _recipe(recipe: str | Path | Recipe, changes: dict[str, Any]) -> Recipe:
    from lookalike.training.recipe import Recipe

    if isinstance(recipe, str) and recipe in LANDMARK_RECIPES:
        return landmark_recipe(recipe, **changes)
    if "backbone" in changes:
        changes["backbone_options"] = {}  # the recipe's are those of its own backbone
    if isinstance(recipe, Recipe):
        if changes.get("loss", recipe.loss) != recipe.loss:  # these are of its own loss
            changes |= {"margin": None, "loss_rate": None, "loss_options": {}}
        return Recipe.of(recipe.model_dump() | changes)
    if isinstance(recipe, str) and recipe in FACE_RECIPES:
        return face_recipe(recipe, **changes)
    return Recipe.read(Path(recipe), **changes)
