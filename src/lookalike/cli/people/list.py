"""`lookalike people list`: who is in a gallery."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath, Where
from lookalike.counted_nouns import how_many
from lookalike.workflows.people import PeopleOptions, list_people

__all__ = ["list_verb"]


@options_from(
    PeopleOptions,
    gallery=GalleryPath,
    where=Where,
    prefix=Annotated[str, typer.Option("--prefix", metavar="TEXT", help="Only names that begin so.")],
    limit=Annotated[int | None, typer.Option("--limit", min=1, help="So many names at most.")],
    after=Annotated[str, typer.Option("--after", metavar="NAME", help="Only names that follow this one.")],
)
def list_verb(options: PeopleOptions, as_json: AsJson = False) -> None:
    """List the people in a gallery, with how many templates and which tags each has."""
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import print_json, print_table
    from lookalike.json_values import plain

    known = list_people(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(known))
        return
    # Not the table's title, which is no wider than the table.
    typer.echo(f"{how_many(len(known.people), 'person', 'people')} in {options.gallery}")
    tagged = any(person.tags for person in known.people)
    table = Table(Column("Name", overflow="fold"), Column("Templates", no_wrap=True), "Since")
    if tagged:
        table.add_column("Tags", overflow="fold")
    for person in known.people:
        tags = ", ".join(f"{key}={value}" for key, value in person.tags.items())
        table.add_row(Text(person.name), str(person.templates), person.created_at, *([Text(tags)] if tagged else []))
    print_table(table)
