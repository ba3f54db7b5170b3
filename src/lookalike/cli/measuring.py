"""Steps that several verbs take with labelled pictures: embed them with progress, and measure thresholds on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.cli.terminal import bar, note
from lookalike.datasets import PictureSet
from lookalike.embedder import Calibration, Embedder, Preprocessing
from lookalike.embedder.preparation import kind_of_note, named, note_of_unusable, prepare_many
from lookalike.errors import ImageError
from lookalike.evaluation.thresholds import calibrate
from lookalike.evaluation.verification import verify_all_pairs
from lookalike.images import read_picture

__all__ = ["Thumbnails", "calibrate_on", "embed_set", "usable_pictures"]


def embed_set(
    embedder: Embedder, pictures: PictureSet, skip_bad: bool = False, description: str = "Embedding"
) -> tuple[npt.NDArray[np.float32], PictureSet]:
    """Embed a set under a progress bar; returns the vectors and the pictures they belong to.

    Raises:
        DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
    """
    bad: dict[int, ImageError] = {}
    remarks: dict[str, list[int]] = {}
    for line in pictures.notes:
        note(line)
    with bar(description, len(pictures)) as done:
        vectors = embedder.embed(
            pictures.paths,
            progress=done,
            notes=lambda position, text: remarks.setdefault(kind_of_note(text), []).append(position),
            unusable=bad.__setitem__,
        )
    kept = _without(pictures, bad, skip_bad)
    for text, positions in remarks.items():
        note(f"{text}: {len(positions)} picture(s), first {pictures.paths[positions[0]]}")
    return vectors, kept


def usable_pictures(preprocessing: Preprocessing, pictures: PictureSet, skip_bad: bool = False) -> PictureSet:
    """The pictures that `preprocessing` accepts: known before hours of training, not after them.

    Raises:
        DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
    """
    bad: dict[int, ImageError] = {}
    with bar("Checking held-out pictures", len(pictures)) as done:
        for batch in prepare_many(preprocessing.prepare, pictures.paths, 64, bad.__setitem__):
            done(len(batch))
    return _without(pictures, bad, skip_bad)


def _without(pictures: PictureSet, bad: dict[int, ImageError], skip_bad: bool) -> PictureSet:
    if not bad:
        return pictures
    errors = [named(error, str(pictures.paths[position])) for position, error in bad.items()]
    note(note_of_unusable(errors, len(pictures), skip_bad))
    return pictures.select([i for i in range(len(pictures)) if i not in bad])


def calibrate_on(embedder: Embedder, pictures: PictureSet, source: str, skip_bad: bool = False) -> Calibration:
    """Measure thresholds on pictures of identities the model was not trained on."""
    vectors, kept = embed_set(embedder, pictures, skip_bad, "Measuring thresholds")
    result = verify_all_pairs(vectors, kept.identities, embedder.metric)
    return calibrate(result, fingerprint=embedder.fingerprint, metric=embedder.metric, source=source)


class Thumbnails(Sequence[npt.NDArray[np.uint8]]):
    """Small `(h, w, 3)` uint8 pictures, decoded only when a report shows them: a million pictures stay a page."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, position: Any) -> Any:
        image = Image.fromarray(read_picture(self._paths[int(position)]))
        image.thumbnail((160, 160))
        return np.asarray(image)
