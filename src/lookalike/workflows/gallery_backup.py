"""A copy of a gallery's folder, made while others search and write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["BackedUp", "GalleryBackupOptions", "back_up_gallery"]


@dataclass(frozen=True, kw_only=True)
class GalleryBackupOptions:
    """From where to where.

    Attributes:
        gallery: its folder.
        folder: the copy, which must not be there yet.
    """

    gallery: str | Path
    folder: str | Path


@dataclass(frozen=True)
class BackedUp:
    """What the copy holds.

    Attributes:
        identities: how many.
        templates: how many.
        change: the gallery's last change that is in it.
    """

    identities: int
    templates: int
    change: int


def back_up_gallery(options: GalleryBackupOptions) -> BackedUp:
    """Copy a gallery in one consistent state, open the copy, and check it; to restore it, copy it back.

    Raises:
        ArtefactError: there is no gallery, or it is damaged.
        InputError: it lies on a server, which has backups of its own.
        StorageError: the folder is there already, or a disk is full or failing.

    Example:
        >>> options = GalleryBackupOptions(gallery="people.gallery", folder="people-2026-11-30.gallery")
        >>> back_up_gallery(options).templates    # doctest: +SKIP
        12
    """
    from lookalike.gallery import open_gallery
    from lookalike.gallery.backup import with_backup

    with open_gallery(options.gallery, create=False) as gallery:
        counts = with_backup(gallery, str(options.gallery)).backup(Path(options.folder).expanduser())
    return BackedUp(counts.identities, counts.templates, counts.change)
