"""Every loss by its name in recipes and on the command line, with what training must know of it.

A loss enters itself where it is defined, with `named_loss`; what may be named, the recipe's checks and the messages
follow from these entries.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from lookalike.losses.pair_loss import PairLoss

__all__ = ["LOSSES", "NamedLoss", "named_loss"]

Made = TypeVar("Made", bound=Callable[..., nn.Module])


@dataclass(frozen=True)
class NamedLoss:
    """One loss as training uses it.

    Attributes:
        make: its constructor.
        margin: the recipe's default; None where the loss takes none.
        scaled: takes the recipe's `scale`.
        mined: takes the recipe's `mining`.
        unit_length: embeddings are scaled to length 1 before it; the others do so themselves, or use the length.
        rate: the recipe's default factor on the learning rate of its own weights.
        further: options of a recipe that training translates into arguments of the constructor.
    """

    make: Callable[..., nn.Module]
    margin: float | None = None
    scaled: bool = False
    mined: bool = False
    unit_length: bool = False
    rate: float = 1.0
    further: tuple[str, ...] = ()

    @property
    def pairs(self) -> bool:
        """It compares pictures with pictures, so batches are P×K and a cross-batch memory may help."""
        return isinstance(self.make, type) and issubclass(self.make, PairLoss)

    @property
    def options(self) -> tuple[str, ...]:
        """What `loss_options` of a recipe may hold."""
        elsewhere = {"num_classes", "embedding_size", "class_counts", "self"}
        elsewhere |= {"margin"} if self.margin is not None else set()
        elsewhere |= {"scale"} if self.scaled else set()
        elsewhere |= {"mining"} if self.mined else set()
        return (*(name for name in inspect.signature(self.make).parameters if name not in elsewhere), *self.further)


#: Filled when `lookalike.losses` is imported, which it is before this module.
LOSSES: dict[str, NamedLoss] = {}


def named_loss(name: str, **facts: Any) -> Callable[[Made], Made]:
    """Enter the loss that follows into `LOSSES`.

    Args:
        name: by which recipes and the command line know it.
        **facts: what training must know of it, see `NamedLoss`.

    Example:
        >>> @named_loss("mine", margin=0.2, scaled=True)    # doctest: +SKIP
        ... class MyLoss(ClassLoss): ...
    """

    def enter(make: Made) -> Made:
        LOSSES[name] = NamedLoss(make, **facts)
        return make

    return enter
