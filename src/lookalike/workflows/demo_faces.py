"""The whole product once, on real faces: learn, compare with other methods, enroll, ask, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.demo_steps import Steps, usable_output

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.evaluation.report.compared_methods import ComparedMethods
    from lookalike.evaluation.report.page import Section
    from lookalike.evaluation.report.summary import MethodSummary
    from lookalike.recognizer import Identified, Verified
    from lookalike.workflows.compare import ComparedFaces

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

    @property
    def answer_in_words(self) -> str:
        """The name that was answered, "ambiguous", or "nobody"."""
        return self.answer.identity or ("ambiguous" if self.answer.decision == "ambiguous" else "nobody")


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
            "identify_known": {"truth": self.known.truth, "answer": self.known.answer.to_json()},
            "identify_stranger": {"truth": None, "answer": self.stranger.answer.to_json()},
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
    from lookalike.evaluation.report.compared_methods import ComparedMethods
    from lookalike.faces.comparison import divide_people
    from lookalike.samples.orl_faces import orl_faces
    from lookalike.workflows.compare import CompareFacesOptions, compare_faces

    report = Reporter(progress)
    steps = Steps(STEPS, report)
    tell = found or (lambda part: None)
    usable_output(options.output, FOLDERS)

    steps.begin()
    people = PeopleDivided(*(part.names for part in divide_people(orl_faces(), options.seed)))
    tell(people)

    steps.begin()
    with steps.timed("train, embed and compare"):
        wanted = CompareFacesOptions(output=options.output, seed=options.seed, epochs=options.epochs)
        compared = compare_faces(wanted, report)

    steps.begin()
    with steps.timed("evaluate"):
        methods = ComparedMethods(compared.results, featured=FEATURED, seed=options.seed)
        measured = MethodsMeasured(methods.summaries)
    tell(measured)

    steps.begin()
    with steps.timed("enroll, verify, identify"):
        embedder = Embedder.load(options.output / "arcface")
        answers = _ask(embedder, compared, options.output)
    tell(answers)

    steps.begin()
    with steps.timed("report"):
        page, metrics = _write(methods, compared, embedder, answers, options)
    steps.end()
    return FacesDemo(people, measured, answers, page, metrics, steps.seconds, tuple(report.remarks))


def _ask(embedder: Embedder, compared: ComparedFaces, output: Path) -> GalleryAnswers:
    """Index and enroll the people who are not only tested, verify two pairs of pictures, identify two people."""
    import shutil

    from lookalike.gallery import open_gallery
    from lookalike.index import build_index
    from lookalike.recognizer import Recognizer
    from lookalike.samples.orl_faces import orl_faces

    # Half of every person's pictures are enrolled; the others can be asked about.
    seen, unseen = orl_faces().of([*compared.learn.names, *compared.measure.names]), compared.unseen
    enrolled = seen.select([i for i in range(len(seen)) if i % 2 == 0])
    asked = seen.select([i for i in range(len(seen)) if i % 2 == 1])
    index_folder, gallery_folder = output / "people.index", output / "people.gallery"
    vectors = embedder.embed(enrolled.paths)
    index = build_index(vectors, "hnsw", metric=embedder.metric, fingerprint=embedder.fingerprint)
    shutil.rmtree(index_folder, ignore_errors=True)
    index.save(index_folder)

    shutil.rmtree(gallery_folder, ignore_errors=True)
    with open_gallery(gallery_folder) as gallery:
        recognizer = Recognizer(embedder, gallery)
        for name, mine in enrolled.groups():
            gallery.enroll(name, vectors[mine], [str(enrolled.paths[i]) for i in mine])
        sources = {template.id: template.source for template in gallery.templates()}

        def question(picture: Path, truth: str | None) -> Question:
            answer = recognizer.identify(picture)
            return Question(str(picture), truth, answer, sources[answer.candidates[0].template_id])

        first, second = unseen.names[:2]
        one, again = unseen.of([first]).paths[:2]
        return GalleryAnswers(
            gallery=gallery_folder,
            index=index_folder,
            people=len(gallery),
            templates=len(index),
            unseen=(first, second),
            verify_same=recognizer.verify(one, again),
            verify_different=recognizer.verify(one, unseen.of([second]).paths[0]),
            known=question(asked.paths[0], asked.identities[0]),
            stranger=question(one, None),
            threshold_source=recognizer.threshold.source,
        )


def _write(
    methods: ComparedMethods,
    compared: ComparedFaces,
    embedder: Embedder,
    answers: GalleryAnswers,
    options: FacesDemoOptions,
) -> tuple[Path, dict[str, Any]]:
    """Write the page and metrics.json; returns the page's path, and what metrics.json holds."""
    from lookalike.evaluation.report.comparison_report import comparison_report
    from lookalike.evaluation.report.summary import metrics_json
    from lookalike.faces.comparison import RECIPE, untrained_embeddings
    from lookalike.faces.recipe import face_recipe
    from lookalike.images import read_picture
    from lookalike.json_values import plain
    from lookalike.workflows.evaluation_folder import write_evaluation

    unseen, seed = compared.unseen, options.seed
    featured = next(method for method in compared.methods if method.name == FEATURED)
    before = untrained_embeddings(face_recipe(RECIPE, "arcface", seed=seed), unseen)
    report = comparison_report(
        methods,
        title="Lookalike on faces it has never seen",
        lead=f"Three small networks learned from {len(compared.learn.names)} people of the ORL faces; "
        f"{len(compared.measure.names)} more set the threshold. Here they are compared with classics and with a "
        f"pretrained network on {len(unseen.names)} people that none of them has seen (seed {seed}).",
        thumbnails=[read_picture(path) for path in unseen.paths],
        maps={"Before training": before, "After training with ArcFace": featured.embeddings},
        calibration=embedder.calibration,
        sections=(_asking_section(answers),),
        footer="Faces: ORL database, AT&T Laboratories Cambridge.",
    )
    metrics = plain(metrics_json(compared.results, seed=seed) | {"answers": answers.to_json()})
    page, _ = write_evaluation(options.output, report, metrics)
    return page, metrics


def _asking_section(answers: GalleryAnswers) -> Section:
    from lookalike.evaluation.report.page import PicturePair, PicturePairs, Section
    from lookalike.images import read_picture

    asked = []
    for question in (answers.known, answers.stranger):
        answer = question.answer
        asked.append(
            PicturePair(
                read_picture(question.picture),
                read_picture(question.nearest_picture),
                f"asked: {question.truth or 'a stranger'}",
                f"nearest: {answer.candidates[0].identity}",
                f"answer: {question.answer_in_words} "
                f"(distance {answer.distance:.3f}, threshold {answer.threshold:.3f})",
                good=answer.identity == question.truth,
            )
        )
    return Section(
        "Asking the gallery",
        (
            f"{answers.people} people are enrolled with {answers.templates} pictures. One question is about a "
            "picture of somebody enrolled, the other about somebody who is not.",
        ),
        (PicturePairs(tuple(asked)),),
    )
