"""The whole product once, on real faces: learn, compare with other methods, enroll, ask, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.demo_steps import Steps, usable_output

if TYPE_CHECKING:
    from lookalike.evaluation.report.summary import MethodSummary
    from lookalike.recognizer import Identified, Verified

__all__ = [
    "FacesDemo",
    "FacesDemoOptions",
    "GalleryAnswers",
    "MethodsMeasured",
    "PeopleDivided",
    "Question",
    "demo_faces",
]

#: Folders it writes, and the file that makes each of them one that may be replaced.
FOLDERS = {
    "softmax": "model.toml",
    "triplet": "model.toml",
    "arcface": "model.toml",
    "people.index": "index.toml",
    "people.gallery": "gallery.sqlite3",
}
STEPS = (
    "Faces of 40 people, 10 pictures each (ORL)",
    "Learn, and compare on the unseen people",
    "What they are worth, on people none of them has seen",
    "A gallery, and two questions",
    "The report",
)
#: The method whose model is enrolled with and asked.
FEATURED = "ArcFace"


@dataclass(frozen=True, kw_only=True)
class FacesDemoOptions:
    """Where to, and how.

    Attributes:
        output: folder for models, index, gallery, report.html and metrics.json.
        seed: decides who is unseen, and every other random choice.
        epochs: fewer than the recipe's, for a quick look at the machinery.
    """

    output: Path = Path("demo")
    seed: int = 0
    epochs: int | None = None


@dataclass(frozen=True)
class PeopleDivided:
    """Names of the people to learn from, of those that set thresholds, and of those that are only tested."""

    learn: tuple[str, ...]
    measure: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class MethodsMeasured:
    """Name of a method → its numbers on the unseen people."""

    summaries: Mapping[str, MethodSummary]


@dataclass(frozen=True)
class Question:
    """A picture that the gallery was asked about.

    Attributes:
        picture: its path.
        truth: who it shows; None for somebody who is not enrolled.
        answer: of the recognizer.
        nearest_picture: the enrolled picture that is nearest.
    """

    picture: str
    truth: str | None
    answer: Identified
    nearest_picture: str


@dataclass(frozen=True)
class GalleryAnswers:
    """What was enrolled, and what was answered.

    Attributes:
        gallery: its folder.
        index: the folder of an index of the same vectors.
        people: enrolled.
        templates: enrolled.
        unseen: the two people who were verified, neither of them enrolled.
        verify_same: about two pictures of the first.
        verify_different: about a picture of each.
        known: asked about another picture of somebody enrolled.
        stranger: asked about a picture of the first of `unseen`.
        threshold_source: where the threshold of all answers comes from.
    """

    gallery: Path
    index: Path
    people: int
    templates: int
    unseen: tuple[str, str]
    verify_same: Verified
    verify_different: Verified
    known: Question
    stranger: Question
    threshold_source: str

    def to_json(self) -> dict[str, Any]:
        """As `metrics.json` has it."""
        return {
            "gallery": str(self.gallery),
            "index": str(self.index),
            "people": self.people,
            "templates": self.templates,
            "verify_same": self.verify_same,
            "verify_different": self.verify_different,
            "identify_known": {"truth": self.known.truth, "answer": self.known.answer},
            "identify_stranger": {"truth": None, "answer": self.stranger.answer},
            "pictures": {"known": self.known.picture, "stranger": self.stranger.picture},
        }


@dataclass(frozen=True, eq=False)
class FacesDemo:
    """What the demo found and wrote.

    Attributes:
        people: who learned, measured and was tested.
        measured: the methods' numbers.
        answers: of the gallery.
        report: the page.
        metrics: what metrics.json holds.
        seconds: by step.
        notes: remarks on pictures and trainings.
    """

    people: PeopleDivided
    measured: MethodsMeasured
    answers: GalleryAnswers
    report: Path
    metrics: Mapping[str, Any]
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()


def demo_faces(
    options: FacesDemoOptions,
    progress: ProgressSink | None = None,
    found: Callable[[PeopleDivided | MethodsMeasured | GalleryAnswers], None] | None = None,
) -> FacesDemo:
    """Learn from 24 people of the ORL faces, set thresholds on 6, compare six methods on 10, enroll, ask, report.

    Args:
        options: where to, and how.
        progress: told of each step (`demo_steps.STAGE`), and of each method under its name.
        found: called with each part of the result as soon as it is known.

    Raises:
        StorageError: the output cannot be written, or holds what no demo wrote.
        MissingDependencyError: the packages with the faces or with dlib are not installed.
        TrainingInterrupted: Ctrl-C during a training.

    Example:
        >>> demo_faces(FacesDemoOptions(epochs=2)).answers.known.answer.identity    # doctest: +SKIP
        's01'
    """
    from lookalike.embedder import Embedder
    from lookalike.evaluation.report import summary
    from lookalike.workflows.compare import CompareFacesOptions, compare_faces

    report = Reporter(progress)
    steps = Steps(STEPS, report)
    tell = found or (lambda part: None)
    usable_output(options.output, FOLDERS)

    steps.begin()
    wanted = CompareFacesOptions(output=options.output, seed=options.seed, epochs=options.epochs)
    people = _people(wanted)
    tell(people)

    steps.begin()
    with steps.timed("train, embed and compare"):
        compared = compare_faces(wanted, report)

    steps.begin()
    with steps.timed("evaluate"):
        measured = MethodsMeasured(
            {name: summary.summarise(result, seed=options.seed) for name, result in compared.results.items()}
        )
    tell(measured)

    steps.begin()
    with steps.timed("enroll, verify, identify"):
        embedder = Embedder.load(options.output / "arcface")
        answers = _ask(embedder, compared, options.output)
    tell(answers)

    steps.begin()
    with steps.timed("report"):
        page = _write_report(compared, embedder, answers, options)
        metrics = _write_metrics(compared, answers, options)
    steps.end()
    return FacesDemo(people, measured, answers, page, metrics, steps.seconds, tuple(report.remarks))
