"""`lookalike evaluate`: a model on people it has not seen, a gallery on photos of places, or a submission."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, Cropped, Data, Recipe, Rerank, Scales, SkipBad, given, refuse_given
from lookalike.workflows.evaluate import EvaluateOptions
from lookalike.workflows.evaluate_places import EvaluatePlacesOptions
from lookalike.workflows.score_submission import ScoreSubmissionOptions

__all__ = ["evaluate"]


@dataclass(frozen=True, kw_only=True)
class EvaluateVerbOptions(EvaluateOptions, EvaluatePlacesOptions):
    """What any evaluation is told: of people, of places, or of a submission.

    Attributes:
        model: empty where none was given; a submission needs none.
        gallery: of places; empty where none was given.
        recipe: says that places are meant; a gallery that holds some says it too.
        submission: a file to score.
    """

    model: str | Path = ""
    gallery: str | Path = ""
    recipe: str | None = None
    submission: Path | None = None


def _only(kind: type, other: type) -> tuple[str, ...]:
    others = {field.name for field in dataclasses.fields(other)}
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in others)


#: Options of one kind of evaluation only, refused in the others.
_PEOPLE = _only(EvaluateOptions, EvaluatePlacesOptions)
_LANDMARKS = tuple(name for name in _only(EvaluatePlacesOptions, EvaluateOptions) if name != "gallery")


@options_from(
    EvaluateVerbOptions,
    data=Data,
    model=Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            envvar="LOOKALIKE_MODEL",
            show_default=False,
            help="A model folder, dlib (pretrained faces), or efficientnet_lite0; every evaluation but that of a "
            "submission needs one.",
        ),
    ],
    output=Annotated[Path, typer.Option("--output", "-o", help="Folder for report.html, metrics.json and more.")],
    enrolled=Annotated[int, typer.Option(min=1, help="Pictures enrolled per identity, in identification.")],
    trials=Annotated[int, typer.Option(min=1, help="Random enrolments that are averaged.")],
    calibrate=Annotated[
        bool, typer.Option("--calibrate", help="Make the thresholds measured here the model's (trained models).")
    ],
    promise=Annotated[
        str | None,
        typer.Option(
            "--promise",
            help="What answers shall keep: fpir=RATE per search, or fmr=RATE per pair; goes into calibration.json. "
            "The report tells of fpir=0.01 otherwise.",
        ),
    ],
    distractors=Annotated[
        str | None,
        typer.Option("--distractors", help="Strangers to search among: pictures as DATA, .npy, or lookalike embed's."),
    ],
    groups=Annotated[
        Path | None, typer.Option("--groups", help="CSV of identity,group or path,group: error rates for each group.")
    ],
    against=Annotated[
        str | None, typer.Option("--against", help="Another model, to compare with on the same pictures.")
    ],
    pairs=Annotated[
        Path | None, typer.Option("--pairs", help="List of pairs as LFW's pairs.txt: accuracy over its folds.")
    ],
    trained_on=Annotated[
        str | None, typer.Option("--trained-on", help="What the model was trained on: nobody of it may be tested.")
    ],
    seed=Annotated[int, typer.Option(min=0, help="Of enrolments and bootstrap.")],
    recipe=Recipe,
    gallery=Annotated[
        str,
        typer.Option(
            "--gallery",
            "-g",
            envvar="LOOKALIKE_GALLERY",
            show_default=False,
            help="Landmarks: the gallery that is asked.",
        ),
    ],
    non_landmarks=Annotated[
        Path | None,
        typer.Option("--non-landmarks", help="Landmarks: a folder of photos that show none, and are not enrolled."),
    ],
    rerank=Rerank,
    submission=Annotated[
        Path | None,
        typer.Option(
            "--submission", help="Score this file of Google Landmarks v2 against DATA's solution; needs no model."
        ),
    ],
    scales=Scales,
    cropped=Cropped,
    skip_bad=SkipBad,
)
def evaluate(options: EvaluateVerbOptions, context: typer.Context, as_json: AsJson = False) -> None:
    """Measure a model: verification over all pairs, identification closed and open, and a report with pictures.

    Writes report.html (self-contained), metrics.json and calibration.json. Use people the model was not trained on.
    What the promise means among a thousand people and among ten million is told in the report.

    With --recipe landmarks, a gallery of places is asked about every photo of DATA: GAP, top-1, right answers, the
    false-positive rate beside the promise, mAP@100, and a report with the answers.
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery

    if options.submission is not None:
        refuse_given(
            context, "output", "gallery", "scales", "cropped", "skip_bad", *_PEOPLE, *_LANDMARKS,
            why="does nothing to a --submission, which is scored as it is; leave it out",
        )  # fmt: skip
        _submission(
            ScoreSubmissionOptions(data=options.data, submission=options.submission, seed=options.seed), as_json
        )
        return
    if not options.model:
        raise InputError("no model was given; give a folder or a name with --model, or --submission to score a file")
    gallery = str(options.gallery)
    if _of_places(options.recipe, gallery):
        if not gallery:
            raise InputError("no gallery was given; give --gallery, made by `lookalike enroll --recipe landmarks`")
        refuse_given(context, *_PEOPLE, why="is for people; leave it out for landmarks")
        _places(options, as_json)
        return
    if given(context, "gallery"):
        # One in the environment serves other verbs, and is no question about places.
        with open_gallery(gallery, create=False):
            refuse_given(context, "gallery", why=f"is for landmarks, and {gallery} holds none; leave it out for people")
    refuse_given(context, *_LANDMARKS, why="is for landmarks; give --recipe landmarks with it, or leave it out")
    _people(options, as_json)


