"""Pairs of identities: how many of their templates match, and what that makes of them.

A majority decides: two identities may be one person only where more than half of the pairs of their templates are
within the threshold. The nearest pair alone (single linkage) would let one bad template join two people, and all pairs
(complete linkage) would let one bad template keep one person apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lookalike.gallery.doctor.near_identities import NearIdentities
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates

__all__ = ["IdentityPair", "Verdict", "candidate_pairs", "judged_pair"]

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: What two identities are, as far as their templates tell. `undecided` is one person or look-alikes.
Verdict = Literal["one-person", "undecided", "look-alikes", "apart"]


@dataclass(frozen=True)
class IdentityPair:
    """Two identities, and how alike their templates are.

    Attributes:
        codes: of both.
        verdict: what they are.
        nearest: the smallest distance between templates of both; copies count only where there is nothing else.
        nearest_rows: these two templates, the first identity's first.
        typical: more than half of the pairs are at most so far apart (upper median).
        agreeing: pairs of templates within the threshold.
        compared: pairs that were compared; likewise.
        probability: that they are one person; None without odds.
    """

    codes: tuple[int, int]
    verdict: Verdict
    nearest: float
    nearest_rows: tuple[int, int]
    typical: float
    agreeing: int
    compared: int
    probability: float | None


def candidate_pairs(templates: StoredTemplates, near: NearIdentities, most: int) -> tuple[Integers, int]:
    """Pairs of identities of which some templates are near each other, the nearest first.

    Args:
        templates: of a gallery.
        near: found around them.
        most: pairs returned.

    Returns:
        `(p, 2)` codes, the smaller first, and how many such pairs there are in all.
    """
    codes = np.sort(np.stack([templates.codes[near.rows], templates.codes[near.others]], axis=1), axis=1)
    keys = codes[:, 0] * max(1, len(templates.names)) + codes[:, 1]
    order = np.lexsort((near.distances, keys))
    first = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]
    nearest_first = first[np.argsort(near.distances[first], kind="stable")]
    return codes[nearest_first[:most]], len(first)


def judged_pair(templates: StoredTemplates, rules: Rules, codes: tuple[int, int], without: Mask) -> IdentityPair | None:
    """Compare the templates of two identities, and say what they are.

    Args:
        templates: of a gallery.
        rules: what is near, and how probable.
        codes: of the two identities.
        without: `(n,)` templates that do not count, because they are under the wrong name.

    Returns:
        the pair; None where one of them has no other templates.
    """
    sides = [templates.compared_rows(code, without) for code in codes]
    smaller = min(map(len, sides))
    if not smaller:
        return None
    distances = templates.distances(*sides)
    copies = distances <= rules.copy_limit(templates.metric)
    if not copies.all():
        distances[copies] = np.inf
    at = np.unravel_index(distances.argmin(), distances.shape)
    counted = np.sort(distances[np.isfinite(distances)])
    agreeing, compared = int((counted <= rules.threshold).sum()), len(counted)
    typical = float(counted[compared // 2])
    probability = rules.probability(typical, smaller, len(templates.names))
    nearest = float(distances[at])
    if 2 * agreeing > compared:
        single = max(map(len, sides)) == 1
        verdict = _of_majority(rules, probability, alone=single, paired=smaller > 1)
    else:
        verdict = "look-alikes" if nearest <= rules.limit else "apart"
    rows = (int(sides[0][at[0]]), int(sides[1][at[1]]))
    return IdentityPair(codes, verdict, nearest, rows, typical, agreeing, compared, probability)


def _of_majority(rules: Rules, probability: float | None, *, alone: bool, paired: bool) -> Verdict:
    """What two identities are, most of whose pairs of templates match.

    Args:
        rules: from which probability on.
        probability: that they are one person.
        alone: each has one template: what makes people look alike and what makes a person look like themselves cannot
            be told from one distance.
        paired: each has several.
    """
    if probability is not None and probability < rules.doubtful:
        return "look-alikes"
    if alone:
        return "undecided"
    if probability is None:
        return "one-person" if paired else "undecided"
    return "one-person" if probability >= rules.sure else "undecided"
