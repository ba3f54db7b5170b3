"""An embedder whose network is a trained PyTorch backbone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lookalike.distances import unit_length
from lookalike.embedder.calibration import Calibration
from lookalike.embedder.embedder import Embedder
from lookalike.embedder.model_folder import ModelCard, read_model
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import VectorError
from lookalike.images import Picture

__all__ = ["NetworkEmbedder", "network_input"]


def network_input(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """`(n, h, w, c)` uint8 to `(n, c, h, w)` float32 in [0, 1]; training and serving share it."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


class NetworkEmbedder(Embedder):
    """A trained network with the preprocessing it was trained with.

    Args:
        network: maps `(n, c, h, w)` to `(n, embedding_size)`; put into evaluation mode.
        card: its description.
        calibration: its thresholds, if measured.
        cropped: overrides the card's, see `Embedder.load`.
    """

    def __init__(
        self, network: nn.Module, card: ModelCard, calibration: Calibration | None = None, cropped: bool | None = None
    ) -> None:
        self.card = card
        self.name, self.fingerprint, self.metric = card.name, card.fingerprint, card.metric
        self.dimension = card.embedding_size
        self.calibration = calibration
        self.preprocessing = card.preprocessing
        if cropped is not None:
            self.preprocessing = self.preprocessing.model_copy(update={"cropped": cropped})
        self._device = next(network.parameters()).device
        self._network = network.eval()

    @classmethod
    def read(cls, folder: Path, cropped: bool | None = None) -> NetworkEmbedder:
        """Read a model folder; see `read_model` for the errors. Uses the GPU where there is one."""
        network, card, calibration = read_model(folder)
        return cls(network.to("cuda" if torch.cuda.is_available() else "cpu"), card, calibration, cropped)

    def prepare(self, picture: Picture) -> Prepared:
        """Preprocess one picture as in training."""
        return self.preprocessing.prepare(picture)

    @torch.inference_mode()
    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` uint8 to `(n, dimension)` float32, unit length when the metric is cosine."""
        x = self.preprocessing.normalise(network_input(pixels).to(self._device))
        y: Tensor = self._network(x)
        if self.preprocessing.flip_average:
            y = y + self._network(x.flip(3))
        vectors = y.float().cpu().numpy()
        if not np.isfinite(vectors).all():
            raise VectorError(f"model {self.name} gave NaN or infinity for a picture; the training has diverged")
        return unit_length(vectors) if self.metric == "cosine" else vectors
