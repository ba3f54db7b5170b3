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

from lookalike.errors import ArtefactError
from lookalike.images import picture_bytes

__all__ = ["FILE_NAME", "digests", "read_seen", "seen_among"]

#: In the model's folder.
FILE_NAME = "seen_non_landmarks.npy"
Digests = npt.NDArray[np.uint64]


def digests(paths: Iterable[Path]) -> Digests:
    """`(n,)` uint64: the first 8 bytes of every file's SHA-256.

    Raises:
        ImageError: a file cannot be read.
    """
    found = [hashlib.sha256(picture_bytes(path)).digest()[:8] for path in paths]
    return np.frombuffer(b"".join(found), "<u8").astype(np.uint64)


def read_seen(model: Path) -> Digests:
    """Of a model's folder, `(n,)` uint64; none where its training wrote none.

    Raises:
        ArtefactError: the file is damaged.
    """
    path = model / FILE_NAME
    if not path.exists():
        return np.empty(0, np.uint64)
    try:
        held = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}; train again or restore a copy") from None
    if held.dtype != np.uint64 or held.ndim != 1:
        raise ArtefactError(f"{path} holds {held.dtype} of shape {held.shape}, expected (n,) uint64; restore a copy")
    return np.asarray(held)


def seen_among(seen: Digests, paths: Sequence[Path]) -> npt.NDArray[np.bool_]:
    """`(n,)` bool: which of these files the network was trained on, whatever they are called now.

    Raises:
        ImageError: a file cannot be read.
    """
    if not len(seen):
        return np.zeros(len(paths), bool)
    return np.isin(digests(paths), seen)
