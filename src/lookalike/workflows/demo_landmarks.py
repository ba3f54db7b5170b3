"""The whole product once, on places: render, learn, enroll with a promise, ask from viewpoints never seen, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.demo_steps import Steps, usable_output

if TYPE_CHECKING:
    from lookalike.answers import Identified
    from lookalike.evaluation.report.page import Section
    from lookalike.landmarks.comparison import Compared
    from lookalike.landmarks.photo_splits import PhotoSplits
    from lookalike.samples.buildings import PhotoSetOptions, SyntheticLandmarks
    from lookalike.workflows.compare import ComparedLandmarks, CompareLandmarksOptions

__all__ = [
    "LandmarkAnswers",
    "LandmarkQuestion",
    "LandmarksDemo",
    "LandmarksDemoOptions",
    "LandmarksMeasured",
    "PhotosRendered",
    "demo_landmarks",
]

#: Compared, and the one whose answers are shown.
METHODS = ("pretrained", "center loss")
FEATURED = ("center loss", "several")
MODEL = "center"
#: Folders it writes, and the file that makes each of them one that may be replaced.
FOLDERS = {MODEL: "model.toml"} | {
    f"{model}-{centroids}.gallery": "gallery.sqlite3" for model in ("efficientnet_lite0", MODEL) for centroids in (1, 8)
}
#: The number of buildings where no other is asked for.
PLACES = 48
SYNTHETIC = (
    "All pictures are synthetic: procedural buildings rendered in 3-D. They show that the machinery works, not how "
    "well real places are recognised."
)


@dataclass(frozen=True, kw_only=True)
class LandmarksDemoOptions:
    """Where to, and how.

    Attributes:
        output: folder for the model, galleries, report.html and metrics.json.
        seed: of the buildings, the photos and the network.
        epochs: fewer than the recipe's, for a quick look.
        places: fewer buildings than 48, with fewer photos that show none, and a promise that these can carry.
    """

    output: Path = Path("demo-landmarks")
    seed: int = 0
    epochs: int | None = None
    places: int = PLACES


@dataclass(frozen=True)
class PhotosRendered:
    """Which photos there are.

    Attributes:
        folder: of the rendered set.
        azimuth_gap: least angle, in degrees, between a photo to learn from and one that is asked about, of one place.
        counts: number of photos of each purpose, by the names of `PhotoSplits`.
    """

    folder: Path
    azimuth_gap: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class LandmarksMeasured:
    """Each method with each number of centroids, on the photos that none has seen."""

    methods: tuple[Compared, ...]


@dataclass(frozen=True)
class LandmarkQuestion:
    """A photo that was asked about, by its file.

    Attributes:
        what: which photo it is, in words.
        picture: its path.
        truth: the id of its place; None where it shows none.
        name: of that place, or "no landmark".
        answer: of the recognizer.
    """

    what: str
    picture: str
    truth: str | None
    name: str
    answer: Identified


@dataclass(frozen=True)
class LandmarkAnswers:
    """What was asked as a user would, and the promise that the answers keep, in words."""

    questions: tuple[LandmarkQuestion, ...]
    promise: str

    def to_json(self) -> dict[str, Any]:
        """As `metrics.json` has it."""
        questions = [vars(one) | {"answer": one.answer.to_json()} for one in self.questions]
        return {"questions": questions, "promise": self.promise}


@dataclass(frozen=True, eq=False)
class LandmarksDemo:
    """What the demo found and wrote.

    Attributes:
        rendered: the photos.
        measured: what each method answered about them.
        answers: to the questions.
        model: the folder of the featured model.
        gallery: the folder of its gallery.
        asked_last: a photo of a place that a user may ask about.
        report: the page.
        metrics: what metrics.json holds.
        seconds: by step.
        cpu_seconds: of computing on one core, over all processes that have ended.
        notes: remarks on the promise and the trainings.
    """

    rendered: PhotosRendered
    measured: LandmarksMeasured
    answers: LandmarkAnswers
    model: Path
    gallery: Path
    asked_last: Path
    report: Path
    metrics: Mapping[str, Any]
    seconds: Mapping[str, float]
    cpu_seconds: float
    notes: tuple[str, ...] = ()


def steps_of(places: int) -> tuple[str, ...]:
    """Titles of the demo's steps."""
    return (
        f"{places} buildings, photographed from many sides, by day and night (synthetic)",
        "Learn, enroll and compare",
        "What they are worth, on photos that none of them has seen",
        "Questions",
        "The report",
    )


