"""What is wrong in a gallery of people: the comparisons put together, each thing found once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.gallery.doctor.clusters import clusters_of
from lookalike.gallery.doctor.copies import copy_groups
from lookalike.gallery.doctor.finding_maker import FindingMaker
from lookalike.gallery.doctor.findings import KINDS, Finding, FindingKind
from lookalike.gallery.doctor.identity_pairs import IdentityPair, candidate_pairs, judged_pair
from lookalike.gallery.doctor.near_identities import NearIdentities, near_identities
from lookalike.gallery.doctor.own_distances import OwnDistances, own_distances
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates
from lookalike.gallery.doctor.wrong_names import WrongName, wrong_names
from lookalike.gallery.gallery import Gallery
from lookalike.progress import ProgressSink, counted

__all__ = ["Diagnosis", "Distances", "diagnose"]

#: Pairs of identities of which all templates are compared, the nearest first.
MOST_PAIRS = 200_000
#: Bins of a histogram.
_BINS = 60
_STEP = 1000


@dataclass(frozen=True)
class Distances:
    """A histogram: `counts[i]` distances from `edges[i]` to `edges[i + 1]`."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a gallery, and of which state.

    Attributes:
        identities: in the gallery.
        templates: in the gallery.
        change: the gallery's last change before it was read.
        single: identities with one template.
        usual: the median number of templates of an identity.
        totals: how many findings of each kind there are; `findings` may list fewer.
        findings: by kind, the surest first.
        own: distances of templates to the nearest other of their identity.
        other: distances of templates to the nearest other identity.
        pairs_left_out: pairs of identities that are near each other, and of which not all templates were compared,
            because there are too many of them.
    """

    identities: int
    templates: int
    change: int
    single: int
    usual: float
    totals: dict[str, int]
    findings: tuple[Finding, ...]
    own: Distances
    other: Distances
    pairs_left_out: int


def diagnose(
    gallery: Gallery,
    rules: Rules,
    *,
    templates: StoredTemplates | None = None,
    most: int = 1000,
    progress: ProgressSink | None = None,
) -> Diagnosis:
    """Look for what may be wrong. The gallery is only read.

    Every template asks the gallery for the identities nearest to it, so the time grows with the number of templates and
    not with that of their pairs.

    Args:
        gallery: of people.
        rules: what is near, and how probable.
        templates: of that gallery, where they were read already.
        most: findings listed of each kind.
        progress: told how far it is.

    Raises:
        InputError: it is a gallery of landmarks, or `most` is below 1.
        StorageError: the disk is failing.

    Example:
        >>> diagnose(gallery, Rules(threshold=0.6)).totals["wrong-name"]    # doctest: +SKIP
        3
    """
    if most < 1:
        raise InputError(f"{most} findings of each kind were asked for; expected at least 1")
    if gallery.kind == "landmarks":
        raise InputError("the gallery holds landmarks, and people can be examined; give a gallery of people")
    table = StoredTemplates.read(gallery, progress) if templates is None else templates
    own = own_distances(table, rules.copy_limit(table.metric), progress)
    near = near_identities(gallery, table, rules, progress)
    examined = _Examination(table, rules, own, near)
    totals, findings = examined.found(most, progress)
    sizes = table.sizes
    return Diagnosis(
        identities=len(table.names),
        templates=len(table),
        change=table.change,
        single=int((sizes == 1).sum()),
        usual=float(np.median(sizes)) if len(sizes) else 0.0,
        totals=totals,
        findings=findings,
        own=_histogram(own.nearest),
        other=_histogram(near.nearest),
        pairs_left_out=examined.pairs_left_out,
    )


class _Examination:
    """The comparisons of one gallery, and what follows from them."""

    def __init__(self, templates: StoredTemplates, rules: Rules, own: OwnDistances, near: NearIdentities) -> None:
        self._templates, self._rules, self._own, self._near = templates, rules, own, near
        self._wrong: list[WrongName] = []
        self._without = np.zeros(len(templates), np.bool_)
        self.pairs_left_out = 0

    def found(self, most: int, progress: ProgressSink | None) -> tuple[dict[str, int], tuple[Finding, ...]]:
        """How many findings of each kind there are, and of each kind the surest."""
        pairs = self._judged(progress)
        same = sorted((one for one in pairs if one.verdict == "one-person"), key=_surest)
        clusters, chained = clusters_of(same, self._judge)
        clusters.sort(key=lambda inside: max(map(_surest, inside)))
        undecided = chained + sorted((one for one in pairs if one.verdict == "undecided"), key=_surest)
        alike = sorted((one for one in pairs if one.verdict == "look-alikes"), key=lambda one: one.nearest)
        copies = copy_groups(self._own.copies, self._near, self._copy_limit)
        make = FindingMaker(self._templates, self._rules, self._own)
        kinds: dict[FindingKind, tuple[Sequence[Any], Callable[[Any], Finding]]] = {
            "one-person": (clusters, make.cluster),
            "undecided": (undecided, lambda one: make.undecided(one, one in chained)),
            "wrong-name": (self._wrong, make.wrong_name),
            "twice": (copies, make.copies),
            "poor-picture": (self._poor_rows(clusters), make.poor),
            "look-alikes": (alike, make.look_alikes),
        }
        findings: list[Finding] = []
        for kind in KINDS:
            found, write = kinds[kind]
            findings += [replace(write(one), id=f"{kind}-{number}") for number, one in enumerate(found[:most], 1)]
        return {kind: len(kinds[kind][0]) for kind in KINDS}, tuple(findings)

    def _judged(self, progress: ProgressSink | None) -> list[IdentityPair]:
        """Pairs of identities that may be confused; templates under the wrong name are found on the way.

        Pairs are judged twice: a template under the wrong name makes two people look alike, and two names of one person
        make templates look as if they were under the wrong name.
        """
        candidates, total = candidate_pairs(self._templates, self._near, MOST_PAIRS)
        self.pairs_left_out = total - len(candidates)
        done = counted(progress, "Comparing identities", len(candidates))
        judged: dict[tuple[int, int], IdentityPair] = {}
        for number, (one, other) in enumerate(candidates.tolist(), 1):
            pair = self._judge(one, other)
            if pair is not None:
                judged[one, other] = pair
            if number % _STEP == 0:
                done(_STEP)
        done(len(candidates) % _STEP)
        explained = {codes for codes, pair in judged.items() if pair.verdict in ("one-person", "undecided")}
        self._wrong = wrong_names(self._templates, self._near, self._own, self._rules, explained)
        self._without[[one.row for one in self._wrong]] = True
        moved = {int(self._templates.codes[one.row]) for one in self._wrong}
        again = ((codes, pair) for codes, pair in judged.items())
        pairs = [self._judge(*codes) if moved.intersection(codes) else pair for codes, pair in again]
        return [pair for pair in pairs if pair is not None and pair.verdict != "apart" and not self._is_copy(pair)]

    def _judge(self, one: int, other: int) -> IdentityPair | None:
        return judged_pair(self._templates, self._rules, (one, other), self._without)

    def _is_copy(self, pair: IdentityPair) -> bool:
        """Whether only one picture under two names makes the pair, which is found as that."""
        return pair.compared == 1 and pair.nearest <= self._copy_limit

    @property
    def _copy_limit(self) -> float:
        return self._rules.copy_limit(self._templates.metric)

    def _poor_rows(self, clusters: list[list[IdentityPair]]) -> list[int]:
        """Templates that match no other of their identity, or of low quality; the worst first.

        Of two templates that do not match each other, the poor one is meant, or else the later stands for both.
        """
        nearest, quality, sizes = self._own.nearest, self._templates.qualities, self._templates.sizes
        poor = quality < self._rules.poor_quality
        unmatched = np.isfinite(nearest) & (nearest > self._rules.threshold) & ~self._without
        other_names: dict[int, list[int]] = defaultdict(list)
        for one, other in (pair.codes for inside in clusters for pair in inside):
            other_names[one].append(other)
            other_names[other].append(one)
        for row in np.flatnonzero(unmatched).tolist():
            mine = int(self._templates.codes[row])
            other = self._own.nearest_rows[row]
            told_of_other = sizes[mine] == 2 and (other > row or poor[other])
            unmatched[row] = not (told_of_other or any(self._matches(row, code) for code in other_names[mine]))
        worst = np.where(poor, quality, 1.0)
        rows = np.flatnonzero(unmatched | poor)
        order = np.lexsort((-np.nan_to_num(nearest[rows], posinf=0.0), worst[rows]))
        return [int(row) for row in rows[order]]

    def _matches(self, row: int, code: int) -> bool:
        """Whether a template matches one of an identity's."""
        theirs = self._templates.compared_rows(code, self._without)
        return bool((self._templates.distances(np.array([row]), theirs) <= self._rules.threshold).any())


def _surest(pair: IdentityPair) -> tuple[float, float]:
    """Orders pairs of identities: the most probable first, then the nearest."""
    return -(pair.probability or 0.0), pair.typical


def _histogram(distances: npt.NDArray[np.float64]) -> Distances:
    finite = distances[np.isfinite(distances)]
    counts, edges = np.histogram(finite, bins=_BINS)
    return Distances(tuple(edges.tolist()), tuple(counts.tolist())) if len(finite) else Distances((), ())
