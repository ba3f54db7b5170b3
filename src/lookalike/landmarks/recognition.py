"""Recognition of landmarks: a photo in, the name of the place out, or "not a landmark".

>>> recognizer = LandmarkRecognizer(Embedder.load("model/"), open_gallery("places.gallery"))    # doctest: +SKIP
>>> recognizer.enroll(photos, places, non_landmarks, promise_fpr=0.01)    # doctest: +SKIP
>>> recognizer.identify("holiday.jpg").name    # doctest: +SKIP
'Sacré-Cœur'
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from lookalike.embedder import Embedder
from lookalike.embedder.preparation import named
from lookalike.embedder.seen_pictures import seen_among
from lookalike.errors import ImageError, InputError, StorageError, VectorError
from lookalike.gallery import Candidate, Gallery
from lookalike.images import Picture
from lookalike.index.core.checks import checked_k, checked_vectors
from lookalike.landmarks.atlas import Atlas, AtlasSettings
from lookalike.landmarks.enrolment import EnrolledPlaces, Progress, enroll_places
from lookalike.landmarks.place import Place
from lookalike.landmarks.promised_rate import PromisedRate
from lookalike.landmarks.reranking import PHOTOS, RankedPlace, rerank

__all__ = ["ExamplePhoto", "LandmarkRecognizer", "PlaceCandidate", "Recognised"]

Floats = npt.NDArray[np.float32]

#: Places that a search brings before any is decided about: the densities of places may change who comes first.
CANDIDATES = 10
#: Of two places within their thresholds, the second must be behind by more than this share of the threshold.
MARGIN_SHARE = 0.05
#: Photos embedded and searched together.
BATCH = 64
#: Searches repeated because somebody enrolled or forgot during them.
ATTEMPTS = 5


@dataclass(frozen=True)
class ExamplePhoto:
    """An enrolled photo that a photo resembles: where it is, and how far in vectors."""

    source: str
    distance: float


@dataclass(frozen=True)
class PlaceCandidate:
    """A place that a photo may show.

    Attributes:
        place: its id.
        name: for readers.
        latitude: in degrees; None where unknown.
        longitude: in degrees; None where unknown.
        map_url: a link to a map; None where the position is unknown.
        distance: from its nearest centroid.
        threshold: what the distance may be at most, of this place and for this photo: the promise's threshold less the
            densities of non-landmarks around both.
        confidence: in [0, 1], by the threshold's distance from the distance; at least 0.5 is accepted.
        ranking: what candidates are sorted by, smaller first.
        photos: its enrolled photos that resemble the photo most, nearest first.
    """

    place: str
    name: str
    latitude: float | None
    longitude: float | None
    map_url: str | None
    distance: float
    threshold: float
    confidence: float
    ranking: float
    photos: tuple[ExamplePhoto, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the promise lets it be named."""
        return self.distance <= self.threshold


@dataclass(frozen=True)
class Recognised:
    """What a photo shows.

    Attributes:
        decision: `match`; `unknown`: no landmark, or none in the gallery; or `ambiguous`: two places within their
            thresholds, and neither is clearly nearer.
        place: its id where the decision is `match`, None otherwise.
        candidates: what it may show, best first; accepted ones come before all others.
        threshold_source: the promise the thresholds rest on, in words.
        promised: the same in numbers.
        places: in the gallery at the time of the search.
        notes: remarks on the picture.
        seconds_embedding: from picture to vector; of a batch, its share.
        seconds_search: from vector to answer; of a batch, its share.
    """

    decision: Literal["match", "ambiguous", "unknown"]
    place: str | None
    candidates: tuple[PlaceCandidate, ...]
    threshold_source: str
    promised: PromisedRate
    places: int
    notes: tuple[str, ...] = ()
    seconds_embedding: float = 0.0
    seconds_search: float = 0.0

    @property
    def best(self) -> PlaceCandidate | None:
        """The first candidate, accepted or not; None in an empty gallery."""
        return self.candidates[0] if self.candidates else None

    @property
    def name(self) -> str | None:
        """The matched place's name."""
        return self.candidates[0].name if self.decision == "match" else None

    @property
    def latitude(self) -> float | None:
        """The matched place's, in degrees."""
        return self.candidates[0].latitude if self.decision == "match" else None

    @property
    def longitude(self) -> float | None:
        """The matched place's, in degrees."""
        return self.candidates[0].longitude if self.decision == "match" else None

    @property
    def map_url(self) -> str | None:
        """A link to the matched place on a map."""
        return self.candidates[0].map_url if self.decision == "match" else None

    @property
    def distance(self) -> float:
        """The first candidate's; infinite where there is none."""
        return self.candidates[0].distance if self.candidates else math.inf

    @property
    def threshold(self) -> float:
        """The first candidate's; minus infinity where there is none."""
        return self.candidates[0].threshold if self.candidates else -math.inf

    @property
    def confidence(self) -> float:
        """The first candidate's; 0 where there is none. What submissions and GAP sort by."""
        return self.candidates[0].confidence if self.candidates else 0.0

    @property
    def photos(self) -> tuple[ExamplePhoto, ...]:
        """The enrolled photos that decided it: the first candidate's."""
        return self.candidates[0].photos if self.candidates else ()


