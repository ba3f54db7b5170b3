"""`lookalike gallery import`: an exported folder into a gallery."""

from __future__ import annotations

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.gallery.options import FolderToRead, GalleryToWrite
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_import import GalleryImportOptions, import_gallery

__all__ = ["import_verb"]


@options_from(GalleryImportOptions, folder=FolderToRead, gallery=GalleryToWrite)
def import_verb(options: GalleryImportOptions, as_json: AsJson = False) -> None:
    """Enroll all that lookalike gallery export wrote into a gallery, and verify that all are there.

    Every file's checksum is compared before. Where it was interrupted, call it again: it goes on.
    """
    from lookalike.cli.gallery.copied_lines import print_copied
    from lookalike.cli.terminal import print_json, show_progress
    from lookalike.json_values import plain

    with show_progress() as progress:
        done = import_gallery(options, progress)
    if as_json:
        print_json({"folder": options.folder, "gallery": options.gallery} | plain(done))
    else:
        held = f"{how_many(done.identities, 'person', 'people')} and {how_many(done.templates, 'template')}"
        print_copied("imported", done.verified, f"{options.gallery} holds {held}")
