"""Training: a recipe and labelled pictures in, a `model/` folder out.

The names load torch when they are first used, so that what needs none of it, such as `interrupted_training`, is
imported in a moment.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.training.recipe import LossName, Recipe
    from lookalike.training.trainer import Trained, train

__all__ = ["LossName", "Recipe", "Trained", "train"]

_HOMES = {
    "LossName": "lookalike.training.recipe",
    "Recipe": "lookalike.training.recipe",
    "Trained": "lookalike.training.trainer",
    "train": "lookalike.training.trainer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lookalike.training' has no attribute {name!r}")