class LandmarkRecognizer:
    """Enroll places and recognise them, with a promise about photos that show none.

    Args:
        embedder: turns pictures into vectors.
        gallery: holds each place as an identity, its centroids as templates, and the atlas as its annex.

    Raises:
        FingerprintError: the gallery was made by another model.
    """

    def __init__(self, embedder: Embedder, gallery: Gallery) -> None:
        self.embedder, self.gallery = embedder, gallery
        gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
        self._held: tuple[int, Atlas] | None = None

    @property
    def atlas(self) -> Atlas:
        """What the gallery keeps beside its centroids, as it is now.

        Raises:
            InputError: there is none yet, or identities were enrolled that its thresholds know nothing of.
            ArtefactError: it is damaged.
        """
        return self._current()[1]

    def _current(self) -> tuple[int, Atlas]:
        """The atlas, and the gallery's change that was the last one before it was read."""
        change, held = self.gallery.change, self._held
        if held is None or held[0] != change:
            annex = self.gallery.annex()
            if annex is None:
                raise InputError(
                    "the gallery has no atlas of landmarks; enroll places and photos without a landmark first: "
                    "`lookalike enroll DATA --recipe landmarks --non-landmarks FOLDER`"
                )
            unknown = self.gallery.uncovered()
            if unknown:
                raise InputError(
                    f"{len(unknown)} identities, such as {unknown[0]!r}, were enrolled as people are, so no threshold "
                    "was fitted to them; run `lookalike enroll --recipe landmarks` on this gallery (refit()), or "
                    "forget them"
                )
            self._held = held = (change, Atlas(annex))
        return held

    # --- enrolling ----------------------------------------------------------------------------------------

    def enroll(
        self,
        pictures: Sequence[Picture],
        places: Sequence[str],
        non_landmarks: Sequence[Picture] = (),
        *,
        promise_fpr: float | None = None,
        settings: AtlasSettings | None = None,
        facts: Mapping[str, Place] | None = None,
        progress: Progress | None = None,
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
            progress: told what is done, how far, and of how much.

        Raises:
            ImageError: a picture cannot be used; the message names it.
            InputError: a name that no place may bear, or too few non-landmarks for the promise; says how many it takes.
            StorageError: the disk is full or failing, or the gallery was changed meanwhile; what was there is unharmed.

        Example:
            >>> recognizer.enroll(["a.jpg", "b.jpg"], ["church"] * 2, others).promised.rate    # doctest: +SKIP
            0.004
        """
        if isinstance(places, str) or len(places) != len(pictures):
            raise InputError(f"{len(pictures)} pictures came with {_count(places)} places; give the place of each")
        paths = [Path(one) for one in non_landmarks if isinstance(one, str | PathLike)]
        seen = int(seen_among(self.embedder.seen_non_landmarks, paths).sum())
        if seen:
            raise InputError(
                f"{seen} of {len(non_landmarks)} non_landmarks trained model {self.embedder.name}, so a promise set on "
                "them would not hold; leave those out (embedder.seen_pictures.seen_among tells which)"
            )
        vectors = self._embed(pictures, _part(progress, "Embedding places", len(pictures)))[0]
        others = self._embed(non_landmarks, _part(progress, "Embedding non-landmarks", len(non_landmarks)))[0]
        sources = [fspath(one) if isinstance(one, str | PathLike) else "" for one in pictures]
        return self.enroll_vectors(
            vectors,
            places,
            sources,
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
        progress: Progress | None = None,
    ) -> EnrolledPlaces:
        """The same of photos that are embedded already: `(n, d)` of places, `(m, d)` of non-landmarks.

        Raises:
            VectorError: wrong shapes, NaN, or not one place and source per vector.
            InputError, StorageError: as `enroll`.
        """
        x = self._checked(vectors, "vectors")
        given = np.empty((0, self.embedder.dimension)) if non_landmarks is None else non_landmarks
        others = self._checked(given, "non_landmarks")
        texts = [""] * len(x) if sources is None else sources
        if isinstance(places, str) or isinstance(texts, str) or not len(places) == len(texts) == len(x):
            raise VectorError(
                f"{_count(places)} places and {_count(texts)} sources were given for {len(x)} vectors; give one each"
            )
        chosen = settings or self._settings()
        if promise_fpr is not None:
            chosen = replace(chosen, promise_fpr=promise_fpr)
        return enroll_places(
            self.gallery, self.embedder.metric, x, places, texts, others, facts or {}, chosen, progress
        )

    def refit(self, promise_fpr: float | None = None, progress: Progress | None = None) -> EnrolledPlaces:
        """Fit the thresholds anew: to another promise, or to identities that were enrolled as people are."""
        none = np.empty((0, self.embedder.dimension), np.float32)
        return self.enroll_vectors(none, [], promise_fpr=promise_fpr, progress=progress)

    def forget(self, place: str) -> int:
        """Delete a place, its centroids, its photos' vectors and sources, and what is known of it; see `Gallery`."""
        return self.gallery.forget(place)

    # --- recognising --------------------------------------------------------------------------------------

    def identify(self, picture: Picture, k: int = 5, rerank: bool = True, photos: int = PHOTOS) -> Recognised:
        """Which place does a photo show, if any?

        Args:
            picture: the photo.
            k: candidates reported.
            rerank: let the nearest enrolled photos of the candidates have a say in which place it is. Whether it is one
                is decided by the centroids alone, so the promise holds either way.
            photos: example photos named of each candidate, and counted in re-ranking.

        Raises:
            ImageError: the picture cannot be used.
            InputError: the gallery has no atlas, or one that does not fit its templates; says what to do.
        """
        return self.identify_many([picture], k, rerank, photos)[0]

    def identify_many(
        self,
        pictures: Sequence[Picture],
        k: int = 5,
        rerank: bool = True,
        photos: int = PHOTOS,
        progress: Callable[[int], None] | None = None,
    ) -> list[Recognised]:
        """The same for many photos, in batches; `progress` is called with the number answered since the last call."""
        answers: list[Recognised] = []
        for start in range(0, len(pictures), BATCH):
            batch = pictures[start : start + BATCH]
            began = time.perf_counter()
            vectors, notes = self._embed(batch, None, start)
            seconds = (time.perf_counter() - began) / len(batch)
            for answer, remarks in zip(self.identify_vectors(vectors, k, rerank, photos), notes, strict=True):
                answers.append(replace(answer, notes=remarks, seconds_embedding=seconds))
            if progress:
                progress(len(batch))
        return answers

    def identify_vectors(
        self, vectors: npt.ArrayLike, k: int = 5, rerank: bool = True, photos: int = PHOTOS
    ) -> list[Recognised]:
        """The same for photos that are embedded already, `(q, d)`."""
        x, wanted = self._checked(vectors, "vectors"), checked_k(k)
        began = time.perf_counter()
        atlas, found = self._searched(x, max(wanted, CANDIDATES))
        densities = atlas.rejection.density(x) if len(x) else np.empty(0)
        answers = [
            self._answer(atlas, vector, float(density), candidates, wanted, rerank, photos)
            for vector, density, candidates in zip(x, densities, found, strict=True)
        ]
        seconds = (time.perf_counter() - began) / max(1, len(x))
        return [replace(answer, seconds_search=seconds) for answer in answers]

    def _searched(self, x: Floats, k: int) -> tuple[Atlas, list[list[Candidate]]]:
        """Candidates, and the atlas that fits the very state of the gallery in which they were found."""
        for _ in range(ATTEMPTS):
            change, atlas = self._current()
            found = self.gallery.search(x, k)
            if self.gallery.change == change:
                return atlas, found
        raise StorageError(f"the gallery changed during each of {ATTEMPTS} searches; ask again when it is at rest")

    def _answer(
        self,
        atlas: Atlas,
        vector: Floats,
        density: float,
        found: Sequence[Candidate],
        k: int,
        by_photos: bool,
        photos: int,
    ) -> Recognised:
        rejection = atlas.rejection
        limits = {}
        for one in found:
            limit = rejection.threshold_of(one.identity) - rejection.query_weight * density
            limits[one.identity] = min(limit, rejection.bounds.get(one.identity, math.inf))
        ranked = rerank(
            vector,
            [one.identity for one in found],
            [one.distance for one in found],
            lambda place: _used(atlas, place),
            self.embedder.metric,
            photos=photos,
            by_photos=by_photos,
            # What the promise's threshold is above the place's own: the density around the place.
            offsets=[rejection.threshold - rejection.threshold_of(one.identity) for one in found],
        )
        candidates = [_candidate(atlas, place, limits[place.place]) for place in ranked]
        candidates.sort(key=lambda candidate: not candidate.accepted)
        accepted = [candidate for candidate in candidates if candidate.accepted]
        decision: Literal["match", "ambiguous", "unknown"] = "match" if accepted else "unknown"
        if len(accepted) > 1:
            behind = accepted[1].ranking - accepted[0].ranking
            if behind <= MARGIN_SHARE * abs(accepted[0].threshold):
                decision = "ambiguous"
        return Recognised(
            decision=decision,
            place=candidates[0].place if decision == "match" else None,
            candidates=tuple(candidates[:k]),
            threshold_source=rejection.promised.source,
            promised=rejection.promised,
            places=len(atlas.annex.entries),
        )

    def _settings(self) -> AtlasSettings:
        held = self.gallery.annex()
        return AtlasSettings() if held is None else Atlas(held).settings

    def _checked(self, vectors: npt.ArrayLike, name: str) -> Floats:
        return checked_vectors(vectors, self.embedder.dimension, name, allow_none=True)

    def _embed(
        self, pictures: Sequence[Picture], progress: Callable[[int], None] | None, offset: int = 0
    ) -> tuple[Floats, list[tuple[str, ...]]]:
        """Vectors, and remarks on each picture."""
        notes: list[list[str]] = [[] for _ in pictures]

        def refuse(position: int, error: ImageError) -> None:
            one = pictures[position]
            raise named(error, fspath(one) if isinstance(one, str | PathLike) else f"picture {offset + position + 1}")

        vectors = self.embedder.embed(
            pictures, progress=progress, notes=lambda at, note: notes[at].append(note), unusable=refuse
        )
        return vectors, [tuple(own) for own in notes]


def _candidate(atlas: Atlas, ranked: RankedPlace, threshold: float) -> PlaceCandidate:
    facts, own = atlas.place(ranked.place), _sources(atlas, ranked.place)
    return PlaceCandidate(
        place=ranked.place,
        name=facts.name,
        latitude=facts.latitude,
        longitude=facts.longitude,
        map_url=facts.map_url,
        distance=ranked.distance,
        threshold=threshold,
        confidence=_confidence((threshold - ranked.distance) / atlas.confidence_scale),
        ranking=ranked.ranking,
        photos=tuple(ExamplePhoto(own[at], far) for at, far in zip(ranked.photos, ranked.photo_distances, strict=True)),
    )


def _used(atlas: Atlas, place: str) -> Floats:
    """The vectors of a place's photos that went into its centroids."""
    photos = atlas.photos(place)
    return photos.vectors[photos.templates >= 0]


def _sources(atlas: Atlas, place: str) -> list[str]:
    photos = atlas.photos(place)
    return [photos.sources[at] for at in np.flatnonzero(photos.templates >= 0).tolist()]


def _confidence(margin: float) -> float:
    """The logistic function: 0.5 where distance and threshold are equal, and never beyond 0 or 1."""
    if margin >= 0:
        return 1 / (1 + math.exp(-margin))
    return math.exp(margin) / (1 + math.exp(margin))


def _count(items: Sequence[str]) -> str:
    return "one text as" if isinstance(items, str) else str(len(items))


def _part(progress: Progress | None, what: str, total: int) -> Callable[[int], None] | None:
    """Progress of one part, told in pictures since the last call, as `Embedder.embed` does."""
    if progress is None:
        return None
    done = 0

    def more(count: int) -> None:
        nonlocal done
        done += count
        progress(what, done, total)

    return more
