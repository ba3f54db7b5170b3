"""Templates under the wrong name: nearer to another identity's templates than to the others of their own."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from lookalike.gallery.doctor.near_identities import NearIdentities
from lookalike.gallery.doctor.own_distances import OwnDistances
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates

__all__ = ["WrongName", "wrong_names"]

#: The other identity must be nearer by this share of the threshold.
MARGIN_SHARE = 0.05


@dataclass(frozen=True)
class WrongName:
    """A template that belongs to another identity.

    Attributes:
        row: of the template.
        code: of the identity that it belongs to.
        distance: more than half of that identity's templates are at most so far away.
        own: at least half of the others of its own are farther, or as far.
        agreeing: templates of that identity within the threshold.
        compared: templates of that identity that were compared.
        nearest: distance of the nearest of them.
        nearest_row: which that is.
        probability: that it belongs there rather than where it is; None without odds.
    """

    row: int
    code: int
    distance: float
    own: float
    agreeing: int
    compared: int
    nearest: float
    nearest_row: int
    probability: float | None


def wrong_names(
    templates: StoredTemplates,
    near: NearIdentities,
    own: OwnDistances,
    rules: Rules,
    one_person: Container[tuple[int, int]],
) -> list[WrongName]:
    """Find the templates that most of another identity's templates match, and fewer than half of their own.

    A template that is alone under its name is left to the comparison of the two names.

    Args:
        templates: of a gallery.
        near: other identities around each template.
        own: distances of each template to the others of its identity.
        rules: what is near, and how probable.
        one_person: codes of identities, the smaller first, that are one person anyway: that explains such templates.

    Returns:
        one for each such template, by the most probable other identity; the surest first.
    """
    none = np.zeros(len(templates), np.bool_)
    apart = own.typical[near.rows]
    possible = np.isfinite(apart) & (apart > rules.threshold) & (near.distances <= rules.threshold)
    found: dict[int, WrongName] = {}
    for at in np.flatnonzero(possible).tolist():
        row, code = int(near.rows[at]), int(templates.codes[near.others[at]])
        mine = int(templates.codes[row])
        if (min(mine, code), max(mine, code)) in one_person:
            continue
        theirs = templates.compared_rows(code, none)
        distances = templates.distances(np.array([row]), theirs)[0]
        typical = float(np.sort(distances)[len(distances) // 2])
        probability = rules.wrong_name_probability(typical, float(own.typical[row]), len(templates.names))
        nearer = float(own.typical[row]) - typical > MARGIN_SHARE * abs(rules.threshold)
        likely = probability is None or probability >= rules.doubtful
        if typical > rules.threshold or not (nearer and likely):
            continue
        agreeing = int((distances <= rules.threshold).sum())
        one = WrongName(
            row,
            code,
            typical,
            float(own.typical[row]),
            agreeing,
            len(distances),
            float(distances.min()),
            int(theirs[distances.argmin()]),
            probability,
        )
        if row not in found or typical < found[row].distance:
            found[row] = one
    return sorted(found.values(), key=lambda one: (-(one.probability or 0.0), one.distance))
