"""`lookalike gallery backup`: a copy of a gallery's folder, made while others use it."""

from __future__ import annotations

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.gallery.options import FolderToWrite, GalleryToRead
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_backup import GalleryBackupOptions, back_up_gallery

__all__ = ["backup"]


@options_from(GalleryBackupOptions, gallery=GalleryToRead, folder=FolderToWrite)
def backup(options: GalleryBackupOptions, as_json: AsJson = False) -> None:
    """Copy a gallery in one consistent state while others search and enroll, and check the copy.

    It is a gallery itself: open it, or copy it back to restore it.
    """
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    done = back_up_gallery(options)
    if as_json:
        print_json({"gallery": options.gallery, "folder": options.folder} | plain(done))
        return
    people = f"{how_many(done.identities, 'person', 'people')}, {how_many(done.templates, 'template')}"
    console.print(f"[green]backed up[/green] {people} to {escape(str(options.folder))}", soft_wrap=True)
