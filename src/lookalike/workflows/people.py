"""Who, or what, is in a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery import Identity, Template

__all__ = ["KnownPeople", "KnownTemplates", "PeopleOptions", "TemplatesOptions", "list_people", "list_templates"]


#: Identities that are read at a time.
_PAGE = 10_000


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """Whose list is asked for; without more, of all.

    Attributes:
        gallery: its address, such as a folder.
        where: only identities with these tags, as `Gallery.page` takes them; or texts, such as `site=Berlin`.
        prefix: only those whose name begins so.
        limit: how many at most; None for all.
        after: those that follow this name; the last one of a list gives the next one.
    """

    gallery: str | Path = "people.gallery"
    where: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None
    prefix: str = ""
    limit: int | None = None
    after: str = ""


@dataclass(frozen=True)
class KnownPeople:
    """The identities of a gallery.

    Attributes:
        people: by name; each with its number of templates, the time of its first enrolment, and its tags.
    """

    people: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True)
class TemplatesOptions:
    """Whose templates are asked for.

    Attributes:
        name: as `list_people` spells it.
        gallery: its address, such as a folder.
    """

    name: str
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class KnownTemplates:
    """The templates of an identity.

    Attributes:
        templates: in order of enrolment.
    """

    templates: tuple[Template, ...]


def list_people(options: PeopleOptions) -> KnownPeople:
    """List the identities of a gallery; of an open one, `Gallery.people` and `Gallery.page` do.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        InputError: a limit below 1, or a filter that no tags can match.
        StorageError: the disk is failing.

    Example:
        >>> [one.name for one in list_people(PeopleOptions(gallery="people.gallery")).people]    # doctest: +SKIP
        ['Ada', 'Grace']
    """
    from lookalike.gallery import open_gallery
    from lookalike.workflows.tag_texts import given_filter

    where, prefix = given_filter(options.where), options.prefix
    with open_gallery(options.gallery, create=False) as gallery:
        if options.limit is not None:
            return KnownPeople(tuple(gallery.page(options.limit, after=options.after, where=where, prefix=prefix)))
        if not (where or prefix or options.after):
            return KnownPeople(tuple(gallery.people()))
        found = gallery.page(_PAGE, after=options.after, where=where, prefix=prefix)
        people = list(found)
        while len(found) == _PAGE:
            found = gallery.page(_PAGE, after=people[-1].name, where=where, prefix=prefix)
            people += found
        return KnownPeople(tuple(people))


def list_templates(options: TemplatesOptions) -> KnownTemplates:
    """List the templates of an identity; of an open gallery, `Gallery.templates` does.

    Raises:
        UnknownIdentityError: the gallery does not hold the name.
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        StorageError: the disk is failing.

    Example:
        >>> [one.source for one in list_templates(TemplatesOptions(name="Ada")).templates]    # doctest: +SKIP
        ['ada-1.jpg', 'ada-2.jpg']
    """
    from lookalike.gallery import open_gallery

    with open_gallery(options.gallery, create=False) as gallery:
        return KnownTemplates(tuple(gallery.templates(options.name)))
