"""`lookalike people`: who is in a gallery."""

from __future__ import annotations

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.workflows.people import PeopleOptions, list_people

__all__ = ["people"]


@options_from(PeopleOptions, gallery=GalleryPath)
def people(options: PeopleOptions, as_json: AsJson = False) -> None:
    """List the people in a gallery, with how many templates each has."""
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
    table = Table(Column("Name", overflow="fold"), Column("Templates", no_wrap=True), "Since")
    for person in known.people:
        table.add_row(Text(person.name), str(person.templates), person.created_at)
    print_table(table)
