"""An embedder whose network is a trained PyTorch backbone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from lookalike.decisions.calibration import Calibration
from lookalike.distances import unit_length
from lookalike.embedder.backbones import check_sizes
from lookalike.embedder.card_embedder import CardEmbedder
from lookalike.embedder.load_options import LoadOptions
from lookalike.embedder.model_card import ModelCard
from lookalike.embedder.model_folder import read_model
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.embedder.torch_device import in_precision, torch_device
from lookalike.errors import InputError, VectorError

__all__ = ["NetworkEmbedder", "at_size", "network_input"]


def network_input(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """`(n, h, w, c)` uint8 to `(n, c, h, w)` float32 in [0, 1]; training and serving share it."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def at_size(batch: Tensor, size: tuple[int, int]) -> Tensor:
    """`(n, c, h, w)` floats brought to `size` (height, width) with antialiasing; at that size already, untouched."""
    if tuple(batch.shape[2:]) == size:
        return batch
    return functional.interpolate(batch, size, mode="bilinear", align_corners=False, antialias=True)


class NetworkEmbedder(CardEmbedder):
    """A trained network with the preprocessing it was trained with.

    Args:
        network: maps `(n, c, h, w)` to `(n, embedding_size)`; put into evaluation mode.
        card: its description.
        calibration: its thresholds, if measured.
        cropped: overrides the card's, see `Embedder.load`.
        precision: in which it computes, one of `load_options.PRECISIONS`; embeddings are float32 all the same.

    Raises:
        InputError: the network cannot take the card's scales.
    """

    def __init__(
        self,
        network: nn.Module,
        card: ModelCard,
        calibration: Calibration | None = None,
        cropped: bool | None = None,
        precision: str = "float32",
    ) -> None:
        super().__init__(card, calibration, cropped)
        self._device, self._precision = next(network.parameters()).device, precision
        # Channels last, as in training: EfficientNet-Lite0 takes 0.4 of the time on a CPU.
        self._network = network.eval().to(memory_format=torch.channels_last)
        if self.preprocessing.scales != (1.0,):
            sizes = [self.preprocessing.size_at(scale) for scale in self.preprocessing.scales]
            check_sizes(network, f"model {self.name}", self.preprocessing.channels, sizes)

    @classmethod
    def read(cls, folder: Path, options: LoadOptions | None = None) -> NetworkEmbedder:
        """Read a model folder; see `read_model` for the errors.

        Args:
            folder: written by `lookalike train`.
            options: how and where it runs; by default on the GPU where there is one.
        """
        options = options or LoadOptions()
        device = torch_device(options.device)  # refused before weights are read
        network, card, calibration = read_model(folder)
        embedder = cls(network.to(device), card, calibration, options.cropped, options.precision)
        embedder.read_training(folder)
        return embedder

    def at_scales(self, scales: Sequence[float], flip_average: bool | None = None) -> NetworkEmbedder:
        """The same network, which embeds every picture at these scales; see `Preprocessing`.

        Its vectors are others, so it has a fingerprint of its own and no thresholds: enrol and calibrate with it.

        Args:
            scales: factors of the picture's size, each from 0.1 to 4.
            flip_average: whether to embed the mirror image too; None: as now.

        Raises:
            InputError: no scales, one twice, one out of range, or one that the network cannot take.

        Example:
            >>> embedder = Embedder.load("efficientnet_lite0")    # doctest: +SKIP
            >>> embedder.at_scales([1.0, 0.7071]).embed(["photo.jpg"]).shape    # doctest: +SKIP
            (1, 1280)
        """
        wanted = self.preprocessing.model_dump() | {"scales": tuple(scales)}
        if flip_average is not None:
            wanted["flip_average"] = flip_average
        try:
            preprocessing = Preprocessing.model_validate(wanted)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise InputError(f"scales are {list(scales)}: {reason}") from None
        if preprocessing == self.preprocessing:
            return self
        changes = {"scales": preprocessing.scales, "flip_average": preprocessing.flip_average}
        digest = hashlib.sha256(json.dumps([self.fingerprint, changes]).encode()).hexdigest()[:16]
        card = self.card.model_copy(update={"preprocessing": preprocessing, "fingerprint": digest})
        embedder = NetworkEmbedder(self._network, card, precision=self._precision)
        embedder.seen_non_landmarks, embedder.trained_on = self.seen_non_landmarks, self.trained_on
        return embedder

    @torch.inference_mode()
    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` uint8 to `(n, dimension)` float32, unit length when the metric is cosine."""
        p = self.preprocessing
        batch = network_input(pixels).to(self._device)
        total = torch.zeros((), device=self._device)
        for scale in p.scales:
            x = p.normalise(at_size(batch, p.size_at(scale))).contiguous(memory_format=torch.channels_last)
            with in_precision(self._device, self._precision):
                y: Tensor = self._network(x)
                if p.flip_average:
                    y = y + self._network(x.flip(3))
            y = y.float()
            # Maps of other sizes are pooled to other lengths; no scale shall count for more than another.
            total = total + (functional.normalize(y) if self.metric == "cosine" and len(p.scales) > 1 else y)
        vectors = total.cpu().numpy()
        if not np.isfinite(vectors).all():
            raise VectorError(f"model {self.name} gave NaN or infinity for a picture; the training has diverged")
        return unit_length(vectors) if self.metric == "cosine" else vectors
