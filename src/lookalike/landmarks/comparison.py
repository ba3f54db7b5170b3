"""The methods side by side: which network, and how many centroids a place, on viewpoints none of them has seen.

Every network embeds all photos once. The same vectors are then enrolled with one mean a place and with several
centroids, each with the same promise about photos that show no landmark, and asked about the same unseen photos.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import check_replaceable
from lookalike.embedder import Embedder
from lookalike.errors import InputError
from lookalike.gallery import open_gallery
from lookalike.landmarks.atlas import NO_TEMPLATE, Atlas, AtlasSettings
from lookalike.landmarks.enrolment import EnrolledPlaces, NewPhotos, enroll_places
from lookalike.landmarks.measurement import Measured, measure_answers
from lookalike.landmarks.photo_splits import PhotoSplits
from lookalike.landmarks.place import Place
from lookalike.landmarks.recipe import landmark_recipe
from lookalike.landmarks.recognition import PlaceRecognition
from lookalike.progress import Progress, ProgressSink, counted
from lookalike.training import LossName, train

__all__ = [
    "CENTROIDS",
    "METHODS",
    "PRETRAINED",
    "RECIPE",
    "Compared",
    "ComparisonSettings",
    "compare_methods",
    "gallery_of",
]

Floats = npt.NDArray[np.float32]

#: Report name → the loss it is trained with, None for pretrained features that nothing is trained of.
METHODS: dict[str, LossName | None] = {
    "pretrained": None,
    "softmax": "softmax",
    "center loss": "center",
    "sub-center ArcFace": "subcenter_arcface",
}
PRETRAINED = "efficientnet_lite0"
RECIPE = "landmarks"
#: Report name → centroids of a place at most.
CENTROIDS = {"one centroid": 1, "several": 8}


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """What is compared, and how.

    Attributes:
        methods: names out of `METHODS`.
        centroids: names out of `CENTROIDS`.
        seed: of every network.
        epochs: fewer than the recipe's, for a quick look.
        recipe: further entries of the recipe that differ.
        enrolment: such as the promise; the number of centroids is the comparison's.

    Raises:
        InputError: a method or a number of centroids that is not known.
    """

    methods: Sequence[str] = tuple(METHODS)
    centroids: Sequence[str] = tuple(CENTROIDS)
    seed: int = 0
    epochs: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    enrolment: AtlasSettings = field(default_factory=AtlasSettings)

    def __post_init__(self) -> None:
        for names, known in ((self.methods, METHODS), (self.centroids, CENTROIDS)):
            for name in names:
                if name not in known:
                    raise InputError(f"{name!r} is not compared; choose {', '.join(known)}")


@dataclass(frozen=True, eq=False)
class Compared:
    """One network with one number of centroids.

    Attributes:
        method: as in `METHODS`.
        centroids: as in `CENTROIDS`.
        measured: what it answered about the test photos, and what that is worth.
        enrolled: what its gallery holds, with the promise.
        centroid_of: enrolled photo's path → its centroid, counted from 0 within its place; -1 for none.
        seconds: training and embedding (shared by both numbers of centroids), enrolment, answers.
        model: the trained model's folder, or the name of the pretrained one.
        gallery: its folder.
    """

    method: str
    centroids: str
    measured: Measured
    enrolled: EnrolledPlaces
    centroid_of: Mapping[str, int]
    seconds: float
    model: str
    gallery: Path

    @property
    def name(self) -> str:
        """Of a row of the table."""
        return f"{self.method}, {self.centroids}"

    def to_json(self) -> dict[str, Any]:
        """Numbers for programs: measures, outcomes, and the promise."""
        promised = self.enrolled.promised
        return {
            "method": self.method,
            "centroids_setting": self.centroids,
            **self.measured.measures.to_json(),
            "outcomes": self.measured.counts,
            "promise": {
                "fpr": promised.promise,
                "confidence": promised.confidence,
                "calibration_photos": promised.photos,
                "calibration_accepted": promised.errors,
                "basis": promised.basis,
            },
            "centroids": self.enrolled.centroids,
            "left_out": len(self.enrolled.left_out),
            "seconds": self.seconds,
        }


def gallery_of(folder: Path, method: str, centroids: str) -> Path:
    """Where the gallery of a method is written."""
    return folder / f"{METHODS[method] or PRETRAINED}-{CENTROIDS[centroids]}.gallery"


def compare_methods(
    photos: PhotoSplits,
    folder: Path,
    settings: ComparisonSettings | None = None,
    *,
    facts: Mapping[str, Place] | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> Iterator[Compared]:
    """Train, embed, enroll and ask; yields each method with each number of centroids as it is done.

    Args:
        photos: to learn from, to set thresholds on, and to ask about.
        folder: trained models go to `FOLDER/LOSS`, galleries to `FOLDER/LOSS-CENTROIDS.gallery`.
        settings: what is compared; by default everything.
        facts: names and positions of places.
        progress: called with the method's name and how far its training or embedding is.

    Raises:
        InputError: too few photos for the promise.
        ImageError: a photo cannot be used.
        MissingDependencyError: the pretrained weights are not installed.
        TrainingInterrupted: Ctrl-C during a training.

    Example:
        >>> pretrained = ComparisonSettings(methods=["pretrained"])
        >>> [one.name for one in compare_methods(photos, Path("models"), pretrained)]    # doctest: +SKIP
        ['pretrained, one centroid', 'pretrained, several']
    """
    settings = settings or ComparisonSettings()
    for method in settings.methods:
        show = partial(progress, method) if progress else None
        began, loss, model = time.monotonic(), METHODS[method], PRETRAINED
        if loss is not None:
            recipe = landmark_recipe(RECIPE, loss, seed=settings.seed, epochs=settings.epochs, **settings.recipe)
            model = str(folder / loss)
            train(photos.learn, recipe, model, name=loss, restart=True, replace=True, progress=show)
        embedder = Embedder.load(model)
        vectors = _embedded(embedder, photos, show)
        network = _Network(method, model, embedder, *vectors, seconds=time.monotonic() - began)
        for centroids in settings.centroids:
            yield _asked(network, photos, folder, centroids, settings, facts or {})


@dataclass(frozen=True, eq=False)
class _Network:
    """A network, and its vectors of what is enrolled, what thresholds are set on, and what is asked about."""

    method: str
    model: str
    embedder: Embedder
    places: Floats
    calibration: Floats
    questions: Floats
    seconds: float


def _embedded(embedder: Embedder, photos: PhotoSplits, show: ProgressSink | None) -> tuple[Floats, Floats, Floats]:
    parts = [photos.places.paths, photos.calibration.paths, photos.questions]
    every = [path for part in parts for path in part]
    vectors = embedder.embed(every, progress=counted(show, "Embedding", len(every)))
    places, calibration, questions = np.split(vectors, np.cumsum([len(part) for part in parts])[:-1])
    return places, calibration, questions


def _asked(
    network: _Network,
    photos: PhotoSplits,
    folder: Path,
    centroids: str,
    settings: ComparisonSettings,
    facts: Mapping[str, Place],
) -> Compared:
    """Enroll into a gallery of its own, in the place of an older one, and ask."""
    began = time.monotonic()
    where = gallery_of(folder, network.method, centroids)
    check_replaceable(where, "gallery.sqlite3", replace=True)
    if where.exists():
        shutil.rmtree(where)
    with open_gallery(where) as gallery:
        embedder = network.embedder
        gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
        new = NewPhotos(
            vectors=network.places,
            places=photos.places.identities,
            sources=[str(path) for path in photos.places.paths],
            non_landmarks=network.calibration,
            facts=facts,
        )
        enrolled = enroll_places(gallery, new, settings=replace(settings.enrolment, max_centroids=CENTROIDS[centroids]))
        recognizer = PlaceRecognition(gallery)
        answers = recognizer.identify(network.questions)
        centroid_of = _centroid_of(recognizer.atlas)
    return Compared(
        method=network.method,
        centroids=centroids,
        measured=measure_answers(answers, photos.truth, seed=settings.seed),
        enrolled=enrolled,
        centroid_of=centroid_of,
        seconds=network.seconds + time.monotonic() - began,
        model=network.model,
        gallery=where,
    )


def _centroid_of(atlas: Atlas) -> dict[str, int]:
    found: dict[str, int] = {}
    for place in atlas.places:
        photos = atlas.photos(place)
        templates = photos.templates.tolist()
        number = {template: at for at, template in enumerate(sorted(set(templates) - {NO_TEMPLATE}))}
        found |= {source: number.get(one, -1) for source, one in zip(photos.sources, templates, strict=True)}
    return found
