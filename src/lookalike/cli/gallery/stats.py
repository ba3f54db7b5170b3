"""`lookalike gallery stats`: what a gallery holds, its model and its index."""

from __future__ import annotations

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.gallery.options import GalleryToRead
from lookalike.cli.options import AsJson
from lookalike.workflows.gallery_stats import GalleryStatsOptions, gallery_stats

__all__ = ["stats"]


@options_from(GalleryStatsOptions, gallery=GalleryToRead)
def stats(options: GalleryStatsOptions, as_json: AsJson = False) -> None:
    """Show how many people and templates a gallery holds, its model, its kind, and how it is searched."""
    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import print_json, print_table
    from lookalike.json_values import plain

    found = gallery_stats(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(found))
        return
    table = Table(Column("What"), Column("Value", overflow="fold"))
    for name, value in found.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        table.add_row(name.replace("_", " "), Text("" if shown is None else str(shown)))
    print_table(table)
