"""Identities held out of a training to measure thresholds on: who, whether their pictures can be used, and measuring.

Their pictures are decoded once: checked before the training, kept as the network takes them, embedded after it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lookalike.datasets import NON_LANDMARK, PictureSet, split_identities
from lookalike.decisions.calibration import Calibration
from lookalike.embedder import Embedder, Preprocessing
from lookalike.errors import InputError, LookalikeError, TrainingInterrupted
from lookalike.progress import Reporter
from lookalike.training.prepared_pictures import PreparedPictures, prepare_pictures
from lookalike.workflows.calibration import calibrate_vectors

__all__ = ["hold_out", "measure_thresholds", "prepare_held_out"]

#: Pictures embedded at a time.
_BATCH = 64
#: Of the memory for prepared pictures: training needs the rest, and reads its pictures many times.
_MEMORY_SHARE = 0.25


def hold_out(pictures: PictureSet, share: float, seed: int, report: Reporter) -> tuple[PictureSet, PictureSet | None]:
    """Who is learned from, and who is kept to measure thresholds on: at least two, with two pictures or more each.

    Non-landmarks and identities with one picture are always learned from.

    Args:
        pictures: all.
        share: of the identities with two pictures or more; 0 for none.
        seed: decides which.
        report: told if there are too few.

    Raises:
        InputError: the share is not from 0 to 0.9.

    Example:
        >>> faces = PictureSet(tuple(map(Path, "0123456789")), tuple("aabbccddee"))
        >>> [part.names for part in hold_out(faces, 0.2, 0, Reporter())]
        [('a', 'b', 'c'), ('d', 'e')]
    """
    if not 0 <= share <= 0.9:
        raise InputError(f"validation is {share:g}; expected a share of the identities from 0 to 0.9")
    without_notes = replace(pictures, notes=())  # the reader's, which were told
    several = [name for name in pictures.names if name not in {*pictures.single, NON_LANDMARK}]
    if share == 0:
        return without_notes, None
    if len(several) < 5:
        report.remark(
            f"{len(several)} identities with two or more pictures are too few to hold some out (5 are enough): "
            "no thresholds are measured"
        )
        return without_notes, None
    count = min(max(2, round(share * len(several))), len(pictures.names) - 2)
    _, held_out = split_identities(pictures.of(several), count, seed)
    kept_out = set(held_out.names)
    return pictures.of([name for name in pictures.names if name not in kept_out]), held_out


def prepare_held_out(
    pictures: PictureSet, preprocessing: Preprocessing, model: Path, report: Reporter, *, skip_bad: bool = False
) -> PreparedPictures | None:
    """Decode them, so that what cannot be used is known before the training.

    Args:
        pictures: those held out.
        preprocessing: the model's.
        model: the folder that the model will be written to; an array too large for the memory lies beside it.
        report: told of progress, and of pictures that are left out.
        skip_bad: leave out pictures that cannot be used.

    Returns:
        Those that can be used; None where they are too few.

    Raises:
        DatasetError: some cannot be used and `skip_bad` is false, or none can.
    """
    folder = next(parent for parent in model.absolute().parents if parent.is_dir())
    done = report.counted("Checking held-out pictures", len(pictures))
    prepared = prepare_pictures(pictures, preprocessing, folder, skip_bad, done, _MEMORY_SHARE)
    for note in prepared.notes:
        report.remark(f"held-out pictures: {note}")
    usable = prepared.pictures
    if len(usable.names) < 2 or len(usable.single) == len(usable.names):
        report.remark("too few held-out pictures can be used: no thresholds are measured")
        return None
    return prepared


def measure_thresholds(model: Path, held_out: PreparedPictures, report: Reporter, source: str) -> Calibration:
    """Measure the thresholds of the model that lies in a folder, and write them there.

    Raises:
        LookalikeError: of any kind; it says that the model is whole, and how to measure its thresholds later.
        TrainingInterrupted: Ctrl-C.
    """
    there = f"{model} is trained and whole, but has no thresholds"
    advice = f"measure them with `lookalike evaluate DATA --model {model} --calibrate`"
    try:
        embedder = Embedder.load(model)
        done = report.counted("Measuring thresholds", len(held_out.pixels))
        vectors = [np.empty((0, embedder.dimension), np.float32)]
        for start in range(0, len(held_out.pixels), _BATCH):
            vectors.append(embedder.embed_prepared(held_out.pixels[start : start + _BATCH]))
            done(len(vectors[-1]))
        calibration = calibrate_vectors(embedder, np.concatenate(vectors), held_out.pictures.identities, source)
        calibration.save(model / "calibration.json")
    except LookalikeError as error:
        raise type(error)(f"{there}: {error}; {advice}") from error
    except KeyboardInterrupt:
        raise TrainingInterrupted(f"{there}: measuring them was interrupted; {advice}") from None
    return calibration
