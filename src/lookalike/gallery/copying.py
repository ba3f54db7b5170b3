"""The contents of a gallery written into another one, and the proof that all of it is there.

Copying again does no harm: a vector that an identity has already is not stored twice. So a copy that was interrupted is
completed by making it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.errors import StorageError
from lookalike.gallery.records import Enrolment
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.gallery.contents import Contents
    from lookalike.gallery.gallery import Gallery
    from lookalike.gallery.records import Tags, Template

__all__ = ["Verified", "copy_contents", "enrolments", "verify_copy"]


@dataclass(frozen=True)
class Verified:
    """What a comparison found; every vector of the source is in the target.

    Attributes:
        identities: of the source.
        templates: of the source, without vectors that an identity has twice.
        twice: templates of the source that an identity has bit for bit a second time, which are copied once.
        differing: templates whose source text, time or quality the target has otherwise, from an earlier enrolment.
        further: templates that only the target has.
    """

    identities: int
    templates: int
    twice: int
    differing: int
    further: int


def copy_contents(source: Contents, target: Gallery, progress: ProgressSink | None = None) -> None:
    """Enroll everybody of `source` into `target`: vectors, sources, times, qualities and tags; ids are given anew.

    Raises:
        FingerprintError: the target belongs to another model.
        InputError: the target holds landmarks.
        StorageError: one of the two cannot be read or written; copy again, what is there stays.
    """
    model = source.model
    target.bind(model.fingerprint, model.name, model.metric, model.dimension)
    target.settle_kind("people")
    tags = {one.name: one.tags for page in source.identity_pages() for one in page if one.tags}
    advance = counted(progress, "Copying templates", source.templates)
    for page in source.template_pages():
        target.enroll_many(enrolments(page, tags))
        advance(len(page))


def enrolments(page: Sequence[Template], tags: Mapping[str, Tags]) -> list[Enrolment]:
    """What enrolls these templates again, identity by identity, with everything but their ids."""
    of: dict[str, list[Template]] = {}
    for one in page:
        of.setdefault(one.identity, []).append(one)
    return [
        Enrolment(
            name,
            np.stack([one.vector for one in own]),
            [one.source for one in own],
            tags.get(name),
            [one.quality for one in own],
            [one.enrolled_at for one in own],
        )
        for name, own in of.items()
    ]


def verify_copy(source: Contents, target: Contents, progress: ProgressSink | None = None) -> Verified:
    """Compare, by digests of name and vector, and names with their tags.

    Raises:
        StorageError: something of the source is not in the target.
    """
    wanted, held = (
        _digests(one, f"Reading the {which} again", progress) for one, which in ((source, "source"), (target, "target"))
    )
    first = np.unique(wanted["vector"], return_index=True)[1]
    distinct = wanted[first]
    missing = int((~np.isin(distinct["vector"], held["vector"])).sum())
    identities, lost = _missing_identities(source, target)
    if missing or lost:
        raise StorageError(
            f"the copy is not complete: {missing} of {len(distinct)} templates are missing, and {lost} of {identities} "
            "identities or their tags; copy again while nobody writes"
        )
    order = np.argsort(held["vector"], kind="stable")
    there = held[order][np.searchsorted(held["vector"][order], distinct["vector"])]
    further = int((~np.isin(held["vector"], distinct["vector"])).sum())
    differing = int((there["rest"] != distinct["rest"]).sum())
    return Verified(identities, len(distinct), len(wanted) - len(distinct), differing, further)


#: 128 bits of name and vector, and 64 of the rest of a template.
_DIGEST = np.dtype([("vector", "S32"), ("rest", "S16")])


def _digests(contents: Contents, stage: str, progress: ProgressSink | None) -> npt.NDArray[np.void]:
    advance, parts = counted(progress, stage, contents.templates), [np.empty(0, _DIGEST)]
    for page in contents.template_pages():
        parts.append(np.array([_digest(one) for one in page], _DIGEST))
        advance(len(page))
    return np.concatenate(parts)


def _digest(one: Template) -> tuple[bytes, bytes]:
    # Hexadecimal, because NumPy cuts zeros off the end of bytes.
    vector = hashlib.sha256(one.identity.encode() + b"\0" + one.vector.astype("<f4").tobytes())
    rest = hashlib.sha256(f"{one.source}\0{one.enrolled_at}\0{one.quality}".encode())
    return vector.hexdigest()[:32].encode(), rest.hexdigest()[:16].encode()


def _missing_identities(source: Contents, target: Contents) -> tuple[int, int]:
    """How many identities there are, and of how many the target lacks the name or a tag."""
    held = {one.name: one.tags for page in target.identity_pages() for one in page}
    found = lost = 0
    for page in source.identity_pages():
        for one in page:
            found += 1
            own = held.get(one.name)
            lost += own is None or any(own.get(key) != value for key, value in one.tags.items())
    return found, lost
