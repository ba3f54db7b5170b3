"""The gallery at an address, where there is one yet: who enrolls makes it only when there is something to enroll."""

from __future__ import annotations

from pathlib import Path

from lookalike.gallery import Gallery, open_gallery

__all__ = ["open_existing"]


def open_existing(address: str | Path) -> Gallery | None:
    """Open a gallery that is there.

    Returns:
        the gallery, to be closed by the caller; None where there is none yet, so that enrolling would make it.

    Raises:
        ArtefactError: what is there is damaged, of a newer version, or no gallery.
        StorageError: the disk is failing.
        InputError: an address of a kind that is not there.

    Example:
        >>> open_existing("no-such.gallery") is None
        True
    """
    text = str(address)
    if text and "://" not in text and not _holds_anything(Path(address).expanduser()):
        return None
    if "://" not in text:
        return open_gallery(address, create=False)
    from lookalike.gallery.milvus.gallery import NoGallery

    try:
        return open_gallery(address, create=False)
    except NoGallery:
        return None


def _holds_anything(path: Path) -> bool:
    """Whether anything is at a path; an empty folder, or one in which making a gallery was interrupted, is nothing."""
    if not path.is_dir():
        return path.exists()
    return any(not entry.name.startswith(".new-") for entry in path.iterdir())
