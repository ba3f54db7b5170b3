"""A gallery of places, asked about photos whose places are known: a report and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.answers import Identified
    from lookalike.datasets.place_questions import PlaceQuestions
    from lookalike.decisions.promise import PromisedRate
    from lookalike.embedder import Embedder
    from lookalike.evaluation.evaluator import Evaluator
    from lookalike.evaluation.retrieval.landmark_metrics import LandmarkMeasures, RetrievalMeasures
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.landmarks.evaluation_context import PlacesContext

__all__ = ["EvaluatePlacesOptions", "PlacesEvaluation", "evaluate_places"]

#: The version of `metrics.json`.
FORMAT_VERSION = 1
#: Photos answered between two steps of the progress.
STEP = 64


@dataclass(frozen=True, kw_only=True)
class EvaluatePlacesOptions(ModelRunOptions):
    """What to ask, of which gallery, and where to write what it is worth.

    Attributes:
        data: a folder per place, a CSV of path,identity, or Google Landmarks v2; photos that are not enrolled.
        model: the one that the gallery was made with: a model folder, or a pretrained model's name.
        gallery: of places.
        classes_at: of a folder per place: at which depth the places' folders lie, such as 2.
        output: folder for report.html and metrics.json; its other files stay.
        non_landmarks: a folder of photos that show no place, and are not enrolled.
        rerank: let the nearest enrolled photos have a say.
        seed: of the bootstrap.
        scales: embed at several sizes and add, such as `0.7,1,1.4`; as the gallery was made.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    data: str | Path
    model: str | Path
    gallery: str | Path
    classes_at: int | None = None
    output: Path = Path("evaluation")
    non_landmarks: Path | None = None
    rerank: bool = True
    seed: int = 0
    scales: str | None = None
    cropped: bool = False
    skip_bad: bool = False


@dataclass(frozen=True)
class PlacesEvaluation:
    """What the answers are worth, and where it is written.

    Attributes:
        recognition: GAP, top-1, right answers and false positives.
        promised: what the gallery promises about photos that show no place.
        retrieval: mAP@100 among the enrolled photos; None where no photo asked about has any.
        metrics: what metrics.json holds, as JSON types.
        report: the page.
        written: every file that was written.
        notes: remarks on the photos.
    """

    recognition: LandmarkMeasures
    promised: PromisedRate
    retrieval: RetrievalMeasures | None
    metrics: dict[str, Any]
    report: Path
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def evaluate_places(
    options: EvaluatePlacesOptions,
    progress: ProgressSink | None = None,
    evaluators: Sequence[Evaluator[PlacesContext]] | None = None,
) -> PlacesEvaluation:
    """Ask a gallery of places about every photo of a data set.

    Args:
        options: what to ask, and where to write what it is worth.
        progress: told of progress, and of remarks as they are made.
        evaluators: what is measured, in the order of the report; None for all that there are (`PLACE_EVALUATORS`).

    Raises:
        ArtefactError: there is no such model or gallery, or the gallery holds no places.
        FingerprintError: the gallery was made with another model.
        DatasetError: the photos cannot be read, or some cannot be used and `skip_bad` is false.
        InputError: the gallery knows none of the places.
        StorageError: the output cannot be written; older files are unharmed.

    Example:
        >>> options = EvaluatePlacesOptions(data="unseen/", model="model/", gallery="places.gallery")
        >>> evaluate_places(options).recognition.top_1    # doctest: +SKIP
        0.94
    """
    from lookalike.datasets.place_questions import read_questions
    from lookalike.evaluation.evaluator import measure_all
    from lookalike.evaluation.report.page import Report
    from lookalike.gallery import open_gallery
    from lookalike.json_values import plain
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.landmarks.answers_worth_evaluator import facts_of
    from lookalike.landmarks.evaluation_context import answers_worth, retrieval
    from lookalike.landmarks.evaluators import PLACE_EVALUATORS
    from lookalike.workflows.evaluation_folder import check_output, write_evaluation
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.output_folder import output_folder
    from lookalike.workflows.picture_headers import check_headers

    report = Reporter(progress)
    check_output(options.output)
    questions = read_questions(options.data, options.non_landmarks, options.classes_at)
    check_headers(questions.paths, report, skip_bad=options.skip_bad)
    embedder = load_model(options.model, cropped=options.cropped, scales=options.scales, run=options)
    with open_gallery(options.gallery, create=False) as opened:
        context = _asked(options, LandmarkRecognizer(embedder, opened), questions, report)
        found = measure_all(PLACE_EVALUATORS if evaluators is None else evaluators, context)
        worth, among_enrolled, promised = answers_worth(context), retrieval(context), context.promised
        page = Report(
            f"{embedder.name} on {options.data}",
            _lead(options, context, embedder),
            facts_of(worth, promised),
            found.sections,
        )
        metrics = plain(_described(options, context, embedder) | found.metrics)
    with output_folder(options.output):
        written = write_evaluation(options.output, page, metrics)
    return PlacesEvaluation(
        worth.measures, promised, among_enrolled, metrics, written[0], written, tuple(report.remarks)
    )


