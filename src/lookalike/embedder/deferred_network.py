"""A trained network that is built when the first picture passes it; until then only what its folder says is known.

Importing torch takes seconds. Meanwhile, and without it, a gallery of another model, a rate that was never measured and
a picture that is none are refused; and the first pictures are decoded while torch is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.embedder.embedder import Embedder
from lookalike.embedder.model_card import read_card
from lookalike.embedder.preprocessing import Prepared
from lookalike.embedder.seen_pictures import read_seen
from lookalike.embedder.trained_pictures import TrainedPictures
from lookalike.images import Picture, read_picture

if TYPE_CHECKING:
    from lookalike.embedder.face import Face

__all__ = ["DeferredNetwork"]


class DeferredNetwork(Embedder):
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
        card, self.calibration = read_card(folder)
        self.name, self.fingerprint, self.metric = card.name, card.fingerprint, card.metric
        self.dimension = card.embedding_size
        self.seen_non_landmarks, self.trained_on = read_seen(folder), TrainedPictures.read(folder)
        self.preprocessing = card.preprocessing
        if cropped is not None:
            self.preprocessing = self.preprocessing.model_copy(update={"cropped": cropped})
        self.finds_faces = self.preprocessing.finds_faces
        self._load, self._lock = load, threading.Lock()
        self._network: Embedder | None = None

    def prepare(self, picture: Picture) -> Prepared:
        """Preprocess one picture as in training."""
        return self.preprocessing.prepare(picture)

    def faces(self, picture: Picture) -> list[Face]:
        """Every face in a picture; see `Embedder.faces`."""
        if not self.finds_faces:
            raise self._no_faces()
        from lookalike.embedder.face_detection import find_faces

        return find_faces(read_picture(picture))

    def prepare_faces(self, picture: Picture) -> list[tuple[Face, Prepared]]:
        """Every face in a picture, prepared as in training; see `Embedder.prepare_faces`."""
        if not self.finds_faces:
            raise self._no_faces()
        return self.preprocessing.prepare_faces(picture)

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
