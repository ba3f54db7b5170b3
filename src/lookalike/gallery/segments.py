"""Segments: immutable indexes of a gallery's templates, in folders beside the database, which names those that count.

A segment holds the templates of a range of ids that were there when it was built. The ranges do not overlap; what no
segment holds is compared one by one. A folder is complete on the disk before the database names it, and is deleted
after the database no longer does, so that a killed process leaves a folder too many, never one too few. A segment that
is damaged is passed over, and its templates compared one by one, until it is built anew.

Who is forgotten is overwritten in the files at once: where all vectors are compared, by zeros; in a graph by the vector
of a neighbour, so that searches still pass through that place. `scrubbed` tells up to which change that is done; a
process killed in between leaves the rest to the next one that opens the gallery.
"""

from __future__ import annotations

import io
import logging
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.atomic_files import write_atomically
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.failpoints import reached
from lookalike.gallery.file_locks import locked
from lookalike.index.core.flat_vectors import merged
from lookalike.index.erasing import erase_vectors

if TYPE_CHECKING:
    from lookalike.gallery.database import Database
    from lookalike.gallery.records import Model
    from lookalike.index import Subset, VectorIndex
    from lookalike.index.graphs.small_world_graph import SmallWorldIndex

__all__ = ["Listed", "Segment", "SegmentFolder", "taken_in"]

_log = logging.getLogger(__name__)

FOLDER = "segments"
#: A segment is built again together with a new one that is not smaller than this part of it.
RATIO = 3
#: Files that are locked: by who builds segments and deletes their folders, and by who overwrites vectors in them.
BUILDING, ERASING = "building.lock", "erasing.lock"
#: In a segment's folder: number and token of the last change whose forgotten templates were overwritten.
_ERASED = "erased"
#: In the folder of a graph: positions of the templates that no search of it finds.
_UNREACHED = "unreached.npy"
#: In the folder of a segment that is not to be built again as another kind.
_SETTLED = "settled"
_GRAPHS = ("nsw", "hnsw")


@dataclass(frozen=True)
class Listed:
    """A row of the table `segment`.

    Attributes:
        name: of its folder.
        kind: of its index.
        first: the least id of a template that may be in it.
        last: the greatest.
        templates: how many are in it.
        change: what was forgotten up to it is not inside.
        scrubbed: what was forgotten up to it is overwritten.
    """

    name: str
    kind: str
    first: int
    last: int
    templates: int
    change: int
    scrubbed: int


