"""Which pictures without a landmark a network was trained on, so that no threshold is set on them.

A network knows the pictures it learned to refuse: it refuses them better than any others, and a false-positive rate
measured on them is kept by no others. Training writes the digests of their files into the model's folder; whoever sets
thresholds leaves those out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.embedder.digest_files import Digests, read_digests, short_digests
from lookalike.images import picture_bytes

__all__ = ["FILE_NAME", "digests", "read_seen", "seen_among"]

#: In the model's folder.
FILE_NAME = "seen_non_landmarks.npy"


def digests(paths: Iterable[Path]) -> Digests:
    """`(n,)` uint64: the first 8 bytes of every file's SHA-256.

    Raises:
        ImageError: a file cannot be read.
    """
    return short_digests(hashlib.sha256(picture_bytes(path)).digest() for path in paths)


def read_seen(model: Path) -> Digests:
    """Of a model's folder, `(n,)` uint64; none where its training wrote none.

    Raises:
        ArtefactError: the file is damaged.
    """
    path = model / FILE_NAME
    if not path.exists():
        return np.empty(0, np.uint64)
    return read_digests(path)


def seen_among(seen: Digests, paths: Sequence[Path]) -> npt.NDArray[np.bool_]:
    """`(n,)` bool: which of these files the network was trained on, whatever they are called now.

    Raises:
        ImageError: a file cannot be read.
    """
    if not len(seen):
        return np.zeros(len(paths), bool)
    return np.isin(digests(paths), seen)