def demo_landmarks(
    options: LandmarksDemoOptions,
    progress: ProgressSink | None = None,
    found: Callable[[PhotosRendered | LandmarksMeasured | LandmarkAnswers], None] | None = None,
) -> LandmarksDemo:
    """Render buildings, learn them, enroll them with a promise, compare with pretrained features, ask, report.

    Args:
        options: where to, and how.
        progress: told of each step (`demo_steps.STAGE`), of the rendering, and of each method under its name.
        found: called with each part of the result as soon as it is known.

    Raises:
        StorageError: the output cannot be written, or holds what no demo wrote.
        MissingDependencyError: VTK or the pretrained weights are not installed.
        TrainingInterrupted: Ctrl-C during a training.

    Example:
        >>> demo_landmarks(LandmarksDemoOptions(places=6, epochs=2)).answers.promise    # doctest: +SKIP
        'at most 5% of photos without a landmark are accepted, with 95% confidence'
    """
    # torch before VTK: where the last few pictures are rendered in this very process, loading it afterwards crashes it.
    import lookalike.training  # noqa: F401
    from lookalike.samples.buildings import render_landmarks
    from lookalike.workflows.compare import compare_landmarks

    report = Reporter(progress)
    steps = Steps(steps_of(options.places), report)
    tell = found or (lambda part: None)
    began = _cpu_seconds()
    wanted, promise = _photo_set(options)
    usable_output(options.output, FOLDERS)

    steps.begin()
    with steps.timed("render"):
        made = render_landmarks(wanted, progress=report)
    tell(rendered := _rendered(made))

    steps.begin()
    with steps.timed("train, embed, enroll and ask"):
        compared = compare_landmarks(_comparison(made, promise, options), report)
    featured = next(one for one in compared.methods if (one.method, one.centroids) == FEATURED)
    if featured.enrolled.promised.note:
        report.remark(featured.enrolled.promised.note)

    steps.begin()
    tell(measured := LandmarksMeasured(compared.methods))

    steps.begin()
    with steps.timed("identify"):
        answers = _ask(featured, compared.photos)
    tell(answers)

    steps.begin()
    with steps.timed("report"):
        page, metrics = _write(compared, featured, answers, made, options)
    steps.end()
    folders = (options.output / MODEL, featured.gallery, compared.photos.test.paths[-1], page)
    cpu = _cpu_seconds() - began
    return LandmarksDemo(rendered, measured, answers, *folders, metrics, steps.seconds, cpu, tuple(report.remarks))


