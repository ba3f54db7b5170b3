"""The templates of a gallery as they are searched: follows the database, from snapshot to snapshot."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError
from lookalike.gallery.model_binding import switched_at
from lookalike.gallery.segments import Segment, SegmentFolder
from lookalike.gallery.snapshot import FreshTemplates, Snapshot
from lookalike.index.core.metric_space import MetricSpace

if TYPE_CHECKING:
    from lookalike.gallery.database import Database
    from lookalike.gallery.records import Counts, Model

__all__ = ["LiveIndex", "read_vectors", "vector_from", "vectors_from"]

_log = logging.getLogger(__name__)
#: Rows of the database that are read at a time: a few MiB.
_AT_A_TIME = 10_000


def vector_from(blob: bytes, dimension: int, template_id: int) -> npt.NDArray[np.float32]:
    """The `(dimension,)` float32 vector in a template's bytes; `ArtefactError` when they are too few or too many."""
    if len(blob) != 4 * dimension:
        raise ArtefactError(
            f"template {template_id} holds {len(blob)} bytes, {dimension} dimensions need {4 * dimension}: "
            "the gallery is damaged, restore it from a backup"
        )
    return np.frombuffer(blob, "<f4").astype(np.float32)


def vectors_from(rows: Sequence[tuple[int, bytes]], dimension: int) -> npt.NDArray[np.float32]:
    """The `(n, dimension)` float32 vectors of rows of ids and bytes; errors as of `vector_from`."""
    joined = b"".join([blob for _, blob in rows])
    if len(joined) != 4 * dimension * len(rows) or any(len(blob) != 4 * dimension for _, blob in rows):
        return np.stack([vector_from(blob, dimension, template) for template, blob in rows])
    return np.frombuffer(joined, "<f4").astype(np.float32).reshape(len(rows), dimension)


