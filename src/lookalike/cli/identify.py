"""`lookalike identify`: whose picture is this, or nobody's?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Cropped,
    GalleryPath,
    Model,
    Recipe,
    Scales,
    TargetFmr,
    ThresholdDistance,
)
from lookalike.cli.verb_help import FOR_PEOPLE, FOR_PLACES, in_panel
from lookalike.counted_nouns import how_many
from lookalike.workflows.identify import Identification, IdentifyOptions
from lookalike.workflows.identify import identify as run

__all__ = ["identify"]


@options_from(
    IdentifyOptions,
    pictures=Annotated[list[str], typer.Argument(help="One or more pictures, or folders of them.")],
    model=Model,
    gallery=GalleryPath,
    top=Annotated[int, typer.Option(min=1, help="How many candidates are shown.")],
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
    scales=in_panel(FOR_PLACES, Scales),
    cropped=Cropped,
)
def identify(options: IdentifyOptions, as_json: AsJson = False) -> None:
    """Name the person in a picture (1:N), or say that it is nobody in the gallery, or that it cannot be told.

    In a gallery of landmarks: name the place, with a link to a map and the enrolled photos that decided it, or say that
    no known landmark is seen. The threshold is the one promised at enrolment.
    """
    from lookalike.cli.terminal import console, escape, print_json, show_progress

    with show_progress() as progress:
        found = run(options, progress)
    if as_json:
        print_json(_document(str(options.gallery), found))
    elif options.submission is None:
        _print(found)
    else:
        console.print(
            f"[green]wrote[/green] {how_many(len(found.answers), 'answer')} to {escape(str(options.submission))}",
            soft_wrap=True,
        )


def _document(gallery: str, found: Identification) -> dict[str, object]:
    answers = zip(found.pictures, found.answers, strict=True)
    listed = [{"picture": picture} | answer.to_json() for picture, answer in answers]
    known = "places" if found.kind == "landmarks" else "identities"
    return {"gallery": gallery, known: found.identities, "answers": listed}


def _print(found: Identification) -> None:
    from lookalike.cli.answer_lines import answer_lines, promise_lines
    from lookalike.cli.terminal import note

    for picture, answer in zip(found.pictures, found.answers, strict=True):
        for line in answer_lines(picture, answer):
            typer.echo(line)
    for line in promise_lines(found.answers[-1]):
        typer.echo(line)
    if found.answers[-1].weakness:
        note(found.answers[-1].weakness)
