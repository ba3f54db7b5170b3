"""A gallery of people into a plain folder that any program reads, and from there into a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.progress import ProgressSink

__all__ = ["Exported", "GalleryExportOptions", "export_gallery"]


@dataclass(frozen=True, kw_only=True)
class GalleryExportOptions:
    """From where to where.

    Attributes:
        gallery: its address.
        folder: that is made; one of an export that was interrupted is completed.
    """

    gallery: str | Path
    folder: str | Path


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        identities: how many.
        templates: how many.
        changed: whether somebody wrote to the gallery meanwhile, so that the export may hold a part of that.
    """

    identities: int
    templates: int
    changed: bool


def export_gallery(options: GalleryExportOptions, progress: ProgressSink | None = None) -> Exported:
    """Write people, tags, templates and vectors as JSON lines and `.npy` (`gallery.exported`), and read them again.

    Raises:
        ArtefactError: there is no gallery, or what was written is not what was read again.
        InputError: it holds landmarks, or belongs to no model.
        StorageError: the folder holds something else, or the disk is failing.

    Example:
        >>> options = GalleryExportOptions(gallery="people.gallery", folder="people-export")
        >>> export_gallery(options).templates    # doctest: +SKIP
        12
    """
    from lookalike.gallery import open_gallery
    from lookalike.gallery.contents import GalleryContents
    from lookalike.gallery.exported import ExportedGallery, export_contents

    folder = Path(options.folder).expanduser()
    with open_gallery(options.gallery, create=False) as gallery:
        contents, before = GalleryContents(gallery, str(options.gallery)), gallery.counts()
        export_contents(contents, folder, f"{options.gallery} {before.change}", progress)
        changed = gallery.change != before.change
    written = ExportedGallery(folder)
    return Exported(sum(map(len, written.identity_pages())), written.templates, changed)
