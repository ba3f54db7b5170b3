"""What a gallery does: keeps identities, each with templates, and finds them by vectors.

What it is told and answers is in `lookalike.gallery.records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

import numpy.typing as npt

from lookalike.distances import MetricName
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

__all__ = ["Gallery"]


class Gallery(Protocol):
    """A durable set of identities. Every method is safe to call from several threads.

    What returned has happened and stays: an `enroll` that returned survives `kill -9` and power loss, a `forget`
    that returned leaves no vector behind.
    """

    # --- the model and the kind ---------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The model the gallery belongs to; None until the first `bind`."""

    def bind(self, fingerprint: str, model_name: str, metric: MetricName, dimension: int) -> None:
        """Tie the gallery to a model at first use; afterwards make sure that it is this one.

        Raises:
            FingerprintError: it belongs to another model; the message names both.
        """

    @property
    def kind(self) -> Kind | None:
        """What it holds, `people` or `landmarks`; None while nobody was enrolled and no kind was asked for."""

    def settle_kind(self, kind: Kind) -> None:
        """Say what the gallery holds at first use; afterwards make sure that it is this.

        Without, the first enrolment says it: with an annex (`KeepsAnnex`) `landmarks`, without one `people`.

        Raises:
            InputError: it holds the other kind.
        """

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
        """Add templates to an identity, which is created when new; all of them or none.

        Args:
            identity: its name; an existing one gets more templates.
            vectors: `(m, d)` or `(d,)` real numbers.
            sources: one text per vector; by default empty.
            tags: added to those that the identity has.
            qualities: of the picture behind each vector, 0 (worst) to 1; None where it is not known.
            key: an idempotency key, 1 to 200 characters, such as the number of a request, without a person's name in
                it. An enrolment that is repeated under its key does nothing and answers what the first one did, also
                after a crash, and also when the person was forgotten meanwhile, who then stays forgotten. Keys are kept
                for at least 7 days.

        Returns:
            ids of the templates. A vector the identity has already, bit for bit, is not stored again: its
            existing id is returned, so that repeating an enrolment does no harm. What it was enrolled with at
            first (source, quality) stays.

        Raises:
            InputError: the name, a tag, a quality or the key is not usable, no model is bound, or the key was used for
                something else.
            VectorError: vectors of a wrong shape, dtype, dimension or value, or not one source or quality per vector.
            StorageError: the disk is full, read-only or failing, or locked too long; nothing was changed.
        """

    def enroll_many(
        self,
        people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]],
        replace: bool = False,
        wait: bool = True,
        key: str | None = None,
    ) -> dict[str, list[int]]:
        """Enroll many identities in one transaction: all of them, on the disk, or none.

        Args:
            people: of each an `Enrolment`, or its name, vectors and sources; a name at most once.
            replace: the identities named have these templates only; others of theirs are deleted. What others there
                are stays.
            wait: for another program that is just writing; False refuses at once.
            key: as of `enroll`, for all of them together.

        Returns:
            ids of the templates, by identity.

        Raises:
            InputError, VectorError, StorageError: as for `enroll`; nothing was changed.

        Example:
            >>> gallery.enroll_many([("Ada", a, None), Enrolment("Bob", b, tags={"site": "Berlin"})])  # doctest: +SKIP
            {'Ada': [1, 2], 'Bob': [3]}
        """

    # --- acts on identities -------------------------------------------------------------------------------

    def rename(self, identity: str, new: str) -> Act:
        """Give an identity another name; its templates keep their ids and vectors, it keeps its tags.

        Raises:
            UnknownIdentityError: no such name.
            InputError: `new` is enrolled (`merge` joins two), is not usable, or is the same.
            StorageError: as for `enroll`.
        """

    def merge(self, identities: Sequence[str], into: str) -> Act:
        """Make several identities one, which has the templates and the tags of all.

        Where both have a tag, that of `into` counts, then that of the first named. A vector that two of them have
        stays twice.

        Args:
            identities: names; at least one that is not `into`.
            into: the name of the result: one of them, another enrolled identity, or a new name.

        Raises:
            UnknownIdentityError: one of `identities` is not enrolled.
            InputError: nothing to merge (`rename` gives another name), a name given twice, more tags than an identity
                may have, or the gallery holds landmarks.
            StorageError: as for `enroll`.

        Example:
            >>> gallery.merge(["Ada", "ada l."], "Ada Lovelace").identities    # doctest: +SKIP
            {'Ada': 'Ada Lovelace', 'ada l.': 'Ada Lovelace'}
        """

    def split(self, identity: str, template_ids: Sequence[int], into: str) -> Act:
        """Give some templates of an identity to another one, enrolled or new; a new one begins without tags.

        Raises:
            UnknownIdentityError: no such name.
            InputError: no ids, ids that are not of this identity, all of its ids (`rename` or `merge` do that), `into`
                is the same identity, or the gallery holds landmarks.
            StorageError: as for `enroll`.
        """

    def undo(self, act_id: int) -> Act:
        """Take an act back: names, templates and tags are as before it. What was forgotten meanwhile stays forgotten.

        Templates and tags that came after the act stay where they are.

        Returns:
            the act, `undone`.

        Raises:
            InputError: there is no such act (also where somebody who took part was forgotten); it was undone; a later
                act on the same identities must be undone first, which the message names; or a name that would come
                back belongs to somebody who was enrolled since.
            StorageError: as for `enroll`.
        """

    def acts(self, limit: int = 100) -> list[Act]:
        """The last acts, newest first.

        An act is deleted when somebody who took part in it is forgotten under one of its names, or when the templates
        that it moved are.

        Raises:
            InputError: a limit below 1.
        """

    def tag(self, identity: str, tags: Mapping[str, str | None]) -> Tags:
        """Set tags of an identity; None takes one away, others stay. Returns all that it has now.

        Raises:
            UnknownIdentityError: no such name.
            InputError: a key or value that is no text of 1 to 200 characters, or more than 50 keys.
            StorageError: as for `enroll`.
        """

    # --- forgetting ---------------------------------------------------------------------------------------

    def forget(self, identity: str) -> int:
        """Delete an identity, its name, tags, acts and vectors for good; returns the number of templates deleted.

        Raises:
            UnknownIdentityError: no such name.
            StorageError: as for `enroll`; or it is deleted, but old bytes could not be scrubbed yet (says so).
        """

    def forget_templates(self, ids: Sequence[int]) -> int:
        """Delete templates for good, and identities of which none is left; returns how many were deleted.

        Ids that are not there are passed over: to forget again does no harm.

        Raises:
            InputError: an id that is no whole number, or the gallery holds landmarks.
            StorageError: as for `forget`.
        """

    def forget_before(self, moment: datetime | str) -> Forgotten:
        """Delete templates that were enrolled before a moment, and identities of which none is left.

        Args:
            moment: a date or a time, as ISO 8601 text or `datetime`; without an offset UTC.

        Raises:
            InputError: no date or time, or the gallery holds landmarks.
            StorageError: as for `forget`.

        Example:
            >>> gallery.forget_before("2025-01-01")    # doctest: +SKIP
            Forgotten(identities=2, templates=7)
        """

    # --- searching ----------------------------------------------------------------------------------------

    def search(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> list[list[Candidate]]:
        """The `k` nearest identities of every probe, each by its best template, nearest first.

        Args:
            vectors: `(q, d)` or `(d,)` real numbers.
            k: identities, at least 1; fewer come back when the gallery holds fewer.
            where: only identities with these tags are looked for: of every key the value, or one of several values.

        Raises:
            VectorError: vectors of a wrong shape, dtype, dimension or value; k < 1.
            InputError: a filter with keys or values that no tag can have.
        """

    def search_counted(self, vectors: npt.ArrayLike, k: int = 5, *, where: Filter | None = None) -> Searched:
        """The same, with the size of what was searched: one state of the gallery, whatever others do meanwhile.

        With a filter the counts are of the identities and templates that match it: a promise per search is kept for
        what was searched.
        """

    # --- reading ------------------------------------------------------------------------------------------

    @property
    def change(self) -> int:
        """The number of the last change; another number tells that somebody enrolled, forgot, renamed or tagged."""

    def names(self) -> list[str]:
        """Names of all identities, in order; quicker than `people`, which also counts templates."""

    def people(self) -> list[Identity]:
        """All identities, by name."""

    def page(
        self, limit: int = 100, *, after: str = "", where: Filter | None = None, prefix: str = ""
    ) -> list[Identity]:
        """Some identities by name, in the order of code points.

        Args:
            limit: how many, at least 1.
            after: those that follow this name; the last one of a page gives the next page.
            where: only those with these tags, as in `search`.
            prefix: only those whose name begins so, upper and lower case told apart.

        Raises:
            InputError: a limit below 1, or a filter with keys or values that no tag can have.

        Example:
            >>> gallery.page(2, after="Ada", where={"site": ["Berlin", "Paris"]})    # doctest: +SKIP
            [Identity(name='Bob', ...), Identity(name='Eve', ...)]
        """

    def templates(self, identity: str | None = None) -> list[Template]:
        """Templates of one identity, or of all, in order of enrolment; `UnknownIdentityError` for a name not held."""

    def templates_of(self, identities: Sequence[str]) -> dict[str, list[Template]]:
        """Templates of some identities, read together; of each in order of enrolment.

        Args:
            identities: names, as `search` answers them. One that is not held (any more) is left out of the answer.

        Raises:
            InputError: what is no name.

        Example:
            >>> [len(own) for own in gallery.templates_of(["Ada", "Bob"]).values()]    # doctest: +SKIP
            [3, 1]
        """

    def templates_page(self, limit: int = 10_000, *, after: int = 0) -> list[Template]:
        """Some templates in the order of ids: those that follow the id `after`. For exports and migrations.

        Raises:
            InputError: a limit below 1.
        """

    def counts(self) -> Counts:
        """How large the gallery is now. Cheap: no file is looked at, and nothing counted twice between two changes."""

    def stats(self) -> dict[str, Any]:
        """Counts, model and index, ready for JSON."""

    def __len__(self) -> int:
        """Number of identities."""

    def close(self) -> None:
        """Let go of files; a second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
