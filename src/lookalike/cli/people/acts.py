"""`lookalike people acts`: what was renamed, merged and split."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.workflows.identity_acts import ActsOptions, list_acts

__all__ = ["acts"]


@options_from(
    ActsOptions,
    gallery=GalleryPath,
    limit=Annotated[int, typer.Option("--limit", min=1, help="So many at most.")],
)
def acts(options: ActsOptions, as_json: AsJson = False) -> None:
    """List who was renamed, merged and split, the last one first."""
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.people.act_lines import names_line
    from lookalike.cli.terminal import print_json, print_table
    from lookalike.json_values import plain

    found = list_acts(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(found))
        return
    typer.echo(f"{how_many(len(found.acts), 'act')} in {options.gallery}")
    table = Table("Act", "Kind", Column("Names", overflow="fold"), "Templates", "When", "Undone")
    for one in found.acts:
        undone = "yes" if one.undone else ""
        table.add_row(str(one.id), one.kind, Text(names_line(one)), str(one.templates), one.at, undone)
    print_table(table)
