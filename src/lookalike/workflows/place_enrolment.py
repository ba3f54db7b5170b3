"""Photos of places into a gallery that is open, with a model that is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from lookalike.decisions.promise import PromisedRate
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.images import Picture
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.landmarks.enrolment import LeftOut
    from lookalike.landmarks.place import Place
    from lookalike.progress import ProgressSink, Reporter
    from lookalike.workflows.place_pictures import PlacePictures

__all__ = [
    "EmbeddedPlaces",
    "PlacesEnrolled",
    "check_promise",
    "embed_places",
    "enroll_places",
    "fpr_of",
    "store_places",
]


@dataclass(frozen=True)
class PlacesEnrolled:
    """What was enrolled, and what the gallery holds now.

    Attributes:
        enrolled: ids of the places whose photos were given, sorted.
        pictures: photos of them that were enrolled.
        left_out_unusable: photos of them that could not be used.
        places: all in the gallery.
        new: those that were not there before.
        photos: of all places.
        centroids: of all places.
        non_landmarks: distinct photos without a landmark.
        left_out: photos that went into no centroid, and why.
        promised: the threshold, and what it promises.
        notes: remarks on the pictures, the names and the promise.
    """

    enrolled: tuple[str, ...]
    pictures: int
    left_out_unusable: int
    places: tuple[str, ...]
    new: tuple[str, ...]
    photos: int
    centroids: int
    non_landmarks: int
    left_out: tuple[LeftOut, ...]
    promised: PromisedRate
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EmbeddedPlaces:
    """Photos that can be used, ready to be stored.

    Attributes:
        vectors: `(n, d)` float32, of photos of places.
        places: `(n,)` their ids.
        sources: `(n,)` where the photos are.
        non_landmarks: `(m, d)` float32, of photos without a landmark.
        facts: names and positions of places by id, those that photos tell included.
        left_out: photos of places that could not be used.
    """

    vectors: npt.NDArray[np.float32]
    places: list[str]
    sources: list[str]
    non_landmarks: npt.NDArray[np.float32]
    facts: Mapping[str, Place]
    left_out: int


def enroll_places(
    recognizer: LandmarkRecognizer,
    pictures: PlacePictures,
    *,
    promise_fpr: float | None = None,
    skip_bad: bool = False,
    progress: ProgressSink | None = None,
) -> PlacesEnrolled:
    """Enroll photos of places, and photos that show none: all of it or nothing. Without photos, thresholds are fitted.

    Args:
        recognizer: with a gallery of places, or one that is empty.
        pictures: what is to be enrolled.
        promise_fpr: the largest share of photos without a landmark that may be named; as before where None.
        skip_bad: leave out pictures that cannot be used, in place of an error.
        progress: told how far it is.

    Raises:
        InputError: a name that no place may bear, no photos at all, or too few non-landmarks for the promise.
        DatasetError: some picture cannot be used and `skip_bad` is false, or all non-landmarks trained the model.
        StorageError: the disk is full or failing, or the gallery was changed meanwhile; nothing was changed.

    Example:
        >>> given = PlacePictures(photos=["a.jpg"], places=["church"], non_landmarks=others)    # doctest: +SKIP
        >>> enroll_places(recognizer, given, promise_fpr=0.05).promised.rate    # doctest: +SKIP
        0.04
    """
    from lookalike.progress import Reporter

    report = Reporter(progress)
    found = embed_places(recognizer.embedder, recognizer.gallery, pictures, promise_fpr, report, skip_bad=skip_bad)
    return store_places(recognizer, found, promise_fpr, report)


def embed_places(
    embedder: Embedder,
    gallery: Gallery | None,
    pictures: PlacePictures,
    promise_fpr: float | None,
    report: Reporter,
    *,
    skip_bad: bool = False,
) -> EmbeddedPlaces:
    """What `enroll_places` does before it writes; `gallery` is the one there is, None where it is yet to be made.

    Raises:
        InputError, DatasetError: as `enroll_places`.
    """
    import numpy as np

    from lookalike.decisions.promise import Promise
    from lookalike.images import source_of
    from lookalike.landmarks.near_copies import copy_of
    from lookalike.workflows.labelled_pictures import embed_usable

    if promise_fpr is not None:
        Promise("fpr", promise_fpr)  # one that is no rate is refused
    others = _unseen(embedder, pictures.non_landmarks, report)
    check_promise(gallery, len(pictures.photos), len(others), promise_fpr)
    vectors = strangers = np.empty((0, embedder.dimension), np.float32)
    kept: list[int] = []
    if len(pictures.photos):
        vectors, kept = embed_usable(embedder, pictures.photos, report, skip_bad=skip_bad, stage="Embedding places")
    if len(others):
        strangers, _ = embed_usable(embedder, others, report, skip_bad=skip_bad, stage="Embedding others")
        # Before a gallery is made: those that cannot be used, and copies, do not count.
        check_promise(gallery, len(kept), len(np.unique(copy_of(strangers))), promise_fpr)
    photos = [pictures.photos[position] for position in kept]
    places = [pictures.places[position] for position in kept]
    return EmbeddedPlaces(
        vectors,
        places,
        [_absolute(source_of(photo)) for photo in photos],
        strangers,
        _facts(photos, places, pictures.facts),
        len(pictures.photos) - len(kept),
    )


def store_places(
    recognizer: LandmarkRecognizer, places: EmbeddedPlaces, promise_fpr: float | None, report: Reporter
) -> PlacesEnrolled:
    """Find centroids, fit thresholds and write both, with the photos, in one step.

    Raises:
        InputError, StorageError: as `enroll_places`.
    """
    from lookalike.identity_names import look_alike_remarks

    names = tuple(sorted(set(places.places)))
    for line in look_alike_remarks(names, recognizer.gallery.names()):
        report.remark(line)
    found = recognizer.enroll_vectors(
        places.vectors,
        places.places,
        places.sources,
        places.non_landmarks,
        promise_fpr=promise_fpr,
        facts=places.facts,
        progress=report,
    )
    if found.promised.note:
        report.remark(found.promised.note)
    return PlacesEnrolled(
        enrolled=names,
        pictures=len(places.places),
        left_out_unusable=places.left_out,
        **vars(found),
        notes=tuple(report.remarks),
    )


def _facts(photos: Sequence[Picture], places: Sequence[str], facts: Mapping[str, Place]) -> dict[str, Place]:
    """What is given, and for the rest where the photos were taken, by their EXIF."""
    from lookalike.landmarks.atlas import known_better
    from lookalike.landmarks.place_facts import photographed_places

    known = photographed_places(photos, places)
    for place, given in facts.items():
        known[place] = known_better(known[place], given) if place in known else given
    return known


def _unseen(embedder: Embedder, others: Sequence[Picture], report: Reporter) -> list[Picture]:
    """Without those that the network was trained on: it refuses them better than any it will be asked about."""
    import numpy as np

    from lookalike.embedder.seen_pictures import seen_among
    from lookalike.errors import DatasetError
    from lookalike.images import source_of

    on_disk = [position for position, one in enumerate(others) if source_of(one)]
    seen = np.zeros(len(others), bool)
    seen[on_disk] = seen_among(embedder.seen_non_landmarks, [Path(source_of(others[position])) for position in on_disk])
    if not seen.any():
        return list(others)
    if seen.all():
        raise DatasetError(
            f"all {len(others)} photos without a landmark trained model {embedder.name}, so a promise set on them "
            "would not hold; give others with --non-landmarks"
        )
    report.remark(
        f"{int(seen.sum())} of {len(others)} photos without a landmark trained this model: no threshold is set on them"
    )
    return [one for one, known in zip(others, seen, strict=True) if not known]


def check_promise(gallery: Gallery | None, photos: int, others: int, promise_fpr: float | None) -> None:
    """Refuse what an hour of embedding would end in: no place at all, or a promise that cannot be made.

    Args:
        gallery: the one there is; None where it is yet to be made.
        photos: how many of places are to be enrolled.
        others: how many without a landmark.
        promise_fpr: the largest share of such photos that may be named; None for the usual.

    Raises:
        InputError: there is no place, or there are too few photos without a landmark for the promise.
    """
    import numpy as np

    from lookalike.errors import InputError
    from lookalike.evaluation.calibration.promised_rate import promised_threshold
    from lookalike.gallery.annex import annex_of
    from lookalike.landmarks.atlas import AtlasSettings

    if not photos and (gallery is None or not len(gallery)):
        raise InputError("the gallery holds no place and no photos were given; give a folder per place, or a CSV")
    if gallery is not None and annex_of(gallery).annex() is not None:
        return  # it has non-landmarks already
    if not others:
        raise InputError(
            "no photos without a landmark were given, so no false-positive rate can be promised; give a folder of "
            "them (--non-landmarks), of the kind that users will send"
        )
    settings = AtlasSettings()
    rate = settings.promise_fpr if promise_fpr is None else promise_fpr
    promised_threshold(np.arange(others, dtype=float), rate, confidence=settings.confidence)  # by their count alone


def fpr_of(text: str) -> float:
    """The rate in `fpr=0.01`.

    Raises:
        InputError: another kind of promise, or a rate that is not above 0 and below 1.

    Example:
        >>> fpr_of("fpr=0.01")
        0.01
    """
    from lookalike.decisions.promise import Promise
    from lookalike.errors import InputError

    try:
        return Promise.parse(text, ["fpr"]).rate
    except InputError as error:
        raise InputError(
            f"--promise: {error}; for landmarks give fpr=RATE, the share of photos without a landmark that may be named"
        ) from None


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if source else ""
