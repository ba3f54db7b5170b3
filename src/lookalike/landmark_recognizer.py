"""Enrolment of many places at once, with a promise about photos that show none; recognition is `Recognizer`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.embedder import Embedder
from lookalike.embedder.embedded_pictures import embed_pictures
from lookalike.embedder.seen_pictures import seen_among
from lookalike.errors import InputError
from lookalike.gallery import Gallery, Kind
from lookalike.images import Picture
from lookalike.progress import ProgressSink, counted
from lookalike.recognizer import Recognizer, sources_of

if TYPE_CHECKING:
    from lookalike.landmarks.atlas import Atlas, AtlasSettings
    from lookalike.landmarks.enrolment import EnrolledPlaces
    from lookalike.landmarks.place import Place

__all__ = ["LandmarkRecognizer"]


class LandmarkRecognizer(Recognizer):
    """A `Recognizer` that enrolls many places at once and keeps a promise about photos that show none.

    Args:
        embedder: turns pictures into vectors.
        gallery: holds each place as an identity, its centroids as templates, and the atlas as its annex.

    Raises:
        FingerprintError: the gallery was made by another model.
        InputError: it holds people.

    Example:
        >>> recognizer = LandmarkRecognizer(Embedder.load("model/"), open_gallery("places.gallery"))    # doctest: +SKIP
        >>> recognizer.enroll(photos, places, non_landmarks, promise_fpr=0.01)    # doctest: +SKIP
        >>> recognizer.identify("holiday.jpg").name    # doctest: +SKIP
        'Sacré-Cœur'
    """

    _wanted: Kind | None = "landmarks"

    def __init__(self, embedder: Embedder, gallery: Gallery) -> None:
        super().__init__(embedder, gallery)

    @property
    def atlas(self) -> Atlas:
        """What the gallery keeps beside its centroids, as it is now.

        Raises:
            InputError: there is none yet, or identities were enrolled that its thresholds know nothing of.
            ArtefactError: it is damaged.
        """
        places = self.place_recognition()
        assert places is not None
        return places.atlas

    def enroll(  # type: ignore[override]  # many places at once; `Recognizer.enroll` takes one
        self,
        pictures: Sequence[Picture],
        places: Sequence[str],
        non_landmarks: Sequence[Picture] = (),
        *,
        promise_fpr: float | None = None,
        settings: AtlasSettings | None = None,
        facts: Mapping[str, Place] | None = None,
        progress: ProgressSink | None = None,
    ) -> EnrolledPlaces:
        """Add photos of places, and photos that show none; what was enrolled before stays and is taken into account.

        Args:
            pictures: of places; paths are kept as sources.
            places: the id of each.
            non_landmarks: photos without a landmark, of the kind users will send; needed once, more are added. None of
                them, and none like them, may have trained the network.
            promise_fpr: the largest share of such photos that may be accepted; by default as before, at first 0.01.
            settings: further choices; by default as before.
            facts: names and positions of places by id.
            progress: told how far it is.

        Raises:
            ImageError: a picture cannot be used; the message names it.
            InputError: a name that no place may bear, or too few non-landmarks for the promise; says how many it takes.
            StorageError: the disk is full or failing, or the gallery was changed meanwhile; what was there is unharmed.

        Example:
            >>> recognizer.enroll(["a.jpg", "b.jpg"], ["church"] * 2, others).promised.rate    # doctest: +SKIP
            0.004
        """
        if isinstance(places, str) or len(places) != len(pictures):
            given = "one text as" if isinstance(places, str) else str(len(places))
            raise InputError(f"{len(pictures)} pictures came with {given} places; give the place of each")
        paths = [Path(one) for one in non_landmarks if isinstance(one, str | PathLike)]
        seen = int(seen_among(self.embedder.seen_non_landmarks, paths).sum())
        if seen:
            raise InputError(
                f"{seen} of {len(non_landmarks)} non_landmarks trained model {self.embedder.name}, so a promise set on "
                "them would not hold; leave those out (embedder.seen_pictures.seen_among tells which)"
            )
        of_places = counted(progress, "Embedding places", len(pictures))
        of_others = counted(progress, "Embedding non-landmarks", len(non_landmarks))
        vectors = embed_pictures(self.embedder, pictures, progress=of_places).vectors
        others = embed_pictures(self.embedder, non_landmarks, progress=of_others).vectors
        return self.enroll_vectors(
            vectors,
            places,
            sources_of(pictures),
            others,
            promise_fpr=promise_fpr,
            settings=settings,
            facts=facts,
            progress=progress,
        )

    def enroll_vectors(
        self,
        vectors: npt.ArrayLike,
        places: Sequence[str],
        sources: Sequence[str] | None = None,
        non_landmarks: npt.ArrayLike | None = None,
        *,
        promise_fpr: float | None = None,
        settings: AtlasSettings | None = None,
        facts: Mapping[str, Place] | None = None,
        progress: ProgressSink | None = None,
    ) -> EnrolledPlaces:
        """The same of photos that are embedded already: `(n, d)` of places, `(m, d)` of non-landmarks.

        Raises:
            VectorError: wrong shapes, NaN, or not one place and source per vector.
            InputError, StorageError: as `enroll`.
        """
        from lookalike.landmarks.enrolment import NewPhotos, enroll_places

        new = NewPhotos(vectors=vectors, places=places, sources=sources, non_landmarks=non_landmarks, facts=facts or {})
        return enroll_places(self.gallery, new, promise_fpr=promise_fpr, settings=settings, progress=progress)

    def refit(self, promise_fpr: float | None = None, progress: ProgressSink | None = None) -> EnrolledPlaces:
        """Fit the thresholds anew: to another promise, or to identities that were enrolled as people are."""
        none = np.empty((0, self.embedder.dimension), np.float32)
        return self.enroll_vectors(none, [], promise_fpr=promise_fpr, progress=progress)

    def forget(self, place: str) -> int:
        """Delete a place, its centroids, its photos' vectors and sources, and what is known of it; see `Gallery`."""
        return self.gallery.forget(place)
