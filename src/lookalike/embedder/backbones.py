"""Backbones by name: MobileFaceNet, iResNet-18, iResNet-50, and every network timm knows.

A backbone maps a `(n, channels, height, width)` batch to `(n, embedding_size)` embeddings.
"""

from __future__ import annotations

from typing import Any

import torch
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
        InputError: the name or an option is unknown, the network does not suit the size of pictures, or pretrained
            weights were asked of an own network.

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
    given: dict[str, Any] = {"pretrained": pretrained, "in_chans": channels, "num_classes": 0} | options
    try:
        try:
            # Transformers are built for one size of picture; convolutions do not know the word.
            trunk = timm.create_model(name, img_size=image_size, **given)
        except TypeError:
            trunk = timm.create_model(name, **given)
        # Networks do not agree on what they call the width of their output: ask for one.
        with torch.inference_mode():
            width = trunk.eval()(torch.zeros(1, channels, *image_size)).shape[1]
    except TypeError as error:
        raise InputError(f"{name} does not take these options: {error}") from None
    except (AssertionError, RuntimeError, ValueError, OSError) as error:
        raise InputError(
            f"{name} cannot be built for {image_size[0]}×{image_size[1]} pixels of {channels} channels: {error}; "
            "choose another network or image_size"
        ) from None
    # One linear layer and a batch norm: the embedding layer of the metric-learning literature.
    return nn.Sequential(
        trunk.train(), nn.Linear(int(width), embedding_size, bias=False), nn.BatchNorm1d(embedding_size)
    )
