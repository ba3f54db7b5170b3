"""The loss that a recipe names, made for a set of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lookalike.datasets import PictureSet
from lookalike.errors import InputError
from lookalike.training.named_losses import LOSSES

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LossName", "build_loss"]

if TYPE_CHECKING:
    LossName = str
else:
    #: The names in the table. A type checker takes them for text.
    LossName = Literal[tuple(sorted(LOSSES))]


def build_loss(
    name: LossName,
    pictures: PictureSet,
    embedding_size: int,
    *,
    margin: float | None,
    scale: float,
    mining: str,
    options: Mapping[str, Any],
) -> nn.Module:
    """The loss for these pictures, with random class centers where it has any.

    Args:
        name: of the loss.
        pictures: those trained on.
        embedding_size: dimensions of the embeddings.
        margin: where the loss has one.
        scale: where it takes the recipe's.
        mining: where it mines triplets.
        options: further arguments; identities stand in them by name.

    Raises:
        InputError: an option that the loss does not take, or a value that it refuses.
    """
    loss = LOSSES[name]
    given = dict(options)
    unknown = sorted(set(given) - set(loss.options))
    if unknown:
        raise InputError(f"loss_options holds {unknown[0]!r}; this loss takes {', '.join(loss.options) or 'none'}")
    if loss.margin is not None:
        given["margin"] = margin
    if loss.scaled:
        given["scale"] = scale
    if loss.mined:
        given["mining"] = mining
    if not loss.pairs:
        given |= {"num_classes": len(pictures.names), "embedding_size": embedding_size}
    if "without_center" in given:
        given["without_center"] = _positions(given["without_center"], pictures, "without_center")
    margins, least = given.pop("dynamic_margins", False), given.pop("least_margin", [])
    if margins:
        given |= _dynamic_margins(margins, _positions(least, pictures, "least_margin"), pictures)
    elif least:
        raise InputError(f"least_margin is {least!r}, which only dynamic_margins give; set these, or leave it out")
    try:
        return loss.make(**given)
    except TypeError as error:  # "abc" where a number belongs
        raise InputError(f"loss_options {dict(options)!r} cannot be used: {error}") from None


def _positions(names: Any, pictures: PictureSet, option: str) -> list[int]:
    """Identities by name as class numbers; those not among the pictures are left out."""
    if not isinstance(names, Sequence) or isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{option} is {names!r}; give a list of identities by name")
    position = {name: i for i, name in enumerate(pictures.names)}
    return [position[name] for name in names if name in position]


def _dynamic_margins(kind: Any, least: Sequence[int], pictures: PictureSet) -> dict[str, Any]:
    """Options of the loss for margins that grow as classes get smaller.

    `"minmax"`: ``0.05 + 0.45 · minmax(n_c^(-1/4))``, so that the largest class has 0.05 and the smallest 0.5 radians,
    as Ha et al. 2020 compute it (0.275 where all are equal); True: ``0.05 + 0.5 n_c^(-1/4)``. Classes with the least
    margin have that of the largest class, however few their pictures.
    """
    if kind not in (True, "minmax"):
        raise InputError(f"dynamic_margins is {kind!r}; choose true, 'minmax' or false")
    counts = np.bincount(pictures.labels, minlength=len(pictures.names))
    counts[list(least)] = counts.max()
    options: dict[str, Any] = {"class_counts": counts.tolist()}
    if kind == "minmax":
        low, high = float(counts.max()) ** -0.25, float(counts.min()) ** -0.25
        slope = 0.45 / (high - low) if high > low else 0.0
        options["dynamic"] = (slope, 0.25, 0.05 - slope * low if slope else 0.275)
    return options
