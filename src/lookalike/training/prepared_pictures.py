"""Pictures, preprocessed once into one array: in memory, or in a temporary file when they are many."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.datasets import PictureSet
from lookalike.embedder import Preprocessing
from lookalike.embedder.preparation import kind_of_note, named, note_of_unusable, prepare_many
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import ImageError, StorageError
from lookalike.training.known_pictures import UNREADABLE, KnownPictures, picture_digest

__all__ = ["MEMORY_LIMIT", "PreparedPictures", "prepare_pictures"]

#: Bytes that prepared pictures may take in memory; a larger array is a temporary file.
MEMORY_LIMIT = 4 * 2**30


@dataclass(frozen=True)
class PreparedPictures:
    """`pixels` `(n, h, w, c)` uint8 of the usable `pictures`, and remarks for the user.

    `known` are all pictures that were given, those that cannot be used included.
    """

    pictures: PictureSet
    pixels: npt.NDArray[np.uint8]
    notes: tuple[str, ...]
    known: KnownPictures


def prepare_pictures(
    pictures: PictureSet,
    preprocessing: Preprocessing,
    scratch: Path,
    skip_bad: bool = False,
    progress: Callable[[int], None] | None = None,
    memory_share: float = 1.0,
) -> PreparedPictures:
    """Decode, align and resize every picture once, and take the digest of its file.

    Args:
        pictures: what to read.
        preprocessing: the model's.
        scratch: folder for the array when it is too large for the memory; its file has no name and is gone with it.
        skip_bad: leave out pictures that cannot be used, instead of refusing the set.
        progress: called with the number of pictures finished since the last call.
        memory_share: of `MEMORY_LIMIT`, for this array.

    Raises:
        DatasetError: pictures cannot be used and `skip_bad` is false, or none can; counts them, names the first.
        StorageError: the array does not fit on the disk.
    """
    shape = (len(pictures), *preprocessing.image_size, preprocessing.channels)
    pixels = _array(shape, scratch, int(memory_share * MEMORY_LIMIT))
    bad: list[ImageError] = []
    kept: list[int] = []
    notes: list[str] = []
    remarks: dict[str, int] = {}
    found = [UNREADABLE] * len(pictures)

    def unusable(position: int, error: ImageError) -> None:
        bad.append(named(error, str(pictures.paths[position])))

    def prepare(numbered: tuple[int, Path]) -> Prepared:
        position, path = numbered
        found[position] = picture_digest(path)
        return preprocessing.prepare(path)  # the file's bytes are still in the system's cache

    for batch in prepare_many(prepare, enumerate(pictures.paths), 64, unusable):
        for position, prepared in batch:
            pixels[len(kept)] = prepared.pixels
            kept.append(position)
            for note in prepared.notes:
                remark = kind_of_note(note)
                remarks[remark] = remarks.get(remark, 0) + 1
        if progress:
            progress(len(batch))
    if bad:
        notes.append(note_of_unusable(bad, len(pictures), skip_bad))
    notes += [f"{remark}: {how_many(count, 'picture')}" for remark, count in remarks.items()]
    chosen = pictures if len(kept) == len(pictures) else pictures.select(kept)
    known = KnownPictures(tuple(found), pictures.identities)
    return PreparedPictures(chosen, pixels[: len(kept)], tuple(notes), known)


def _array(shape: tuple[int, ...], folder: Path, limit: int) -> npt.NDArray[np.uint8]:
    """An array to be filled; of more than `limit` bytes in a file of `folder` without a name."""
    count = int(np.prod(shape, dtype=np.int64))
    if count <= limit:
        return np.empty(shape, np.uint8)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is an error here, not a crash when pixels are written
                os.posix_fallocate(file.fileno(), 0, count)
            return np.memmap(file, np.uint8, "w+", shape=shape)
    except OSError as error:
        raise StorageError(f"{folder} has no room for the prepared pictures: {error.strerror}") from None
