"""A gallery on a Milvus server, for many hosts and more vectors than one machine holds."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as changed
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

import lookalike.index
from lookalike.counted_nouns import how_many
from lookalike.distances import MetricName
from lookalike.errors import (
    ArtefactError,
    InputError,
    LookalikeError,
    StorageError,
    UnknownIdentityError,
)
from lookalike.gallery import enrolled_keys, enrolment, forgetting, identity_acts, identity_reading, storing
from lookalike.gallery.identity_tags import checked_filter
from lookalike.gallery.kind import checked_kind, held_kind, settle
from lookalike.gallery.milvus.address import MilvusAddress
from lookalike.gallery.milvus.changes import Changes, Needed, newest_rows
from lookalike.gallery.milvus.collections import FORMAT_VERSION, Collections
from lookalike.gallery.milvus.documents import DocumentKind, Documents, Stored
from lookalike.gallery.milvus.index_types import index_type, metric_type
from lookalike.gallery.milvus.search import Asked, nearest_identities
from lookalike.gallery.milvus.server import Server
from lookalike.gallery.milvus.state import SLOTS, State
from lookalike.gallery.milvus.template_rows import TemplateRow, TemplateRows, owner_number, tags_condition
from lookalike.gallery.milvus.working_set import WorkingSet
from lookalike.gallery.model_binding import check_model, check_same
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
from lookalike.identity_names import canonical_name, checked_name
from lookalike.index.core.checks import checked_k

__all__ = ["MilvusGallery", "NoGallery"]

_log = logging.getLogger(__name__)
#: Templates with ids in a range of so many are asked for at first.
_WINDOW = 10_000


class NoGallery(ArtefactError):  # noqa: N818 - says what is so
    """Nothing is at the address yet."""


class MilvusGallery:
    """A gallery of people on a Milvus server; see `Gallery` for the methods.

    Any number of processes on any number of hosts may use one gallery. Writers of one tenant take turns
    (`gallery.milvus.lease`), each write counts as a whole (`gallery.milvus.writes`), and the process that wrote reads
    what it wrote; others read it within moments. A `forget` returns when a query with Strong consistency finds nothing
    more; what Milvus keeps in its storage until it compacts its segments is described in docs/milvus.md.

    Args:
        address: `milvus://[user:password@]host:port/name[?tenant=T&index=KIND]`.
        create: make it where it is not there.
        timeout: seconds to wait for others who write.
        kind: what it must hold; only `people` is possible.

    Raises:
        MissingDependencyError: pymilvus is not installed.
        InputError: the address, the credentials, or landmarks are asked for.
        ArtefactError: missing (with `create=False`), not a gallery, or of a newer version.
        StorageError: the server does not answer.

    Example:
        >>> with MilvusGallery("milvus://127.0.0.1:19530/people") as gallery:    # doctest: +SKIP
        ...     gallery.bind("3f2a", "arcface", "cosine", 2)
        ...     gallery.enroll("Ada", [1.0, 0.0])
        ...     gallery.search([0.9, 0.1], k=1)[0][0].identity
        'Ada'
    """

    def __init__(self, address: str, create: bool = True, timeout: float = 60.0, kind: Kind | None = None) -> None:
        self.address = MilvusAddress.parsed(address)
        self._shown = str(self.address)
        index_type(self.address.index, 1)
        if kind is not None:
            self._refuse_landmarks(checked_kind(kind))
        self._server = Server(self.address)
        try:
            self._collections = Collections(self._server, self.address.name)
            number = self.address.tenant_number
            self._documents = Documents(self._server, self._collections.documents, number)
            self._rows_of_model: dict[Model, TemplateRows] = {}
            self._changes = Changes(self.address, self._documents, self._rows, timeout)
            self._indexed = self.address.index != "auto"
            self._open(create)
            if kind is not None and create:
                self.settle_kind(kind)
        except BaseException:
            self._server.close()
            raise

    def _open(self, create: bool) -> None:
        if not self._collections.there():
            if not create:
                raise NoGallery(f"there is no gallery at {self._shown}; enroll somebody to make it")
            self._collections.make_documents()
        states, _, begun = self._documents.coordination()
        state = State.newest(states)
        if state is None and not create:
            raise NoGallery(f"there is no gallery at {self._shown}; enroll somebody to make it")
        if state is not None and state.tenant != self.address.tenant:
            raise ArtefactError(f"{self._shown}: the number of this tenant is that of another; give it another name")
        if state is None:
            self._changes.settle(lambda held: held)
        elif begun:
            try:
                self._changes.settle(lambda held: held, wait=False)
            except StorageError as error:  # somebody is just writing
                _log.info("a write to %s that is going on, or was interrupted: %s", self._shown, error)

    # --- the model and the kind ---------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The model the gallery belongs to; None until the first `bind`."""
        return self._state().model

    def bind(self, fingerprint: str, model_name: str, metric: MetricName, dimension: int) -> None:
        """Tie the gallery to a model at first use; afterwards make sure that it is this one. See `Gallery.bind`."""
        given = Model(fingerprint, model_name, metric, dimension)
        check_model(given)
        metric_type(metric)
        held = self.model
        if held is None:
            self._collections.make_templates(given, index_type(self.address.index, dimension))
            held = self._changes.settle(lambda state: state if state.model else changed(state, model=given)).model
        check_same(held, given, self._shown)

    @property
    def kind(self) -> Kind | None:
        """What the gallery holds; None while nobody was enrolled and no kind was asked for."""
        return self._state().kind

    def settle_kind(self, kind: Kind) -> None:
        """Say what the gallery holds; only people are possible. See `Gallery.settle_kind`."""
        self._refuse_landmarks(checked_kind(kind))
        if self.kind is None:
            self._changes.settle(lambda state: changed(state, kind=kind))

    def _refuse_landmarks(self, kind: Kind) -> None:
        if kind == "landmarks":
            raise InputError(
                f"{self._shown}: galleries on Milvus hold people only, for what is kept beside landmarks is not there "
                "yet; give a folder, for example places.gallery"
            )

    # --- enrolling ----------------------------------------------------------------------------------------

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
        """Add templates to an identity; all of them, or none. See `Gallery.enroll`."""
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
        """Enroll many identities: all of them, or none. See `Gallery.enroll_many`."""
        ready, key = enrolment.checked_many(people, self._bound()), enrolled_keys.checked_key(key)

        def act(work: WorkingSet) -> dict[str, list[int]]:
            if key is not None:
                first = enrolled_keys.first_answer(work, key, ready, replace)
                if first is not None:
                    return first
            if held_kind(work) is None:
                settle(work, "people")
            stored = storing.store(work, ready, None)
            if replace:
                forgetting.drop_others(work, stored)
            if key is not None:
                enrolled_keys.remember(work, key, ready, replace, stored.ids)
            return stored.ids

        needed = Needed([one.name for one in ready], keys=[] if key is None else [key])
        stored = self._changes.make(needed, act, wait)
        self._fit_index()
        return stored

    def _fit_index(self) -> None:
        """Have Milvus build a graph once there are too many templates to compare all of them."""
        state = self._state()
        if self._indexed or state.model is None or state.templates <= lookalike.index.AUTO_EXACT_LIMIT:
            return
        model = state.model
        wanted = index_type("auto", model.dimension, state.templates)
        with self._changes.lock:
            self._changes.writer.begin(True, self._rows)
            try:
                if self._collections.index_of(model).get("index_type") == "FLAT":
                    _log.info("%s gets an index of type %s", self._shown, wanted.name)
                    self._collections.rebuild_index(model, wanted)
            finally:
                self._changes.writer.end()
        self._indexed = True

    # --- acts on identities -------------------------------------------------------------------------------

    def rename(self, identity: str, new: str) -> Act:
        """Give an identity another name. See `Gallery.rename`."""
        names = [checked_name(identity), checked_name(new)]
        return self._changes.make(Needed(names, acts=True), lambda work: identity_acts.rename(work, identity, new))

    def merge(self, identities: Sequence[str], into: str) -> Act:
        """Make several identities one. See `Gallery.merge`."""
        names = [] if isinstance(identities, str) else [checked_name(one) for one in [*identities, into]]
        return self._changes.make(Needed(names, acts=True), lambda work: identity_acts.merge(work, identities, into))

    def split(self, identity: str, template_ids: Sequence[int], into: str) -> Act:
        """Give some templates of an identity to another one. See `Gallery.split`."""
        names = [checked_name(identity), checked_name(into)]
        return self._changes.make(
            Needed(names, acts=True), lambda work: identity_acts.split(work, identity, template_ids, into)
        )

    def undo(self, act_id: int) -> Act:
        """Take an act back. See `Gallery.undo`."""
        taken_part = {
            name for one in self.acts(10**9) if one.id == act_id for pair in one.identities.items() for name in pair
        }
        return self._changes.make(Needed(sorted(taken_part), acts=True), lambda work: identity_acts.undo(work, act_id))

    def acts(self, limit: int = 100) -> list[Act]:
        """The last acts, newest first. See `Gallery.acts`."""
        wanted, state = identity_reading.checked_limit(limit), self._state()
        found = list(self._documents.all(DocumentKind.ACT, state.serial, strong=False))
        return [_act(one) for one in reversed(found)][:wanted]

    def tag(self, identity: str, tags: Mapping[str, str | None]) -> Tags:
        """Set tags of an identity, or take them away. See `Gallery.tag`."""
        return self._changes.make(
            Needed([checked_name(identity)]), lambda work: identity_acts.tag(work, identity, tags)
        )

    # --- forgetting ---------------------------------------------------------------------------------------

    def forget(self, identity: str) -> int:
        """Delete an identity, its name and its vectors for good. See `Gallery.forget`."""
        name = checked_name(identity)
        self._bound()

        def act(work: WorkingSet) -> int:
            owner, _ = identity_reading.identity_row(work, name)
            return forgetting.drop_identity(work, owner, storing.new_change(work))

        deleted = self._changes.make(Needed([name], acts=True, forgets=True), act)
        self._compact()
        return deleted

    def forget_templates(self, ids: Sequence[int]) -> int:
        """Delete templates for good, and identities of which none is left. See `Gallery.forget_templates`."""
        listed = forgetting.listed_ids(ids)
        condition = f"id in [{', '.join(str(int(one)) for one in ids)}]" if len(ids) else ""
        return self._forget(condition, "id IN (SELECT value FROM json_each(?))", listed).templates

    def forget_before(self, moment: datetime | str) -> Forgotten:
        """Delete templates that were enrolled before a moment. See `Gallery.forget_before`."""
        ready = utc_moment(moment)
        return self._forget(f'enrolled_at < "{ready}"', "enrolled_at < ?", ready)

    def _forget(self, condition: str, which: str, value: str) -> Forgotten:
        state = self._state()
        if state.model is None or not condition:
            return Forgotten(0, 0)
        rows = self._rows(state.model)
        names = sorted({one.identity for one in rows.every(condition, strong=True)})
        if not names:
            return Forgotten(0, 0)
        done = self._changes.make(
            Needed(names, acts=True, forgets=True),
            lambda work: forgetting.drop_templates(work, which, (value,), None),
        )
        if done.templates:
            self._compact()
        return done

    def _compact(self) -> None:
        """Ask Milvus to write segments anew without what was deleted; it does so when it finds time."""
        for collection in self._all_collections():
            try:
                self._server.change("compact", collection)
            except StorageError as error:
                _log.info("%s did not begin to compact %s: %s", self._shown, collection, error)

    def _all_collections(self) -> list[str]:
        model = self.model
        return [self._collections.documents, *([] if model is None else [self._collections.templates(model)])]

    def scrub(self) -> None:
        """Have Milvus write what it holds to its storage, and write segments anew without what was deleted.

        Takes seconds to minutes. Files that are not used any more are deleted by Milvus later (docs/milvus.md).
        """
        for collection in self._all_collections():
            self._server.ask("flush", collection, timeout=600.0)
            self._server.change("compact", collection)

    # --- searching ----------------------------------------------------------------------------------------

    def search(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> list[list[Candidate]]:
        """The `k` nearest identities of every probe, each by its best template. See `Gallery.search`."""
        return self.search_counted(vectors, k, where=where).candidates

    def search_counted(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> Searched:
        """The same, with the size of what was searched. See `Gallery.search_counted`.

        The size is read first: who was forgotten since is counted, and not found.
        """
        wanted, matching, state = checked_k(k), checked_filter(where), self._state()
        probes = enrolment.model_vectors(vectors, state.model, "probes", allow_none=True)
        counts, condition = _counts(state), tags_condition(matching)
        if state.model is None or not counts.identities:
            return Searched([[] for _ in probes], counts)
        rows = self._rows(state.model)
        if matching:
            serial = f"serial <= {state.serial}"
            identities = self._documents.count(DocumentKind.IDENTITY, f"{condition} and {serial}")
            counts = Counts(identities, rows.count(f"{condition} and {serial}"), counts.change)
        asked = Asked(state.model, condition, state.serial, counts)
        return Searched(nearest_identities(self._server, rows, asked, probes, wanted), counts)

    # --- reading ------------------------------------------------------------------------------------------

    @property
    def change(self) -> int:
        """The number of the last change; another number tells that somebody enrolled, forgot, renamed or tagged."""
        return self._state().change

    def names(self) -> list[str]:
        """Names of all identities, in order. See `Gallery.names`."""
        return [one.name for one in self.people()]

    def people(self) -> list[Identity]:
        """All identities, by name."""
        found = self._documents.all(DocumentKind.IDENTITY, self._state().serial, strong=False)
        return [_identity(one) for one in found]

    def page(
        self, limit: int = 100, *, after: str = "", where: Filter | None = None, prefix: str = ""
    ) -> list[Identity]:
        """Some identities by name. See `Gallery.page`."""
        wanted, matching = identity_reading.checked_limit(limit), checked_filter(where)
        last, begin = canonical_name(after), unicodedata.normalize("NFC", prefix)
        found = self._documents.all(
            DocumentKind.IDENTITY, self._state().serial, strong=False, where=tags_condition(matching), after=last,
            prefix=begin,
        )  # fmt: skip
        chosen: list[Identity] = []
        for one in found:
            if one.name > last and one.name.startswith(begin):
                chosen.append(_identity(one))
                if len(chosen) == wanted:
                    break
        return chosen

    def templates(self, identity: str | None = None) -> list[Template]:
        """Templates of one identity, or of all, in order of enrolment. See `Gallery.templates`."""
        state = self._state()
        if identity is None:
            if state.model is None:
                return []
            found = list(self._rows(state.model).every("id > 0", strong=False, vectors=True))
        else:
            name = checked_name(identity)
            rows = [] if state.model is None else self._rows(state.model).among(
                "owner", [owner_number(name)], strong=False, vectors=True
            )  # fmt: skip
            found = [one for one in rows if one.identity == name]
            if not found:
                raise UnknownIdentityError(f"{name!r} is not in {self._shown}; `people` lists who is")
        return [one.template() for one in newest_rows(found, state.serial)]

    def templates_of(self, identities: Sequence[str]) -> dict[str, list[Template]]:
        """Templates of some identities, read together. See `Gallery.templates_of`."""
        wanted, state = {checked_name(name) for name in identities}, self._state()
        if state.model is None or not wanted:
            return {}
        owners = sorted({owner_number(name) for name in wanted})
        rows = self._rows(state.model).among("owner", owners, strong=False, vectors=True)
        found: dict[str, list[Template]] = {}
        for one in newest_rows([row for row in rows if row.identity in wanted], state.serial):
            found.setdefault(one.identity, []).append(one.template())
        return found

    def templates_page(self, limit: int = 10_000, *, after: int = 0) -> list[Template]:
        """Some templates in the order of ids. See `Gallery.templates_page`."""
        wanted, state = identity_reading.checked_limit(limit), self._state()
        if state.model is None:
            return []
        rows, found, last, window = self._rows(state.model), list[TemplateRow](), max(after, 0), min(limit, _WINDOW)
        while len(found) < wanted and last < state.next - 1:
            end = last + window
            some = rows.every(f"id > {last} and id <= {end}", strong=False, vectors=True)
            more = newest_rows(list(some), state.serial)
            found += more
            last, window = end, window if more else 2 * window
        return [one.template() for one in found[:wanted]]

    def counts(self) -> Counts:
        """How large the gallery is now. See `Gallery.counts`."""
        return _counts(self._state())

    def stats(self) -> dict[str, Any]:
        """Counts, model and index, ready for JSON."""
        state = self._state()
        return {
            "path": self._shown,
            "format_version": FORMAT_VERSION,
            "kind": state.kind,
            "identities": state.identities,
            "templates": state.templates,
            "model": None if state.model is None else state.model.__dict__.copy(),
            "server": f"Milvus {self._server.ask('get_server_version')} at {self.address.server}",
            "tenant": self.address.tenant,
            "collections": self._all_collections(),
            "index": None if state.model is None else {
                key: value for key, value in self._collections.index_of(state.model).items() if key != "field_name"
            },
        }  # fmt: skip

    def __len__(self) -> int:
        return self.counts().identities

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._shown!r}: {self._contents()}>"

    def _contents(self) -> str:
        if self._server.closed:
            return "closed"
        try:
            state = self._state()
        except LookalikeError as error:
            return str(error)
        if state.model is None or state.kind is None:
            return "empty"
        held = f"{how_many(state.identities, 'person', 'people')}, {how_many(state.templates, 'template')}"
        return f"{held}, of model {state.model.name!r}"

    def _state(self) -> State:
        """What counts now, as far as this process knows."""
        state = State.newest(self._documents.singles(DocumentKind.STATE, SLOTS))
        if state is None:  # a moment that Milvus needs to show what another process wrote
            state = State.newest(self._documents.coordination()[0])
        if state is None:
            raise ArtefactError(f"there is no gallery at {self._shown} any more; enroll somebody to make it")
        return state

    def _bound(self, state: State | None = None) -> Model:
        model = (state or self._state()).model
        if model is None:
            raise InputError(
                f"{self._shown} belongs to no model yet; call bind(fingerprint, model_name, metric, dimension)"
            )
        return model

    def _rows(self, model: Model) -> TemplateRows:
        held = self._rows_of_model.get(model)
        if held is None:
            collection = self._collections.templates(model)
            held = self._rows_of_model[model] = TemplateRows(self._server, collection, self.address.tenant_number)
        return held

    # --- ends ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the connection; a second call does nothing."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _counts(state: State) -> Counts:
    return Counts(state.identities, state.templates, state.change)


def _identity(stored: Stored) -> Identity:
    body = stored.body
    return Identity(stored.name, body["templates"], body["created_at"], body["tags"])


def _act(stored: Stored) -> Act:
    body = stored.body
    names = {one["name"]: one["becomes"] for one in body["names"]}
    return Act(int(stored.name), body["kind"], body["at"], names, body["templates"], bool(body["undone"]))
