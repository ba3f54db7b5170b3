"""Training recipes for faces, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.training import LossName, Recipe

__all__ = ["RECIPES", "face_recipe"]

#: Name → what differs from `Recipe`'s defaults. Chosen on validation people, see docs/small-data.md.
RECIPES: dict[str, dict[str, Any]] = {
    # Tens of people in photographs: trains from nothing in half a minute on two CPU cores. Alignment does what so few
    # pictures cannot teach: where the face is.
    "small-faces": {
        "backbone": "iresnet18",
        "backbone_options": {"width": 0.25, "activation": "relu"},
        "preprocessing": {"image_size": (64, 64), "channels": 1, "align": "dlib-5point"},
        "augmentation": {"rotation": 5.0, "zoom": 0.05, "shift": 0.04},
        "scale": 16.0,
    },
    # Tens of people in crops that all show as much of the head: hair and outline help, so nothing is cut away.
    "face-crops": {
        "backbone": "iresnet18",
        "backbone_options": {"width": 0.25, "activation": "relu"},
        "preprocessing": {"image_size": (80, 64), "channels": 1},
        "scale": 16.0,
        "epochs": 50,
    },
    # Thousands of people in photographs: the published network and input; wants a GPU.
    "faces": {
        "backbone": "mobilefacenet",
        "preprocessing": {"image_size": (112, 112), "align": "dlib-5point"},
        "augmentation": {"rotation": 5.0, "zoom": 0.05, "shift": 0.03, "erase": 0.1},
        "scale": 64.0,
        "batch_size": 256,
        "epochs": 25,
    },
}
#: What a loss needs on top of a recipe.
_FOR_LOSS: dict[tuple[str, str], dict[str, Any]] = {("small-faces", "arcface"): {"margin": 0.2}}


def face_recipe(name: str = "small-faces", loss: LossName = "arcface", **changes: Any) -> Recipe:
    """A named recipe for a loss, with changes.

    Raises:
        InputError: no recipe of that name, or a change that is none.

    Example:
        >>> face_recipe("small-faces", "triplet", epochs=5).epochs
        5
    """
    from lookalike.training import Recipe

    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is unknown; choose {', '.join(RECIPES)} or the path of a TOML file")
    given = {key: value for key, value in changes.items() if value is not None}
    return Recipe.of(RECIPES[name] | _FOR_LOSS.get((name, loss), {}) | {"loss": loss} | given, f"recipe {name}")
