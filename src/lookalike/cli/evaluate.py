"""`lookalike evaluate`: a model on people it has not seen, a gallery on photos of places, or a submission."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    ClassesAt,
    Cropped,
    Data,
    Detector,
    Device,
    Precision,
    Recipe,
    Rerank,
    Scales,
    SkipBad,
    given,
    refuse_given,
)
from lookalike.cli.verb_help import FOR_PEOPLE, FOR_PLACES, in_panel
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
    classes_at=ClassesAt,
    model=Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            envvar="LOOKALIKE_MODEL",
            metavar="MODEL",
            show_default=False,
            help="A folder that lookalike train wrote, dlib (faces, pretrained), or efficientnet_lite0 (places and "
            "things, pretrained). Only --submission needs none.",
        ),
    ],
    output=Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for report.html, metrics.json and calibration.json."
        ),
    ],
    enrolled=Annotated[
        int,
        typer.Option(min=1, rich_help_panel=FOR_PEOPLE, help="Pictures enrolled of each person, in identification."),
    ],
    trials=Annotated[int, typer.Option(min=1, rich_help_panel=FOR_PEOPLE, help="Random enrolments that are averaged.")],
    template_scoring=Annotated[
        str,
        typer.Option(
            "--template-scoring",
            metavar="RULE",
            rich_help_panel=FOR_PEOPLE,
            help="How several templates of a person (--enrolled) become one distance: nearest, mean, set, or auto: "
            "the one that names most people at the promised rate. Thresholds are then measured for that rule, too.",
        ),
    ],
    calibrate=Annotated[
        bool,
        typer.Option(
            "--calibrate",
            rich_help_panel=FOR_PEOPLE,
            help="Store the thresholds measured here with the model (not with a pretrained one).",
        ),
    ],
    promise=Annotated[
        str | None,
        typer.Option(
            "--promise",
            metavar="fpir=RATE",
            rich_help_panel=FOR_PEOPLE,
            help="The false alarm rate that answers have to keep: fpir=RATE per search, or fmr=RATE per pair; stored "
            "in calibration.json. Without it, the report shows what fpir=0.01 would mean.",
        ),
    ],
    distractors=Annotated[
        str | None,
        typer.Option(
            "--distractors",
            metavar="DATA",
            rich_help_panel=FOR_PEOPLE,
            help="Strangers to search among: pictures, a .npy of vectors, or a folder that lookalike embed wrote.",
        ),
    ],
    groups=Annotated[
        Path | None,
        typer.Option(
            "--groups",
            metavar="CSV",
            rich_help_panel=FOR_PEOPLE,
            help="identity,group or path,group: error rates for each group.",
        ),
    ],
    against=Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            rich_help_panel=FOR_PEOPLE,
            help="Another model, to compare with on the same pictures.",
        ),
    ],
    pairs=Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            metavar="FILE",
            rich_help_panel=FOR_PEOPLE,
            help="A list of pairs such as LFW's pairs.txt: accuracy over its folds.",
        ),
    ],
    existing_pairs=Annotated[
        bool,
        typer.Option(
            "--existing-pairs",
            rich_help_panel=FOR_PEOPLE,
            help="Of --pairs, leave out those whose pictures are missing, and say so.",
        ),
    ],
    trained_on=Annotated[
        str | None,
        typer.Option(
            "--trained-on",
            metavar="DATA",
            rich_help_panel=FOR_PEOPLE,
            help="The pictures that the model was trained on: none of their people may be tested.",
        ),
    ],
    seed=Annotated[int, typer.Option(min=0, help="Decides the random enrolments and the resampling for intervals.")],
    recipe=in_panel(FOR_PLACES, Recipe),
    gallery=Annotated[
        str,
        typer.Option(
            "--gallery",
            "-g",
            envvar="LOOKALIKE_GALLERY",
            metavar="FOLDER",
            rich_help_panel=FOR_PLACES,
            show_default=False,
            help="The gallery of places that is asked.",
        ),
    ],
    non_landmarks=Annotated[
        Path | None,
        typer.Option(
            "--non-landmarks",
            metavar="FOLDER",
            rich_help_panel=FOR_PLACES,
            help="Photos that show no place, and of which none was enrolled or trained on.",
        ),
    ],
    rerank=in_panel(FOR_PLACES, Rerank),
    submission=Annotated[
        Path | None,
        typer.Option(
            "--submission",
            metavar="CSV",
            rich_help_panel=FOR_PLACES,
            help="Score this submission to Google Landmarks v2 against the solution in DATA; needs no model.",
        ),
    ],
    scales=in_panel(FOR_PLACES, Scales),
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
    skip_bad=SkipBad,
)
def evaluate(options: EvaluateVerbOptions, context: typer.Context, as_json: AsJson = False) -> None:
    """Measure a model on people it has not seen: how well it tells them apart, and at which threshold; with a report.

    Writes report.html (self-contained), metrics.json and calibration.json. The report shows verification (1:1),
    identification (1:N), retrieval, the look-alikes, and what a promise means among a thousand people and among ten
    million.

    With --recipe landmarks, a gallery of places is asked about every photo of DATA: how many answers are right, how
    many photos without a place are named beside what was promised, GAP and mAP@100, and a report with the answers.
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery
    from lookalike.workflows.gallery_kind import asked_about_places

    if options.submission is not None:
        refuse_given(
            context, "classes_at", "output", "gallery", "scales", "cropped", "device", "precision", "detector",
            "skip_bad", *_PEOPLE, *_LANDMARKS,
            why="does nothing to a --submission, which is scored as it is; leave it out",
        )  # fmt: skip
        _submission(
            ScoreSubmissionOptions(data=options.data, submission=options.submission, seed=options.seed), as_json
        )
        return
    if not options.model:
        raise InputError("no model was given; give a folder or a name with --model, or --submission to score a file")
    gallery = str(options.gallery)
    if asked_about_places(options.recipe, gallery):
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
