"""One state of a gallery's templates, searched by any number of threads while others enroll and forget.

Nothing in it changes: segments are immutable, the fresh templates are the first `count` rows of arrays that only grow,
and who was forgotten is told by the number of the change. So a search needs no lock, and what it answers was true at
one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.index.core.flat_vectors import nearest_among
from lookalike.index.core.hits import Hits

if TYPE_CHECKING:
    from lookalike.gallery.segments import Segment
    from lookalike.index.core.metric_space import MetricSpace

__all__ = ["LOST", "FreshTemplates", "Snapshot", "nearest_merged"]

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

#: Finds the k nearest of some templates, whoever was forgotten: `(q, k)` ids and distances.
_Find = Callable[[Floats, int], "tuple[Ids, Floats]"]

#: A segment of which so large a share was forgotten is built again.
LOST = 0.25
#: Forgotten templates that a search allows for at first; where more are in the way, it looks again, further.
_SPARE = 16
_FURTHER = 4


def nearest_merged(found: Sequence[tuple[Ids, Floats]], k: int) -> Hits:
    """The k nearest of several `(q, m)` ids and distances, each nearest first."""
    ids, distances = np.hstack([one[0] for one in found]), np.hstack([one[1] for one in found])
    if len(found) > 1 or ids.shape[1] > k:
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        ids, distances = np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1)
    return Hits(ids, distances)


@dataclass(frozen=True)
class FreshTemplates:
    """Templates that no segment holds yet, compared one by one.

    Attributes:
        ids: int64, in order; room for more behind `count`.
        vectors: `(room, d)` float32, prepared for the metric.
        count: how many there are.
    """

    ids: Ids
    vectors: Floats
    count: int

    @classmethod
    def none(cls, dimension: int) -> FreshTemplates:
        """Of an empty gallery."""
        return cls(np.empty(0, np.int64), np.empty((0, dimension), np.float32), 0)

    def with_more(self, ids: Ids, vectors: Floats) -> FreshTemplates:
        """These and more. Snapshots of these stay as they are; nobody else may add to them."""
        count = self.count + len(ids)
        old, stored = self.ids, self.vectors
        if count > len(old):
            room = max(count, 2 * len(old), 64)
            old, stored = np.empty(room, np.int64), np.empty((room, self.vectors.shape[1]), np.float32)
            old[: self.count], stored[: self.count] = self.ids[: self.count], self.vectors[: self.count]
        old[self.count : count], stored[self.count : count] = ids, vectors
        return FreshTemplates(old, stored, count)

    def without(self, unwanted: npt.NDArray[np.bool_]) -> FreshTemplates:
        """A copy of those that are not `unwanted`."""
        kept = ~unwanted
        return FreshTemplates(self.ids[: self.count][kept], self.vectors[: self.count][kept], int(kept.sum()))


@dataclass(frozen=True)
class Snapshot:
    """The templates of a gallery after one change.

    Attributes:
        change: the number of that change.
        layout: how often the segments were others before.
        segments: immutable indexes of templates.
        fresh: all others.
        forgotten: templates -> the change that deleted them; later ones may come in, too.
        space: prepares probes for `fresh`.
        templates: how many are alive.
        seen: the greatest id that was taken in.
        names: of identities by template, those that were looked up in this state.
    """

    change: int
    layout: int
    segments: tuple[Segment, ...]
    fresh: FreshTemplates
    forgotten: dict[int, int]
    space: MetricSpace
    templates: int
    seen: int
    names: dict[int, str] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return self.templates

    @cached_property
    def unbuilt(self) -> int:
        """Templates that are compared one by one."""
        return self.fresh.count + sum(one.listed.templates for one in self.segments if one.listed.kind == "exact")

    @property
    def lost_many(self) -> bool:
        """Whether so many were forgotten that a segment may have lost a large share."""
        return any(len(self.forgotten) > LOST * one.listed.templates for one in self.segments)

    def search(self, probes: Floats, k: int) -> Hits:
        """The k nearest templates, k at most as many as are alive; exact but for what graphs miss.

        Args:
            probes: `(q, d)`, checked.
            k: at least 1.
        """
        found = [self._alive(segment.find, segment.listed.templates, probes, k) for segment in self.segments]
        if self.fresh.count:
            ready = self.space.queries(probes)
            found.append(self._alive(self._find_fresh, self.fresh.count, ready, k))
        return nearest_merged(found, k)

    def _find_fresh(self, ready: Floats, k: int) -> tuple[Ids, Floats]:
        fresh = self.fresh
        distances, rows = nearest_among(ready, fresh.vectors[: fresh.count], k, self.space.metric)
        return fresh.ids[rows], distances.astype(np.float32)

    def _alive(self, find: _Find, size: int, probes: Floats, k: int) -> tuple[Ids, Floats]:
        """The k nearest that are alive at this change; fewer are filled up with id -1, distance +inf."""
        wanted, lost = min(k, size), len(self.forgotten)
        fetch = min(size, k + min(lost, _SPARE))
        ids, distances = find(probes, fetch)
        if not lost:
            return ids, distances
        near, far = np.full((len(probes), wanted), -1, np.int64), np.full((len(probes), wanted), np.inf, np.float32)
        rows = np.arange(len(probes))
        forgotten, change = self.forgotten, self.change
        while True:
            short = []
            for row, these, apart in zip(rows.tolist(), ids.tolist(), distances, strict=True):
                kept = [
                    at
                    for at, template in enumerate(these)
                    if template >= 0 and not (template in forgotten and forgotten[template] <= change)
                ][:wanted]
                near[row, : len(kept)] = [these[at] for at in kept]
                far[row, : len(kept)] = apart[kept]
                if len(kept) < wanted:
                    short.append(row)
            if not short or fetch == size:
                return near, far
            rows, fetch = np.array(short), min(size, _FURTHER * fetch)
            ids, distances = find(probes[rows], fetch)
