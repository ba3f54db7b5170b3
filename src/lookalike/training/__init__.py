"""Training: a recipe and labelled pictures in, a `model/` folder out."""

from lookalike.training.recipe import LossName, Recipe
from lookalike.training.trainer import Trained, train

__all__ = ["LossName", "Recipe", "Trained", "train"]
