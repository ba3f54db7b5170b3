"""How far every template is from the others of its identity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.distances import blocks
from lookalike.gallery.doctor.stored_templates import StoredTemplates
from lookalike.progress import ProgressSink, counted

__all__ = ["OwnDistances", "own_distances"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Identities between two reports of progress.
_STEP = 1000


@dataclass(frozen=True, eq=False)
class OwnDistances:
    """Distances of templates to the others of their identity; copies of one picture do not vouch for each other.

    Attributes:
        nearest: `(n,)` to the nearest of them; infinite where there is none.
        typical: `(n,)` at least half of them are at most so far away (lower median); infinite where there is none.
        nearest_rows: `(n,)` whose row that is; -1 where there is none.
        copies: `(c, 2)` rows of templates of one identity that are of one picture, the earlier first.
    """

    nearest: Floats
    typical: Floats
    nearest_rows: Integers
    copies: Integers


def own_distances(templates: StoredTemplates, copy_limit: float, progress: ProgressSink | None = None) -> OwnDistances:
    """Compare every identity's templates with each other, in blocks.

    Args:
        templates: of a gallery.
        copy_limit: two templates at most so far apart are of one picture.
        progress: told how far it is.

    Example:
        >>> own_distances(StoredTemplates.of(["Ada"] * 3, [[0.0], [1.0], [5.0]], metric="euclidean"), 0.0).typical
        array([1., 1., 4.])
    """
    count = len(templates)
    nearest, typical = np.full(count, np.inf), np.full(count, np.inf)
    nearest_rows = np.full(count, -1, np.int64)
    copies = [np.empty((0, 2), np.int64)]
    several = np.flatnonzero(templates.sizes > 1)
    done = counted(progress, "Comparing with their own", len(several))
    for at, code in enumerate(several.tolist(), 1):
        mine = templates.rows(code)
        for part in blocks(len(mine), len(mine)):
            rows = mine[part]
            distances = templates.distances(rows, mine)
            distances[rows[:, None] == mine] = np.inf
            same = distances <= copy_limit
            pairs = np.argwhere(same & (rows[:, None] < mine))
            copies.append(np.stack([rows[pairs[:, 0]], mine[pairs[:, 1]]], axis=1))
            distances[same] = np.inf
            others = np.isfinite(distances).sum(axis=1)
            lower = np.maximum(others - 1, 0) // 2
            typical[rows] = np.take_along_axis(np.sort(distances, axis=1), lower[:, None], 1)[:, 0]
            first = distances.argmin(axis=1)
            nearest[rows] = distances[np.arange(len(rows)), first]
            nearest_rows[rows] = np.where(others > 0, mine[first], -1)
        if at % _STEP == 0:
            done(_STEP)
    done(len(several) % _STEP)
    return OwnDistances(nearest, typical, nearest_rows, np.concatenate(copies))
