"""`lookalike gallery migrate`: everybody of one gallery into another."""

from __future__ import annotations

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.gallery.options import GalleryToRead, GalleryToWrite
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_migrate import GalleryMigrateOptions, migrate_gallery

__all__ = ["migrate"]


@options_from(GalleryMigrateOptions, source=GalleryToRead, target=GalleryToWrite)
def migrate(options: GalleryMigrateOptions, as_json: AsJson = False) -> None:
    """Copy all people of one gallery into another, from a folder to Milvus or back, and verify that all are there.

    The first stays as it is. Where it was interrupted, call it again: it goes on.
    """
    from lookalike.cli.gallery.copied_lines import print_copied
    from lookalike.cli.terminal import print_json, show_progress
    from lookalike.json_values import plain

    with show_progress() as progress:
        done = migrate_gallery(options, progress)
    if as_json:
        print_json({"source": options.source, "target": options.target} | plain(done))
    else:
        held = f"{how_many(done.identities, 'person', 'people')} and {how_many(done.templates, 'template')}"
        print_copied("migrated", done.verified, f"{options.target} holds {held}")
