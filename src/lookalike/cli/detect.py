"""`lookalike detect`: where are the faces?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from lookalike.cli.csv_option import Csv, csv_file, print_csv, say_written
from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, Detector, Device, Draw, Pictures, Precision, SkipBad, SmallestFace
from lookalike.counted_nouns import how_many
from lookalike.workflows.detect import DetectOptions, PictureFaces
from lookalike.workflows.detect import detect as run

__all__ = ["detect"]


@options_from(
    DetectOptions,
    pictures=Pictures,
    model=Annotated[
        str, typer.Option("--model", "-m", help="Whose detector looks: dlib, or a model folder that aligns faces.")
    ],
    draw=Draw,
    csv=Csv,
    device=Device,
    precision=Precision,
    detector=Detector,
    smallest_face=SmallestFace,
    skip_bad=SkipBad,
)
def detect(options: DetectOptions, as_json: AsJson = False) -> None:
    """Find every face of every picture: its box, its landmarks, and how good a picture of a face it is.

    No gallery is asked. Boxes are in pixels of the upright picture.
    """
    from lookalike.cli.terminal import print_json, show_progress, without_notes
    from lookalike.workflows.face_tables import detection_csv

    csv = csv_file(options.csv, as_json)
    with show_progress() as progress:
        found = run(replace(options, csv=csv), progress)
    if as_json:
        print_json(without_notes(found))
    elif options.csv is None:
        for one in found.pictures:
            for line in _lines(one):
                typer.echo(line)
    elif csv is None:
        print_csv(detection_csv(found))
    else:
        say_written(how_many(sum(len(one.faces) for one in found.pictures), "face"), csv)
    if found.drawn:
        say_written(f"{how_many(len(found.drawn), 'picture')} with boxes", options.draw)


def _lines(found: PictureFaces) -> Iterator[str]:
    """The faces of one picture, a line for each."""
    if not found.faces:
        yield f"{found.picture}: no face was found"
    for number, face in enumerate(found.faces, 1):
        words = [str(face.box), f"score {face.score:.2f}"]
        if face.quality is not None:
            words.append(f"quality {face.quality.score:.2f} ({face.quality.size:.0f} pixels between the eyes)")
        if face.cut_off:
            words.append("cut off by the edge")
        yield f"{found.picture}, face {number}: {', '.join(words)}"
