"""Every loss by its name in recipes and on the command line, with what training must know of it. This needs no torch.

A new loss is a file in `losses/`, its line in `losses/__init__.py` and its row here: what may be named, the recipe's
checks and the messages follow from the row.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LOSSES", "NamedLoss"]


@dataclass(frozen=True)
class NamedLoss:
    """One loss as training uses it.

    Attributes:
        home: its constructor, or where that is: `module:name` in `lookalike.losses`, imported when it is called.
        pairs: it compares pictures with pictures, so batches are P×K and a cross-batch memory may help.
        margin: the recipe's default; None where the loss takes none.
        scaled: takes the recipe's `scale`.
        mined: takes the recipe's `mining`.
        unit_length: embeddings are scaled to length 1 before it; the others do so themselves, or use the length.
        rate: the recipe's default factor on the learning rate of its own weights.
        further: options of a recipe that training translates into arguments of the constructor.
    """

    home: str | Callable[..., nn.Module]
    pairs: bool = False
    margin: float | None = None
    scaled: bool = False
    mined: bool = False
    unit_length: bool = False
    rate: float = 1.0
    further: tuple[str, ...] = ()

    @property
    def constructor(self) -> Callable[..., nn.Module]:
        """The class or function that makes the loss; this imports torch."""
        if isinstance(self.home, str):
            return cast("Callable[..., nn.Module]", pkgutil.resolve_name(f"lookalike.losses.{self.home}"))
        return self.home

    def make(self, **arguments: Any) -> nn.Module:
        """The loss itself."""
        return self.constructor(**arguments)

    @property
    def options(self) -> tuple[str, ...]:
        """What `loss_options` of a recipe may hold; this imports torch."""
        elsewhere = {"num_classes", "embedding_size", "class_counts", "self"}
        elsewhere |= {"margin"} if self.margin is not None else set()
        elsewhere |= {"scale"} if self.scaled else set()
        elsewhere |= {"mining"} if self.mined else set()
        return (
            *(name for name in inspect.signature(self.constructor).parameters if name not in elsewhere),
            *self.further,
        )


LOSSES: dict[str, NamedLoss] = {
    "adaface": NamedLoss("adaptive_margin:AdaFaceLoss", margin=0.4, scaled=True),
    "arcface": NamedLoss("angular_margin:ArcFaceLoss", margin=0.5, scaled=True),
    "center": NamedLoss("center:softmax_and_center"),
    "combined_margin": NamedLoss("angular_margin:CombinedMarginLoss", scaled=True),
    "contrastive": NamedLoss("siamese:ContrastiveLoss", pairs=True, margin=1.0, unit_length=True),
    "cosface": NamedLoss("angular_margin:CosFaceLoss", margin=0.35, scaled=True),
    "curricularface": NamedLoss("adaptive_margin:CurricularFaceLoss", margin=0.5, scaled=True),
    "multi_similarity": NamedLoss("multi_similarity:MultiSimilarityLoss", pairs=True),
    "ntxent": NamedLoss("siamese:NTXentLoss", pairs=True),
    "proxy_anchor": NamedLoss("proxy_anchor:ProxyAnchorLoss", margin=0.1, rate=3.0),
    "softmax": NamedLoss("softmax:SoftmaxLoss"),
    "sphereface": NamedLoss("angular_margin:SphereFaceLoss", margin=4.0),
    "subcenter_arcface": NamedLoss(
        "angular_margin:SubCenterArcFaceLoss", margin=0.5, scaled=True, further=("dynamic_margins", "least_margin")
    ),
    "triplet": NamedLoss("triplet:TripletLoss", pairs=True, margin=0.2, mined=True, unit_length=True),
}