@dataclass(frozen=True, eq=False)
class Segment:
    """An open segment.

    Attributes:
        listed: its row in the database.
        index: the index, mapped.
        ids: of all templates in it.
        unreached: those that no search of a graph finds, to be compared one by one; None where there are none.
    """

    listed: Listed
    index: VectorIndex
    ids: npt.NDArray[np.int64] = field(repr=False)
    unreached: VectorIndex | None = field(repr=False, default=None)

    def find(
        self, probes: npt.NDArray[np.float32], k: int, among: Subset | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """`(q, k)` ids and distances of the k nearest, whoever was forgotten; among some where these are given."""
        hits = self.index.search(probes, k, among=among)
        if self.unreached is None:
            return hits.ids, hits.distances
        ids = self.unreached.ids
        wanted = ids if among is None else ids[np.isin(ids, among.ids)]
        if not len(wanted):
            return hits.ids, hits.distances
        found = self.unreached.search(probes, min(k, len(wanted)), among=None if among is None else wanted)
        # Where a link from above led to one of them after all, it is there twice.
        own = np.where(np.isin(hits.ids, found.ids), np.inf, hits.distances)
        distances, ids = merged((own, hits.ids), (found.distances, found.ids), k)
        return ids, distances


def taken_in(sizes: Sequence[int], settled: Sequence[bool], new: int = 0) -> int:
    """How many of the last segments become one with what is new: all that are not settled, and those not much larger.

    So there are few, of growing size, and a template is built in again only as often as the gallery grows by `RATIO`.

    Args:
        sizes: of the segments, by ids.
        settled: whether each is what it stays; one that is not is taken in whatever its size.
        new: templates that are in none.

    Example:
        >>> taken_in([900, 100, 40], [True, True, True], new=50)
        2
    """
    taken, together = 0, new
    for size, stays in zip(reversed(sizes), reversed(settled), strict=True):
        if stays and size > RATIO * together:
            break
        taken, together = taken + 1, together + size
    return taken


class SegmentFolder:
    """The segments of one gallery on the disk.

    Args:
        database: of the gallery.
    """

    def __init__(self, database: Database) -> None:
        self._database, self.folder = database, database.folder / FOLDER

    # --- reading ------------------------------------------------------------------------------------------

    def listed(self) -> list[Listed]:
        """Those that count, by ids; call inside a transaction."""
        if self._database.version() < 3:
            return []
        rows = self._database.run(
            "SELECT name, kind, first, last, templates, change_id, scrubbed FROM segment ORDER BY first"
        )
        return [Listed(*row) for row in rows.fetchall()]

    def opened(self, listed: Listed, model: Model) -> Segment:
        """Map a segment into memory.

        Raises:
            ArtefactError: it is damaged, missing, of another model, or lacks who was forgotten in a history that a
                restored database does not have.
        """
        try:
            index = lookalike.index.load_index(self.folder / listed.name, mapped=True)
        except StorageError as error:
            raise ArtefactError(str(error)) from error
        if (index.fingerprint, index.metric, index.dimension) != (model.fingerprint, model.metric, model.dimension):
            raise ArtefactError(f"{self.folder / listed.name} is of another model")
        ids = np.asarray(index.id_map.ids)
        if len(ids) != listed.templates or ids[0] < listed.first or ids[-1] > listed.last or (np.diff(ids) <= 0).any():
            raise ArtefactError(f"{self.folder / listed.name} does not hold the templates that it should")
        if not self._of_this_history(listed.name):
            raise ArtefactError(f"{self.folder / listed.name} lacks templates that a restored database has again")
        return Segment(listed, index, ids, self._unreached(listed.name, index))

    def _unreached(self, name: str, index: VectorIndex) -> VectorIndex | None:
        """What is compared one by one beside a graph."""
        if index.kind not in _GRAPHS:
            return None
        graph: SmallWorldIndex = index  # type: ignore[assignment]  # importing it to ask would take time
        try:
            positions = np.load(self.folder / name / _UNREACHED, allow_pickle=False)
            vectors, ids = graph.vectors_at(positions), np.asarray(index.id_map.ids)[positions]
        except (OSError, ValueError, LookupError) as error:
            raise ArtefactError(f"{self.folder / name / _UNREACHED} is damaged: {error}") from error
        return lookalike.index.build_index(vectors, "exact", index.metric, ids=ids) if len(ids) else None

    def _of_this_history(self, name: str) -> bool:
        try:
            change, token = (self.folder / name / _ERASED).read_text("ascii").split()
            row = self._database.one("SELECT hex(token) FROM change WHERE id = ?", (int(change),))
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        return row is not None and row[0] == token

    # --- writing ------------------------------------------------------------------------------------------

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else builds or deletes folders, in this process or another; held until the end."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with locked(self.folder / BUILDING, seconds=0) as alone:  # on Windows two may build the same
            yield alone

    def settled(self, listed: Listed) -> bool:
        """Whether a segment is what it stays; versions before this one settled on graphs alone."""
        return listed.kind in _GRAPHS or (self.folder / listed.name / _SETTLED).exists()

    def write(self, index: VectorIndex, settled: bool = False) -> str:
        """Put an index on the disk, whole.

        Args:
            index: of the templates.
            settled: whether the segment stays of this kind.

        Returns:
            the name of its folder, which counts once `put` names it.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        name = secrets.token_hex(8)
        index.save(self.folder / name)
        if index.kind in _GRAPHS:
            graph: SmallWorldIndex = index  # type: ignore[assignment]
            array = io.BytesIO()
            np.save(array, graph.unreached(), allow_pickle=False)
            write_atomically(self.folder / name / _UNREACHED, array.getvalue())
        if settled:
            write_atomically(self.folder / name / _SETTLED, b"")
        reached("segment written")
        return name

    def put(self, new: Listed, instead_of: Sequence[str]) -> None:
        """Let a segment count, instead of others; call inside a writing transaction."""
        self.drop(instead_of)
        self._database.run("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(new))

    def drop(self, names: Sequence[str]) -> None:
        """Let segments count no more; call inside a writing transaction."""
        for name in names:
            self._database.run("DELETE FROM segment WHERE name = ?", (name,))
            self._database.run("UPDATE tally SET layout = layout + 1")

    def sweep(self) -> None:
        """Delete folders that do not count; call while `alone`, inside a transaction.

        Raises:
            StorageError: one could not be deleted.
        """
        named = {BUILDING, ERASING, *(one.name for one in self.listed())}
        for path in self.folder.iterdir():
            if path.name in named:
                continue
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError(
                    f"{path} could not be deleted: {error.strerror or error}; delete it by hand, nothing reads it"
                ) from error

    def recover(self, change: int) -> None:
        """Finish what a killed process left: overwrite who was forgotten, delete what does not count.

        Args:
            change: as of `scrub`.

        Raises:
            StorageError: the disk is full, read-only or failing.
        """
        self.scrub(change)
        if self.folder.is_dir():
            with self.alone() as alone, self._database.read("read"):
                if alone:
                    self.sweep()
        for old in (*self._database.folder.glob("cache-*"), *self._database.folder.glob(".cache-*")):
            shutil.rmtree(old, ignore_errors=True)  # of format version 2

    # --- forgetting ---------------------------------------------------------------------------------------

    def scrub(self, change: int) -> None:
        """Overwrite, in every segment, what was forgotten up to a change; on the disk when it returns.

        Args:
            change: one that nobody searches a state from before any more: a search that is under way would find
                somebody else's vector under the name of who is forgotten.

        Raises:
            StorageError: the disk is read-only or failing.
        """
        if not self.folder.is_dir():
            return
        # Two who erase at once could put back into one place what the other takes out of another.
        with self._database.lock, locked(self.folder / ERASING):
            with self._database.read("read"):
                token = self._database.one("SELECT hex(token) FROM change WHERE id = ?", (change,))
                behind = [one for one in self.listed() if one.scrubbed < change]
                gone = {one.name: self.forgotten(one.first, one.last, one.change) for one in behind}
            for one in behind:
                new = [template for template, when in gone[one.name] if one.scrubbed < when <= change]
                if new:
                    earlier = [template for template, when in gone[one.name] if when <= one.scrubbed]
                    self._erase(one.name, new, earlier, f"{change} {token[0]}")
                    reached("vectors of a segment erased")
            if any(gone.values()):
                with self._database.write("scrubbed"):
                    for one in behind:
                        self._database.run("UPDATE segment SET scrubbed = ? WHERE name = ?", (change, one.name))

    def forgotten(self, first: int, last: int, since: int) -> list[tuple[int, int]]:
        """Which templates of a range of ids were forgotten after a change, and at which; call inside a transaction."""
        return self._database.run(
            "SELECT template_id, change_id FROM tombstone WHERE change_id > ? AND template_id BETWEEN ? AND ?",
            (since, first, last),
        ).fetchall()

    def _erase(self, name: str, templates: Sequence[int], earlier: Sequence[int], change: str) -> None:
        folder = self.folder / name
        try:
            if folder.is_dir():
                write_atomically(folder / _ERASED, change.encode("ascii"))
            erase_vectors(folder, templates, earlier)
        except ArtefactError as error:
            _log.info("a damaged segment is deleted when it is built again: %s", error)
        except StorageError:
            with self._database.read("read"):
                if any(one.name == name for one in self.listed()):
                    raise
            # It was replaced meanwhile by another, which does not hold them, and deleted.
