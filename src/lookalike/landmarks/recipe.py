"""Training recipes for landmarks, by name.

A landmark recipe starts from a network that ImageNet taught, pools with a learned generalised mean, and learns to name
the places of the training set and one class more, `NON_LANDMARK`, of pictures that show none. Places are a closed set:
none is held out to measure thresholds on; these come from non-landmarks when places are enrolled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.datasets import NON_LANDMARK
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.training import LossName, Recipe

__all__ = ["RECIPES", "landmark_recipe"]

#: Name → what differs from `Recipe`'s defaults.
RECIPES: dict[str, dict[str, Any]] = {
    # Tens to thousands of places on two CPU cores: small pictures, half of the epochs at three quarters of their size.
    # A thousand pictures train in under two minutes.
    "landmarks": {
        "backbone": "tf_efficientnet_lite0",
        "backbone_options": {"pooling": "gem"},
        "pretrained": True,
        "trunk_rate": 0.3,
        "trunk_statistics": "fixed",
        "embedding_size": 256,
        "preprocessing": {"image_size": (128, 128), "mean": 0.5, "std": 0.5},
        "augmentation": {"rotation": 5.0, "zoom": 0.15, "shift": 0.08, "erase": 0.25},
        "class_power": 0.5,
        "progressive_sizes": ((0.5, 96), (0.5, 128)),
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "batch_size": 32,
        "epochs": 10,
    },
    # Thousands of places with up to millions of photos: wants a GPU, and the hub for its weights. 512 dimensions and
    # growing pictures as Jeon ("1st Place Solution to Google Landmark Retrieval 2020") and Ha et al. 2020 have them.
    "landmarks-large": {
        "backbone": "tf_efficientnetv2_m.in21k_ft_in1k",
        "backbone_options": {"pooling": "gem"},
        "pretrained": True,
        "embedding_size": 512,
        "preprocessing": {"image_size": (512, 512), "mean": 0.5, "std": 0.5, "scales": (0.7071, 1.0)},
        "augmentation": {"rotation": 5.0, "zoom": 0.2, "shift": 0.1, "erase": 0.5},
        "class_power": 0.5,
        "progressive_sizes": ((0.5, 256), (0.3, 384), (0.2, 512)),
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "weight_decay": 1e-4,
        "batch_size": 128,
        "chunk_size": 32,
        "epochs": 20,
    },
}
#: What a loss needs on top of a recipe.
_FOR_LOSS: dict[str, dict[str, Any]] = {
    "center": {"loss_options": {"weight": 0.01, "without_center": [NON_LANDMARK]}},
    "subcenter_arcface": {
        "scale": 24.0,
        "loss_options": {"subcenters": 3, "dynamic_margins": "minmax", "least_margin": [NON_LANDMARK]},
    },
}


def landmark_recipe(name: str = "landmarks", loss: LossName = "center", **changes: Any) -> Recipe:
    """A named recipe for a loss, with changes.

    `center` is cross-entropy over the places and one non-landmark class, plus ``λ/2 · |x - c_y|²`` for places only
    (Boiarov, Tyantov, "Large Scale Landmark Recognition via Deep Metric Learning", CIKM 2019). `softmax` is the former
    alone. `subcenter_arcface` has three centers a class and margins ``0.05 + 0.45 · minmax(n_c^(-1/4))`` (Ha et al.,
    "Google Landmark Recognition 2020 Competition Third Place Solution", 2020); the non-landmarks are a class there too,
    with the smallest margin however few they are, for nothing holds them together. All work without non-landmarks.

    Args:
        name: `"landmarks"` for a CPU, `"landmarks-large"` for a GPU.
        loss: these three, or any other that a recipe may name.
        **changes: entries of `Recipe`; None leaves the recipe's. A backbone of our own starts from nothing.

    Raises:
        InputError: no recipe of that name, or a change that is none.

    Example:
        >>> recipe = landmark_recipe("landmarks", "subcenter_arcface", epochs=5)
        >>> recipe.epochs, recipe.loss_options["subcenters"]
        (5, 3)
    """
    from lookalike.embedder.named_backbones import OWN_BACKBONES
    from lookalike.training import Recipe
    from lookalike.training.named_losses import LOSSES

    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is unknown; choose {', '.join(RECIPES)} or the path of a TOML file")
    given = {key: value for key, value in changes.items() if value is not None}
    content = RECIPES[name] | _FOR_LOSS.get(loss, {}) | {"loss": loss}
    if given.get("backbone") in OWN_BACKBONES:  # they have no weights, no trunk, and one size of picture
        own = {"backbone_options", "pretrained", "trunk_rate", "trunk_statistics", "progressive_sizes"}
        content = {key: value for key, value in content.items() if key not in own}
    if loss in LOSSES and LOSSES[loss].pairs:  # as many pictures of every place in a batch
        content.pop("class_power")
    return Recipe.of(content | given, f"recipe {name}")
