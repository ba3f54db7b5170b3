"""Pictures that a workflow is given, embedded; those that cannot be used are reported or refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.datasets import PictureSet
from lookalike.embedder import Embedder
from lookalike.embedder.preparation import kind_of_note, named, note_of_unusable
from lookalike.errors import ImageError
from lookalike.images import Picture, picture_name
from lookalike.progress import Reporter

__all__ = ["embed_labelled", "embed_usable"]


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
    for line in pictures.notes:
        report.remark(line)
    vectors, kept = embed_usable(embedder, pictures.paths, report, skip_bad=skip_bad, stage=stage)
    return vectors, pictures if len(kept) == len(pictures) else pictures.select(kept)


def embed_usable(
    embedder: Embedder,
    pictures: Sequence[Picture],
    report: Reporter,
    *,
    skip_bad: bool = False,
    stage: str = "Embedding",
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """The same of pictures without labels, also such as are in memory: vectors, and the positions they belong to.

    Raises:
        DatasetError: as `embed_labelled`.
    """
    bad: dict[int, ImageError] = {}
    remarks: dict[str, list[int]] = {}
    done = report.counted(stage, len(pictures))
    done(0)  # the first batch may take long
    vectors = embedder.embed(
        pictures,
        progress=done,
        notes=lambda position, text: remarks.setdefault(kind_of_note(text), []).append(position),
        unusable=bad.__setitem__,
    )
    kept = _kept(pictures, bad, skip_bad, report)
    for text, positions in remarks.items():
        report.remark(
            f"{text}: {how_many(len(positions), 'picture')}, first {picture_name(pictures[positions[0]], positions[0])}"
        )
    return vectors, kept


def _kept(pictures: Sequence[Picture], bad: dict[int, ImageError], skip_bad: bool, report: Reporter) -> list[int]:
    """Positions of those that can be used; the others are reported, or refused."""
    if bad:
        errors = [named(error, picture_name(pictures[position], position)) for position, error in bad.items()]
        report.remark(note_of_unusable(errors, len(pictures), skip_bad))
    return [position for position in range(len(pictures)) if position not in bad]
