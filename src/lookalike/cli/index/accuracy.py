"""`lookalike index accuracy`: how many identifications an index loses against exact search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import Settings, settings_from
from lookalike.cli.options import AsJson, ThresholdDistance
from lookalike.workflows.index_accuracy import IndexAccuracyOptions, index_accuracy

__all__ = ["accuracy"]


@options_from(
    IndexAccuracyOptions,
    vectors=Annotated[Path, typer.Argument(help="A labelled folder that lookalike embed wrote.")],
    kind=Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="The kind of index that is judged; auto measures which is best."),
    ],
    distractors=Annotated[
        Path | None,
        typer.Option(
            "--distractors",
            metavar="FOLDER",
            help="Vectors of strangers by the same model, which are enrolled as well.",
        ),
    ],
    threshold=ThresholdDistance,
    seed=Annotated[int, typer.Option("--seed", min=0, help="Decides which vectors are the probes.")],
)
def accuracy(options: IndexAccuracyOptions, setting: Settings = None, as_json: AsJson = False) -> None:
    """Count the identifications that an index loses against exact search, among as many vectors as these.

    One vector of each identity is the probe, the others are enrolled.
    """
    from lookalike.cli.index.tables import print_accuracy
    from lookalike.cli.terminal import print_json, show_progress

    with show_progress(log=True) as progress:
        loss = index_accuracy(replace(options, settings=settings_from(setting)), progress)
    if as_json:
        print_json(loss)
    else:
        print_accuracy(loss)
