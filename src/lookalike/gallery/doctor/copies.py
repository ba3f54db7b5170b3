"""The same picture enrolled twice: vectors that are all but equal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.gallery.doctor.near_identities import NearIdentities

__all__ = ["copy_groups"]


def copy_groups(own: npt.NDArray[np.int64], near: NearIdentities, copy_limit: float) -> list[list[int]]:
    """Rows of templates of one picture, in groups: copies of copies are copies.

    Args:
        own: `(c, 2)` rows of copies under one name.
        near: other identities around each template.
        copy_limit: two templates at most so far apart are of one picture.

    Example:
        >>> nobody = NearIdentities(np.array([], int), np.array([], int), np.array([]), np.array([]))
        >>> copy_groups(np.array([[0, 4], [4, 7], [1, 2]]), nobody, 0.0)
        [[0, 4, 7], [1, 2]]
    """
    across = near.distances <= copy_limit
    pairs = np.concatenate([own, np.stack([near.rows[across], near.others[across]], axis=1)])
    groups: dict[int, list[int]] = {}
    for one, other in pairs.tolist():
        mine, theirs = groups.setdefault(one, [one]), groups.setdefault(other, [other])
        if mine is not theirs:
            mine.extend(theirs)
            groups.update(dict.fromkeys(theirs, mine))
    return sorted(sorted(group) for group in {id(group): group for group in groups.values()}.values())
