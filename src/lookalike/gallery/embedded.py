"""The embedded gallery: one directory, SQLite as the source of truth, an index that follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

import lookalike.index
from lookalike.counted_nouns import how_many
from lookalike.distances import MetricName
from lookalike.errors import InputError, LookalikeError, StorageError
from lookalike.gallery import enrolled_keys, enrolment, forgetting, identity_acts, identity_reading, storing
from lookalike.gallery.actor import actor_name
from lookalike.gallery.annex.kept import Annex, MakeAnnexUpdate
from lookalike.gallery.annex.store import AnnexStore
from lookalike.gallery.audit import AuditLog, append, audited, held_policy, pseudonyms
from lookalike.gallery.background_builder import BackgroundBuilder
from lookalike.gallery.backup import back_up
from lookalike.gallery.database import Database
from lookalike.gallery.encrypted_opening import opened_database
from lookalike.gallery.failpoints import reached
from lookalike.gallery.filtered_search import FilterCache
from lookalike.gallery.gallery_stats import current_state, described, stats
from lookalike.gallery.identity_search import nearest_identities
from lookalike.gallery.identity_tags import checked_filter
from lookalike.gallery.kind import checked_kind, held_kind, settle, upgrade
from lookalike.gallery.live_index import LiveIndex
from lookalike.gallery.master_key import Key
from lookalike.gallery.memory_segments import MemorySegments
from lookalike.gallery.model_binding import check_held, check_model, held_model, same_model, store_model
from lookalike.gallery.model_upgrade import ModelUpgrade
from lookalike.gallery.moments import utc_moment
from lookalike.gallery.records import (
    Act,
    Candidate,
    Counts,
    Enrolment,
    Filter,
    Forgotten,
    Identity,
    Kind,
    Model,
    Searched,
    Tags,
    Template,
)
from lookalike.gallery.recovery import recover
from lookalike.gallery.search_log import SearchLog
from lookalike.gallery.segment_builder import SegmentBuilder
from lookalike.gallery.segments import SegmentFolder
from lookalike.gallery.traces import Traces, traces
from lookalike.identity_names import checked_name
from lookalike.index.core.checks import checked_k

__all__ = ["EmbeddedGallery"]


class EmbeddedGallery:
    """A gallery in a directory of this machine; see `Gallery` for the methods.

    Several processes may use one gallery: one enrolls, the others see it in their next search. Several threads may
    share one object: searches run at the same time, writers take turns, and neither waits for the other.

    A forgotten vector is overwritten in the database file and in the segments, and gone from the log and from the
    annex when `forget` returns. What stays: the template's id and the time, so that other processes can follow; bytes
    in blocks the file system has freed, in its snapshots and in your backups; and the memory of processes that hold it
    among the templates that no segment on the disk holds, until these become a segment or the process ends.

    Args:
        path: the directory, by custom `NAME.gallery`.
        create: make it when it is not there.
        timeout: seconds to wait for another process's lock.
        kind: what it must hold, as `open_gallery`.
        key: of an encrypted gallery, as `open_gallery`.
        actor: whom the audit log names, as `open_gallery`.

    Raises:
        ArtefactError: missing (with `create=False`), damaged, not a gallery, or of a newer version; the key is wrong,
            or the keyring is missing.
        InputError: it holds the other kind; it is encrypted, and no key was given; or the reverse.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> with EmbeddedGallery(tmp / "people.gallery") as gallery:    # doctest: +SKIP
        ...     gallery.bind("3f2a", "arcface", "cosine", 2)
        ...     gallery.enroll("Ada", [1.0, 0.0])
        ...     gallery.search([0.9, 0.1], k=1)[0][0].identity
        'Ada'
    """

    def __init__(
        self,
        path: str | Path,
        create: bool = True,
        timeout: float = 30.0,
        kind: Kind | None = None,
        key: Key | None = None,
        actor: str | None = None,
    ) -> None:
        self.path, named = Path(path), actor_name(actor)
        self._database = opened_database(self.path, create, timeout, key)
        self._database.actor = named
        self._segments = SegmentFolder(self._database)
        self._live = LiveIndex(self._database, self._segments)
        self._on_disk = not self._database.sealing.encrypted  # segments
        self._builder: BackgroundBuilder = (
            SegmentBuilder(self._database, self._segments, lambda: self._live.damaged)
            if self._on_disk
            else MemorySegments(self._live)
        )
        self._filters = FilterCache()
        self._annex = AnnexStore(self._database)
        self._model: Model | None = None  # whose vectors come in and go out: the caller's
        self._seen_model: tuple[int, Model] | None = None  # the gallery's, after a change
        self._kind: Kind | None = None
        recover(self._database, self._segments, self._annex)
        with self._database.read("read"):
            searches = held_policy(self._database) == "searches"
        self._searches = SearchLog(self._database) if searches else None
        if kind is not None:
            try:
                self._expect(checked_kind(kind), store=create)
            except BaseException:
                self._database.close()
                raise

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
                check_held(self._database, held, self._model)
        return held

    def bind(self, fingerprint: str, model_name: str, metric: MetricName, dimension: int) -> None:
        """Tie the gallery to a model at first use; afterwards make sure that it is this one. See `Gallery.bind`."""
        given = Model(fingerprint, model_name, metric, dimension)
        check_model(given)
        if self.model is None:
            with self._database.write("bound to a model"):
                store_model(self._database, given)
        with self._database.read("read"):
            check_held(self._database, self._held_model(self._database.latest_change()), given)
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
        if self.kind != kind and (self.kind is not None or store):
            with self._database.write("written"):
                settle(self._database, kind)

    # --- writing ------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, change: str, wait: bool = True) -> Iterator[Database]:
        """A transaction that writes this version's tables, whatever the file had when it was opened."""
        with self._database.write("written", wait):
            upgrade(self._database)
            converted = self.model is not None and self._annex.convert(self.model.fingerprint)
            yield self._database
            reached(f"before commit of {change}")
        reached(f"after commit of {change}")
        if converted:
            self._annex.sweep_if_nobody_writes()

    def enroll(
        self,
        identity: str,
        vectors: npt.ArrayLike,
        sources: Sequence[str] | None = None,
        *,
        tags: Tags | None = None,
        qualities: Sequence[float | None] | None = None,
        key: str | None = None,
    ) -> list[int]:
        """Add templates to an identity; all of them, on the disk, or none. See `Gallery.enroll`."""
        one = Enrolment(identity, vectors, sources, tags, qualities)
        (ids,) = self.enroll_many([one], key=key).values()
        return ids

    def enroll_many(
        self,
        people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]],
        replace: bool = False,
        wait: bool = True,
        key: str | None = None,
    ) -> dict[str, list[int]]:
        """Enroll many identities in one transaction: all of them, on the disk, or none. See `Gallery.enroll_many`."""
        return self._enroll_many(people, replace, wait, key=key)

    def enroll_with_annex(
        self,
        people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]],
        annex: MakeAnnexUpdate,
        *,
        since: int | None = None,
        wait: bool = True,
    ) -> dict[str, list[int]]:
        """Enroll many identities and write what is kept of them. See `KeepsAnnex.enroll_with_annex`."""
        return self._enroll_many(people, True, wait, annex=annex, since=since)

    def _enroll_many(
        self,
        people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]],
        replace: bool,
        wait: bool,
        *,
        key: str | None = None,
        annex: MakeAnnexUpdate | None = None,
        since: int | None = None,
    ) -> dict[str, list[int]]:
        ready, key = enrolment.checked_many(people, self._bound()), enrolled_keys.checked_key(key)
        dropped, replaced, unsettled = 0, False, self.kind is None
        with self._writing("enroll", wait) as database:
            self._checked_model(database.latest_change())
            if key is not None:
                first = enrolled_keys.first_answer(database, key, ready, replace)
                if first is not None:
                    return first
            if since is not None and since != database.latest_change():
                raise StorageError(f"{self.path} was changed by another program meanwhile; enroll once more")
            if annex is not None or (unsettled and held_kind(database) is None):
                settle(database, "people" if annex is None else "landmarks")
            stored = storing.store(database, ready, None if annex is None else storing.new_change(database))
            if replace:
                dropped = forgetting.drop_others(database, stored)
            if stored.change is not None:
                counted = {"templates": sum(map(len, stored.ids.values()))}
                audited(database, "replace" if replace else "enroll", list(stored.owners.values()), counted)
            if key is not None:
                enrolled_keys.remember(database, key, ready, replace, stored.ids)
            if annex is not None and stored.change is not None:
                replaced = self._annex.put(annex(stored.ids), stored.change, self._bound().fingerprint)
                reached("annex written")
        self._tidy("the identities are enrolled", forgotten=dropped > 0 or replaced)
        self._grown()
        return stored.ids

    def _grown(self) -> None:
        """Have segments built where it may pay; the builder looks whether it does."""
        snapshot = self._live.snapshot
        unbuilt = self.counts().templates if snapshot is None else snapshot.unbuilt
        pays = unbuilt > lookalike.index.AUTO_EXACT_LIMIT or (snapshot is not None and snapshot.lost_many)
        if pays and not (self._database.read_only and self._on_disk):
            model = self.model
            if model is not None:
                self._builder.begin(model)

    # --- acts on identities -------------------------------------------------------------------------------

    def rename(self, identity: str, new: str) -> Act:
        """Give an identity another name. See `Gallery.rename`."""
        with self._writing("rename") as database:
            return identity_acts.rename(database, identity, new)

    def merge(self, identities: Sequence[str], into: str) -> Act:
        """Make several identities one. See `Gallery.merge`."""
        with self._writing("merge") as database:
            return identity_acts.merge(database, identities, into)

    def split(self, identity: str, template_ids: Sequence[int], into: str) -> Act:
        """Give some templates of an identity to another one. See `Gallery.split`."""
        with self._writing("split") as database:
            return identity_acts.split(database, identity, template_ids, into)

    def undo(self, act_id: int) -> Act:
        """Take an act back. See `Gallery.undo`."""
        with self._writing("undo") as database:
            done = identity_acts.undo(database, act_id)
            (kept,) = database.one("SELECT count(*) FROM act WHERE id = ?", (act_id,))
        if not kept:
            self._tidy(f"act {act_id} is undone, and a name without templates forgotten")
        return done

    def acts(self, limit: int = 100) -> list[Act]:
        """The last acts, newest first. See `Gallery.acts`."""
        with self._database.read("read"):
            return identity_acts.acts(self._database, identity_reading.checked_limit(limit))

    def tag(self, identity: str, tags: Mapping[str, str | None]) -> Tags:
        """Set tags of an identity, or take them away. See `Gallery.tag`."""
        with self._writing("tag") as database:
            return identity_acts.tag(database, identity, tags)

    # --- forgetting ---------------------------------------------------------------------------------------

    def forget(self, identity: str) -> int:
        """Delete an identity, its name and its vectors for good. See `Gallery.forget`."""
        name, _ = checked_name(identity), self._bound()
        with self._writing("forget") as database:
            owner, _ = identity_reading.identity_row(database, name)
            change = storing.new_change(database)
            subject = pseudonyms(database, [owner])
            deleted = forgetting.drop_identity(database, owner, change)
            append(database, "forget", subject, {"templates": deleted})
        self._tidy(f"{name!r} is forgotten and will not be found")
        return deleted

    def forget_templates(self, ids: Sequence[int]) -> int:
        """Delete templates for good, and identities of which none is left. See `Gallery.forget_templates`."""
        return self._forget("id IN (SELECT value FROM json_each(?))", (forgetting.listed_ids(ids),)).templates

    def forget_before(self, moment: datetime | str) -> Forgotten:
        """Delete templates that were enrolled before a moment. See `Gallery.forget_before`."""
        return self._forget("enrolled_at < ?", (utc_moment(moment),))

    def _forget(self, which: str, values: Sequence[object]) -> Forgotten:
        with self._writing("forget") as database:
            done = forgetting.drop_templates(database, which, values, None)
        if done.templates:
            self._tidy(f"{how_many(done.templates, 'template is', 'templates are')} forgotten and will not be found")
        return done

    def _tidy(self, done: str, forgotten: bool = True) -> None:
        """Delete from the disk what the last transaction replaced."""
        try:
            self._annex.sweep()
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

    def traces(self, identity: str) -> Traces:
        """What files hold of an identity, to be looked for after it was forgotten. See `erasure_receipt`."""
        with self._database.write("read"):
            upgrade(self._database)
            return traces(self._database, checked_name(identity))

    def files(self) -> list[Path]:
        """All files of the gallery, and of the keyring of an encrypted one."""
        below = [path for path in self.path.rglob("*") if path.is_file()]
        return [*below, *self._database.sealing.files()]

    @property
    def keyring(self) -> Path | None:
        """The file of the keys of an encrypted gallery; None of a plain one."""
        return next(iter(self._database.sealing.files()), None)

    @property
    def audit(self) -> AuditLog:
        """The audit log; see `lookalike.gallery.audit`."""
        return AuditLog(self._database)

    def scrub(self) -> bool:
        """Overwrite what was forgotten, in the log and the segments; False when somebody kept reading it too long.

        Of an encrypted gallery, keys of who was forgotten are destroyed.
        """
        # Once the log was emptied, nobody searches a state from before any more: segments may be overwritten, and
        # nobody meets a key that is destroyed.
        change, gone = self.change, self._annex.gone()
        emptied = self._database.scrub()
        self._database.sealing.finish()
        if not emptied:
            return False
        reached("log scrubbed")
        self._segments.scrub(change)
        reached("segments scrubbed")
        self._annex.overwrite(gone)
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
        """What is kept beside the templates, as it is now; None where nothing is. See `KeepsAnnex.annex`."""
        return self._annex.read(lambda: self._bound().fingerprint, lambda held: held)

    def uncovered(self) -> list[str]:
        """Identities with templates that the annex was not made for. See `KeepsAnnex.uncovered`."""
        return self._annex.read(lambda: self._bound().fingerprint, self._annex.uncovered)

    @contextmanager
    def unchanged(self, change: int) -> Iterator[bool]:
        """A context in which what is kept is not overwritten. See `KeepsAnnex.unchanged`."""
        with self._database.read("read"):
            yield self._database.latest_change() == change

    # --- reading ------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of all identities, in order. See `Gallery.names`."""
        with self._database.read("read"):
            return identity_reading.names(self._database)

    def people(self) -> list[Identity]:
        """All identities, by name."""
        with self._database.read("read"):
            return identity_reading.all_identities(self._database)

    def page(
        self, limit: int = 100, *, after: str = "", where: Filter | None = None, prefix: str = ""
    ) -> list[Identity]:
        """Some identities by name. See `Gallery.page`."""
        wanted, matching = identity_reading.checked_limit(limit), checked_filter(where)
        with self._database.read("read"):
            return identity_reading.identities(self._database, wanted, after, matching, prefix)

    def templates(self, identity: str | None = None) -> list[Template]:
        """Templates of one identity, or of all, in order of enrolment. See `Gallery.templates`."""
        with self._database.read("read"):
            if identity is None:
                return self._templates()
            owner, _ = identity_reading.identity_row(self._database, checked_name(identity))
            return self._templates("identity_id = ?", (owner,))

    def templates_of(self, identities: Sequence[str]) -> dict[str, list[Template]]:
        """Templates of some identities, read together. See `Gallery.templates_of`."""
        wanted, found = [checked_name(name) for name in identities], dict[str, list[Template]]()
        with self._database.read("read"):
            for template in self._templates(*identity_reading.named(self._database, wanted)):
                found.setdefault(template.identity, []).append(template)
        return found

    def templates_page(self, limit: int = 10_000, *, after: int = 0) -> list[Template]:
        """Some templates in the order of ids. See `Gallery.templates_page`."""
        wanted = identity_reading.checked_limit(limit)
        with self._database.read("read"):
            return self._templates("template.id > ?", (min(after, identity_reading.LARGEST),), wanted)

    def _templates(self, which: str = "", values: tuple[Any, ...] = (), limit: int = -1) -> list[Template]:
        model = self.model
        return identity_reading.templates(self._database, model.dimension if model else 0, which, values, limit)

    def search(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> list[list[Candidate]]:
        """The `k` nearest identities of every probe, each by its best template. See `Gallery.search`."""
        return self.search_counted(vectors, k, where=where).candidates

    def search_counted(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> Searched:
        """The same, with the size of what was searched. See `Gallery.search_counted`."""
        wanted, matching, database = checked_k(k), checked_filter(where), self._database
        probes = enrolment.model_vectors(vectors, self._model or self.model, "probes", allow_none=True)
        nobody: list[list[Candidate]] = [[] for _ in probes]
        while True:
            # One transaction for templates, names and counts: a template found is a template named and counted,
            # whatever others do meanwhile.
            with database.read("searched"):
                counts, layout = current_state(database)
                model = self._checked_model(counts.change)
                if model is None or not counts.identities:
                    return Searched(nobody, Counts(0, 0, counts.change) if matching else counts)
                snapshot = self._live.at(model, counts, layout)
                if snapshot is None:
                    continue
                if not matching:
                    found = nearest_identities(database, snapshot, probes, wanted, counts.identities)
                    break
                some = self._filters.at(database, snapshot, matching)
                counts = Counts(some.identities, some.templates, counts.change)
                found = nearest_identities(database, some, probes, wanted, some.identities) if len(some) else nobody
                break
        self._grown()
        if self._searches is not None:
            self._searches.note(wanted, found)
        return Searched(found, counts)

    def counts(self) -> Counts:
        """How large the gallery is now. See `Gallery.counts`."""
        with self._database.read("read"):
            return current_state(self._database)[0]

    def stats(self) -> dict[str, Any]:
        """Counts, model, bytes on disk and the index (None before the first search), ready for JSON."""
        with self._database.read("read"):
            (counts, _), index = current_state(self._database), self._live.stats()
            return stats(self._database, self.model, counts) | {"index": index}

    def fault(self) -> str | None:
        """What SQLite finds damaged in the file, all of which is read; None where nothing is.

        Raises:
            StorageError: the disk is failing.
        """
        with self._database.read("checked"):
            found = str(self._database.one("PRAGMA quick_check(1)")[0])
        return None if found == "ok" else found

    def backup(self, path: str | Path) -> Counts:
        """Copy the gallery to a new folder in one consistent state, while others search and write.

        Args:
            path: must not be there, or be empty.

        Returns:
            how much the copy holds, which was opened and checked.

        Raises:
            StorageError: the folder is there already, or a disk is full or failing.
            ArtefactError: the copy, and most likely the gallery, is damaged.
        """
        target = Path(path)
        back_up(self._database, target)
        copy = Database(target, create=False, timeout=self._database.timeout)
        try:
            with copy.read("read"):
                return current_state(copy)[0]
        finally:
            copy.close()

    def __len__(self) -> int:
        return self.counts().identities

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.path)!r}: {self._contents()}>"

    def _contents(self) -> str:
        """What `repr` says of it; one that is closed or damaged is shown as well."""
        if self._database.closed:
            return "closed"
        try:
            return described(self.counts(), self.model, self.kind)
        except LookalikeError as error:
            return str(error)

    # --- ends ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of files; a second call does nothing."""
        self._builder.end()  # not under the lock, for which it may be waiting
        if self._searches is not None and not self._database.closed:
            self._searches.end()
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
