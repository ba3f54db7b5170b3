"""Searches among the templates of some identities: those whose tags match a filter.

Which templates match is read in the transaction of the search, so that a filter sees the tags of the same state as the
templates. What that takes is kept for the next search with the same filter: the ids as long as nothing changed, and
where they are in a segment as long as the same ones match there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.gallery.identity_tags import Matching, matching_identities
from lookalike.gallery.snapshot import nearest_merged
from lookalike.index import Subset
from lookalike.index.core.flat_vectors import nearest_among
from lookalike.index.core.hits import Hits

if TYPE_CHECKING:
    from lookalike.gallery.database import Database
    from lookalike.gallery.snapshot import Snapshot

__all__ = ["FilterCache", "FilteredSnapshot"]

Ids = npt.NDArray[np.int64]

#: Filters that are kept. Each may hold a copy of the vectors that match, where these are few.
_KEPT = 8


@dataclass(frozen=True, eq=False)
class FilteredSnapshot:
    """The templates of a snapshot that match a filter, searched like it.

    Attributes:
        snapshot: of all templates.
        identities: how many match.
        templates: how many match.
        subsets: of each segment the templates that match, where there are any.
        rows: of those that no segment holds, the ones that match.
    """

    snapshot: Snapshot
    identities: int
    templates: int
    subsets: dict[str, Subset]
    rows: Ids

    def __len__(self) -> int:
        return self.templates

    @property
    def names(self) -> dict[int, str]:
        """Of identities by template, those that were looked up in this state."""
        return self.snapshot.names

    def search(self, probes: npt.NDArray[np.float32], k: int) -> Hits:
        """The k nearest templates that match, k at most as many as there are; exact but for what graphs miss.

        Args:
            probes: `(q, d)`, checked.
            k: at least 1.
        """
        found = []
        for segment in self.snapshot.segments:
            subset = self.subsets.get(segment.listed.name)
            if subset is not None:
                found.append(segment.find(probes, min(k, len(subset)), subset))
        if len(self.rows):
            fresh, space = self.snapshot.fresh, self.snapshot.space
            vectors = fresh.vectors[self.rows]
            distances, at = nearest_among(space.queries(probes), vectors, min(k, len(vectors)), space.metric)
            found.append((fresh.ids[self.rows][at], distances.astype(np.float32)))
        return nearest_merged(found, k)


class FilterCache:
    """The last filters of a gallery's searches; any number of threads may use one."""

    def __init__(self) -> None:
        self._held: dict[Matching, FilteredSnapshot] = {}

    def at(self, database: Database, snapshot: Snapshot, matching: Matching) -> FilteredSnapshot:
        """What matches of a snapshot; call inside the transaction whose state the snapshot is."""
        held = self._held.get(matching)
        if held is None or held.snapshot is not snapshot:
            held = _filtered(database, snapshot, matching, held)
            kept = {key: one for key, one in list(self._held.items()) if key != matching}
            self._held = {**dict(list(kept.items())[-_KEPT + 1 :]), matching: held}
        return held


def _filtered(
    database: Database, snapshot: Snapshot, matching: Matching, before: FilteredSnapshot | None
) -> FilteredSnapshot:
    if database.version() < 4:  # a disk that cannot be written to: nobody has tags
        return FilteredSnapshot(snapshot, 0, 0, {}, np.empty(0, np.int64))
    chosen, values = matching_identities(database, matching)
    (identities,) = database.one(f"SELECT count(*) FROM ({chosen})", values)
    rows = database.run(f"SELECT id FROM template WHERE identity_id IN ({chosen}) ORDER BY id", values)
    ids = np.fromiter((row[0] for row in rows), np.int64)
    subsets = {}
    for segment in snapshot.segments:
        name = segment.listed.name
        there = ids[_held_by(segment.ids, ids) >= 0]
        if len(there):
            earlier = None if before is None else before.subsets.get(name)
            same = earlier is not None and np.array_equal(earlier.ids, there)
            subsets[name] = earlier if earlier is not None and same else Subset(there)
    fresh = snapshot.fresh.ids[: snapshot.fresh.count]
    places = _held_by(fresh, ids)
    return FilteredSnapshot(snapshot, identities, len(ids), subsets, places[places >= 0])


def _held_by(held: Ids, ids: Ids) -> Ids:
    """The places of ids among others that are in order; -1 of those that are not there."""
    if not len(held):
        return np.full(len(ids), -1, np.int64)
    places = np.minimum(np.searchsorted(held, ids), len(held) - 1)
    return np.where(held[places] == ids, places, -1).astype(np.int64)
