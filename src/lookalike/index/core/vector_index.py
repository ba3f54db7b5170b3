"""The protocol of every index: add, remove, search, save; 64-bit ids of the caller's, distances of our convention."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache, partial
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError
from lookalike.index.core.allowed import Allowed
from lookalike.index.core.artefact import save
from lookalike.index.core.checks import checked_ids, checked_k, checked_vectors
from lookalike.index.core.filtered_search import COMPACTION_DUE, FilteredSearch
from lookalike.index.core.hits import Floats, Found, Hits, Positions
from lookalike.index.core.ids import IdMap
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.core.one_query import FindOne, OneQuery, general, one_query
from lookalike.index.core.recoverable_changes import RecoverableChanges, Undisturbed
from lookalike.index.core.subset import Subset

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.kind import SearchSettings
    from lookalike.index.spec import IndexSpec

__all__ = ["VectorIndex"]


#: A query is first searched as if there were no tombstones where fewer than one answer in so many would hold one.
_TOMBSTONES_IN_REACH = 10


class _Usual(NamedTuple):
    """A prepared search, and its settings: no others have their `id` while they are kept."""

    answer: OneQuery
    settings: SearchSettings


class VectorIndex(FilteredSearch):
    """A searchable set of vectors under 64-bit ids.

    This class checks input, translates ids, brings vectors into the space its engine searches (`metric_space`),
    keeps tombstones, filters and locks; a kind implements the `_` methods at the end over positions 0, 1, 2, ...

    A search takes one of two paths. The general one (`_hits`) does all that a search may ask for. The usual one
    (`one_query`), for one query where nothing is in the way, is prepared once and adds little to the engine's own call;
    what it cannot answer, the general path does. Both give the same answers.

    Any number of threads may search, add and remove at once. A search sees each vector of an addition as it goes in;
    once `remove` has returned, no search that starts finds what it removed.

    An error or a signal (Ctrl-C) in the middle of a change leaves the state before it or the one after it
    (`recoverable_changes`).

    Args:
        spec: what the index is.
        covariance: of the vectors; needed by the Mahalanobis metric, and by no other.
    """

    #: Whether the engine takes further vectors itself; else they wait in a tail, and are compared one by one.
    grows = True

    #: Vectors put in under one write lock: where adding is slow, searches get their turn between two slices.
    _slice = 1 << 20

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        self._take(spec)
        self._space = MetricSpace(spec.metric, spec.dimension, covariance)
        self._ids = IdMap()
        self._changes = RecoverableChanges()
        self._mapped = False
        self._tuned: dict[str, Any] = {}

    # --- what it is ---------------------------------------------------------------------------------------

    @property
    def spec(self) -> IndexSpec:
        """Kind, metric, dimension, fingerprint, build and search settings."""
        return self._spec

    @property
    def kind(self) -> str:
        """For example `"exact"`."""
        return self._spec.kind

    @property
    def metric(self) -> str:
        """One of `lookalike.index.core.kind.IndexMetric`."""
        return self._spec.metric

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._spec.dimension

    @property
    def fingerprint(self) -> str:
        """Of the model that made the vectors; empty when unknown."""
        return self._spec.fingerprint

    @property
    def covariance(self) -> Covariance | None:
        """What the Mahalanobis metric whitens with; None under other metrics."""
        return self._space.covariance

    @property
    def tuned(self) -> dict[str, Any]:
        """What `tune_index` promised and measured when it chose this index; empty where it did not."""
        return dict(self._tuned)

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """`(n,)` the live ids, in the order they were added."""
        return self._changes.read(lambda: self._ids.ids[self._ids.live_mask])

    def __len__(self) -> int:
        return self._changes.read(lambda: self._ids.live)

    def __repr__(self) -> str:
        held = how_many(len(self), "vector")
        return f"<{type(self).__name__} {self.kind!r}: {held} of {self.dimension} dimensions, {self.metric}>"

    def __contains__(self, item: object) -> bool:
        if isinstance(item, bool) or not isinstance(item, int | np.integer) or not -(2**63) <= item < 2**63:
            return False
        return self._changes.read(lambda: bool(self._ids.find(np.array([item], np.int64))[0] >= 0))

    def stats(self) -> dict[str, Any]:
        """Kind, metric, dimension, count, tombstones, bytes in memory, the settings and the tuning, ready for JSON."""
        return self._changes.read(self._stats)

    def _stats(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "metric": self.metric,
            "dimension": self.dimension,
            "count": self._ids.live,
            "tombstones": self._ids.size - self._ids.live,
            "bytes": int(self._bytes() + self._ids.bytes),
            "mapped": self._mapped,
            "fingerprint": self.fingerprint,
            "build": self._spec.build.model_dump(),
            "search": self._spec.search.model_dump(),
            "tuned": self.tuned,
        }

    # --- what it does -------------------------------------------------------------------------------------

    def search(
        self,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        among: npt.ArrayLike | Subset | None = None,
        counted: bool = False,
        **search_settings: Any,
    ) -> Hits:
        """Find the `k` nearest vectors of every query.

        Args:
            queries: `(q, d)` real numbers; for cosine any length but zero.
            k: how many, at least 1; where it exceeds the vectors there are, the rest is id -1, distance +inf.
            among: `(m,)` int64; only these ids are looked for (those that are not live are passed over). A
                `lookalike.index.Subset` of them where several searches look for the same.
            counted: tell `Hits.computed` of a single query, too, which takes some microseconds.
            **search_settings: of the kind, for this call only, for example ``ef_search=200``.

        Returns:
            `Hits`, nearest first; a removed vector is never among them.

        Raises:
            VectorError: queries of a wrong shape, dtype or dimension, NaN, infinite, or zero under cosine; k < 1.
            InputError: a search setting that the kind has not, or out of range.

        Example:
            >>> from lookalike.index import build_index
            >>> build_index([[0.0, 0.0], [3.0, 4.0]], "exact", metric="euclidean").search([[0.0, 0.0]], k=2).distances
            array([[0., 5.]], dtype=float32)
        """
        settings = self._asked(search_settings) if search_settings else self._settings
        if among is None and not counted and type(k) is int:
            usual = self._changes.prepared.get((get_ident(), k, id(settings))) or self._prepare(k, settings)
            hits = usual.answer(queries)
            if hits is not None:
                return hits
        wanted = checked_k(k)
        ready = self._space.queries(queries)
        return self._changes.read(self._hits, ready, wanted, settings, among)

    def _prepare(self, k: int, settings: SearchSettings) -> _Usual:
        """Prepare the usual path of the calling thread, for this k and these settings."""
        made = self._changes.prepare((get_ident(), k, id(settings)), partial(self._prepared, k, settings))
        return made or _Usual(general, settings)

    def _prepared(self, k: int, settings: SearchSettings, still: Undisturbed) -> _Usual:
        ids = self._ids
        dead = ids.size - ids.live
        if self.covariance is not None or not 0 < k <= ids.live or dead * k > ids.size // _TOMBSTONES_IN_REACH:
            return _Usual(general, settings)
        find = self._find_one(self._space.row, k, settings)
        return _Usual(one_query(self._space, k, find, ids, still), settings)

    def _hits(self, queries: Floats, k: int, settings: SearchSettings, among: npt.ArrayLike | Subset | None) -> Hits:
        ids = self._ids
        if among is None and ids.live == ids.size >= k and len(queries):
            distances, positions, computed = self._whole(queries, k, settings)
            return Hits(ids.at(positions), distances, computed)
        return self._partial(queries, k, settings, among)

    def _whole(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        """Search all vectors, none of which is dead."""
        distances, positions, computed = self._search(queries, k, settings)
        if positions[0, -1] < 0 or (len(positions) > 1 and positions[:, -1].min() < 0):
            short = np.flatnonzero(positions[:, -1] < 0)  # the engine did not reach k
            distances[short], positions[short] = self._scan(queries[short], k, np.arange(self._ids.size))
            computed = None if computed is None else computed + len(short) * self._ids.size
        return distances, positions, computed

    def _partial(
        self, queries: Floats, wanted: int, settings: SearchSettings, among: npt.ArrayLike | Subset | None
    ) -> Hits:
        """Search where something is in the way: tombstones, a subset, fewer than k vectors, or no query at all."""
        allowed = self._allowed(among)
        found = min(wanted, allowed.count)
        ids = np.full((len(queries), wanted), -1, np.int64)
        distances = np.full((len(queries), wanted), np.inf, np.float32)
        computed: int | None = 0
        if len(queries) and found:
            if allowed.count == self._ids.size:
                distances[:, :found], positions, computed = self._whole(queries, found, settings)
            else:
                distances[:, :found], positions, computed = self._filtered(queries, found, allowed, settings)
            ids[:, :found] = self._ids.at(positions)
        return Hits(ids, distances, computed)

    def _allowed(self, among: npt.ArrayLike | Subset | None) -> Allowed:
        """Which positions may be found."""
        if among is None:
            return self._ids.live_positions
        if isinstance(among, Subset):
            return among.located(self._ids)
        positions = self._ids.find(checked_ids(among))
        return Allowed(self._ids.size, positions[positions >= 0])

    def add(self, vectors: npt.ArrayLike, ids: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
        """Add vectors under ids of the caller's; all or none.

        Args:
            vectors: `(n, d)` real numbers, at least one row.
            ids: `(n,)` int64, none of them live, any value but -1; by default those after the highest id ever used.

        Returns:
            `(n,)` the ids.

        Raises:
            VectorError: vectors or ids of a wrong shape, dtype or value; an id given twice or live already.
            InputError: the index was opened mapped, which is for searching and removing only.
        """
        ready = self._space.vectors(checked_vectors(vectors, self.dimension))
        with self._changes.turn:
            if self._mapped:
                raise InputError("this index was opened mapped, which adds nothing; load it without mapped=True")
            self._changes.recover()
            given = self._ids.fresh(len(ready)) if ids is None else checked_ids(ids, len(ready))
            self._ids.check_new(given)
            undo = partial(self._undo_add, self._ids)
            step = self._slice if self._ids.size else len(ready)  # in an empty index nobody searches
            try:
                for at in range(0, len(ready), step):
                    self._changes.step(partial(self._grow, ready[at : at + step], given[at : at + step]), undo)
                state = self._settled()
                if state is None:
                    self._changes.done()
                else:
                    self._changes.finish(partial(self._exchange, state, self._ids.renewed()))
            except BaseException:
                self._changes.recover()
                raise
        return given

    def _grow(self, vectors: Floats, ids: npt.NDArray[np.int64]) -> None:
        self._append(vectors)
        self._ids = self._ids.appended(ids)

    def _undo_add(self, before: IdMap) -> None:
        """Undo an addition, however far it got."""
        self._ids = before.renewed()  # the positions that are given up will be other vectors'
        left = self._truncate(before.size)
        if left:
            self._ids = before.renewed().with_dead(left)

    def remove(self, ids: npt.ArrayLike) -> int:
        """Remove vectors; the next search does not see them. Ids that are not live are passed over.

        Args:
            ids: `(n,)` int64.

        Returns:
            how many vectors were removed.
        """
        given = checked_ids(ids)
        with self._changes.turn:
            self._changes.recover()
            positions = self._ids.find(np.unique(given))
            positions = positions[positions >= 0]
            if len(positions):
                self._changes.finish(partial(self._bury, self._ids, positions))
        return len(positions)

    def _bury(self, before: IdMap, positions: Positions) -> None:
        self._ids = before.without(positions)
        self._discard()

    def configure(self, **search_settings: Any) -> None:
        """Change search settings, for example ``configure(ef_search=128)``; nothing is rebuilt."""
        with self._changes.turn:
            self._take(self._spec.with_search(**search_settings))

    def _take(self, spec: IndexSpec) -> None:
        self._spec, self._settings = spec, spec.search
        #: Gives one object for the settings of many calls: checking them takes longer than many a search.
        self._with_search = lru_cache(maxsize=64, typed=True)(spec.with_search)

    def _asked(self, search_settings: dict[str, Any]) -> SearchSettings:
        """The search settings of a call that changes some."""
        try:
            return self._with_search(**search_settings).search
        except TypeError:  # a list or the like, which no cache takes: the error says what was expected
            return self._spec.with_search(**search_settings).search

    def vectors_at(self, positions: Positions) -> Floats:
        """`(m, d)` float32, a copy of the vectors at these positions as they are kept, prepared for the metric."""
        return self._vectors_at(positions)

    def note_tuning(self, record: dict[str, Any]) -> None:
        """Keep what a tuner promised and measured; it is saved in `index.toml`."""
        with self._changes.turn:
            self._tuned = dict(record)

    def compact(self) -> int:
        """Rebuild from the live vectors where the engine keeps tombstones; searches go on meanwhile.

        Vectors that wait beside an engine which cannot take them go into it, too. Takes as long as a build, and the
        memory of a second index; `compaction_due` tells when it pays. Returns how many tombstones were dropped.
        """
        with self._changes.turn:
            self._changes.recover()
            dropped = self._ids.size - self._ids.live
            if dropped or (self._beside() and not self._mapped):
                if self._mapped:
                    raise InputError("this index was opened mapped and cannot be rebuilt; load it without mapped=True")
                state = self._rebuilt(np.flatnonzero(self._ids.live_mask))
                self._changes.finish(partial(self._exchange, state, self._ids.compacted()))
            return dropped

    def slowdown(self) -> float:
        """How much longer searches take for what `compact()` would put right: 0.3 for 30%; 0 where there is nothing.

        For tombstones an engine has to look at more vectors, and those that it has not taken in yet are compared one by
        one. An estimate, of a search of one query at the present settings; the first call times some, for some
        milliseconds. That a compacted index is also smaller is not counted.
        """
        return self._changes.read(self._slowdown)

    @property
    def compaction_due(self) -> bool:
        """Whether `slowdown()` is above a quarter: see "Removing and replacing" in `docs/indexes.md`."""
        return self.slowdown() > COMPACTION_DUE

    def _exchange(self, state: Any, ids: IdMap) -> None:
        self._adopt(state)
        self._ids = ids

    def save(self, path: str | Path) -> None:
        """Write the index as a directory, whole or not at all; what was at `path` before is kept until then.

        Raises:
            StorageError: the disk is full, read-only or failing.
            InputError: something that is not an index is at `path`.
        """
        with self._changes.turn:
            self._changes.recover()
            save(self, Path(path))

    # --- for saving and measuring ---------------------------------------------------------------------------

    @property
    def engine(self) -> Any:
        """The library's own index, for measurements; changing it breaks this one."""
        return self._engine()

    @property
    def space(self) -> MetricSpace:
        """How vectors are prepared for the engine."""
        return self._space

    @property
    def id_map(self) -> IdMap:
        """Positions and ids, for saving."""
        return self._ids

    def write_to(self, folder: NewIndexFolder) -> None:
        """Write the engine's files; for `artefact`."""
        self._write(folder)

    def restore(self, ids: IdMap, folder: IndexFolder, tuned: dict[str, Any]) -> None:
        """Take the ids and the engine's files; for `artefact`, on an index just made."""
        self._ids, self._tuned, self._mapped = ids, tuned, folder.mapped
        self._read(folder)

    # --- what a kind implements -----------------------------------------------------------------------------

    @abstractmethod
    def _engine(self) -> Any:
        """The library's own index; None where there is none yet."""

    @abstractmethod
    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        """The k nearest positions, dead ones included; k never exceeds the positions there are."""

    def _find_one(self, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        """A function that searches for the query in `row`, `(1, d)`, whatever stands there when it is called.

        Kinds override this where `_search` takes long beside their engine. The function is for the calling thread, and
        until the engine changes.
        """
        return lambda: (*self._search(row, k, settings), None)

    @abstractmethod
    def _vectors_at(self, positions: Positions) -> Floats:
        """`(m, d)` vectors as the engine holds them (prepared); a copy."""

    @abstractmethod
    def _append(self, vectors: Floats) -> None:
        """Put prepared vectors at the next positions; where it is interrupted, `_truncate` follows.

        Called with the write lock held; the ids follow when this succeeded.
        """

    @abstractmethod
    def _truncate(self, size: int) -> int:
        """Drop what the engine holds from position `size` on, after an addition that was interrupted anywhere.

        Called with the write lock held, and again where it was itself interrupted.

        Returns:
            how many positions from `size` on the engine cannot drop; they become tombstones.
        """

    def _settled(self) -> Any:
        """An engine to `_adopt`, where an addition has made one due, else None. Searches run meanwhile."""
        return None

    def _discard(self) -> None:
        """Some positions have just been marked dead. With the write lock held; called again where interrupted."""

    @abstractmethod
    def _rebuilt(self, positions: Positions) -> Any:
        """A new engine over the vectors at these positions, in their order. Searches run meanwhile."""

    @abstractmethod
    def _adopt(self, state: Any) -> None:
        """Take what `_rebuilt` made, by one assignment."""

    @abstractmethod
    def _bytes(self) -> int:
        """Memory the engine takes, in bytes, near enough; mapped files not counted."""

    @abstractmethod
    def _write(self, folder: NewIndexFolder) -> None:
        """Write the engine's files."""

    @abstractmethod
    def _read(self, folder: IndexFolder) -> None:
        """Read them again; raise `ArtefactError` where they do not hold `self._ids.size` vectors."""
