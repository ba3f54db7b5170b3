"""An exported folder into a gallery, new or old, of any kind of storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery.copying import Verified
    from lookalike.progress import ProgressSink

__all__ = ["GalleryImportOptions", "Imported", "import_gallery"]


@dataclass(frozen=True, kw_only=True)
class GalleryImportOptions:
    """From where to where.

    Attributes:
        folder: that `export_gallery` wrote.
        gallery: the address of the one that is written; it is made where it is not there.
    """

    folder: str | Path
    gallery: str | Path


@dataclass(frozen=True)
class Imported:
    """What is in the gallery now.

    Attributes:
        verified: what reading both again found.
        identities: in the gallery.
        templates: in the gallery.
    """

    verified: Verified
    identities: int
    templates: int


def import_gallery(options: GalleryImportOptions, progress: ProgressSink | None = None) -> Imported:
    """Check every file of the folder, enroll all that is in it, then read both and compare.

    An import that was interrupted is completed by calling it again.

    Raises:
        ArtefactError: the folder is no export, not finished, damaged, or of a newer version; nothing was enrolled.
        FingerprintError: the gallery belongs to another model.
        InputError: the gallery holds landmarks, or a name in the folder is not usable.
        StorageError: a disk or server fails, or something is missing in the gallery afterwards.

    Example:
        >>> options = GalleryImportOptions(folder="people-export", gallery="people.gallery")
        >>> import_gallery(options).identities    # doctest: +SKIP
        8
    """
    from lookalike.gallery import open_gallery
    from lookalike.gallery.contents import GalleryContents
    from lookalike.gallery.copying import copy_contents, verify_copy
    from lookalike.gallery.exported import ExportedGallery

    exported = ExportedGallery(Path(options.folder).expanduser())
    with open_gallery(options.gallery) as gallery:
        copy_contents(exported, gallery, progress)
        verified = verify_copy(exported, GalleryContents(gallery, str(options.gallery)), progress)
        counts = gallery.counts()
    return Imported(verified, counts.identities, counts.templates)
