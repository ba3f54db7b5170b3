"""Thresholds of a model, measured on people it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.datasets import PictureSet
from lookalike.decisions.calibration import Calibration
from lookalike.embedder import Embedder
from lookalike.evaluation.calibration.thresholds import calibrate
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.progress import Reporter
from lookalike.workflows.labelled_pictures import embed_labelled

__all__ = ["calibrate_on", "calibrate_vectors"]


def calibrate_on(
    embedder: Embedder, pictures: PictureSet, report: Reporter, *, source: str, skip_bad: bool = False
) -> Calibration:
    """Measure thresholds on all pairs of some pictures.

    Args:
        embedder: whose thresholds are measured.
        pictures: of identities that it was not trained on.
        report: told of progress, and of pictures that are left out.
        source: on what the thresholds are measured, in words for people.
        skip_bad: leave out pictures that cannot be used.

    Raises:
        DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
        InputError: the pictures make no genuine or no impostor pair.

    Example:
        >>> calibrate_on(embedder, read_pictures("held-out/"), Reporter(), source="held-out/")    # doctest: +SKIP
    """
    vectors, kept = embed_labelled(embedder, pictures, report, skip_bad=skip_bad, stage="Measuring thresholds")
    return calibrate_vectors(embedder, vectors, kept.identities, source)


def calibrate_vectors(
    embedder: Embedder, vectors: npt.NDArray[np.float32], identities: Sequence[str], source: str
) -> Calibration:
    """Measure thresholds on pictures that are embedded already.

    Args:
        embedder: what embedded them.
        vectors: `(n, dimension)`.
        identities: whose picture each vector is.
        source: on what the thresholds are measured, in words for people.

    Raises:
        InputError: the pictures make no genuine or no impostor pair.

    Example:
        >>> calibrate_vectors(embedder, vectors, ["Ada", "Ada", "Bob"], "three pictures")    # doctest: +SKIP
    """
    result = verify_all_pairs(vectors, identities, embedder.metric)
    return calibrate(result, fingerprint=embedder.fingerprint, metric=embedder.metric, source=source)
