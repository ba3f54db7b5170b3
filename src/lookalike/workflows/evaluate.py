"""A model measured on people it was not trained on: a report, metrics and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.evaluation.options import DEFAULT_PROMISE, EvaluationOptions
from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.decisions.calibration import Calibration
    from lookalike.embedder import Embedder
    from lookalike.evaluation.context import EvaluatedModel, EvaluationContext
    from lookalike.evaluation.evaluator import Evaluator
    from lookalike.evaluation.report.summary import MethodSummary

__all__ = ["EvaluateOptions", "Evaluation", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(EvaluationOptions):
    """What to measure (`EvaluationOptions`), of which model, and where to write it.

    Attributes:
        model: a model folder, or a pretrained model's name.
        output: folder for report.html, metrics.json and calibration.json; its other files stay.
        calibrate: make the thresholds measured here the model's; only for a model folder.
        against: another model, to compare with on the same pictures.
        scales: embed at several sizes and add, such as `0.7,1,1.4`.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    model: str | Path
    output: Path = Path("evaluation")
    calibrate: bool = False
    against: str | Path | None = None
    scales: str | None = None
    cropped: bool = False
    skip_bad: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and where it lies.

    Attributes:
        methods: the numbers in short, by the model's name.
        metrics: what metrics.json holds, as JSON types.
        calibration: the thresholds.
        report: the page.
        written: every file that was written.
        notes: remarks on the data and the figures.
    """

    methods: dict[str, MethodSummary]
    metrics: dict[str, Any]
    calibration: Calibration
    report: Path
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def evaluate(
    options: EvaluateOptions,
    progress: ProgressSink | None = None,
    evaluators: Sequence[Evaluator[EvaluationContext]] | None = None,
) -> Evaluation:
    """Measure a model: verification over all pairs, identification closed and open, and a report with pictures.

    Args:
        options: what to measure, and where to write it.
        progress: told of progress, and of remarks as they are made.
        evaluators: what is measured, in the order of the report; None for all that there are (`EVALUATORS`).

    Raises:
        ArtefactError: there is no such model.
        DatasetError: the pictures or another file cannot be read, or some pictures cannot be used and `skip_bad` is
            false.
        InputError: an option has no meaning, or the pictures make no genuine or no impostor pair.
        StorageError: the output cannot be written; older files are unharmed.

    Example:
        >>> done = evaluate(EvaluateOptions(data="people/", model="dlib", trials=5))    # doctest: +SKIP
        >>> done.calibration.threshold(0.001), done.metrics["methods"]["dlib"]["eer"]    # doctest: +SKIP
        (0.41, 0.012)
    """
    from lookalike.evaluation.calibration.thresholds_evaluator import calibration
    from lookalike.evaluation.evaluator import measure_all
    from lookalike.evaluation.evaluators import EVALUATORS
    from lookalike.evaluation.measured_method import compared
    from lookalike.evaluation.report.in_short_evaluator import facts_of
    from lookalike.evaluation.report.page import Report
    from lookalike.evaluation.report.summary import FORMAT_VERSION
    from lookalike.json_values import plain
    from lookalike.workflows.evaluation_folder import write_evaluation
    from lookalike.workflows.output_folder import output_folder

    report = Reporter(progress)
    context, lead = _embedded(options, report)
    measured = measure_all(EVALUATORS if evaluators is None else evaluators, context)
    methods, thresholds = compared(context), calibration(context)
    metrics = plain({"format_version": FORMAT_VERSION} | measured.metrics)
    page = Report(f"{context.model.name} on {options.data}", lead, facts_of(methods), measured.sections)
    with output_folder(options.output):
        written = [*write_evaluation(options.output, page, metrics), options.output / "calibration.json"]
        thresholds.save(written[-1])
    if options.calibrate:
        written.append(Path(options.model) / "calibration.json")
        thresholds.save(written[-1])
    return Evaluation(methods.summaries, metrics, thresholds, written[0], tuple(written), tuple(report.remarks))


def _embedded(options: EvaluateOptions, report: Reporter) -> tuple[EvaluationContext, str]:
    """The pictures embedded, with a sentence about them; what is wrong with the options is said before the work."""
    from lookalike.datasets import read_pictures
    from lookalike.datasets.picture_groups import read_groups
    from lookalike.decisions.promise import Promise
    from lookalike.errors import InputError
    from lookalike.evaluation.context import EvaluationContext
    from lookalike.workflows.evaluation_folder import check_output
    from lookalike.workflows.labelled_pictures import embed_labelled
    from lookalike.workflows.loaded_model import load_model

    Promise.parse(options.promise or DEFAULT_PROMISE)
    check_output(options.output)
    pictures = read_pictures(options.data)
    embedder = load_model(options.model, cropped=options.cropped, scales=options.scales)
    if options.calibrate and not Path(options.model).is_dir():
        raise InputError(
            f"{options.model} is no model folder, so thresholds cannot be stored in it; leave out --calibrate"
        )
    rival = None if options.against is None else load_model(options.against, cropped=options.cropped)
    if options.groups is not None:
        read_groups(Path(options.groups), pictures)
    vectors, kept = embed_labelled(embedder, pictures, report, skip_bad=options.skip_bad)
    context = EvaluationContext(
        _evaluated(embedder, report),
        vectors,
        kept,
        options,
        report,
        None if rival is None else _evaluated(rival, report),
    )
    lead = (
        f"{len(kept)} pictures of {len(kept.names)} identities, embedded by {embedder.name} "
        f"({embedder.dimension} dimensions, {embedder.metric} distance, fingerprint {embedder.fingerprint})."
    )
    return context, lead


def _evaluated(embedder: Embedder, report: Reporter) -> EvaluatedModel:
    """What evaluators are told of a model."""
    from lookalike.evaluation.context import EvaluatedModel
    from lookalike.workflows.labelled_pictures import embed_labelled

    def embed(pictures: PictureSet, *, stage: str, skip_bad: bool = False) -> Any:
        return embed_labelled(embedder, pictures, report, skip_bad=skip_bad, stage=stage)

    answers = embedder.calibration is not None or embedder.documented_threshold is not None
    return EvaluatedModel(
        embedder.name,
        embedder.fingerprint,
        embedder.metric,
        embed,
        embedder.threshold().distance if answers else None,
        embedder.faces if embedder.finds_faces else None,
    )
