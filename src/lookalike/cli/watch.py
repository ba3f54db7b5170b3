"""`lookalike watch`: pictures are identified as they arrive in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Cropped,
    Detector,
    Device,
    GalleryPath,
    Model,
    Precision,
    TargetFmr,
    TargetFpir,
    ThresholdDistance,
)
from lookalike.counted_nouns import how_many
from lookalike.progress import Progress
from lookalike.workflows.watch import ArrivedPicture, WatchOptions
from lookalike.workflows.watch import watch as run

__all__ = ["watch"]


@options_from(
    WatchOptions,
    folder=Annotated[str, typer.Argument(help="The folder into which pictures come.")],
    model=Model,
    gallery=GalleryPath,
    existing=Annotated[bool, typer.Option("--existing", help="Begin with the pictures that are there.")],
    all_faces=Annotated[bool, typer.Option("--all-faces", help="Answer every face of a picture.")],
    threshold=ThresholdDistance,
    fmr=TargetFmr,
    fpir=TargetFpir,
    calibration=CalibrationFile,
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
    settle=Annotated[
        float, typer.Option("--settle", min=0, help="Seconds for which a file must stay the same before it is read.")
    ],
)
def watch(options: WatchOptions, as_json: AsJson = False) -> None:
    """Identify the pictures that appear in a folder, a line for each as soon as it is complete, until Ctrl-C.

    With --json a JSON document in each line. A picture that cannot be used has a line that says why.
    """
    from lookalike.cli.terminal import console, escape
    from lookalike.json_values import plain

    answered = 0

    def say(event: Progress) -> None:
        if not event.done:  # model and gallery are open
            console.print(f"watching {escape(str(options.folder))}; Ctrl-C ends it", soft_wrap=True)

    try:
        for one in run(options, say):
            if as_json:
                typer.echo(json.dumps(plain(one.to_json()), ensure_ascii=False, allow_nan=False))
            else:
                for line in _lines(one):
                    typer.echo(line)
            answered += 1
    except KeyboardInterrupt:
        # The usual end of it: the stream of documents on stdout ends with a whole line, not with an error.
        console.print(f"interrupted; {how_many(answered, 'picture was', 'pictures were')} answered")
        raise typer.Exit(130) from None


def _lines(one: ArrivedPicture) -> Iterator[str]:
    from lookalike.cli.answer_lines import answer_lines, face_lines

    if one.error is not None:
        yield f"{one.path}: cannot be used: {one.error}"
    elif one.answer is not None:
        yield next(answer_lines(str(one.path), one.answer))
    else:
        yield from face_lines(str(one.path), one.faces)
