"""What a card says of a model, and how its pictures are prepared; the network may be built, or be built later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.embedder.embedder import Embedder
from lookalike.embedder.model_card import ModelCard
from lookalike.embedder.preprocessing import Prepared
from lookalike.embedder.seen_pictures import read_seen
from lookalike.embedder.trained_pictures import TrainedPictures
from lookalike.images import Picture, read_picture

if TYPE_CHECKING:
    from lookalike.decisions.calibration import Calibration
    from lookalike.embedder.face import Face

__all__ = ["CardEmbedder"]


class CardEmbedder(Embedder):
    """All of an embedder but its vectors, which a subclass computes.

    Args:
        card: description of the model.
        calibration: its thresholds, if measured.
        cropped: overrides the card's, see `Embedder.load`.
    """

    def __init__(self, card: ModelCard, calibration: Calibration | None = None, cropped: bool | None = None) -> None:
        self.card = card
        self.name, self.fingerprint, self.metric = card.name, card.fingerprint, card.metric
        self.dimension = card.embedding_size
        self.calibration = calibration
        self.preprocessing = card.preprocessing
        if cropped is not None:
            self.preprocessing = self.preprocessing.model_copy(update={"cropped": cropped})
        self.finds_faces = self.preprocessing.finds_faces

    def read_training(self, folder: Path) -> None:
        """Take from a model's folder what it was trained on.

        Raises:
            ArtefactError: a file of it is damaged.
        """
        self.seen_non_landmarks, self.trained_on = read_seen(folder), TrainedPictures.read(folder)

    def prepare(self, picture: Picture) -> Prepared:
        """Preprocess one picture as in training."""
        return self.preprocessing.prepare(picture)

    def faces(self, picture: Picture, smallest: int = 0) -> list[Face]:
        """Every face in a picture; see `Embedder.faces`."""
        if not self.finds_faces:
            raise self._no_faces()
        from lookalike.embedder.face_detection import find_faces

        return find_faces(read_picture(picture), smallest)

    def prepare_faces(self, picture: Picture, smallest: int = 0) -> list[tuple[Face, Prepared]]:
        """Every face in a picture, prepared as in training; see `Embedder.prepare_faces`."""
        if not self.finds_faces:
            raise self._no_faces()
        return self.preprocessing.prepare_faces(picture, smallest)
