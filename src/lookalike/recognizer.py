"""Recognition: an embedder, a gallery and a threshold answer who it is, or nobody.

>>> recognizer = Recognizer(Embedder.load("dlib"), open_gallery("people.gallery"))    # doctest: +SKIP
>>> recognizer.enroll("Ada", "ada.jpg")    # doctest: +SKIP
>>> recognizer.identify("somebody.jpg").identity    # doctest: +SKIP
'Ada'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.distances import pairwise
from lookalike.embedder import Embedder, Threshold
from lookalike.embedder.preparation import named
from lookalike.errors import ImageError, InputError
from lookalike.gallery import Candidate, Gallery
from lookalike.images import Picture

__all__ = ["Enrolled", "Identified", "Recognizer", "Verified"]

#: Sequences that are one encoded picture or its path, not several pictures.
_ONE_PICTURE = (str, bytes, bytearray, memoryview)


@dataclass(frozen=True)
class Enrolled:
    """What `enroll` stored: the templates' numbers, and remarks on the pictures."""

    identity: str
    template_ids: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verified:
    """Whether two pictures show one identity: `match` is `distance <= threshold`."""

    match: bool
    distance: float
    threshold: float
    threshold_source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identified:
    """Who a picture shows: `identity`, or None for nobody in the gallery, and the nearest candidates.

    `distance` is the nearest candidate's; infinite where the gallery is empty.
    """

    identity: str | None
    distance: float
    threshold: float
    threshold_source: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()


class Recognizer:
    """Enroll, verify (1:1) and identify (1:N, or nobody).

    Args:
        embedder: turns pictures into vectors.
        gallery: who is known; not needed to verify.
        threshold: a distance up to which two pictures match, in place of the embedder's measured one.
        target_fmr: the measured threshold of this false match rate, in place of the calibration's default.

    Raises:
        FingerprintError: the gallery was made by another model.
        InputError: the threshold is not a number, or both it and a rate were given.
    """

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery | None = None,
        threshold: float | None = None,
        target_fmr: float | None = None,
    ) -> None:
        if threshold is not None and target_fmr is not None:
            raise InputError("both a threshold and a false match rate were given; give one of them")
        if threshold is not None and not math.isfinite(threshold):
            raise InputError(f"threshold is {threshold}; expected a distance, such as 0.5")
        self.embedder, self._gallery = embedder, gallery
        self._threshold = Threshold(threshold, "given by the user") if threshold is not None else None
        self._target_fmr = target_fmr
        if gallery is not None:
            gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)

    @property
    def gallery(self) -> Gallery:
        """The gallery, or an `InputError` where there is none."""
        if self._gallery is None:
            raise InputError("this recognizer has no gallery; give it one: Recognizer(embedder, open_gallery(path))")
        return self._gallery

    @property
    def threshold(self) -> Threshold:
        """The distance that decides; an `InputError` where none was given or measured."""
        return self._threshold or self.embedder.threshold(self._target_fmr)

    def enroll(self, identity: str, pictures: Picture | Sequence[Picture]) -> Enrolled:
        """Store templates of one or more pictures under a name: all of them or, on any error, none.

        Raises:
            ImageError: a picture cannot be used; `NoFaceError` where there is no face.
            InputError: the name is empty or too long.
            StorageError: the disk is full or failing; what was stored before is unharmed.
        """
        one = not isinstance(pictures, Sequence) or isinstance(pictures, _ONE_PICTURE)
        several: list[Picture] = [cast(Picture, pictures)] if one else list(cast(Sequence[Picture], pictures))
        vectors, notes = self._embed(several)
        sources = [fspath(picture) if isinstance(picture, str | PathLike) else "" for picture in several]
        return Enrolled(identity, tuple(self.gallery.enroll(identity, vectors, sources)), notes)

    def verify(self, a: Picture, b: Picture) -> Verified:
        """Do two pictures show the same identity?"""
        threshold = self.threshold
        vectors, notes = self._embed([a, b])
        distance = float(pairwise(vectors[:1], vectors[1:], self.embedder.metric)[0, 0])
        return Verified(distance <= threshold.distance, distance, threshold.distance, threshold.source, notes)

    def identify(self, picture: Picture, k: int = 5) -> Identified:
        """Whose picture is this, of all in the gallery, or nobody's? `k` candidates are reported."""
        threshold = self.threshold
        vectors, notes = self._embed([picture])
        candidates = tuple(self.gallery.search(vectors, k=k)[0])
        distance = candidates[0].distance if candidates else math.inf
        known = candidates[0].identity if distance <= threshold.distance else None
        return Identified(known, distance, threshold.distance, threshold.source, candidates, notes)

    def _embed(self, pictures: Sequence[Picture]) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
        notes: list[str] = []

        def where(position: int) -> str:
            one = pictures[position]
            return fspath(one) if isinstance(one, str | PathLike) else f"picture {position + 1}"

        def refuse(position: int, error: ImageError) -> None:
            raise named(error, where(position))

        vectors = self.embedder.embed(
            pictures, notes=lambda position, note: notes.append(f"{where(position)}: {note}"), unusable=refuse
        )
        return vectors, tuple(notes)