def _photo_set(options: LandmarksDemoOptions) -> tuple[PhotoSetOptions, float]:
    """The whole set, or as much as goes with fewer places: fewer non-landmarks can carry a looser promise only."""
    from lookalike.samples.buildings import PhotoSetOptions

    places, others, promise = options.places, (200, 600, 400), 0.01
    if places < PLACES:
        learn, calibrate, ask = (number * places // PLACES for number in others)
        others, promise = (max(40, learn), max(60, calibrate), max(60, ask)), 0.05
    return PhotoSetOptions(landmarks=places, non_landmarks=others, seed=options.seed), promise


def _comparison(made: SyntheticLandmarks, promise: float, options: LandmarksDemoOptions) -> CompareLandmarksOptions:
    from lookalike.workflows.compare import CompareLandmarksOptions

    return CompareLandmarksOptions(
        photos=made.photos_csv,
        places=made.places_csv,
        output=options.output,
        methods=METHODS,
        promise_fpr=promise,
        seed=options.seed,
        epochs=options.epochs,
    )


def _cpu_seconds() -> float:
    """Of this process and of those it waited for."""
    return sum(os.times()[:4])


def _rendered(made: SyntheticLandmarks) -> PhotosRendered:
    from lookalike.landmarks.photo_splits import read_splits

    photos = read_splits(made.photos_csv)
    counts = {name: len(part) for name, part in vars(photos).items() if not name.startswith("_")}
    return PhotosRendered(made.folder, made.azimuth_gap, counts)


def _ask(featured: Compared, photos: PhotoSplits) -> LandmarkAnswers:
    """Ask as a user would, by file: about the surest photo, the first one that was not chosen, and one of no place."""
    from lookalike import Embedder, open_gallery
    from lookalike.landmark_recognizer import LandmarkRecognizer

    right = featured.measured.photos("right")
    asked = {"the surest unseen photo": right[0]} if right else {}
    asked |= {"the first unseen photo": 0, "a photo of no landmark": len(photos.test)}
    questions = []
    with open_gallery(featured.gallery, create=False) as gallery:
        recognizer = LandmarkRecognizer(Embedder.load(featured.model), gallery)
        for what, at in asked.items():
            truth, path = photos.truth[at], photos.questions[at]
            name = "no landmark" if truth is None else recognizer.atlas.place(truth).name
            questions.append(LandmarkQuestion(what, str(path), truth, name, recognizer.identify(path)))
    return LandmarkAnswers(tuple(questions), questions[0].answer.threshold_source)


def _write(
    compared: ComparedLandmarks,
    featured: Compared,
    answers: LandmarkAnswers,
    made: SyntheticLandmarks,
    options: LandmarksDemoOptions,
) -> tuple[Path, dict[str, Any]]:
    """Write the page and metrics.json; returns the page's path, and what metrics.json holds."""
    from lookalike.json_values import plain
    from lookalike.landmarks.photo_splits import read_azimuths
    from lookalike.landmarks.report import landmark_report
    from lookalike.workflows.evaluation_folder import write_evaluation

    photos = compared.photos
    report = landmark_report(
        compared.methods,
        photos,
        featured,
        read_azimuths(made.photos_csv),
        title="Lookalike on places, from sides it has never seen",
        lead=f"{SYNTHETIC} A small network that ImageNet taught learned {len(photos.places.names)} buildings from "
        f"{len(photos.places):,} photos; here it meets them from other sides, among photos that show none of them.",
        places=compared.places,
        sections=(_asking_section(featured, answers),),
        footer="All pictures are synthetic, rendered by Lookalike with VTK.",
    )
    rendered = _rendered(made)
    metrics = plain(
        {
            "synthetic": True,
            "seed": options.seed,
            "places": options.places,
            "pictures": rendered.folder,
            "azimuth_gap": rendered.azimuth_gap,
            "photos": rendered.counts,
            "methods": {one.name: one.to_json() for one in compared.methods},
            "answers": answers.to_json(),
        }
    )
    page, _ = write_evaluation(options.output, report, metrics)
    return page, metrics


def _asking_section(featured: Compared, answers: LandmarkAnswers) -> Section:
    from lookalike.evaluation.report.page import PicturePairs, Section
    from lookalike.landmarks.answer_pictures import answer_pictures

    asked = []
    for question in answers.questions:
        answer = question.answer
        good = answer.place == question.truth and answer.decision != "ambiguous"
        asked.append(answer_pictures(Path(question.picture), f"asked: {question.name}", answer, good))
    text = f"By file, of {featured.name}: {', '.join(question.what for question in answers.questions)}."
    if len(asked) > 2:
        text += " Only the first was chosen for its answer."
    return Section("Asking, as a user would", (text,), (PicturePairs(tuple(asked)),))
