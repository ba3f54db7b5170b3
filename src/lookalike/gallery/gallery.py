"""What a gallery is: identities, each with templates, searched by vectors; and the words for it.

An *identity* is a name; a *template* is one vector enrolled for it; a search compares a probe with all templates
and answers identities. Vocabulary of ISO/IEC 2382-37 (biometrics).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName

__all__ = ["Candidate", "Counts", "Gallery", "Identity", "Kind", "Model", "Searched", "Template"]


#: What a gallery holds.
Kind = Literal["people", "landmarks"]


@dataclass(frozen=True)
class Model:
    """The model whose vectors a gallery holds."""

    fingerprint: str
    name: str
    metric: MetricName
    dimension: int


@dataclass(frozen=True)
class Identity:
    """Somebody or something enrolled.

    Attributes:
        name: as `identity_names.checked_name` returned it.
        templates: how many it has, at least 1.
        created_at: of the first enrolment, ISO 8601, UTC.
    """

    name: str
    templates: int
    created_at: str


@dataclass(frozen=True, eq=False)
class Template:
    """One enrolled vector.

    Attributes:
        id: never used again, not even after `forget`.
        identity: its name.
        vector: `(d,)` float32, the bytes that were enrolled.
        source: where it came from, for people to read; may be empty.
        enrolled_at: ISO 8601, UTC.
    """

    id: int
    identity: str
    vector: npt.NDArray[np.float32]
    source: str
    enrolled_at: str


@dataclass(frozen=True)
class Candidate:
    """An identity a probe may be, by its nearest template."""

    identity: str
    distance: float
    template_id: int


@dataclass(frozen=True)
class Counts:
    """How large a gallery is at one moment.

    Attributes:
        identities: names.
        templates: vectors, over all identities.
        change: the number of the last change before that moment.
    """

    identities: int
    templates: int
    change: int


@dataclass(frozen=True)
class Searched:
    """What a search found, and how large the gallery was at that very moment.

    Attributes:
        candidates: of every probe the nearest identities, nearest first.
        counts: of the state that was searched.
    """

    candidates: list[list[Candidate]]
    counts: Counts


class Gallery(Protocol):
    """A durable set of identities. Every method is safe to call from several threads.

    What returned has happened and stays: an `enroll` that returned survives `kill -9` and power loss, a `forget`
    that returned leaves no vector behind.
    """

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

        Without, the first enrolment says it: with an annex `landmarks`, without one `people`.

        Raises:
            InputError: it holds the other kind.
        """

    def enroll(self, identity: str, vectors: npt.ArrayLike, sources: Sequence[str] | None = None) -> list[int]:
        """Add templates to an identity, which is created when new; all of them or none.

        Args:
            identity: its name; an existing one gets more templates.
            vectors: `(m, d)` or `(d,)` real numbers.
            sources: one text per vector; by default empty.

        Returns:
            ids of the templates. A vector the identity has already, bit for bit, is not stored again: its
            existing id is returned, so that repeating an enrolment does no harm.

        Raises:
            InputError: the name is not usable, or no model is bound.
            VectorError: vectors of a wrong shape, dtype, dimension or value, or a wrong number of sources.
            StorageError: the disk is full, read-only or failing, or locked too long; nothing was changed.
        """

    def enroll_many(
        self,
        people: Iterable[tuple[str, npt.ArrayLike, Sequence[str] | None]],
        replace: bool = False,
        wait: bool = True,
    ) -> dict[str, list[int]]:
        """Enroll many identities in one transaction: all of them, on the disk, or none.

        Args:
            people: name, vectors and sources of each, as for `enroll`; a name at most once.
            replace: the identities named have these templates only; others of theirs are deleted. What others there
                are stays.
            wait: for another program that is just writing; False refuses at once.

        Returns:
            ids of the templates, by identity.

        Raises:
            InputError, VectorError, StorageError: as for `enroll`; nothing was changed.

        Example:
            >>> gallery.enroll_many([("Ada", a, None), ("Bob", b, None)])    # doctest: +SKIP
            {'Ada': [1, 2], 'Bob': [3]}
        """

    @property
    def change(self) -> int:
        """The number of the last change; another number tells that somebody enrolled or forgot."""

    def names(self) -> list[str]:
        """Names of all identities, in order; quicker than `people`, which also counts templates."""

    def people(self) -> list[Identity]:
        """All identities, by name."""

    def templates(self, identity: str | None = None) -> list[Template]:
        """Templates of one identity, or of all, in order of enrolment; `UnknownIdentityError` for a name not held."""

    def forget(self, identity: str) -> int:
        """Delete an identity, its name and its vectors for good; returns the number of templates deleted.

        Raises:
            UnknownIdentityError: no such name.
            StorageError: as for `enroll`; or it is deleted, but old bytes could not be scrubbed yet (says so).
        """

    def search(self, vectors: npt.ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """The `k` nearest identities of every probe, each by its best template, nearest first.

        Args:
            vectors: `(q, d)` or `(d,)` real numbers.
            k: identities, at least 1; fewer come back when the gallery holds fewer.
        """

    def search_counted(self, vectors: npt.ArrayLike, k: int = 5) -> Searched:
        """The same, with the size of what was searched: one state of the gallery, whatever others do meanwhile."""

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
