"""Backbones by name: MobileFaceNet, iResNet-18, iResNet-50, a linear map, and every network timm knows.

A backbone maps a `(n, channels, height, width)` batch to `(n, embedding_size)` embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from lookalike.embedder.gem_pooling import GeMPooling
from lookalike.embedder.named_backbones import OWN_BACKBONES
from lookalike.errors import InputError

__all__ = ["TrunkAndHead", "check_sizes", "create_backbone", "pooled_trunk"]


class TrunkAndHead(nn.Sequential):
    """A timm network without its classifier, then what makes an embedding of its features.

    The trunk may be pretrained, the head is not: training may treat them differently.
    """

    @property
    def trunk(self) -> nn.Module:
        """The timm network."""
        return self[0]

    @property
    def head(self) -> nn.Module:
        """Pooling (where it is ours), linear layer and batch norm."""
        return nn.Sequential(*list(self)[1:])


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
        pretrained: load weights learned from ImageNet (timm networks only); see `lookalike.embedder.pretrained`.
        **options: passed to the network, e.g. `width=0.5`, `dropout=0.2`; `pooling="gem"` gives a convolutional timm
            network a learned generalised mean (`GeMPooling`) in the place of its own pooling.

    Raises:
        InputError: the name or an option is unknown, the network does not suit the size of pictures, or there are no
            pretrained weights.

    Example:
        >>> sum(p.numel() for p in create_backbone("mobilefacenet", 128, (112, 112)).parameters()) < 1_100_000
        True
    """
    if name in OWN_BACKBONES:
        if pretrained:
            raise InputError(f"{name} has no pretrained weights to load; train it, or choose a timm network")
        try:
            return OWN_BACKBONES[name].make(
                embedding_size=embedding_size, image_size=image_size, channels=channels, **options
            )
        except TypeError as error:
            raise InputError(f"{name} does not take these options: {error}") from None
    layers, width = pooled_trunk(name, image_size, channels, pretrained, **options)
    # One linear layer and a batch norm: the embedding layer of the metric-learning literature.
    return TrunkAndHead(*layers, nn.Linear(width, embedding_size, bias=False), nn.BatchNorm1d(embedding_size))


def pooled_trunk(
    name: str,
    image_size: tuple[int, int],
    channels: int = 3,
    pretrained: bool = False,
    pooling: str | None = None,
    **options: Any,
) -> tuple[list[nn.Module], int]:
    """A timm network that gives one vector a picture: its layers, to be run in turn, and the vector's length.

    Args:
        name: of a timm network.
        image_size: `(height, width)` of its input.
        channels: 3 for RGB, 1 for grey.
        pretrained: load weights learned from ImageNet.
        pooling: None for the network's own, or `"gem"`.
        **options: passed to the network.

    Raises:
        InputError: as `create_backbone`.
    """
    import timm

    if not timm.is_model(name):
        close = timm.list_models(f"*{name.split('_')[0]}*")[:5]
        raise InputError(
            f"backbone {name!r} is unknown; choose {', '.join(OWN_BACKBONES)} or a timm network"
            + (f" such as {', '.join(close)}" if close else " (see timm.list_models())")
        )
    if pooling not in (None, "gem"):
        raise InputError(f"pooling is {pooling!r}; choose 'gem', or leave it out for the network's own")
    given: dict[str, Any] = {"in_chans": channels, "num_classes": 0} | options
    if pooling:
        given["global_pool"] = ""
    try:
        trunk, features = _made_and_run(name, image_size, pretrained, given)
    except InputError:
        raise
    except TypeError as error:
        raise InputError(f"{name} does not take these options: {error}") from None
    except (AssertionError, RuntimeError, ValueError, OSError) as error:
        raise InputError(
            f"{name} cannot be built for {image_size[0]}×{image_size[1]} pixels of {channels} channels: {error}; "
            "choose another network or image_size"
        ) from None
    # A transformer's tokens, and some networks' maps with the channels last, are not what a mean over places expects.
    widths = {getattr(trunk, "num_features", 0), getattr(trunk, "head_hidden_size", 0)}
    if pooling and (features.ndim != 4 or features.shape[1] not in widths):
        raise InputError(
            f"{name} gives features of shape {tuple(features.shape[1:])}; pooling 'gem' wants the (channels, height, "
            "width) of a convolutional network: choose one, or leave pooling out"
        )
    layers = [trunk.train(), GeMPooling()] if pooling else [trunk.train()]
    return layers, int(features.shape[1])


def _made_and_run(
    name: str, image_size: tuple[int, int], pretrained: bool, given: dict[str, Any]
) -> tuple[nn.Module, torch.Tensor]:
    """The network, and its features of a black picture: networks do not agree on the name of their output's width."""
    import timm

    make: Any = timm.create_model
    if pretrained:
        from lookalike.embedder.pretrained import create_pretrained

        make = create_pretrained
    try:
        # Transformers are built for one size of picture; convolutional networks have no such argument.
        trunk = make(name, img_size=image_size, **given)
    except TypeError:
        trunk = make(name, **given)
    with torch.inference_mode():
        return trunk, trunk.eval()(torch.zeros(1, given["in_chans"], *image_size))


def check_sizes(network: nn.Module, name: str, channels: int, sizes: Iterable[tuple[int, int]]) -> None:
    """Refuse sizes of pictures that a network cannot take.

    Args:
        network: maps `(n, channels, height, width)` to embeddings; its mode is kept.
        name: for the message.
        channels: of its input.
        sizes: `(height, width)` in pixels.

    Raises:
        InputError: a picture of one of the sizes cannot pass.

    Example:
        >>> check_sizes(create_backbone("mobilefacenet", 8, (64, 64)), "mobilefacenet", 3, [(64, 64)])
    """
    modes = [(module, module.training) for module in network.modules()]
    parameter = next(network.parameters())
    try:
        with torch.inference_mode():
            for height, width in sizes:
                try:
                    network.eval()(torch.zeros(1, channels, height, width, device=parameter.device))
                except (AssertionError, RuntimeError, ValueError) as error:
                    reason = (str(error).splitlines() or [type(error).__name__])[0]
                    raise InputError(
                        f"{name} cannot take pictures of {height}×{width} pixels: {reason}; choose another size, or a "
                        "convolutional timm network, which takes any"
                    ) from None
    finally:
        for module, training in modes:
            module.training = training
