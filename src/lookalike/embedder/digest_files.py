"""Digests of pictures in a model's folder: eight bytes each, which tell whether a picture is among them and no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError

__all__ = ["Digests", "read_digests", "short_digests"]

Digests = npt.NDArray[np.uint64]


def short_digests(digests: Iterable[bytes]) -> Digests:
    """`(n,)` uint64: the first 8 bytes of each.

    Example:
        >>> short_digests([bytes(16), bytes(16)]).tolist()
        [0, 0]
    """
    return np.frombuffer(b"".join(one[:8] for one in digests), "<u8").astype(np.uint64)


def read_digests(path: Path) -> Digests:
    """`(n,)` uint64 of a file that `numpy.save` wrote.

    Raises:
        ArtefactError: it is missing or damaged.
    """
    try:
        held = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}; train again or restore a copy") from None
    if held.dtype != np.uint64 or held.ndim != 1:
        raise ArtefactError(f"{path} holds {held.dtype} of shape {held.shape}, expected (n,) uint64; restore a copy")
    return np.asarray(held)
