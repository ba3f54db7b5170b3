"""`lookalike people`: who is in a gallery."""

from __future__ import annotations

import typer

from lookalike.cli.options import AsJson, GalleryPath

__all__ = ["people"]


def people(gallery: GalleryPath = "people.gallery", as_json: AsJson = False) -> None:
    """List the people in a gallery, with how many templates each has."""
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import print_json, print_table
    from lookalike.gallery import open_gallery

    with open_gallery(gallery, create=False) as opened:
        known = opened.people()
    if as_json:
        print_json({"gallery": gallery, "people": known})
        return
    typer.echo(f"{len(known)} people in {gallery}")  # not the table's title, which is no wider than the table
    table = Table(Column("Name", overflow="fold"), Column("Templates", no_wrap=True), "Since")
    for person in known:
        table.add_row(Text(person.name), str(person.templates), person.created_at)
    print_table(table)
