"""`lookalike figures`: pages of pictures that show what the product's parts do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson
from lookalike.workflows.figures import FiguresOptions, make_figures

__all__ = ["figures"]


@options_from(
    FiguresOptions,
    page=Annotated[str, typer.Argument(help="losses: one data set under ten losses.")],
    output=Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for losses.html and losses.json.")
    ],
    seed=Annotated[int, typer.Option(min=0, help="Decides every random choice.")],
)
def figures(options: FiguresOptions, as_json: AsJson = False) -> None:
    """Make pictures that explain: losses trains ten small networks on digits and shows what each loss does to them.

    Real training on real pictures, offline, in about a minute. Writes a self-contained page and its numbers.
    """
    from lookalike.cli.terminal import console, escape, print_json, show_progress

    with show_progress() as progress:
        done = make_figures(options, progress)
    if as_json:
        print_json({**done.document, "html": done.html, "json": done.json, "seconds": done.seconds})
        return
    for one in done.trained.trained:
        state = "collapsed" if one.measures.collapsed else f"{one.measures.accuracy:.1%} nearest class mean"
        typer.echo(f"{one.panel.name}: {state}")
    console.print(f"{done.seconds:.0f} s\n[green]open {escape(str(done.html))}[/green]", soft_wrap=True)
