"""`lookalike gallery export`: a gallery of people into a plain folder."""

from __future__ import annotations

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.gallery.options import FolderToWrite, GalleryToRead
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_export import GalleryExportOptions, export_gallery

__all__ = ["export"]


@options_from(GalleryExportOptions, gallery=GalleryToRead, folder=FolderToWrite)
def export(options: GalleryExportOptions, as_json: AsJson = False) -> None:
    """Write people, tags, templates and vectors into a folder of JSON lines and .npy files that any program reads.

    Where it was interrupted, call it again: it goes on.
    """
    from lookalike.cli.terminal import console, escape, note, print_json, show_progress
    from lookalike.json_values import plain

    with show_progress() as progress:
        done = export_gallery(options, progress)
    if as_json:
        print_json({"gallery": options.gallery, "folder": options.folder} | plain(done))
        return
    people = f"{how_many(done.identities, 'person', 'people')}, {how_many(done.templates, 'template')}"
    console.print(f"[green]exported[/green] {people} to {escape(str(options.folder))}", soft_wrap=True)
    if done.changed:
        note("somebody wrote to the gallery meanwhile: of that, some may be in the export and some not")
