"""Methods side by side, on people or on viewpoints that none of them has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import Progress, ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.evaluation.report.summary import MethodResult
    from lookalike.faces.comparison import Method
    from lookalike.landmarks.comparison import Compared
    from lookalike.landmarks.photo_splits import PhotoSplits
    from lookalike.landmarks.place import Place

__all__ = [
    "CompareFacesOptions",
    "CompareLandmarksOptions",
    "ComparedFaces",
    "ComparedLandmarks",
    "compare_faces",
    "compare_landmarks",
]


@dataclass(frozen=True, kw_only=True)
class CompareFacesOptions:
    """Whose faces, and which methods.

    Attributes:
        data: face crops that all show as much of the head: a folder per person, a CSV, or `bundled:orl`.
        output: trained models are written to folders in it, in the place of older ones.
        methods: names out of `lookalike.faces.comparison.METHODS`, or losses that a recipe may name; None: all of the
            former.
        unseen: number of people that are only tested.
        threshold_people: number of people that thresholds are set on; all others are learned from.
        seed: decides who is in which part, and every network.
        epochs: fewer than the recipe's, for a quick look.
    """

    data: str | Path = "bundled:orl"
    output: Path = Path("comparison")
    methods: tuple[str, ...] | None = None
    unseen: int = 10
    threshold_people: int = 6
    seed: int = 0
    epochs: int | None = None


@dataclass(frozen=True, eq=False)
class ComparedFaces:
    """What each method is worth on the people that none has seen.

    Attributes:
        learn: pictures of the people that methods learned from.
        measure: of those that thresholds were set on.
        unseen: of those that everything was measured on.
        methods: in the order of the options, with their distances.
        results: name of a method → what was measured of it.
        notes: remarks on pictures, at most three of each method.
    """

    learn: PictureSet
    measure: PictureSet
    unseen: PictureSet
    methods: tuple[Method, ...]
    results: Mapping[str, MethodResult]
    notes: tuple[str, ...] = ()


def compare_faces(options: CompareFacesOptions, progress: ProgressSink | None = None) -> ComparedFaces:
    """Train and measure methods on the same people.

    Each trained model gets a `calibration.json` with thresholds that were set on other people.

    Raises:
        DatasetError: the pictures cannot be read, or there are too few people.
        MissingDependencyError: dlib was asked for and is not installed.
        TrainingInterrupted: Ctrl-C during a training.

    Example:
        >>> found = compare_faces(CompareFacesOptions(methods=("softmax", "ArcFace")))    # doctest: +SKIP
        >>> {name: round(result.verification.eer, 2) for name, result in found.results.items()}    # doctest: +SKIP
        {'softmax': 0.05, 'ArcFace': 0.04}
    """
    from lookalike.datasets import read_pictures
    from lookalike.faces.comparison import METHODS, compare_methods, divide_people

    report = Reporter(progress)
    stages = _MethodStages(report)
    pictures = read_pictures(options.data)
    learn, measure, unseen = divide_people(
        pictures, options.seed, unseen=options.unseen, threshold_people=options.threshold_people
    )
    people = "ORL people" if str(options.data) == "bundled:orl" else f"people of {options.data}"
    methods: list[Method] = []
    results: dict[str, MethodResult] = {}
    for method in compare_methods(
        learn,
        unseen,
        options.output,
        seed=options.seed,
        methods=tuple(METHODS) if options.methods is None else options.methods,
        epochs=options.epochs,
        progress=stages,
    ):
        methods.append(method)
        threshold = _threshold(method, measure, people, options.seed)
        result = results[method.name] = _measured(method, unseen, threshold, options.seed)
        stages.end(method.name, f"EER {result.verification.eer:.3f}")
        for line in method.notes[:3]:
            report.remark(f"{method.name}: {line}")
    return ComparedFaces(learn, measure, unseen, tuple(methods), results, tuple(report.remarks))


def _threshold(method: Method, measure: PictureSet, people: str, seed: int) -> float | None:
    """Calibrate a trained method on people that it never saw, or take the documented threshold; None without either."""
    from lookalike.embedder import Embedder
    from lookalike.evaluation.calibration import thresholds
    from lookalike.evaluation.verification.all_pairs import verify_all_pairs

    if method.folder is None:
        documented = Embedder.load("dlib").documented_threshold if method.name.startswith("dlib") else None
        return documented.distance if documented else None
    embedder = Embedder.load(method.folder)
    measured = verify_all_pairs(embedder.embed(measure.paths), measure.identities, embedder.metric)
    calibration = thresholds.calibrate(
        measured,
        fingerprint=embedder.fingerprint,
        metric=embedder.metric,
        source=f"{len(measure.names)} {people} that it never saw",
        seed=seed,
    )
    calibration.save(method.folder / "calibration.json")
    return calibration.threshold()


def _measured(method: Method, unseen: PictureSet, threshold: float | None, seed: int) -> MethodResult:
    from lookalike.evaluation.identification.enrolment_trials import identify_trials
    from lookalike.evaluation.report.summary import MethodResult
    from lookalike.evaluation.verification.all_pairs import verify_all_pairs

    return MethodResult(
        verify_all_pairs(None, unseen.identities, distances=method.distances),
        identify_trials(None, unseen.identities, distances=method.distances, threshold=threshold, seed=seed),
        threshold=threshold,
    )


@dataclass(frozen=True, kw_only=True)
class CompareLandmarksOptions:
    """Which photos, and which methods.

    Attributes:
        photos: a CSV of `path,identity,split` with photos of places and of none (`landmarks.photo_splits.read_splits`).
        places: a CSV of names and positions of places (`landmarks.place_facts.read_places`), if there is one.
        output: models and galleries are written to folders in it, in the place of older ones.
        methods: names out of `lookalike.landmarks.comparison.METHODS`; None: all.
        centroids: names out of `lookalike.landmarks.comparison.CENTROIDS`; None: all.
        promise_fpr: largest share of photos without a landmark that may be accepted as any place.
        seed: of every network.
        epochs: fewer than the recipe's, for a quick look.
    """

    photos: Path
    places: Path | None = None
    output: Path = Path("comparison")
    methods: tuple[str, ...] | None = None
    centroids: tuple[str, ...] | None = None
    promise_fpr: float = 0.01
    seed: int = 0
    epochs: int | None = None


@dataclass(frozen=True, eq=False)
class ComparedLandmarks:
    """What each method answers about photos that none has seen.

    Attributes:
        photos: to learn from, to set thresholds on, and to ask about.
        places: name and position of each place, as far as they are known.
        methods: each method with each number of centroids.
        notes: remarks of the trainings.
    """

    photos: PhotoSplits
    places: Mapping[str, Place]
    methods: tuple[Compared, ...]
    notes: tuple[str, ...] = ()


def compare_landmarks(options: CompareLandmarksOptions, progress: ProgressSink | None = None) -> ComparedLandmarks:
    """Train, enroll and ask with several methods, each with the same promise, about the same unseen photos.

    Raises:
        DatasetError: the CSVs cannot be read, or there are no photos of some kind.
        InputError: an unknown method, or too few photos for the promise.
        ImageError: a photo cannot be used.
        MissingDependencyError: the pretrained weights are not installed.
        TrainingInterrupted: Ctrl-C during a training.

    Example:
        >>> found = compare_landmarks(CompareLandmarksOptions(photos=Path("photos.csv")))    # doctest: +SKIP
        >>> found.methods[0].measured.measures.top_1    # doctest: +SKIP
        0.91
    """
    from lookalike.landmarks.atlas import AtlasSettings
    from lookalike.landmarks.comparison import CENTROIDS, METHODS, ComparisonSettings, compare_methods
    from lookalike.landmarks.photo_splits import read_splits
    from lookalike.landmarks.place_facts import read_places

    report = Reporter(progress)
    stages = _MethodStages(report)
    photos = read_splits(options.photos)
    facts = read_places(options.places) if options.places is not None else {}
    settings = ComparisonSettings(
        methods=tuple(METHODS) if options.methods is None else options.methods,
        centroids=tuple(CENTROIDS) if options.centroids is None else options.centroids,
        seed=options.seed,
        epochs=options.epochs,
        enrolment=AtlasSettings(promise_fpr=options.promise_fpr),
    )
    methods = []
    for one in compare_methods(photos, options.output, settings, facts=facts, progress=stages):
        methods.append(one)
        stages.end(one.method, f"top-1 {one.measured.measures.top_1:.3f}")
    return ComparedLandmarks(photos, facts, tuple(methods), tuple(report.remarks))


class _MethodStages:
    """Reports each method as a stage of its own, by its name."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._totals: dict[str, int | None] = {}

    def __call__(self, name: str, event: Progress) -> None:
        self._totals[name] = event.total
        self._report(Progress(name, event.done, event.total, event.detail or event.stage, event.warning))

    def end(self, name: str, detail: str) -> None:
        total = self._totals.get(name) or 1
        self._report(Progress(name, total, total, detail))
