"""Which loss a recipe names, what it needs, and how it is made for a set of pictures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from torch import nn

from lookalike.datasets import PictureSet
from lookalike.errors import InputError
from lookalike.losses import (
    AdaFaceLoss,
    ArcFaceLoss,
    CenterLoss,
    CombinedMarginLoss,
    ContrastiveLoss,
    CosFaceLoss,
    CurricularFaceLoss,
    JointLoss,
    MultiSimilarityLoss,
    NTXentLoss,
    ProxyAnchorLoss,
    SoftmaxLoss,
    SphereFaceLoss,
    SubCenterArcFaceLoss,
    TripletLoss,
)

__all__ = ["LOSSES", "LossChoice", "LossName"]

LossName = Literal[
    "arcface",
    "softmax",
    "triplet",
    "contrastive",
    "ntxent",
    "multi_similarity",
    "center",
    "sphereface",
    "cosface",
    "combined_margin",
    "subcenter_arcface",
    "adaface",
    "curricularface",
    "proxy_anchor",
]


@dataclass(frozen=True)
class LossChoice:
    """One loss as training uses it.

    Attributes:
        make: its constructor.
        margin: the recipe's default; None where the loss takes none.
        scaled: takes the recipe's `scale`.
        mined: takes the recipe's `mining`.
        pairs: compares pictures with pictures, so batches are P×K and a cross-batch memory may help.
        unit_length: embeddings are scaled to length 1 before it; the others do so themselves, or mean the length.
        rate: the recipe's default factor on the learning rate of its own weights.
        more: options of ours, beyond the constructor's.
    """

    make: Callable[..., nn.Module]
    margin: float | None = None
    scaled: bool = False
    mined: bool = False
    pairs: bool = False
    unit_length: bool = False
    rate: float = 1.0
    more: tuple[str, ...] = field(default=())

    @property
    def options(self) -> tuple[str, ...]:
        """What `loss_options` may hold."""
        elsewhere = {"num_classes", "embedding_size", "class_counts", "self"}
        elsewhere |= {"margin"} if self.margin is not None else set()
        elsewhere |= {"scale"} if self.scaled else set()
        elsewhere |= {"mining"} if self.mined else set()
        return (*(name for name in inspect.signature(self.make).parameters if name not in elsewhere), *self.more)

    def build(
        self,
        pictures: PictureSet,
        embedding_size: int,
        margin: float | None,
        scale: float,
        mining: str,
        options: Mapping[str, Any],
    ) -> nn.Module:
        """The loss for these pictures, with random class centers where it has any.

        Raises:
            InputError: an option that the loss does not take, or a value that it refuses.
        """
        given = dict(options)
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            raise InputError(f"loss_options holds {unknown[0]!r}; this loss takes {', '.join(self.options) or 'none'}")
        if self.margin is not None:
            given["margin"] = margin
        if self.scaled:
            given["scale"] = scale
        if self.mined:
            given["mining"] = mining
        if not self.pairs:
            given |= {"num_classes": len(pictures.names), "embedding_size": embedding_size}
        if "without_center" in given:
            given["without_center"] = _positions(given["without_center"], pictures, "without_center")
        margins, least = given.pop("dynamic_margins", False), given.pop("least_margin", [])
        if margins:
            given |= _dynamic_margins(margins, _positions(least, pictures, "least_margin"), pictures)
        elif least:
            raise InputError(f"least_margin is {least!r}, which only dynamic_margins give; set these, or leave it out")
        try:
            return self.make(**given)
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


def _softmax_and_center(
    num_classes: int,
    embedding_size: int,
    weight: float = 0.01,
    rate: float = 0.5,
    without_center: tuple[int, ...] = (),
    label_smoothing: float = 0.0,
    softmax: bool = True,
) -> nn.Module:
    """Joint supervision, as Wen et al. 2016 train; `softmax = false` leaves center loss alone, which collapses."""
    center = CenterLoss(num_classes, embedding_size, weight, rate, without_center)
    if not softmax:
        return center
    return JointLoss(SoftmaxLoss(num_classes, embedding_size, label_smoothing), center)


#: Every loss a recipe may name.
LOSSES: dict[LossName, LossChoice] = {
    "arcface": LossChoice(ArcFaceLoss, margin=0.5, scaled=True),
    "softmax": LossChoice(SoftmaxLoss),
    "triplet": LossChoice(TripletLoss, margin=0.2, mined=True, pairs=True, unit_length=True),
    "contrastive": LossChoice(ContrastiveLoss, margin=1.0, pairs=True, unit_length=True),
    "ntxent": LossChoice(NTXentLoss, pairs=True),
    "multi_similarity": LossChoice(MultiSimilarityLoss, pairs=True),
    "center": LossChoice(_softmax_and_center),
    "sphereface": LossChoice(SphereFaceLoss, margin=4.0),
    "cosface": LossChoice(CosFaceLoss, margin=0.35, scaled=True),
    "combined_margin": LossChoice(CombinedMarginLoss, scaled=True),
    "subcenter_arcface": LossChoice(
        SubCenterArcFaceLoss, margin=0.5, scaled=True, more=("dynamic_margins", "least_margin")
    ),
    "adaface": LossChoice(AdaFaceLoss, margin=0.4, scaled=True),
    "curricularface": LossChoice(CurricularFaceLoss, margin=0.5, scaled=True),
    "proxy_anchor": LossChoice(ProxyAnchorLoss, margin=0.1, rate=3.0),
}
