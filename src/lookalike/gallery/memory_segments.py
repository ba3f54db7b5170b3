"""Segments of an encrypted gallery: inverted files in the memory of a process that lives long enough, none on the disk.

What is decrypted at the first search is compared one by one, until the lists are there: of a million templates in half
a minute. They are built again when as many have come in as pays, or when many of them were forgotten, as those on the
disk are (`segment_builder`).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.gallery.background_builder import BackgroundBuilder
from lookalike.gallery.segment_builder import lists_of
from lookalike.gallery.segments import Listed, Segment, taken_in
from lookalike.gallery.snapshot import LOST

if TYPE_CHECKING:
    from lookalike.gallery.live_index import LiveIndex
    from lookalike.gallery.records import Model
    from lookalike.gallery.snapshot import Snapshot

__all__ = ["MemorySegments"]

Ids = npt.NDArray[np.int64]


class MemorySegments(BackgroundBuilder):
    """Builds what is due of the newest snapshot, and puts it there.

    Args:
        live: the templates of the gallery.
    """

    def __init__(self, live: LiveIndex) -> None:
        super().__init__()
        self._live = live

    def build_one(self, model: Model) -> bool:
        """Build the segment that is due most; False where none is, or what it is built of was replaced meanwhile."""
        held = self._live.snapshot
        if held is None:
            return False
        gone = np.fromiter(list(held.forgotten), np.int64)
        taken = _due(held, gone)
        if taken is None:
            return False
        segments, fresh = taken
        parts = [(one.ids, one.index.vectors_at(np.arange(len(one.ids)))) for one in segments]
        if fresh:
            parts.append((held.fresh.ids[: held.fresh.count], held.fresh.vectors[: held.fresh.count]))
        ids, vectors = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
        stays = ~np.isin(ids, gone)
        first, last = int(ids[0]), int(ids[-1])
        ids, vectors = ids[stays], vectors[stays]
        new = None
        if len(ids):
            index = lists_of(model, ids, vectors)
            listed = Listed(secrets.token_hex(8), index.kind, first, last, len(ids), held.change, held.change)
            new = Segment(listed, index, ids)
        return not self._stop.is_set() and self._live.put(new, segments, (first, last), held.change)


def _due(held: Snapshot, gone: Ids) -> tuple[tuple[Segment, ...], bool] | None:
    """Which segments are to be built again as one, and whether with the fresh templates."""
    waiting, sizes = held.fresh.count, [len(one.ids) for one in held.segments]
    if waiting > lookalike.index.AUTO_EXACT_LIMIT:
        return held.segments[len(sizes) - taken_in(sizes, [True] * len(sizes), waiting) :], True
    for segment in held.segments:
        if np.isin(segment.ids, gone).sum() > LOST * len(segment.ids):
            return (segment,), False
    return None