def _lead(options: EvaluatePlacesOptions, context: PlacesContext, embedder: Embedder) -> str:
    return (
        f"{len(context.questions)} pictures asked of {options.gallery}, which knows {len(context.atlas.places)} "
        f"places, embedded by {embedder.name} ({embedder.dimension} dimensions, {embedder.metric} distance, "
        f"fingerprint {embedder.fingerprint})."
    )


def _described(options: EvaluatePlacesOptions, context: PlacesContext, embedder: Embedder) -> dict[str, Any]:
    """The first entries of `metrics.json`."""
    return {
        "format_version": FORMAT_VERSION,
        "data": options.data,
        "model": embedder.name,
        "fingerprint": embedder.fingerprint,
        "gallery": options.gallery,
        "places": len(context.atlas.places),
    }


def _asked(
    options: EvaluatePlacesOptions, recognizer: LandmarkRecognizer, questions: PlaceQuestions, report: Reporter
) -> PlacesContext:
    """Every photo embedded and answered."""
    from lookalike.evaluation.training_checks import check_trained
    from lookalike.landmarks.evaluation_context import PlacesContext
    from lookalike.workflows.labelled_pictures import embed_labelled

    atlas, embedder = recognizer.atlas, recognizer.embedder  # a damaged atlas is refused before the work
    remarks = _unknown_places(questions, atlas.places, options.gallery)
    vectors, kept = embed_labelled(embedder, questions.pictures, report, skip_bad=options.skip_bad)
    if embedder.trained_on is not None:
        found = check_trained(kept.paths, kept.identities, embedder.trained_on, embedder.name)
        remarks += [one.text for one in found if one.severity == "warning"]
    for line in remarks:
        report.remark(line)
    answers: list[Identified] = []
    done = report.counted("Identifying", len(vectors))
    for start in range(0, len(vectors), STEP):
        part = vectors[start : start + STEP]
        answers += recognizer.identify_vectors(part, rerank=options.rerank)
        done(len(part))
    return PlacesContext(
        atlas,
        embedder.metric,
        vectors,
        questions.of(kept.paths),
        recognizer.odds,
        tuple(answers),
        report,
        seed=options.seed,
        remarks=(*questions.notes, *remarks),
    )


def _unknown_places(asked: PlaceQuestions, enrolled: Sequence[str], gallery: str | Path) -> list[str]:
    """A remark on places that the gallery does not know; where it knows none of them, that is an error."""
    from lookalike.errors import InputError

    shown, known = {place for places in asked.truth for place in places}, set(enrolled)
    unknown = sorted(shown - known)
    if not unknown:
        return []
    if not shown & known:
        raise InputError(
            f"{gallery} knows none of the {len(shown)} places asked about, such as {unknown[0]!r}; it knows "
            f"{enrolled[0]!r}: check that both name places alike"
            if enrolled
            else f"{gallery} holds no place; enroll some first"
        )
    return [
        f"{len(unknown)} of {len(shown)} places are not in {gallery}, such as {unknown[0]!r}; their photos cannot be "
        "answered rightly, and count as missed"
    ]
