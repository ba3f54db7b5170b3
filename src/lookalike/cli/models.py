"""`lookalike models`: which models are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson
from lookalike.workflows.models import ModelsOptions, list_models

__all__ = ["models"]


@options_from(
    ModelsOptions,
    paths=Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Model folders, ONNX files, or folders that hold some; this folder by default."
        ),
    ],
)
def models(options: ModelsOptions, as_json: AsJson = False) -> None:
    """List the models at hand: dimension, metric, threshold and what it was measured on, licence, what is missing.

    Pretrained ones, model folders and ONNX files, and what was fetched from the hub. Any other model of the hub is
    fetched when it is first used: --model hf://user/model, or --model timm:NAME.
    """
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import note, print_json, print_table

    known = list_models(options)
    if as_json:
        print_json(known)
        return
    table = Table(
        Column("Model", overflow="fold"), "Kind", "Dim", "Metric", "Faces", "Threshold", "Measured", "Licence"
    )
    for one in known.models:
        cells = (one.model, one.kind, one.dimension, one.metric, one.faces, one.threshold, one.measured, one.licence)
        table.add_row(*(Text(_cell(cell)) for cell in cells), style=None if one.ready else "dim")
    print_table(table)
    for one in known.models:
        if one.advice:
            note(f"{one.model} cannot be used: {one.advice}")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
