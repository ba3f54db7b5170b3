"""A trained network that is built when the first picture passes it; until then only what its folder says is known.

Importing torch takes seconds. Meanwhile, and without it, a gallery of another model, a rate that was never measured and
a picture that is none are refused; and the first pictures are decoded while torch is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.embedder.card_embedder import CardEmbedder
from lookalike.embedder.embedder import Embedder
from lookalike.embedder.model_card import read_card

__all__ = ["DeferredNetwork"]


class DeferredNetwork(CardEmbedder):
    """What `Embedder.load` gives for a model folder, later.

    Args:
        folder: of the model.
        load: gives the embedder itself; called once, when the first picture is embedded.
        cropped: as `Embedder.load`.

    Raises:
        ArtefactError: the folder is missing, damaged, or of another version.

    Example:
        >>> embedder = DeferredNetwork(Path("model"), lambda: Embedder.load("model"))    # doctest: +SKIP
        >>> embedder.fingerprint    # doctest: +SKIP
        '4e77b4257c62df61'
    """

    def __init__(self, folder: Path, load: Callable[[], Embedder], cropped: bool | None = None) -> None:
        card, calibration = read_card(folder)
        super().__init__(card, calibration, cropped)
        self.read_training(folder)
        self._load, self._lock = load, threading.Lock()
        self._network: Embedder | None = None

    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` uint8 to `(n, dimension)` float32; the first call builds the network.

        Raises:
            ArtefactError: the folder was changed meanwhile, or its weights are of another network.
            MissingDependencyError: the network needs an extra that is not installed.
        """
        with self._lock:  # a service may embed in several threads
            if self._network is None:
                self._network = self._load()
        return self._network.embed_prepared(pixels)