def _people(options: EvaluateOptions, as_json: bool) -> None:
    from lookalike.cli.tables import print_summary
    from lookalike.cli.terminal import console, escape, note, print_json, show_progress
    from lookalike.workflows.evaluate import evaluate as run

    with show_progress() as progress:
        done = run(options, progress)
    calibration = done.calibration
    if as_json:
        print_json(done.metrics | {"report": done.report, "calibration": calibration.model_dump(mode="json")})
        return
    if calibration.note:
        note(calibration.note)
    print_summary(done.methods)
    point = calibration.point()
    console.print(
        f"threshold {point.threshold:.4f}: {calibration.in_words(point)}; {point.fnmr:.1%} of genuine pairs are missed"
        + (" (now the model's)" if options.calibrate else "")
        + f"\n[green]wrote[/green] {escape(str(done.report))}",
        soft_wrap=True,
    )


def _places(options: EvaluatePlacesOptions, as_json: bool) -> None:
    from lookalike.cli.tables import print_recognition
    from lookalike.cli.terminal import console, escape, print_json, show_progress
    from lookalike.workflows.evaluate_places import evaluate_places

    with show_progress() as progress:
        done = evaluate_places(options, progress)
    if as_json:
        print_json(done.metrics | {"report": done.report})
        return
    print_recognition(done.recognition, done.promised, done.retrieval)
    console.print(f"[green]wrote[/green] {escape(str(done.report))}", soft_wrap=True)


def _submission(options: ScoreSubmissionOptions, as_json: bool) -> None:
    from lookalike.cli.tables import print_recognition, print_retrieval
    from lookalike.cli.terminal import print_json
    from lookalike.workflows.score_submission import score_submission

    done = score_submission(options)
    if as_json:
        found = {"recognition": done.recognition, "retrieval": done.retrieval}
        measured = {kind: measures.to_json() for kind, measures in found.items() if measures is not None}
        print_json({"submission": done.submission, "solution": done.solution} | measured)
    elif done.recognition is not None:
        print_recognition(done.recognition)
    elif done.retrieval is not None:
        print_retrieval(done.retrieval)


def _of_places(recipe: str | None, gallery: str) -> bool:
    """Whether an evaluation is about places: said by --recipe, or by the gallery."""
    from lookalike.gallery.existing import open_existing
    from lookalike.workflows.gallery_kind import asks_for_places, holds_places

    if asks_for_places(recipe) or not gallery:
        return recipe is not None
    held = open_existing(gallery)
    if held is None:
        return False
    with held:
        return holds_places(held)
