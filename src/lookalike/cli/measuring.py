"""Steps that several verbs take with labelled pictures: embed them with progress, and measure thresholds on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.cli.terminal import show_progress
from lookalike.datasets import PictureSet
from lookalike.embedder import Calibration, Embedder
from lookalike.images import read_picture
from lookalike.progress import Reporter
from lookalike.workflows import calibration
from lookalike.workflows.labelled_pictures import embed_labelled

__all__ = ["Thumbnails", "calibrate_on", "embed_set"]


def embed_set(
    embedder: Embedder, pictures: PictureSet, skip_bad: bool = False, description: str = "Embedding"
) -> tuple[npt.NDArray[np.float32], PictureSet]:
    """As `embed_labelled`, under a progress bar."""
    with show_progress() as progress:
        return embed_labelled(embedder, pictures, Reporter(progress), skip_bad=skip_bad, stage=description)


def calibrate_on(embedder: Embedder, pictures: PictureSet, source: str, skip_bad: bool = False) -> Calibration:
    """As the workflow's `calibrate_on`, under a progress bar."""
    with show_progress() as progress:
        return calibration.calibrate_on(embedder, pictures, Reporter(progress), source=source, skip_bad=skip_bad)


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
