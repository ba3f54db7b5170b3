"""Everybody of one gallery into another: from a folder to Milvus, back, or from folder to folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery.copying import Verified
    from lookalike.progress import ProgressSink

__all__ = ["GalleryMigrateOptions", "Migrated", "migrate_gallery"]


@dataclass(frozen=True, kw_only=True)
class GalleryMigrateOptions:
    """From where to where.

    Attributes:
        source: the address of the gallery that is read.
        target: the address of the one that is written; it is made where it is not there.
    """

    source: str | Path
    target: str | Path


@dataclass(frozen=True)
class Migrated:
    """What is in the target now.

    Attributes:
        verified: what reading both again found.
        identities: in the target.
        templates: in the target.
    """

    verified: Verified
    identities: int
    templates: int


def migrate_gallery(options: GalleryMigrateOptions, progress: ProgressSink | None = None) -> Migrated:
    """Copy identities with their tags, and templates with sources, qualities and times; then read both and compare.

    The source stays as it is. Ids of templates are given anew. A migration that was interrupted is completed by calling
    it again: what the target has already is not stored twice.

    Raises:
        ArtefactError: there is no gallery at the source.
        FingerprintError: the target belongs to another model.
        InputError: one of them holds landmarks, both are the same, or the source belongs to no model.
        StorageError: a disk or server fails, or something is missing in the target afterwards.

    Example:
        >>> options = GalleryMigrateOptions(source="people.gallery", target="milvus://db:19530/people")
        >>> migrate_gallery(options).verified.templates    # doctest: +SKIP
        12
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery
    from lookalike.gallery.contents import GalleryContents
    from lookalike.gallery.copying import copy_contents, verify_copy
    from lookalike.gallery.picture_copying import copy_kept
    from lookalike.progress import Reporter

    if str(options.source) == str(options.target):
        raise InputError(f"{options.source} is given twice; give another gallery as the target")
    with open_gallery(options.source, create=False) as source:
        contents = GalleryContents(source, str(options.source))
        with open_gallery(options.target) as target:
            copy_contents(contents, target, progress)
            verified = verify_copy(contents, GalleryContents(target, str(options.target)), progress)
            left = copy_kept(source, target, progress)
            counts = target.counts()
    if left:
        Reporter(progress).remark(
            f"{left:,} pictures that {options.source} keeps stay there: {options.target} keeps none, so its model can "
            "be changed only by enrolling again"
        )
    return Migrated(verified, counts.identities, counts.templates)
