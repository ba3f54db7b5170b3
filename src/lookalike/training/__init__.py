"""Training: a recipe and labelled pictures in, a `model/` folder out.

The names load torch when they are first used, so that what needs none of it, such as `interrupted_training`, is
imported in a moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.lazy_names import lazy_names

if TYPE_CHECKING:
    from lookalike.training.recipe import LossName, Recipe
    from lookalike.training.trainer import Trained, train

__all__ = ["LossName", "Recipe", "Trained", "train"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "LossName": "lookalike.training.recipe",
        "Recipe": "lookalike.training.recipe",
        "Trained": "lookalike.training.trainer",
        "train": "lookalike.training.trainer",
    },
)
