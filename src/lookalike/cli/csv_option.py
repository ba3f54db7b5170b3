"""The option `--csv FILE`: a table in place of lines, in a file or, for `-`, on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.errors import InputError

__all__ = ["Csv", "csv_file", "print_csv", "say_written"]

Csv = Annotated[
    Path | None,
    typer.Option("--csv", help="In place of lines, write a CSV with a row for each picture or face; - for stdout."),
]


def csv_file(csv: Path | None, as_json: bool) -> Path | None:
    """The file that a workflow writes; None for stdout, which is the command line's, and where no CSV is wanted.

    Raises:
        InputError: JSON is to be printed on stdout as well.
    """
    if csv != Path("-"):
        return csv
    if as_json:
        raise InputError("--json and --csv - both print on stdout; give the CSV a file, or leave one of them out")
    return None


def print_csv(table: str) -> None:
    """A CSV on stdout, and a note on stderr where a spreadsheet would take its names for formulas."""
    from lookalike.cli.terminal import note
    from lookalike.workflows.face_tables import encoded, formula_remarks

    typer.echo(encoded(table), nl=False)  # bytes: some systems would write a CR for each line again
    for line in formula_remarks(table):
        note(line)


def say_written(what: str, where: object) -> None:
    """On stderr, what was written, and where to."""
    from lookalike.cli.terminal import console, escape

    console.print(f"[green]wrote[/green] {what} to {escape(str(where))}", soft_wrap=True)
