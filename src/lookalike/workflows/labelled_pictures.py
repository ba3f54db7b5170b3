"""Labelled pictures that a workflow is given, embedded; those that cannot be used are reported or refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.datasets import PictureSet
from lookalike.embedder import Embedder
from lookalike.embedder.preparation import kind_of_note, named, note_of_unusable
from lookalike.errors import ImageError
from lookalike.progress import Reporter

__all__ = ["embed_labelled"]


def embed_labelled(
    embedder: Embedder, pictures: PictureSet, report: Reporter, *, skip_bad: bool = False, stage: str = "Embedding"
) -> tuple[npt.NDArray[np.float32], PictureSet]:
    """Embed a set: `(n, dimension)` float32, and the n pictures the vectors belong to.

    Args:
        embedder: turns pictures into vectors.
        pictures: whose notes are reported as well.
        report: told of progress, and of every kind of remark once.
        skip_bad: leave out pictures that cannot be used.
        stage: what the progress is called.

    Raises:
        DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
    """
    bad: dict[int, ImageError] = {}
    remarks: dict[str, list[int]] = {}
    for line in pictures.notes:
        report.remark(line)
    vectors = embedder.embed(
        pictures.paths,
        progress=report.counted(stage, len(pictures)),
        notes=lambda position, text: remarks.setdefault(kind_of_note(text), []).append(position),
        unusable=bad.__setitem__,
    )
    kept = _without(pictures, bad, skip_bad, report)
    for text, positions in remarks.items():
        report.remark(f"{text}: {len(positions)} picture(s), first {pictures.paths[positions[0]]}")
    return vectors, kept


def _without(pictures: PictureSet, bad: dict[int, ImageError], skip_bad: bool, report: Reporter) -> PictureSet:
    if not bad:
        return pictures
    errors = [named(error, str(pictures.paths[position])) for position, error in bad.items()]
    report.remark(note_of_unusable(errors, len(pictures), skip_bad))
    return pictures.select([i for i in range(len(pictures)) if i not in bad])
