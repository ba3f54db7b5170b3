"""The backbones of our own by their names in recipes, and names that mean a timm network's. This needs no torch."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import nn

__all__ = ["OWN_BACKBONES", "PRETRAINED_ALIASES", "NamedBackbone"]


@dataclass(frozen=True)
class NamedBackbone:
    """A network written here because timm lacks it.

    Attributes:
        home: where its class is: `module:name` in `lookalike.embedder`, imported when the network is built. It takes
            `embedding_size`, `image_size` and `channels`.
        arguments: further arguments of the class.
    """

    home: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self, **arguments: Any) -> nn.Module:
        """The network itself."""
        network = cast("Callable[..., nn.Module]", pkgutil.resolve_name(f"lookalike.embedder.{self.home}"))
        return network(**self.arguments, **arguments)


OWN_BACKBONES = {
    "mobilefacenet": NamedBackbone("mobilefacenet:MobileFaceNet"),
    "iresnet18": NamedBackbone("iresnet:IResNet", {"depth": 18}),
    "iresnet50": NamedBackbone("iresnet:IResNet", {"depth": 50}),
    "linear": NamedBackbone("linear:Linear"),
}
#: What users call a pretrained network, and timm's name of the one whose weights that means.
PRETRAINED_ALIASES = {"efficientnet_lite0": "tf_efficientnet_lite0"}
