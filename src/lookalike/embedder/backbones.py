"""Backbones by name: MobileFaceNet, iResNet-18, iResNet-50, and every network timm knows.

A backbone maps a `(n, channels, height, width)` batch to `(n, embedding_size)` embeddings.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lookalike.embedder.iresnet import IResNet
from lookalike.embedder.mobilefacenet import MobileFaceNet
from lookalike.errors import InputError

__all__ = ["OWN_BACKBONES", "create_backbone"]

#: Networks written here because timm lacks them.
OWN_BACKBONES = ("mobilefacenet", "iresnet18", "iresnet50")


def create_backbone(
    name: str,
    embedding_size: int,
    image_size: tuple[int, int],
    channels: int = 3,
    pretrained: bool = False,
    **options: Any,
) -> nn.Module:
    """Build a backbone.

    Args:
        name: one of `OWN_BACKBONES`, or a timm model name (`timm.list_models()`).
        embedding_size: dimensions of the embedding.
        image_size: `(height, width)` of its input.
        channels: 3 for RGB, 1 for grey.
        pretrained: load timm's weights from the hub (timm networks only).
        **options: passed to the network, e.g. `width=0.5`, `dropout=0.2`.

    Raises:
        InputError: the name is unknown, an option is, or pretrained weights were asked of an own network.

    Example:
        >>> sum(p.numel() for p in create_backbone("mobilefacenet", 128, (112, 112)).parameters()) < 1_100_000
        True
    """
    own: dict[str, Any] = {
        "mobilefacenet": MobileFaceNet,
        "iresnet18": lambda **o: IResNet(depth=18, **o),
        "iresnet50": lambda **o: IResNet(depth=50, **o),
    }
    if name in own:
        if pretrained:
            raise InputError(f"{name} has no pretrained weights to load; train it, or choose a timm network")
        try:
            network: nn.Module = own[name](
                embedding_size=embedding_size, image_size=image_size, channels=channels, **options
            )
        except TypeError as error:
            raise InputError(f"{name} does not take these options: {error}") from None
        return network
    import timm

    if not timm.is_model(name):
        close = timm.list_models(f"*{name.split('_')[0]}*")[:5]
        raise InputError(
            f"backbone {name!r} is unknown; choose {', '.join(OWN_BACKBONES)} or a timm network"
            + (f" such as {', '.join(close)}" if close else " (see timm.list_models())")
        )
    trunk = timm.create_model(name, pretrained=pretrained, in_chans=channels, num_classes=0, **options)
    # One linear layer and a batch norm: the embedding layer of the metric-learning literature.
    return nn.Sequential(
        trunk, nn.Linear(trunk.num_features, embedding_size, bias=False), nn.BatchNorm1d(embedding_size)
    )
