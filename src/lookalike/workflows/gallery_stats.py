"""What a gallery holds, which model it belongs to, and how it is searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["GalleryStatsOptions", "gallery_stats"]


@dataclass(frozen=True, kw_only=True)
class GalleryStatsOptions:
    """Whose statistics are asked for.

    Attributes:
        gallery: its address, such as a folder.
    """

    gallery: str | Path = "people.gallery"


def gallery_stats(options: GalleryStatsOptions) -> dict[str, Any]:
    """Counts, kind, model and index of a gallery, ready for JSON; of an open one, `Gallery.stats` gives them.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        StorageError: the disk is failing, or the server does not answer.

    Example:
        >>> gallery_stats(GalleryStatsOptions(gallery="people.gallery"))["identities"]    # doctest: +SKIP
        8
    """
    from lookalike.gallery import open_gallery

    with open_gallery(options.gallery, create=False) as gallery:
        return gallery.stats()
