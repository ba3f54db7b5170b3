"""Steps that several verbs take with labelled pictures: embed them with progress, and measure thresholds on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.cli.terminal import show_progress
from lookalike.datasets import PictureSet
from lookalike.embedder import Calibration, Embedder, Preprocessing
from lookalike.progress import Reporter
from lookalike.workflows import calibration, labelled_pictures
from lookalike.workflows.labelled_pictures import embed_labelled

__all__ = ["calibrate_on", "embed_set", "usable_pictures"]


def embed_set(
    embedder: Embedder, pictures: PictureSet, skip_bad: bool = False, description: str = "Embedding"
) -> tuple[npt.NDArray[np.float32], PictureSet]:
    """As `embed_labelled`, under a progress bar."""
    with show_progress() as progress:
        return embed_labelled(embedder, pictures, Reporter(progress), skip_bad=skip_bad, stage=description)


def usable_pictures(preprocessing: Preprocessing, pictures: PictureSet, skip_bad: bool = False) -> PictureSet:
    """As the workflows' `usable_pictures`, under a progress bar."""
    with show_progress() as progress:
        return labelled_pictures.usable_pictures(preprocessing, pictures, Reporter(progress), skip_bad=skip_bad)


def calibrate_on(embedder: Embedder, pictures: PictureSet, source: str, skip_bad: bool = False) -> Calibration:
    """As the workflow's `calibrate_on`, under a progress bar."""
    with show_progress() as progress:
        return calibration.calibrate_on(embedder, pictures, Reporter(progress), source=source, skip_bad=skip_bad)