def read_vectors(
    database: Database, dimension: int, where: str, values: Sequence[int]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Ids and `(n, dimension)` vectors of templates by id, some thousands at a time; call inside a transaction.

    Args:
        database: of the gallery.
        dimension: of its vectors.
        where: an SQL condition on the table `template`.
        values: its parameters.

    Raises:
        ArtefactError: as of `vector_from`, or as of `Sealing.open`.
    """
    sealing = database.sealing
    owner = ", identity_id" * sealing.encrypted
    rows = database.run(f"SELECT id, vector{owner} FROM template WHERE {where} ORDER BY id", values)
    while some := rows.fetchmany(_AT_A_TIME):
        ids = [row[0] for row in some]
        if sealing.encrypted:
            some = list(zip(ids, sealing.open_all("template.vector", some), strict=True))
        yield np.array(ids, np.int64), vectors_from(some, dimension)


def _still_there(forgotten: dict[int, int], fresh: FreshTemplates, segments: Sequence[Segment]) -> dict[int, int]:
    """Who was forgotten of those that are still in the way."""
    held = np.concatenate([fresh.ids[: fresh.count], *(one.ids for one in segments)])
    kept = np.isin(np.fromiter(forgotten, np.int64, len(forgotten)), held)
    return {one: forgotten[one] for one, stays in zip(forgotten, kept.tolist(), strict=True) if stays}


class _ReplacedError(Exception):
    """A segment is not there, perhaps because a later state has another instead."""


class LiveIndex:
    """Makes the snapshot of the state that a transaction sees.

    One thread at a time brings the newest snapshot up to date, which takes as long as reading what changed; whoever
    searches holds a snapshot and waits for nobody.

    Args:
        database: of the gallery.
        folder: of its segments.
    """

    def __init__(self, database: Database, folder: SegmentFolder) -> None:
        self._database, self._folder = database, folder
        self._following = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._damaged: set[str] = set()
        self._failed: set[str] = set()  # could not be opened once

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest; None before the first search."""
        return self._snapshot

    def stats(self) -> dict[str, Any] | None:
        """What is searched, ready for JSON; None before the first search."""
        held = self._snapshot
        if held is None:
            return None
        return {
            "kind": "segments" if held.segments else "exact",
            "count": held.templates,
            "segments": [
                {"kind": one.index.kind, "templates": one.listed.templates, "bytes": int(one.index.stats()["bytes"])}
                for one in held.segments
            ],
            "compared_one_by_one": held.unbuilt,
            "damaged": len(self._damaged),
        }

    @property
    def damaged(self) -> frozenset[str]:
        """Names of segments that could not be opened."""
        return frozenset(self._damaged)

    def at(self, model: Model, counts: Counts, layout: int) -> Snapshot | None:
        """The snapshot of the state that the transaction sees; call inside `Database.read`.

        Args:
            model: the gallery's.
            counts: of that state.
            layout: how often the segments were replaced by others until then.

        Returns:
            None where another thread has followed a later change already, or a segment was replaced since the
            transaction began: begin a new one, and ask again.

        An error or a signal in the middle does no harm: the next call takes in the same changes once more.
        """
        held, change = self._snapshot, counts.change
        if held is not None and held.change == change and held.layout >= layout:
            return held
        with self._following:
            held = self._snapshot
            if held is None or (held.change, held.layout) < (change, layout):
                try:
                    self._snapshot = held = self._followed(model, held, counts, layout)
                except _ReplacedError:
                    return None
            return held if held.change == change else None

    def _followed(self, model: Model, held: Snapshot | None, counts: Counts, layout: int) -> Snapshot:
        if held is None or held.change < switched_at(self._database):  # its vectors are of another model
            space = MetricSpace(model.metric, model.dimension)
            held = Snapshot(-1, -1, (), FreshTemplates.none(model.dimension), {}, space, 0, 0)
        segments, fresh, forgotten, since = held.segments, held.fresh, held.forgotten, held.change
        seen = held.seen
        # Those of an encrypted gallery are in memory alone, and none is on the disk.
        opens = held.layout != layout and not (self._database.sealing.encrypted and held.layout >= 0)
        if opens:
            segments = self._opened(model, {one.listed.name: one for one in segments})
            fresh, seen = self._uncovered(model, segments, fresh, seen)
            # A new segment may hold who was forgotten while it was built.
            since = min([held.change if held.change >= 0 else counts.change, *(one.listed.change for one in segments)])
        forgotten = self._forgotten(forgotten, since)
        last = max([seen, *(one.listed.last for one in segments)])
        fresh = self._read(model, self._tidied(fresh, forgotten), "id > ?", (last,))
        seen = max(last, int(fresh.ids[fresh.count - 1]) if fresh.count else 0)
        if opens:
            forgotten = _still_there(forgotten, fresh, segments)
        return Snapshot(counts.change, layout, segments, fresh, forgotten, held.space, counts.templates, seen)

    def put(self, new: Segment | None, instead_of: Sequence[Segment], ids: tuple[int, int], change: int) -> bool:
        """Let a segment in memory stand for others and for fresh templates.

        Args:
            new: None where all of them were forgotten.
            instead_of: these.
            ids: the least and the greatest of what it stands for.
            change: of the snapshot that it was built of.

        Returns:
            False where those are there no more, are of another model, or another segment holds some of the templates.
        """
        with self._database.read("read"), self._following:
            held, first, last = self._snapshot, *ids
            if held is None or change < switched_at(self._database) or not set(instead_of) <= set(held.segments):
                return False
            others = [one for one in held.segments if one not in instead_of]
            if any(one.listed.first <= last and first <= one.listed.last for one in others):
                return False
            segments = tuple(sorted([*others, *([] if new is None else [new])], key=lambda one: one.listed.first))
            present = held.fresh.ids[: held.fresh.count]
            fresh = held.fresh.without((present >= first) & (present <= last))
            forgotten = _still_there(held.forgotten, fresh, segments)
            self._snapshot = replace(held, segments=segments, fresh=fresh, forgotten=forgotten)
        return True

    def _opened(self, model: Model, held: dict[str, Segment]) -> tuple[Segment, ...]:
        segments, listed = [], self._folder.listed()
        self._damaged.intersection_update(one.name for one in listed)
        for one in listed:
            if one.name in held:
                segments.append(held[one.name])
                continue
            try:
                segments.append(self._folder.opened(one, model))
                self._damaged.discard(one.name)
            except ArtefactError as error:
                if one.name not in self._failed:  # another process may have replaced it, and deleted its folder
                    self._failed.add(one.name)
                    raise _ReplacedError from error
                if one.name not in self._damaged:
                    _log.warning("a segment is passed over, its templates are compared one by one: %s", error)
                self._damaged.add(one.name)
        return tuple(segments)

    def _uncovered(
        self, model: Model, segments: tuple[Segment, ...], fresh: FreshTemplates, seen: int
    ) -> tuple[FreshTemplates, int]:
        """The fresh templates without those that segments hold now, and up to which id all are taken in."""
        ranges = [(one.listed.first, one.listed.last) for one in segments]
        if not self._damaged:  # then segments hold what they held, and more
            ids = fresh.ids[: fresh.count]
            covered = np.zeros(fresh.count, bool)
            for first, last in ranges:
                covered |= (ids >= first) & (ids <= last)
            return fresh.without(covered), seen
        fresh, start = FreshTemplates.none(model.dimension), 0
        for first, last in ranges:
            fresh = self._read(model, fresh, "id BETWEEN ? AND ?", (start + 1, first - 1))
            start = last
        return fresh, start

    @staticmethod
    def _tidied(fresh: FreshTemplates, forgotten: dict[int, int]) -> FreshTemplates:
        """Without those that were forgotten, where these are most of them."""
        if 2 * len(forgotten) < fresh.count:
            return fresh
        gone = np.array([template in forgotten for template in fresh.ids[: fresh.count].tolist()], bool)
        return fresh.without(gone) if 2 * gone.sum() > fresh.count else fresh

    def _read(self, model: Model, fresh: FreshTemplates, where: str, values: tuple[int, ...]) -> FreshTemplates:
        space = MetricSpace(model.metric, model.dimension)
        for ids, vectors in read_vectors(self._database, model.dimension, where, values):
            fresh = fresh.with_more(ids, space.vectors(vectors))
        return fresh

    def _forgotten(self, known: dict[int, int], since: int) -> dict[int, int]:
        """Who was forgotten, with those after a change; snapshots that hold the same mapping pass over later ones."""
        known.update(self._database.run("SELECT template_id, change_id FROM tombstone WHERE change_id > ?", (since,)))
        return known
