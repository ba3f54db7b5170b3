"""`lookalike embed`: pictures to a `vectors/` folder."""

from __future__ import annotations

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
    Model,
    Precision,
    SkipBad,
)
from lookalike.counted_nouns import how_many
from lookalike.workflows.embed import EmbedOptions
from lookalike.workflows.embed import embed as run

__all__ = ["embed"]


@options_from(
    EmbedOptions,
    data=Data,
    classes_at=ClassesAt,
    model=Model,
    output=Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The vectors folder to write.")],
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
    skip_bad=SkipBad,
    replace=Annotated[bool, typer.Option("--replace", help="Replace the vectors of an earlier run.")],
)
def embed(options: EmbedOptions, as_json: AsJson = False) -> None:
    """Turn pictures into vectors: shards of .npy, their ids, and which picture each one is."""
    from lookalike.cli.terminal import console, escape, print_json, show_progress, without_notes

    with show_progress() as progress:
        done = run(options, progress)
    if as_json:
        print_json(without_notes(done))
        return
    vectors = how_many(done.count, "vector")
    console.print(
        f"[green]wrote[/green] {vectors} of {done.dimension} dimensions to {escape(str(done.vectors))}", soft_wrap=True
    )
