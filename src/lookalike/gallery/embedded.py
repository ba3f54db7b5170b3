"""The embedded gallery: one directory, SQLite as the source of truth, an index that follows it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, get_args

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.array_input import as_array
from lookalike.counted_nouns import how_many
from lookalike.distances import MetricName
from lookalike.errors import (
    ArtefactError,
    InputError,
    LookalikeError,
    StorageError,
    UnknownIdentityError,
    VectorError,
)
from lookalike.gallery import enrolment, kept_pictures
from lookalike.gallery.annex import Annex, AnnexFolder, MakeAnnex
from lookalike.gallery.database import Database
from lookalike.gallery.gallery import Candidate, Counts, Identity, Kind, Model, Searched, Template
from lookalike.gallery.held_model import check_model, held_model, same_model
from lookalike.gallery.identity_search import nearest_identities
from lookalike.gallery.kind import checked_kind, held_kind, migrate, settle
from lookalike.gallery.live_index import LiveIndex, vector_from
from lookalike.gallery.model_upgrade import ModelUpgrade
from lookalike.gallery.segment_builder import SegmentBuilder
from lookalike.gallery.segments import SegmentFolder
from lookalike.gallery.sources import readable
from lookalike.identity_names import checked_name
from lookalike.index.core.checks import checked_k, checked_vectors

__all__ = ["EmbeddedGallery"]

_log = logging.getLogger(__name__)
_Found = TypeVar("_Found")


class EmbeddedGallery:
    """A gallery in a directory of this machine; see `Gallery` for the methods.

    Several processes may use one gallery: one enrolls, the others see it in their next search. Several threads may
    share one object: searches run at the same time, writers take turns, and neither waits for the other.

    A forgotten vector is overwritten in the database file and in the segments, and gone from the log and from the
    annex when `forget` returns. What stays: the template's id and the time, so that other processes can follow; bytes
    in blocks the file system has freed, in its snapshots and in your backups; and the memory of processes that hold it
    among the templates that no segment holds yet, until these become a segment or the process ends.

    Args:
        path: the directory, by custom `NAME.gallery`.
        create: make it when it is not there.
        timeout: seconds to wait for another process's lock.
        kind: what it must hold, as `open_gallery`.

    Raises:
        ArtefactError: missing (with `create=False`), damaged, not a gallery, or of a newer version.
        InputError: it holds the other kind.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> with EmbeddedGallery(tmp / "people.gallery") as gallery:    # doctest: +SKIP
        ...     gallery.bind("3f2a", "arcface", "cosine", 2)
        ...     gallery.enroll("Ada", [1.0, 0.0])
        ...     gallery.search([0.9, 0.1], k=1)[0][0].identity
        'Ada'
    """

    def __init__(self, path: str | Path, create: bool = True, timeout: float = 30.0, kind: Kind | None = None) -> None:
        self.path = Path(path)
        self._database = Database(self.path, create, timeout)
        self._segments = SegmentFolder(self._database)
        self._live = LiveIndex(self._database, self._segments)
        self._builder = SegmentBuilder(self._database, self._segments, lambda: self._live.damaged)
        self._annexes = AnnexFolder(self._database)
        self._model: Model | None = None  # whose vectors come in and go out: the caller's
        self._seen_model: tuple[int, Model] | None = None  # the gallery's, after a change
        self._kind: Kind | None = None
        self._counted: Counts | None = None
        self._tidy_annex()
        migrate(self._database)
        # A process killed between the commit of a `forget` and its scrubbing left old bytes in the log, in a version
        # of the annex, or in a segment.
        try:
            change = self.change
            if self._database.scrub(wait=False):
                self._segments.recover(change)
        except StorageError as error:  # a full or read-only disk; reading must go on
            _log.warning("what was forgotten from %s was not overwritten everywhere: %s", self.path, error)
        if kind is not None:
            try:
                self._expect(checked_kind(kind), store=create)
            except BaseException:
                self._database.close()
                raise

    def _tidy_annex(self) -> None:
        if not self._annexes.stale():
            return
        try:
            with self._database.write("tidied", wait=False):
                self._annexes.sweep()
        except StorageError as error:  # somebody is just writing a version, or the disk is read-only
            _log.info("older versions of what %s keeps of landmarks stay: %s", self.path, error)

    # --- the model ----------------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The model the gallery belongs to; None until the first `bind`."""
        with self._database.read("read"):
            return self._held_model(self._database.latest_change())

    def _held_model(self, change: int) -> Model | None:
        """The model of the state that the transaction sees, after this change."""
        seen = self._seen_model
        if seen is not None and seen[0] == change:
            return seen[1]
        held = held_model(self._database)
        if held is not None:
            self._seen_model = change, held
        return held

    def _checked_model(self, change: int) -> Model | None:
        """The same; refused where an upgrade has put another in the place of the one that the caller uses."""
        held = self._held_model(change)
        if held is not None:
            if self._model is None:
                self._model = held
            elif held is not self._model and not same_model(held, self._model):
                check_model(self._database, held, self._model)
        return held

    def bind(self, fingerprint: str, model_name: str, metric: MetricName, dimension: int) -> None:
        """Tie the gallery to a model at first use; afterwards make sure that it is this one. See `Gallery.bind`."""
        if not fingerprint or metric not in get_args(MetricName) or dimension < 1:
            raise InputError(
                f"fingerprint {fingerprint!r}, metric {metric!r}, dimension {dimension}: give a model's fingerprint, "
                f"one of {', '.join(get_args(MetricName))}, and at least 1 dimension"
            )
        given = Model(fingerprint, model_name, metric, dimension)
        if self.model is None:
            with self._database.write("bound to a model"):
                self._database.run(
                    "INSERT INTO model VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (fingerprint, model_name, metric, dimension),
                )
        with self._database.read("read"):
            check_model(self._database, self._held_model(self._database.latest_change()), given)
        self._model = given

    # --- the kind -----------------------------------------------------------------------------------------

    @property
    def kind(self) -> Kind | None:
        """What the gallery holds; None while nobody was enrolled and no kind was asked for."""
        if self._kind is None:
            with self._database.read("read"):
                self._kind = held_kind(self._database)
        return self._kind

    def settle_kind(self, kind: Kind) -> None:
        """Say what the gallery holds; afterwards make sure that it is this. See `Gallery.settle_kind`."""
        self._expect(checked_kind(kind), store=True)

    def _expect(self, kind: Kind, store: bool) -> None:
        held = self.kind
        if held != kind and (held is not None or store):
            with self._database.write("written"):
                settle(self._database, kind)

    # --- writing ------------------------------------------------------------------------------------------

    def enroll(
        self,
        identity: str,
        vectors: npt.ArrayLike,
        sources: Sequence[str] | None = None,
        *,
        pictures: Sequence[bytes | None] | None = None,
    ) -> list[int]:
        """Add templates to an identity; all of them, on the disk, or none. See `Gallery.enroll`.

        Args:
            identity: its name.
            vectors: `(m, d)` or `(d,)` real numbers.
            sources: one text per vector; by default empty.
            pictures: to be kept with the templates, one per vector or None, as `kept_pictures.encoded` returns them.
        """
        row = self._ready(identity, vectors, sources)
        unsettled = self.kind is None
        with self._database.write("written"):
            self._checked_model(self._database.latest_change())
            if pictures is not None or (unsettled and held_kind(self._database) is None):
                settle(self._database, "people")
            ids = enrolment.store(self._database, *row, change=None)[0]
            if pictures is not None:
                kept_pictures.keep(self._database, ids, pictures)
        self._grown()
        return ids

    def enroll_many(
        self,
        people: Iterable[tuple[str, npt.ArrayLike, Sequence[str] | None]],
        replace: bool = False,
        annex: MakeAnnex | None = None,
        since: int | None = None,
        wait: bool = True,
    ) -> dict[str, list[int]]:
        """Enroll many identities in one transaction: all of them, on the disk, or none. See `Gallery.enroll_many`."""
        rows = [self._ready(*one) for one in people]
        if len({name for name, _, _ in rows}) != len(rows):
            raise InputError("an identity is given twice; give each once, with all its vectors")
        database, dropped = self._database, 0
        stored: dict[str, list[int]] = {}
        with database.write("written", wait):
            if since is not None and since != database.latest_change():
                raise StorageError(f"{self.path} was changed by another program meanwhile; enroll once more")
            if annex is not None or held_kind(database) is None:
                settle(database, "people" if annex is None else "landmarks")
            self._checked_model(database.latest_change())
            change = None if annex is None else enrolment.new_change(database)
            for name, vectors, texts in rows:
                stored[name], change = enrolment.store(database, name, vectors, texts, change)
                if replace:
                    gone, change = enrolment.drop_others(database, name, stored[name], change)
                    dropped += gone
            if annex is not None and change is not None:
                self._annexes.write(annex(stored), change, self._bound().fingerprint)
        self._tidy("the identities are enrolled", forgotten=dropped > 0)
        self._grown()
        return stored

    def _grown(self) -> None:
        """Have segments built where it pays."""
        snapshot = self._live.snapshot
        unbuilt = self.counts().templates if snapshot is None else snapshot.unbuilt
        if unbuilt > lookalike.index.AUTO_EXACT_LIMIT:
            model = self.model
            if model is not None:
                self._builder.begin(model)

    def _ready(
        self, identity: str, vectors: npt.ArrayLike, sources: Sequence[str] | None
    ) -> tuple[str, npt.NDArray[np.float32], list[str]]:
        """What is to be enrolled, checked."""
        name, model = checked_name(identity), self._bound()
        ready = self._checked(vectors, model, "vectors", allow_none=False)
        if isinstance(sources, str) or (sources is not None and len(sources) != len(ready)):
            count = "one text" if isinstance(sources, str) else f"{len(sources)} sources"
            raise VectorError(f"{count} given for {len(ready)} vectors; give a list with one source per vector")
        return name, ready, [""] * len(ready) if sources is None else [readable(source) for source in sources]

    def forget(self, identity: str) -> int:
        """Delete an identity, its name and its vectors for good. See `Gallery.forget`."""
        name, database = checked_name(identity), self._database
        model = self._bound()
        with database.write("written"):
            row = database.one("SELECT id FROM identity WHERE name = ?", (name,))
            if row is None:
                raise UnknownIdentityError(f"{name!r} is not in {self.path}; `people` lists who is")
            change = enrolment.new_change(database)
            deleted = enrolment.drop_identity(database, row[0], change)
            held = self._annexes.current(model.fingerprint)
            if held is not None:
                self._annexes.write(held.without(name), change, model.fingerprint, held.covers)
        self._tidy(f"{name!r} is forgotten and will not be found")
        return deleted

    def _tidy(self, done: str, forgotten: bool = True) -> None:
        """Delete from the disk what the last transaction replaced."""
        try:
            if self._annexes.there:
                with self._database.write("tidied"):
                    self._annexes.sweep()
            if not forgotten:
                return
            emptied = self.scrub()
        except StorageError as error:
            raise StorageError(f"{done}, but old bytes are still on the disk: {error}") from error
        if not emptied:
            raise StorageError(
                f"{done}, but another program kept reading {self.path} for {self._database.timeout:g} s, so old bytes "
                "are still in its log and its segments; call scrub() when it has ended"
            )

    def scrub(self) -> bool:
        """Overwrite what was forgotten, in the log and the segments; False when somebody kept reading it too long."""
        # Once the log was emptied, nobody searches a state from before any more, and segments may be overwritten.
        change = self.change
        if not self._database.scrub():
            return False
        self._segments.scrub(change)
        return True

    # --- another model ------------------------------------------------------------------------------------

    @property
    def upgrade(self) -> ModelUpgrade:
        """The change of its model: see `ModelUpgrade`."""
        return ModelUpgrade(self._database, self._segments, self.scrub)

    # --- the annex ----------------------------------------------------------------------------------------

    @property
    def change(self) -> int:
        """The number of the last change; another number tells that somebody enrolled or forgot."""
        with self._database.read("read"):
            return self._database.latest_change()

    def annex(self) -> Annex | None:
        """What is kept beside the templates, as it is now; None where nothing is. See `Gallery.annex`."""
        return self._annexed(lambda held: held)

    def uncovered(self) -> list[str]:
        """Identities with templates that the annex was not made for, by name; all, where there is no annex."""

        def names(held: Annex | None) -> list[str]:
            rows = self._database.run(
                "SELECT DISTINCT name FROM template JOIN identity ON identity.id = identity_id "
                "WHERE change_id > ? ORDER BY name",
                (-1 if held is None else held.covers,),
            )
            return [row[0] for row in rows]

        return self._annexed(names)

    def _annexed(self, read: Callable[[Annex | None], _Found]) -> _Found:
        """Read from the annex and from the database as they are at one moment."""
        failed: Path | None = None
        while True:
            with self._database.read("read"):
                path = self._annexes.newest()
                try:
                    held = None if path is None else self._annexes.current(self._bound().fingerprint)
                except ArtefactError:
                    # Another process may have replaced the version after this transaction began; then the next
                    # transaction sees another one.
                    if path == failed:
                        raise
                    failed = path
                    continue
                return read(held)

    # --- reading ------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of all identities, in order. See `Gallery.names`."""
        with self._database.read("read"):
            return [row[0] for row in self._database.run("SELECT name FROM identity ORDER BY name")]

    def people(self) -> list[Identity]:
        """All identities, by name."""
        with self._database.read("read"):
            rows = self._database.run(
                "SELECT name, (SELECT count(*) FROM template WHERE identity_id = identity.id), created_at "
                "FROM identity ORDER BY name"
            )
            return [Identity(*row) for row in rows]

    def templates(self, identity: str | None = None) -> list[Template]:
        """Templates of one identity, or of all, in order of enrolment. See `Gallery.templates`."""
        select = (
            "SELECT template.id, name, vector, source, enrolled_at FROM template "
            "JOIN identity ON identity.id = identity_id {} ORDER BY template.id"
        )
        with self._database.read("read"):
            if identity is None:
                rows = self._database.run(select.format("")).fetchall()
            else:
                name = checked_name(identity)
                rows = self._database.run(select.format("WHERE name = ?"), (name,)).fetchall()
                if not rows:
                    raise UnknownIdentityError(f"{name!r} is not in {self.path}; `people` lists who is")
            model = held_model(self._database)
        dimension = 0 if model is None else model.dimension
        return [Template(row[0], row[1], vector_from(row[2], dimension, row[0]), row[3], row[4]) for row in rows]

    def search(self, vectors: npt.ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """The `k` nearest identities of every probe, each by its best template. See `Gallery.search`."""
        return self.search_counted(vectors, k).candidates

    def search_counted(self, vectors: npt.ArrayLike, k: int = 5) -> Searched:
        """The same, with the size of what was searched. See `Gallery.search_counted`."""
        wanted, database = checked_k(k), self._database
        probes = self._checked(vectors, self._model or self.model, "probes", allow_none=True)
        nobody: list[list[Candidate]] = [[] for _ in probes]
        while True:
            # One transaction for templates, names and counts: a template found is a template named and counted,
            # whatever others do meanwhile.
            with database.read("searched"):
                counts = self._counts()
                model = self._checked_model(counts.change)
                if model is None or not counts.identities:
                    return Searched(nobody, counts)
                snapshot = self._live.at(model, counts.change, counts.templates)
                if snapshot is not None:
                    found = nearest_identities(database, snapshot, probes, wanted, counts.identities)
                    break
        self._grown()
        return Searched(found, counts)

    def counts(self) -> Counts:
        """How large the gallery is now. See `Gallery.counts`."""
        with self._database.read("read"):
            return self._counts()

    def _counts(self) -> Counts:
        """Call inside `read`; counts of the state that the transaction sees."""
        one, change, held = self._database.one, self._database.latest_change(), self._counted
        if held is None or held.change != change:
            if self._database.version() >= 3:
                identities, templates = one("SELECT identities, templates FROM tally")
            else:  # a disk that cannot be written to
                identities, templates = (one(f"SELECT count(*) FROM {table}")[0] for table in ("identity", "template"))
            self._counted = held = Counts(identities, templates, change)
        return held

    def stats(self) -> dict[str, Any]:
        """Counts, model, bytes on disk and the index (None before the first search), ready for JSON."""
        with self._database.read("read"):
            one, model, counts = self._database.one, self.model, self._counts()
            return {
                "path": str(self.path),
                "format_version": self._database.version(),
                "kind": held_kind(self._database),
                "identities": counts.identities,
                "templates": counts.templates,
                "forgotten_templates": one("SELECT count(*) FROM tombstone")[0],
                "bytes_on_disk": _bytes_below(self.path),
                "model": None if model is None else model.__dict__.copy(),
                "index": self._live.stats(),
            }

    def __len__(self) -> int:
        return self.counts().identities

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.path)!r}: {self._contents()}>"

    def _contents(self) -> str:
        """What `repr` says of it; one that is closed or damaged is shown as well."""
        if self._database.closed:
            return "closed"
        try:
            counts, model, kind = self.counts(), self.model, self.kind
        except LookalikeError as error:
            return str(error)
        if model is None or kind is None:
            return "empty"
        nouns = ("place", None, "centroid") if kind == "landmarks" else ("person", "people", "template")
        held = f"{how_many(counts.identities, nouns[0], nouns[1])}, {how_many(counts.templates, nouns[2])}"
        return f"{held}, of model {model.name!r}"

    # --- ends ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of files; a second call does nothing."""
        self._builder.end()  # not under the lock, for which it may be waiting
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bound(self) -> Model:
        """The caller's model, or the gallery's where the caller named none."""
        model = self._model or self.model
        if model is None:
            raise InputError(
                f"{self.path} belongs to no model yet; call bind(fingerprint, model_name, metric, dimension)"
            )
        return model

    @staticmethod
    def _checked(vectors: Any, model: Model | None, name: str, allow_none: bool) -> npt.NDArray[np.float32]:
        given = as_array(vectors, name)
        one = given[None, :] if given.ndim == 1 else given
        ready = checked_vectors(one, model.dimension if model else None, name, allow_none)
        if model is not None and model.metric == "cosine" and not ready.any(axis=1).all():
            row = int(np.flatnonzero(~ready.any(axis=1))[0])
            raise VectorError(f"{name}[{row}] is all zeros; it has no direction, embed the picture again")
        return ready


def _bytes_below(folder: Path) -> int:
    """Of all files; another process may delete some while we look, caches for example, which then count nothing."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(parent, name).lstat().st_size
    return size
