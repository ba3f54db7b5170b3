"""What is to be enrolled, checked; and the statements by which templates enter a gallery's database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.errors import InputError, VectorError
from lookalike.gallery.database import Database
from lookalike.gallery.identity_tags import change_tags, checked_tags
from lookalike.gallery.kept_pictures import keep
from lookalike.gallery.moments import now, utc_moment
from lookalike.gallery.records import Enrolment, Model
from lookalike.gallery.sealing import sealed_text
from lookalike.gallery.sources import readable
from lookalike.identity_names import checked_name
from lookalike.index.core.checks import checked_vectors

__all__ = [
    "DIGEST_BYTES",
    "CheckedEnrolment",
    "checked",
    "checked_many",
    "identity_of",
    "model_vectors",
    "new_change",
    "new_identity",
    "store",
]

#: Of the digest by which an identity's own vectors are told apart. A longer one is of a vector that came from another
#: identity, beside the same one.
DIGEST_BYTES = 16


@dataclass(frozen=True, eq=False)
class CheckedEnrolment:
    """An `Enrolment` that can be stored.

    Attributes:
        name: the identity, in its canonical form.
        vectors: `(m, d)` float32.
        sources: one text per vector.
        tags: added to those that the identity has.
        qualities: one per vector.
        moments: when each was enrolled; None for now.
        pictures: to be kept with each; None for none.
    """

    name: str
    vectors: npt.NDArray[np.float32]
    sources: list[str]
    tags: dict[str, str | None]
    qualities: list[float | None]
    moments: list[str] | None
    pictures: list[bytes | None] | None = None


def checked(given: Enrolment, model: Model) -> CheckedEnrolment:
    """An enrolment that can be stored.

    Raises:
        InputError, VectorError: as `Gallery.enroll`.
    """
    name = checked_name(given.identity)
    vectors = model_vectors(given.vectors, model, "vectors", allow_none=False)
    count = len(vectors)
    sources = _one_each(given.sources, count, "source")
    qualities = _one_each(given.qualities, count, "quality", "qualities")
    moments = _one_each(given.enrolled_at, count, "moment")
    return CheckedEnrolment(
        name,
        vectors,
        [""] * count if sources is None else [readable(source) for source in sources],
        checked_tags(given.tags),
        [None] * count if qualities is None else [_quality(one) for one in qualities],
        None if moments is None else [utc_moment(one) for one in moments],
        _one_each(given.pictures, count, "picture"),
    )


def checked_many(
    people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]], model: Model
) -> list[CheckedEnrolment]:
    """Enrolments of several identities that can be stored.

    Raises:
        InputError, VectorError: as `Gallery.enroll_many`.
    """
    ready = [checked(one if isinstance(one, Enrolment) else Enrolment(*one), model) for one in people]
    if len({one.name for one in ready}) != len(ready):
        raise InputError("an identity is given twice; give each once, with all its vectors")
    return ready


def model_vectors(given: Any, model: Model | None, name: str, allow_none: bool) -> npt.NDArray[np.float32]:
    """Vectors that the gallery's model can have made, `(m, d)`.

    Raises:
        VectorError: a wrong shape, dtype, dimension or value.
    """
    array = as_array(given, name)
    one = array[None, :] if array.ndim == 1 else array
    ready = checked_vectors(one, model.dimension if model else None, name, allow_none)
    if model is not None and model.metric == "cosine" and not ready.any(axis=1).all():
        row = int(np.flatnonzero(~ready.any(axis=1))[0])
        raise VectorError(f"{name}[{row}] is all zeros; it has no direction, embed the picture again")
    return ready


def _one_each(given: Sequence[Any] | None, vectors: int, one: str, several: str = "") -> list[Any] | None:
    if given is None:
        return None
    if isinstance(given, str) or len(given) != vectors:
        count = "one text" if isinstance(given, str) else f"{len(given)} {several or one + 's'}"
        raise VectorError(f"{count} given for {vectors} vectors; give a list with one {one} per vector")
    return list(given)


def _quality(given: Any) -> float | None:
    if given is None:
        return None
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise InputError(f"a quality is {given!r}; give a number from 0 (worst) to 1, or None")
    return number


def new_change(database: Database) -> int:
    """Begin a change, which indexes follow."""
    return int(database.one("INSERT INTO change (token) VALUES (randomblob(8)) RETURNING id")[0])


def identity_of(database: Database, name: str) -> int | None:
    """The id of an identity; None where nobody has the name."""
    row = database.one("SELECT id FROM identity WHERE name = ?", (database.sealing.stored_name(name),))
    return None if row is None else int(row[0])


def new_identity(database: Database, name: str, created_at: str, key: str = "") -> int:
    """Make an identity of a name that nobody has; returns its id.

    Args:
        database: inside a transaction.
        name: checked.
        created_at: of the first enrolment.
        key: as of `Sealing.add_identity`.
    """
    stored = database.sealing.stored_name(name)
    (new,) = database.one("INSERT INTO identity (name, created_at) VALUES (?, ?) RETURNING id", (stored, created_at))
    database.sealing.add_identity(new, name, key)
    return int(new)


def store(database: Database, given: CheckedEnrolment, change: int | None) -> tuple[list[int], int | None]:
    """Add templates to an identity, made where it is new; those it has already keep their ids.

    Args:
        database: inside a transaction.
        given: what is to be added.
        change: the change to write under; None begins one when the first template or tag is new.

    Returns:
        The templates' ids, and the change.
    """
    moments, ids = given.moments or [now()] * len(given.vectors), []
    owner = identity_of(database, given.name)
    if owner is None:
        owner = new_identity(database, given.name, min(moments))
    sealing = database.sealing
    for vector, text, quality, moment in zip(given.vectors, given.sources, given.qualities, moments, strict=True):
        blob = vector.astype("<f4").tobytes()
        digest = sealing.digest(blob)[:DIGEST_BYTES]
        # A longer digest is of the same vector, too.
        known = database.one(
            "SELECT id FROM template WHERE identity_id = ? AND digest BETWEEN ? AND ? ORDER BY digest LIMIT 1",
            (owner, digest, digest + b"\xff"),
        )
        if known is None:
            if change is None:
                change = new_change(database)
            row: int | None = None  # SQLite gives the next one
            source: str | bytes = text
            if sealing.encrypted:  # what is encrypted is bound to the id
                (row,) = database.one("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'template'")
                sealing.add_key("template", row)
                blob = sealing.seal("template.vector", row, blob, owner)
                source = sealed_text(sealing, "template.source", row, text, owner)
            known = database.one(
                "INSERT INTO template (id, identity_id, change_id, vector, digest, source, enrolled_at, quality, "
                "other_vector, other_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, x'', randomblob(16)) RETURNING id",
                (row, owner, change, blob, digest, source, moment, quality),
            )
        ids.append(int(known[0]))
    if given.pictures is not None:
        keep(database, owner, ids, given.pictures)
    if given.tags and change_tags(database, owner, given.tags) and change is None:
        change = new_change(database)
    return ids, change
