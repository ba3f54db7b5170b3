"""`lookalike people`: who is in a gallery."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli.options import AsJson, GalleryPath

__all__ = ["people"]


def people(gallery: GalleryPath = Path("people.gallery"), as_json: AsJson = False) -> None:
    """List the people in a gallery, with how many templates each has."""
    from rich.console import Console
    from rich.table import Table

    from lookalike.cli.terminal import print_json
    from lookalike.gallery import open_gallery

    with open_gallery(gallery, create=False) as opened:
        known = opened.people()
    if as_json:
        print_json({"gallery": gallery, "people": known})
        return
    table = Table("Name", "Templates", "Since", title=f"{len(known)} people in {gallery}", title_justify="left")
    for person in known:
        table.add_row(person.name, str(person.templates), person.created_at)
    Console().print(table)
