"""Whether a trained model misses too many pictures to be of use, the likely cause, and what to do: the one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lookalike.decisions.calibration import Calibration
from lookalike.training.recipe import Recipe

__all__ = ["TOO_MANY_MISSED", "weakness"]

#: A model is weak that misses more than this share of genuine pairs at its default false match rate: it then fails to
#: recognise people more often than it recognises them.
TOO_MANY_MISSED = 0.5
#: Fewer identities, or fewer pictures of each on average, are called few. A choice, not a measurement: sets that face
#: networks are usually trained on have 10,000 people and more, such as CASIA-WebFace with 47 pictures of each.
FEW_IDENTITIES, FEW_PICTURES = 100, 5.0
#: A training is short with fewer epochs, or where the loss still fell by this share over the last fifth of them.
FEW_EPOCHS, STILL_FALLING = 10, 0.05


def weakness(
    calibration: Calibration, *, identities: int, pictures: int, recipe: Recipe, history: Sequence[Mapping[str, Any]]
) -> str:
    """What is wrong with a model, why, and what to do; empty where it is good enough.

    Args:
        calibration: measured on identities that were held out.
        identities: trained on.
        pictures: trained on.
        recipe: of the training.
        history: its log, an entry an epoch, with its `loss`.

    Example:
        >>> weakness(calibration, identities=30, pictures=240, recipe=Recipe(), history=[])    # doctest: +SKIP
        'the model misses 67% of genuine pairs at a false match rate of 0.01 … 30 identities are too few …'
    """
    point = calibration.point()
    if point.fnmr <= TOO_MANY_MISSED:
        return ""
    causes = []
    if identities < FEW_IDENTITIES and not recipe.pretrained:
        causes.append(
            f"{identities} identities are too few to learn from scratch: use pretrained faces (`--model dlib`, no "
            "training), or pretrained weights (`pretrained = true` and a timm `backbone` in a recipe's TOML file)"
        )
    elif identities < FEW_IDENTITIES:
        causes.append(f"{identities} identities are few: give more")
    if pictures < FEW_PICTURES * identities:
        causes.append(f"{pictures / max(1, identities):.1f} pictures of each identity are few: give {FEW_PICTURES:g}")
    if _is_short(recipe.epochs, [float(entry["loss"]) for entry in history if "loss" in entry]):
        causes.append(f"the training was short: try `--epochs {max(2 * recipe.epochs, 2 * FEW_EPOCHS)}`")
    if not causes:
        causes.append(
            "look for wrong labels in the report of `lookalike evaluate`, or try another `--loss` or `--backbone`"
        )
    return (
        f"the model misses {point.fnmr:.0%} of genuine pairs at a false match rate of {point.target_fmr:g}, on "
        f"{calibration.identities} identities it never saw; {'; '.join(causes)}"
    )


def _is_short(epochs: int, losses: Sequence[float]) -> bool:
    """Few epochs, or a loss that still falls."""
    if epochs < FEW_EPOCHS:
        return True
    fifth = max(1, len(losses) // 5)
    if len(losses) < 2 * fifth + 1:
        return False
    before, last = sum(losses[-2 * fifth : -fifth]) / fifth, sum(losses[-fifth:]) / fifth
    return before > 0 and last < (1 - STILL_FALLING) * before
