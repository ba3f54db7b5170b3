"""The index of an embedded gallery: a disposable cache that follows the database, change by change."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.database import Database
from lookalike.gallery.gallery import Model

if TYPE_CHECKING:
    from lookalike.index import VectorIndex

__all__ = ["IndexCache", "vector_from"]

_log = logging.getLogger(__name__)
#: Share of the nearest templates that a graph is to find. Who is missed here is missed, however good the model is.
_RECALL = 0.99
#: Candidates of a graph's search, at least: a small one needs fewer, and gains nothing by it.
_FEWEST_CANDIDATES = 64
_NAME = re.compile(r"cache-(\d+)-([0-9a-f]{16})\.index")


def vector_from(blob: bytes, dimension: int, template_id: int) -> npt.NDArray[np.float32]:
    """The `(dimension,)` float32 vector in a template's bytes; `ArtefactError` when they are too few or too many."""
    if len(blob) != 4 * dimension:
        raise ArtefactError(
            f"template {template_id} holds {len(blob)} bytes, {dimension} dimensions need {4 * dimension}: "
            "the gallery is damaged, restore it from a backup"
        )
    return np.frombuffer(blob, "<f4").astype(np.float32)


class IndexCache:
    """Holds the templates of a database in a `lookalike.index` and keeps up with the `change` table.

    An exact index is built from the database in a moment and never written. A graph takes minutes, so it is kept
    in the gallery's directory as `cache-<change>-<token>.index`; it is written and deleted only under the
    database's write lock, never with tombstones inside, and `drop_files` is part of every `forget`: a
    forgotten vector is on no disk. A cache that does not fit or is damaged is passed over and rebuilt.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._index: VectorIndex | None = None
        self._change = -1  # the last change inside; -1: not built yet
        self._saved = -1  # the change of the file on disk, if we know of one
        self._outgrown = False

    @property
    def index(self) -> VectorIndex | None:
        """The index; None while the gallery is empty or before the first search."""
        return self._index

    def prepare(self, model: Model) -> None:
        """Build the index when there is none, outside any transaction: it may take long."""
        if self._change >= 0 and not self._outgrown:
            return
        if self._change < 0 and self._load(model):
            return
        with self._database.read("read"):
            change = self._database.latest_change()
            rows = self._database.run("SELECT id, vector FROM template ORDER BY id").fetchall()
        self._index = self._built(rows, model)
        self._widen_search()
        self._change, self._outgrown = change, False
        self.save()

    def follow(self, model: Model, latest: int) -> VectorIndex | None:
        """Take in what changed up to `latest`, the last change that the transaction sees; call inside its `read`.

        An error or a signal in the middle does no harm: the next call takes in the same changes once more.
        """
        if latest != self._change:
            since = (self._change,)
            run = self._database.run
            gone = [row[0] for row in run("SELECT template_id FROM tombstone WHERE change_id > ?", since)]
            rows = run("SELECT id, vector FROM template WHERE change_id > ? ORDER BY id", since).fetchall()
            if self._index is None:
                self._index = self._built(rows, model)
            else:
                # New ones, too: where a call before was interrupted, they are in already.
                self._index.remove([*gone, *(row[0] for row in rows)])
                if rows:
                    self._index.add(*self._arrays(rows, model))
                if self._index.stats()["tombstones"] > len(self._index):
                    self._index.compact()
                self._widen_search()
            limit = lookalike.index.AUTO_EXACT_LIMIT
            self._outgrown = self._index is not None and self._index.kind == "exact" and len(self._index) > limit
            self._change = latest
        return self._index

    def _widen_search(self) -> None:
        """Let a graph consider as many candidates as its size needs: at the same number, a larger one finds fewer."""
        if self._index is None or self._index.kind != "hnsw" or not len(self._index):
            return
        from lookalike.index.planning.scaling import setting_for_recall

        build = self._index.spec.build.model_dump()
        wanted = max(_FEWEST_CANDIDATES, setting_for_recall("hnsw", len(self._index), _RECALL, build))
        if wanted != self._index.spec.search.model_dump()["ef_search"]:
            self._index.configure(ef_search=wanted)

    def save(self) -> None:
        """Write the graph beside the database, unless it is up to date, small, or holds tombstones."""
        index = self._index
        if index is None or index.kind == "exact" or self._saved == self._change or index.stats()["tombstones"]:
            return
        try:
            with self._database.write("cached", wait=False):
                row = self._database.one("SELECT id, token FROM change ORDER BY id DESC LIMIT 1")
                if row is None or row[0] != self._change:
                    return  # behind by now; the next one to build or close writes
                self.drop_files()
                index.save(self._database.folder / f"cache-{row[0]}-{row[1].hex()}.index")
                self._saved = self._change
        except StorageError as error:
            _log.warning("the index cache was not written, the next start takes longer: %s", error)

    def drop_files(self) -> None:
        """Delete the caches on disk, half-written ones of killed processes included."""
        for pattern in ("cache-*", ".cache-*"):
            for path in self._database.folder.glob(pattern):
                shutil.rmtree(path)

    def _arrays(
        self, rows: list[tuple[int, bytes]], model: Model
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        vectors = np.empty((len(rows), model.dimension), np.float32)
        for place, (template_id, blob) in enumerate(rows):
            vectors[place] = vector_from(blob, model.dimension, template_id)
        return vectors, np.array([row[0] for row in rows], np.int64)

    def _built(self, rows: list[tuple[int, bytes]], model: Model) -> VectorIndex | None:
        if not rows:
            return None
        vectors, ids = self._arrays(rows, model)
        # Not "auto", which may measure for minutes and choose an engine that cannot take one vector at a time.
        kind = "exact" if len(rows) <= lookalike.index.AUTO_EXACT_LIMIT else "hnsw"
        return lookalike.index.build_index(vectors, kind, model.metric, ids=ids, fingerprint=model.fingerprint)

    def _load(self, model: Model) -> bool:
        """Take the cache on disk, if there is one of this database's history."""
        for path, change in self._fitting():
            try:
                index = lookalike.index.load_index(path)
            except (ArtefactError, StorageError) as error:
                _log.warning("the index cache is passed over and built anew: %s", error)
                continue
            if (index.fingerprint, index.metric, index.dimension) == (model.fingerprint, model.metric, model.dimension):
                self._index, self._change, self._saved = index, change, change
                self._widen_search()
                return True
        return False

    def _fitting(self) -> list[tuple[Path, int]]:
        found = []
        with self._database.read("read"):
            for path in self._database.folder.glob("cache-*.index"):
                match = _NAME.fullmatch(path.name)
                if match and self._database.one(
                    "SELECT 1 FROM change WHERE id = ? AND token = ?", (int(match[1]), bytes.fromhex(match[2]))
                ):
                    found.append((path, int(match[1])))
        return sorted(found, key=lambda item: -item[1])
