"""The gallery that a verb is about to use: none yet, one of people, one of places, or one that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery import Gallery

__all__ = ["existing_gallery", "holds_places"]


def existing_gallery(gallery: str) -> Gallery | None:
    """Open a gallery that is there.

    Returns:
        the gallery, to be closed by the caller; None where there is none yet, so that enrolling would make it.

    Raises:
        ArtefactError: what is there is damaged, of a newer version, or no gallery.
        StorageError: the disk is failing.
        InputError: an address of a kind that is not there.
    """
    from lookalike.gallery import open_gallery

    if gallery and "://" not in gallery and not _holds_anything(Path(gallery).expanduser()):
        return None
    return open_gallery(gallery, create=False)


def holds_places(gallery: str) -> bool | None:
    """Whether a gallery holds places; None where there is no gallery yet.

    Raises:
        ArtefactError, StorageError, InputError: as `existing_gallery`; or what it keeps of its places is damaged.
    """
    opened = existing_gallery(gallery)
    if opened is None:
        return None
    with opened:
        places = opened.kind == "landmarks"
        if places:
            opened.annex()  # one that is damaged is refused before a model is loaded
        return places


def _holds_anything(path: Path) -> bool:
    """Whether anything is at a path; an empty folder, or one in which making a gallery was interrupted, is nothing."""
    if not path.is_dir():
        return path.exists()
    return any(not entry.name.startswith(".new-") for entry in path.iterdir())
