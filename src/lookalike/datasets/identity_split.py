"""Split by identity: no identity that is trained on is tested on."""

from __future__ import annotations

import numpy as np

from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError

__all__ = ["split_identities"]


def split_identities(pictures: PictureSet, held_out: int | float, seed: int = 0) -> tuple[PictureSet, PictureSet]:
    """Divide a set into two that share no identity.

    Args:
        pictures: what to divide.
        held_out: identities in the second part: a count (int), or a share of all (float in (0, 1)), at least 1.
        seed: which identities; the same seed gives the same split, whatever the order of the pictures.

    Returns:
        The rest, and the held-out part; both keep the set's order.

    Raises:
        DatasetError: one part would have no identity.

    Example:
        >>> from pathlib import Path
        >>> both = PictureSet((Path("a.png"), Path("b.png")), ("a", "b"))
        >>> [len(part) for part in split_identities(both, 1)]
        [1, 1]
    """
    names = pictures.names
    if isinstance(held_out, int | np.integer):
        count = int(held_out)
    else:
        count = max(1, round(held_out * len(names))) if 0 < held_out < 1 else 0
    if not 0 < count < len(names):
        raise DatasetError(
            f"{held_out} of {len(names)} identities were to be held out; both parts need at least one identity"
        )
    order = np.random.default_rng([seed, 0x5EED]).permutation(len(names))
    chosen = {names[i] for i in order[:count]}
    return pictures.of([name for name in names if name not in chosen]), pictures.of(sorted(chosen))
