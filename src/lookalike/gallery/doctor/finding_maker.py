"""Comparisons written up as findings, with their evidence and what is proposed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from lookalike.gallery.doctor import reasons
from lookalike.gallery.doctor.findings import Finding, FindingKind
from lookalike.gallery.doctor.identity_pairs import IdentityPair
from lookalike.gallery.doctor.own_distances import OwnDistances
from lookalike.gallery.doctor.proposals import forgetting, merging, moving
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates
from lookalike.gallery.doctor.wrong_names import WrongName

__all__ = ["FindingMaker"]

#: Pairs of one finding whose pictures are worth showing.
SHOWN = 6


class FindingMaker:
    """Makes findings, whose ids are still to be given.

    Args:
        templates: of a gallery.
        rules: by which they were judged.
        own: distances of each template to the others of its identity.
    """

    def __init__(self, templates: StoredTemplates, rules: Rules, own: OwnDistances) -> None:
        self._templates, self._rules, self._own = templates, rules, own

    def cluster(self, inside: list[IdentityPair]) -> Finding:
        """Names of one person, from the pairs of them."""
        codes = sorted({code for pair in inside for code in pair.codes})
        least = max(inside, key=lambda pair: pair.typical)
        sure = [pair.probability for pair in inside if pair.probability is not None]
        return Finding(
            id="",
            kind="one-person",
            identities=self._names(codes),
            templates=tuple(int(self._templates.ids[row]) for code in codes for row in self._templates.rows(code)),
            shown=tuple(self._pair(*pair.nearest_rows) for pair in inside[:SHOWN]),
            distance=least.typical,
            nearest=min(pair.nearest for pair in inside),
            agreeing=sum(pair.agreeing for pair in inside),
            compared=sum(pair.compared for pair in inside),
            probability=min(sure, default=None),
            quality=None,
            reason=reasons.of_one_person(inside),
            proposal=merging(self._templates, codes),
        )

    def _of_pair(self, pair: IdentityPair, kind: FindingKind, reason: str) -> Finding:
        shown = self._pair(*pair.nearest_rows)
        return Finding(
            id="",
            kind=kind,
            identities=self._names(pair.codes),
            templates=shown,
            shown=(shown,),
            distance=pair.typical,
            nearest=pair.nearest,
            agreeing=pair.agreeing,
            compared=pair.compared,
            probability=pair.probability,
            quality=None,
            reason=reason,
        )

    def undecided(self, pair: IdentityPair, chained: bool) -> Finding:
        """One person or look-alikes; `chained`: one of them is one person with a third name, the other is not."""
        made = self._of_pair(pair, "undecided", reasons.of_undecided(pair, chained))
        return replace(made, proposal=merging(self._templates, pair.codes))

    def look_alikes(self, pair: IdentityPair) -> Finding:
        """Different people who may be confused."""
        return self._of_pair(pair, "look-alikes", reasons.of_look_alikes(pair, self._rules))

    def wrong_name(self, one: WrongName) -> Finding:
        """A template that belongs to another identity."""
        mine, own = int(self._templates.codes[one.row]), int(self._own.nearest_rows[one.row])
        return Finding(
            id="",
            kind="wrong-name",
            identities=self._names([mine, one.code]),
            templates=self._ids(one.row),
            shown=(self._pair(one.row, one.nearest_row), self._pair(one.row, own)),
            distance=one.distance,
            nearest=one.nearest,
            agreeing=one.agreeing,
            compared=one.compared,
            probability=one.probability,
            quality=self._quality(one.row),
            reason=reasons.of_wrong_name(one, self._templates.names),
            proposal=moving(self._templates, one.row, one.code),
        )

    def copies(self, rows: list[int]) -> Finding:
        """Templates of one picture."""
        codes = sorted(set(self._templates.codes[rows].tolist()))
        apart = self._templates.distances(np.array(rows[:1]), np.array(rows[1:]))
        if len(codes) == 1:
            proposal = forgetting(self._templates, rows[1:])
        else:  # whose picture it is, only those can tell who have others
            alone = (self._templates.sizes[codes] == 1).all()
            proposal = merging(self._templates, codes) if alone else None
        return Finding(
            id="",
            kind="twice",
            identities=self._names(codes),
            templates=self._ids(*rows),
            shown=tuple(self._pair(rows[0], row) for row in rows[1 : SHOWN + 1]),
            distance=float(apart.max()),
            nearest=float(apart.min()),
            agreeing=len(rows) - 1,
            compared=len(rows) - 1,
            probability=None,
            quality=None,
            reason=reasons.of_copies(len(rows), self._names(codes)),
            proposal=proposal,
        )

    def poor(self, row: int) -> Finding:
        """A template that matches none of its identity, or of low quality."""
        mine, other = int(self._templates.codes[row]), int(self._own.nearest_rows[row])
        nearest, quality, size = float(self._own.nearest[row]), self._quality(row), len(self._templates.rows(mine))
        poor = quality is not None and quality < self._rules.poor_quality
        unmatched = np.isfinite(nearest) and nearest > self._rules.threshold
        about = (row, other) if unmatched and size == 2 and not poor else (row,)
        others = self._templates.rows(mine)
        matched = self._templates.distances(np.array([row]), others[others != row]) <= self._rules.threshold
        return Finding(
            id="",
            kind="poor-picture",
            identities=self._names([mine]),
            templates=self._ids(*about),
            shown=(self._pair(row, other if other >= 0 else row),),
            distance=nearest,
            nearest=nearest,
            agreeing=int(matched.sum()),
            compared=size - 1,
            probability=None,
            quality=quality,
            reason=reasons.of_poor(nearest, self._rules.threshold, size - 1, quality, poor),
            proposal=forgetting(self._templates, [row]) if len(about) == 1 else None,
        )

    def _names(self, codes: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._templates.names[code] for code in codes)

    def _ids(self, *rows: int) -> tuple[int, ...]:
        return tuple(int(self._templates.ids[row]) for row in rows)

    def _pair(self, row: int, other: int) -> tuple[int, int]:
        return int(self._templates.ids[row]), int(self._templates.ids[other])

    def _quality(self, row: int) -> float | None:
        quality = float(self._templates.qualities[row])
        return None if np.isnan(quality) else quality
