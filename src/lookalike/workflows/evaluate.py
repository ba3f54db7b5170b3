"""A model measured on people it was not trained on: a report, metrics and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.evaluation.options import DEFAULT_PROMISE, EvaluationOptions
from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.datasets.lfw import LfwPairs
    from lookalike.decisions.calibration import Calibration
    from lookalike.embedder import Embedder
    from lookalike.evaluation.context import EvaluatedModel, EvaluationContext
    from lookalike.evaluation.evaluator import Evaluator
    from lookalike.evaluation.report.summary import MethodSummary

__all__ = ["EvaluateOptions", "Evaluation", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ModelRunOptions, EvaluationOptions):
    """What to measure (`EvaluationOptions`), of which model, and where to write it.

    Attributes:
        model: a model folder, or a pretrained model's name.
        output: folder for report.html, metrics.json and calibration.json; its other files stay.
        calibrate: make the thresholds measured here the model's; only for a model folder or an ONNX file.
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
    report = Reporter(progress)
    context, lead = _embedded(options, report)

    from lookalike.evaluation.calibration.thresholds_evaluator import calibration
    from lookalike.evaluation.evaluator import measure_all
    from lookalike.evaluation.evaluators import EVALUATORS
    from lookalike.evaluation.measured_method import compared
    from lookalike.evaluation.report.in_short_evaluator import facts_of
    from lookalike.evaluation.report.page import Report
    from lookalike.evaluation.report.summary import FORMAT_VERSION
    from lookalike.evaluation.training_checks import TRAINED
    from lookalike.json_values import plain
    from lookalike.workflows.evaluation_folder import write_evaluation
    from lookalike.workflows.output_folder import output_folder

    measured = measure_all(EVALUATORS if evaluators is None else evaluators, context)
    methods, thresholds = compared(context), calibration(context)
    metrics = plain({"format_version": FORMAT_VERSION} | measured.metrics)
    doubts = tuple(one["text"] for one in metrics.get("findings", ()) if one["kind"] in TRAINED)
    page = Report(
        f"{context.model.name} on {options.data}", lead, facts_of(methods), measured.sections, warnings=doubts
    )
    with output_folder(options.output):
        written = [*write_evaluation(options.output, page, metrics), options.output / "calibration.json"]
        thresholds.save(written[-1])
    kept = _kept_calibration(options.model)
    if options.calibrate and kept is not None:
        written.append(kept)
        thresholds.save(kept)
    return Evaluation(methods.summaries, metrics, thresholds, written[0], tuple(written), tuple(report.remarks))


def _kept_calibration(model: str | Path) -> Path | None:
    """Where a model keeps its thresholds: in its folder, or beside its ONNX file."""
    from lookalike.embedder.onnx_card import calibration_beside

    path = Path(model)
    if path.is_dir():
        return path / "calibration.json"
    return calibration_beside(path) if path.suffix == ".onnx" and path.is_file() else None


def _embedded(options: EvaluateOptions, report: Reporter) -> tuple[EvaluationContext, str]:
    """The pictures embedded, with a sentence about them; what is wrong with the options is said before the work."""
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.picture_headers import check_headers

    pictures = _checked(options)
    check_headers(pictures.paths, report, skip_bad=options.skip_bad)
    embedder = load_model(options.model, cropped=options.cropped, scales=options.scales, run=options)
    rival = None
    if options.against is not None:
        # Not every model knows every device; all know these, and `auto` is the GPU where there is one.
        rival_run = ModelRunOptions(device="cpu" if options.device == "cpu" else "auto")
        rival = load_model(options.against, cropped=options.cropped, run=rival_run)

    from lookalike.evaluation.context import EvaluationContext
    from lookalike.workflows.labelled_pictures import embed_labelled

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


def _checked(options: EvaluateOptions) -> PictureSet:
    """The names of the pictures; whatever else names and headers of files can show is checked as well."""
    from lookalike.datasets import read_pictures
    from lookalike.datasets.lfw import read_lfw_pairs
    from lookalike.datasets.picture_groups import read_groups
    from lookalike.decisions.promise import Promise
    from lookalike.decisions.scoring_rule import checked_scoring
    from lookalike.errors import InputError
    from lookalike.workflows.evaluation_folder import check_output

    Promise.parse(options.promise or DEFAULT_PROMISE)
    if options.template_scoring != "auto":
        checked_scoring(options.template_scoring, "auto")
    if options.template_scoring != "nearest" and options.enrolled < 2:
        raise InputError(
            f"--template-scoring {options.template_scoring} is about several templates of a person, and --enrolled is "
            f"{options.enrolled}; give --enrolled 2 or more"
        )
    if options.calibrate and _kept_calibration(options.model) is None:
        raise InputError(
            f"{options.model} is no model folder and no ONNX file, so thresholds cannot be stored with it; leave out "
            "--calibrate"
        )
    if options.existing_pairs and options.pairs is None:
        raise InputError("--existing-pairs is about a list of pairs, and none was given; give --pairs with it")
    check_output(options.output)
    pictures = read_pictures(options.data, options.classes_at)
    if options.groups is not None:
        read_groups(Path(options.groups), pictures)
    if options.pairs is not None:
        _check_pairs(read_lfw_pairs(Path(options.pairs)), options)
    for further in (options.trained_on, options.distractors):
        if further is not None and not Path(further).exists():
            read_pictures(further)  # a named data set, or an error that says what is expected
    return pictures


def _check_pairs(listed: LfwPairs, options: EvaluateOptions) -> None:
    """Refuse pairs without pictures, and folds over which no accuracy can be measured."""
    if options.existing_pairs:
        listed = listed.existing(options.data)
    listed.paths(options.data)
    import numpy as np

    from lookalike.evaluation.verification.ten_folds import accuracy_over_folds  # SciPy, after what needs none

    accuracy_over_folds(np.zeros(len(listed)), listed.genuine, listed.folds)


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
        None if embedder.calibration is None else embedder.calibration.odds,
        embedder.trained_on,
    )
