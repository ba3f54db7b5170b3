"""`lookalike embed`: pictures to a `vectors/` folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, ClassesAt, Cropped, Data, Model, SkipBad
from lookalike.workflows.embed import EmbedOptions
from lookalike.workflows.embed import embed as run

__all__ = ["embed"]


@options_from(
    EmbedOptions,
    data=Data,
    classes_at=ClassesAt,
    model=Model,
    output=Annotated[Path, typer.Option("--output", "-o", help="The vectors folder to write.")],
    cropped=Cropped,
    skip_bad=SkipBad,
    replace=Annotated[bool, typer.Option("--replace", help="Replace older vectors.")],
)
def embed(options: EmbedOptions, as_json: AsJson = False) -> None:
    """Turn pictures into vectors: shards of .npy, their ids, and which picture each one is."""
    from lookalike.cli.terminal import console, escape, print_json, show_progress, without_notes

    with show_progress() as progress:
        done = run(options, progress)
    if as_json:
        print_json(without_notes(done))
        return
    console.print(
        f"[green]wrote[/green] {done.count} vectors of {done.dimension} dimensions to {escape(str(done.vectors))}",
        soft_wrap=True,
    )
