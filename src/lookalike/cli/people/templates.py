"""`lookalike people templates`: what a person was enrolled with."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.workflows.people import TemplatesOptions, list_templates

__all__ = ["templates"]


@options_from(
    TemplatesOptions,
    name=Annotated[str, typer.Argument(help="Whose templates, as lookalike people spells the name.")],
    gallery=GalleryPath,
)
def templates(options: TemplatesOptions, as_json: AsJson = False) -> None:
    """List the templates of a person: their numbers, where they came from, and since when they are there."""
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import print_json, print_table

    found = list_templates(options).templates
    if as_json:
        rows = [
            {"id": one.id, "source": one.source, "enrolled_at": one.enrolled_at, "quality": one.quality}
            for one in found
        ]
        print_json({"gallery": options.gallery, "name": options.name, "templates": rows})
        return
    typer.echo(f"{how_many(len(found), 'template')} of {options.name} in {options.gallery}")
    table = Table(Column("Template", no_wrap=True), Column("Source", overflow="fold"), "Enrolled", "Quality")
    for one in found:
        quality = "" if one.quality is None else f"{one.quality:.2f}"
        table.add_row(str(one.id), Text(one.source), one.enrolled_at, quality)
    print_table(table)
