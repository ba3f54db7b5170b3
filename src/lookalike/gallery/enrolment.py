"""What is to be enrolled, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.errors import InputError, VectorError
from lookalike.gallery.identity_tags import checked_tags
from lookalike.gallery.moments import utc_moment
from lookalike.gallery.records import Enrolment, Model
from lookalike.gallery.sources import readable
from lookalike.identity_names import checked_name
from lookalike.index.core.checks import checked_vectors

__all__ = [
    "CheckedEnrolment",
    "checked",
    "checked_many",
    "model_vectors",
]


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


def checked(given: Enrolment, model: Model, vectors: npt.NDArray[np.float32] | None = None) -> CheckedEnrolment:
    """An enrolment that can be stored.

    Args:
        given: what is to be enrolled.
        model: the gallery's.
        vectors: those that are given, where they were checked before.

    Raises:
        InputError, VectorError: as `Gallery.enroll`.
    """
    name = checked_name(given.identity)
    if vectors is None:
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
    given = [one if isinstance(one, Enrolment) else Enrolment(*one) for one in people]
    ready = [checked(one, model, own) for one, own in zip(given, _checked_at_once(given, model), strict=True)]
    if len({one.name for one in ready}) != len(ready):
        raise InputError("an identity is given twice; give each once, with all its vectors")
    return ready


def _checked_at_once(given: Sequence[Enrolment], model: Model) -> list[npt.NDArray[np.float32] | None]:
    """The vectors of many enrolments, checked in one piece; None where each must be checked by itself.

    Of many enrolments with one vector each, checking them one by one takes as long as writing them.
    """
    alone: list[npt.NDArray[np.float32] | None] = [None] * len(given)
    if len(given) < 2:
        return alone
    rows = []
    for one in (each.vectors for each in given):
        if type(one) is not np.ndarray or one.dtype != np.float32 or one.ndim not in (1, 2) or not one.size:
            return alone
        rows.append(one if one.ndim == 2 else one[None, :])
    try:
        ready = model_vectors(np.concatenate(rows), model, "vectors", allow_none=False)
    except (ValueError, VectorError):  # which one it is, and what is wrong with it, its own check says
        return alone
    ends = np.cumsum([len(one) for one in rows]).tolist()
    return [ready[end - len(one) : end] for one, end in zip(rows, ends, strict=True)]


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
