"""`lookalike identify`: whose picture is this, or nobody's?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.csv_option import Csv, csv_file, print_csv, say_written
from lookalike.cli.dataclass_options import options_from
from lookalike.cli.identify_video import Every, For, identify_video, video_options
from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Cropped,
    Detector,
    Device,
    Draw,
    GalleryPath,
    Model,
    Pictures,
    Precision,
    Recipe,
    Scales,
    SkipBad,
    TargetFmr,
    ThresholdDistance,
    Where,
)
from lookalike.cli.verb_help import FOR_PEOPLE, FOR_PLACES, in_panel
from lookalike.counted_nouns import how_many
from lookalike.workflows.identify import Identification, IdentifyOptions
from lookalike.workflows.identify import identify as run

__all__ = ["identify"]


@options_from(
    IdentifyOptions,
    pictures=Pictures,
    model=Model,
    gallery=GalleryPath,
    top=Annotated[int, typer.Option(min=1, help="How many candidates are shown.")],
    all_faces=Annotated[
        bool, typer.Option("--all-faces", help="Answer every face of a picture, not only the most likely subject.")
    ],
    smallest_face=Annotated[
        int | None,
        typer.Option(
            "--smallest-face",
            min=0,
            metavar="PIXELS",
            show_default=False,
            help="With --all-faces: leave out faces less than so many pixels wide; of a video 64, unless said.",
        ),
    ],
    threshold=in_panel(FOR_PEOPLE, ThresholdDistance),
    fmr=in_panel(FOR_PEOPLE, TargetFmr),
    fpir=Annotated[
        float | None,
        typer.Option(
            "--fpir",
            metavar="RATE",
            rich_help_panel=FOR_PEOPLE,
            help="Name at most this share of strangers, such as 0.01, whatever the size of the gallery. Needs "
            "thresholds measured by lookalike evaluate.",
        ),
    ],
    calibration=in_panel(FOR_PEOPLE, CalibrationFile),
    where=in_panel(FOR_PEOPLE, Where),
    template_scoring=Annotated[
        str | None,
        typer.Option(
            "--template-scoring",
            metavar="RULE",
            rich_help_panel=FOR_PEOPLE,
            help="How several templates of a person become one distance: nearest, mean or set; by default the rule "
            "that the thresholds were measured for.",
        ),
    ],
    recipe=in_panel(FOR_PLACES, Recipe),
    rerank=Annotated[
        bool | None,
        typer.Option(
            "--rerank/--no-rerank",
            rich_help_panel=FOR_PLACES,
            help="Whether the nearest enrolled photos help to tell which place it is; by default they do.",
        ),
    ],
    submission=Annotated[
        Path | None,
        typer.Option(
            "--submission",
            metavar="CSV",
            rich_help_panel=FOR_PLACES,
            help="Write the answers as a submission to Google Landmarks v2: id,landmarks.",
        ),
    ],
    csv=Csv,
    draw=Draw,
    scales=in_panel(FOR_PLACES, Scales),
    cropped=Cropped,
    skip_bad=SkipBad,
    device=Device,
    precision=Precision,
    detector=Detector,
)
def identify(options: IdentifyOptions, every: Every = None, duration: For = None, as_json: AsJson = False) -> None:
    """Name the person in a picture (1:N), or say that it is nobody in the gallery, or that it cannot be told.

    In a gallery of landmarks: name the place, with a link to a map and the enrolled photos that decided it, or say that
    no known landmark is seen. The threshold is the one promised at enrolment.

    Of a video file, or a camera (webcam:0, until Ctrl-C): a table of who was seen from when to when.
    """
    from lookalike.cli.terminal import print_json, show_progress
    from lookalike.workflows.face_tables import identification_csv

    video = video_options(options, every, duration)
    if video is not None:
        identify_video(video, as_json)
        return
    csv = csv_file(options.csv, as_json)
    with show_progress() as progress:
        found = run(replace(options, csv=csv), progress)
    answers = how_many(sum(map(len, found.faces)) or len(found.answers), "answer")
    if as_json:
        print_json(_document(str(options.gallery), found))
    elif options.csv is None and options.submission is None:
        _print(found)
    elif options.csv is not None and csv is None:
        print_csv(identification_csv(found))
    for file in (options.submission, csv):
        if file is not None and not as_json:
            say_written(answers, file)
    if found.drawn:
        say_written(f"{how_many(len(found.drawn), 'picture')} with boxes", options.draw)


def _document(gallery: str, found: Identification) -> dict[str, object]:
    known = "places" if found.kind == "landmarks" else "identities"
    head = {"gallery": gallery, known: found.identities}
    rest = {"unusable": found.unusable, "drawn": found.drawn}
    if not found.answers:
        listed = [
            {"picture": picture, "faces": [one.to_json() for one in faces]}
            for picture, faces in zip(found.pictures, found.faces, strict=True)
        ]
        return head | {"pictures": listed} | rest
    answers = zip(found.pictures, found.answers, strict=True)
    return head | {"answers": [{"picture": picture} | answer.to_json() for picture, answer in answers]} | rest


def _print(found: Identification) -> None:
    from lookalike.cli.answer_lines import answer_lines, face_lines, promise_lines
    from lookalike.cli.terminal import note

    for picture, answer in zip(found.pictures, found.answers, strict=False):
        for line in answer_lines(picture, answer):
            typer.echo(line)
    for picture, faces in zip(found.pictures, found.faces, strict=False):
        for line in face_lines(picture, faces):
            typer.echo(line)
    answers = [*found.answers, *(one.answer for faces in found.faces for one in faces)]
    for answer in answers[-1:]:  # the latest state of the gallery
        for line in promise_lines(answer):
            typer.echo(line)
        if answer.weakness:
            note(answer.weakness)
