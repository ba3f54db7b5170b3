"""Who, or what, is in a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery import Identity

__all__ = ["KnownPeople", "PeopleOptions", "list_people"]


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """Whose list is asked for.

    Attributes:
        gallery: its address, such as a folder.
    """

    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class KnownPeople:
    """The identities of a gallery.

    Attributes:
        people: by name; each with its number of templates and the time of its first enrolment.
    """

    people: tuple[Identity, ...]


def list_people(options: PeopleOptions) -> KnownPeople:
    """List the identities of a gallery; of an open one, `Gallery.people` does.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        StorageError: the disk is failing.

    Example:
        >>> [one.name for one in list_people(PeopleOptions(gallery="people.gallery")).people]    # doctest: +SKIP
        ['Ada', 'Grace']
    """
    from lookalike.gallery import open_gallery

    with open_gallery(options.gallery, create=False) as gallery:
        return KnownPeople(tuple(gallery.people()))
