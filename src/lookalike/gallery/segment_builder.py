"""Builds a gallery's segments in the background, while everybody searches, enrolls and forgets.

Templates that no segment holds are read from the database and compared one by one. From `AUTO_EXACT_LIMIT` of them on
they become a segment in two steps. First a file of vectors, which takes seconds and is mapped into memory, so that the
next process opens at once; `end` does at least that. Then, in a process that lives long enough, a graph, or lists where
these answer sooner; with that the segment is settled. It takes in the segments before it that are not much larger
(`segments.taken_in`), so that there are few, of growing size (O'Neil et al., "The log-structured merge-tree", 1996).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.errors import LookalikeError, StorageError
from lookalike.gallery.background_builder import BackgroundBuilder
from lookalike.gallery.failpoints import reached
from lookalike.gallery.live_index import read_vectors
from lookalike.gallery.model_binding import held_model, same_model, switched_at
from lookalike.gallery.segment_search import QUERIES, RECALL, quickest, search_widely_enough
from lookalike.gallery.segments import Listed, SegmentFolder, taken_in
from lookalike.gallery.snapshot import LOST
from lookalike.index.core import prefix_index
from lookalike.index.erasing import erase_vectors
from lookalike.index.lists.coarse_lists import list_count

if TYPE_CHECKING:
    from lookalike.gallery.database import Database
    from lookalike.gallery.records import Model
    from lookalike.index import VectorIndex
    from lookalike.index.graphs.small_world_graph import SmallWorldIndex

__all__ = ["SegmentBuilder", "lists_of"]

_log = logging.getLogger(__name__)

#: What is written first: vectors that are compared one by one.
_FILE = "exact"
#: Of many templates there are soon lists, which are searched until their graph is there: of a million in half a minute,
#: where a graph takes half an hour.
_LISTS = "ivf"
_GRAPH = "hnsw"
#: What stays: the graph, or lists where these answer sooner.
_BEST = "best"
#: A graph of no more templates is built in half a minute, and needs no lists before.
_GRAPH_AT_ONCE = 100_000
#: More lists would find their centroids by codes, in which nothing can be overwritten.
_MOST_LISTS = 4096
#: Vectors that go into a graph before it is looked whether to stop.
_SLICE = 2000
#: Ids of the templates that are read in one transaction: a few hundredths of a second.
_READ = 5000


@dataclass(frozen=True)
class _Plan:
    """What to build, `exact`, `ivf` or `best`, of the templates of these ids, instead of these segments."""

    kind: str
    first: int
    last: int
    instead_of: tuple[str, ...]


class SegmentBuilder(BackgroundBuilder):
    """Builds what is due, in a thread of its own once `begin` was called.

    Args:
        database: of the gallery.
        folder: of its segments.
        damaged: names of segments that could not be opened.
    """

    def __init__(
        self,
        database: Database,
        folder: SegmentFolder,
        damaged: Callable[[], Collection[str]],
    ) -> None:
        super().__init__()
        self._database, self._folder, self._damaged = database, folder, damaged

    def end(self) -> None:
        """Stop; what was begun is given up. Templates that are in no file yet are put into one, in seconds."""
        super().end()
        if self._thread is None or self._model is None:
            return
        try:
            self.build_one(self._model, only_file=True)
        except LookalikeError as error:
            _log.warning("a segment was not written, its templates are read from the database: %s", error)

    def build_one(self, model: Model, only_file: bool = False) -> bool:
        """Build the segment that is due most; False where none is, another process builds, or the model is another now.

        Args:
            model: the gallery's.
            only_file: build no graph, whatever is due.

        Raises:
            StorageError: the disk is full, read-only or failing; all is as before.
        """
        if self._seen_due(model, only_file) is None:
            return False
        with self._folder.alone() as alone:
            due = self._seen_due(model, only_file) if alone else None
            if due is None:
                return False
            plan, change = due
            numbers, vectors = self._read(plan, model, stop=not only_file)
            index = self._built(plan, model, numbers, vectors, stop=not only_file) if len(numbers) else None
            if index is not None:
                self._put(plan, index, change)
            elif self._stop.is_set() and not only_file:
                return False
            else:  # all of these templates were forgotten
                self._put(plan, None, change)
            return True

    def _is_held(self, model: Model) -> bool:
        """Whether the gallery's vectors are of this model, in the state that the transaction sees."""
        held = held_model(self._database)
        return held is not None and same_model(held, model)

    def _seen_due(self, model: Model, only_file: bool) -> tuple[_Plan, int] | None:
        """What is due, and at which change."""
        with self._database.read("read"):
            if not self._is_held(model):
                return None
            plan, change = self._due(), self._database.latest_change()
        return None if plan is None or (only_file and plan.kind != _FILE) else (plan, change)

    def _due(self) -> _Plan | None:
        """Call inside a transaction."""
        limit = lookalike.index.AUTO_EXACT_LIMIT
        one, listed, damaged = self._database.one, self._folder.listed(), self._damaged()
        covered = max((segment.last for segment in listed), default=0)
        newest, waiting = one("SELECT coalesce(max(id), 0), count(*) FROM template WHERE id > ?", (covered,))
        if waiting > limit:
            return _Plan(_FILE, covered + 1, newest, ())
        gone = {one.name: len(self._folder.forgotten(one.first, one.last, one.change)) for one in listed}
        sizes = {segment.name: segment.templates - gone[segment.name] for segment in listed}
        settled = {segment.name for segment in listed if self._folder.settled(segment)}
        count = taken_in([sizes[one.name] for one in listed], [one.name in settled for one in listed])
        taken = listed[::-1][:count]
        files = list(itertools.takewhile(lambda segment: segment.kind == _FILE, taken))
        if sum(sizes[segment.name] for segment in files) > max(limit, _GRAPH_AT_ONCE):
            return _instead_of(files, _LISTS)
        if sum(sizes[segment.name] for segment in taken) > limit and any(one.name not in settled for one in taken):
            return _instead_of(taken, _BEST)
        for segment in listed:
            if segment.name in damaged or gone[segment.name] > LOST * segment.templates:
                many = _BEST if sizes[segment.name] <= _GRAPH_AT_ONCE else _LISTS
                return _instead_of([segment], many if sizes[segment.name] > limit else _FILE)
        return None

    def _read(self, plan: _Plan, model: Model, stop: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Ids and vectors of the templates that are left; none where it was stopped.

        In many short transactions: who forgets waits until nobody reads a state from before. Who is forgotten meanwhile
        may be among them, as who is forgotten while it is built.
        """
        parts = [(np.empty(0, np.int64), np.empty((0, model.dimension), np.float32))]
        for start in range(plan.first, plan.last + 1, _READ):
            ids = start, min(start + _READ - 1, plan.last)
            with self._database.read("read"):
                if not self._is_held(model) or (stop and self._stop.is_set()):
                    return parts[0]
                parts += read_vectors(self._database, model.dimension, "id BETWEEN ? AND ?", ids)
        return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])

    def _built(
        self,
        plan: _Plan,
        model: Model,
        numbers: npt.NDArray[np.int64],
        vectors: npt.NDArray[np.float32],
        stop: bool,
    ) -> VectorIndex | None:
        """The index of these templates; None where it was stopped."""
        if plan.kind == _BEST:
            return self._best(model, numbers, vectors, stop)
        if plan.kind == _FILE:
            return lookalike.index.build_index(vectors, _FILE, model.metric, ids=numbers, fingerprint=model.fingerprint)
        return lists_of(model, numbers, vectors)

    def _best(
        self, model: Model, numbers: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32], stop: bool
    ) -> VectorIndex | None:
        """A graph, or lists where these answer sooner or find more; None where it was stopped."""
        graph = self._graph(model, numbers, vectors, stop)
        if graph is None:
            return None
        index, found = graph
        if len(vectors) <= prefix_index.EXACT_BELOW:
            return index  # so few would be in no list
        lists = lists_of(model, numbers, vectors)
        return lists if found < RECALL else quickest([index, lists], vectors)

    def _graph(
        self, model: Model, numbers: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32], stop: bool
    ) -> tuple[VectorIndex, float] | None:
        """A graph, template by template, and which share of the nearest it finds; None where it was stopped."""
        # The last ones ask, before they go in, too: who is in a graph is found more easily.
        asking = min(QUERIES, len(vectors) // 10)
        ends = [*range(_SLICE, len(vectors) - asking, _SLICE), len(vectors) - asking]
        index = lookalike.index.build_index(
            vectors[: ends[0]], _GRAPH, model.metric, ids=numbers[: ends[0]], fingerprint=model.fingerprint
        )
        for start, end in itertools.pairwise(ends):
            if stop and self._stop.is_set():
                return None
            index.add(vectors[start:end], numbers[start:end])
        graph: SmallWorldIndex = index  # type: ignore[assignment]
        graph.even_links()
        found = 1.0
        if asking:
            found = search_widely_enough(index, numbers[: ends[-1]], vectors[: ends[-1]], vectors[ends[-1] :])
            index.add(vectors[ends[-1] :], numbers[ends[-1] :])
            graph.even_links()
        return index, found

    def _put(self, plan: _Plan, index: VectorIndex | None, change: int) -> None:
        """Let it count; who was forgotten while it was built is overwritten before. Without an index, none counts."""
        name = None if index is None else self._folder.write(index, settled=plan.kind == _BEST)
        with self._database.write("written"):
            held = {segment.name for segment in self._folder.listed()}
            latest = self._database.latest_change()
            if change < switched_at(self._database):
                pass  # what was read is of the model from before
            elif index is None or name is None:
                self._folder.drop(plan.instead_of)
            elif held.issuperset(plan.instead_of):
                gone = [template for template, _ in self._folder.forgotten(plan.first, plan.last, change)]
                if gone:
                    erase_vectors(self._folder.folder / name, gone)
                new = Listed(name, index.kind, plan.first, plan.last, len(index), change, latest)
                self._folder.put(new, plan.instead_of)
            reached("before commit of segment")
        reached("after commit of segment")
        try:
            with self._database.write("tidied"):
                self._folder.sweep()
            reached("segments swept")
        except StorageError as error:
            _log.warning("older segments stay on the disk: %s", error)


def lists_of(model: Model, numbers: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> VectorIndex:
    """An inverted file of templates, searched as widely as finds nearly all of the nearest."""
    lists = min(_MOST_LISTS, list_count(len(vectors)))
    index = lookalike.index.build_index(
        vectors, _LISTS, model.metric, ids=numbers, fingerprint=model.fingerprint, nlist=lists
    )
    found = search_widely_enough(index, numbers, vectors, asking=None)
    if found < RECALL:
        _log.warning("a segment finds %.1f%% of the nearest templates, not %.0f%%", 100 * found, 100 * RECALL)
    return index


def _instead_of(segments: list[Listed], kind: str) -> _Plan:
    """One segment instead of some that follow each other."""
    first, last = min(one.first for one in segments), max(one.last for one in segments)
    return _Plan(kind, first, last, tuple(one.name for one in segments))
