"""Names put right in a gallery: identities renamed, merged, split and tagged, and acts undone.

Each of these opens the gallery at an address; of an open one, the method of `Gallery` of the same name does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.identity_names import canonical_name

if TYPE_CHECKING:
    from lookalike.gallery import Act, Gallery

__all__ = [
    "ActsOptions",
    "KnownActs",
    "MergeOptions",
    "RenameOptions",
    "SplitOptions",
    "TagOptions",
    "Tagged",
    "UndoOptions",
    "list_acts",
    "merge",
    "rename",
    "split",
    "tag",
    "undo",
]


@dataclass(frozen=True, kw_only=True)
class RenameOptions:
    """Which identity gets which name.

    Attributes:
        name: as it is now.
        new: as it is to be.
        gallery: its address, such as a folder.
    """

    name: str
    new: str
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """Which identities are one.

    Attributes:
        names: of them.
        into: the name of the result: one of them, another enrolled identity, or a new name.
        gallery: its address, such as a folder.
    """

    names: Sequence[str]
    into: str
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Which templates are another identity's.

    Attributes:
        name: whose they are now.
        templates: their ids.
        into: whose they are to be, enrolled or new.
        gallery: its address, such as a folder.
    """

    name: str
    templates: Sequence[int]
    into: str
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True, kw_only=True)
class UndoOptions:
    """Which act is taken back.

    Attributes:
        act: its number, as `list_acts` tells it.
        gallery: its address, such as a folder.
    """

    act: int
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True, kw_only=True)
class ActsOptions:
    """Which acts are listed.

    Attributes:
        gallery: its address, such as a folder.
        limit: how many, the last ones.
    """

    gallery: str | Path = "people.gallery"
    limit: int = 100


@dataclass(frozen=True)
class KnownActs:
    """The last acts of a gallery.

    Attributes:
        acts: newest first.
    """

    acts: tuple[Act, ...]


@dataclass(frozen=True, kw_only=True)
class TagOptions:
    """What is known of an identity besides its name.

    Attributes:
        name: of the identity.
        tags: values by key, None to take one away; or texts, `site=Berlin` and `site=`.
        gallery: its address, such as a folder.
    """

    name: str
    tags: Mapping[str, str | None] | Sequence[str]
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class Tagged:
    """An identity with all its tags.

    Attributes:
        name: in its canonical form.
        tags: values by key.
    """

    name: str
    tags: Mapping[str, str]


def rename(options: RenameOptions) -> Act:
    """Give an identity another name.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        UnknownIdentityError, InputError, StorageError: as `Gallery.rename`.

    Example:
        >>> rename(RenameOptions(name="Ada", new="Ada Lovelace")).identities    # doctest: +SKIP
        {'Ada': 'Ada Lovelace'}
    """
    with _opened(options.gallery) as gallery:
        if gallery.kind == "landmarks":
            from lookalike.datasets import NON_LANDMARK

            if canonical_name(options.new) == NON_LANDMARK:
                raise InputError(f"{options.new!r} is a name that no place may bear; give another one")
        return gallery.rename(options.name, options.new)


def merge(options: MergeOptions) -> Act:
    """Make several identities one.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        UnknownIdentityError, InputError, StorageError: as `Gallery.merge`.

    Example:
        >>> merge(MergeOptions(names=["Ada", "ada l."], into="Ada")).templates    # doctest: +SKIP
        3
    """
    with _opened(options.gallery) as gallery:
        return gallery.merge(options.names, options.into)


def split(options: SplitOptions) -> Act:
    """Give some templates of an identity to another one.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        UnknownIdentityError, InputError, StorageError: as `Gallery.split`.

    Example:
        >>> split(SplitOptions(name="Ada", templates=[17], into="Eve")).identities    # doctest: +SKIP
        {'Ada': 'Eve'}
    """
    with _opened(options.gallery) as gallery:
        return gallery.split(options.name, options.templates, options.into)


def undo(options: UndoOptions) -> Act:
    """Take an act back.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        InputError, StorageError: as `Gallery.undo`.

    Example:
        >>> undo(UndoOptions(act=3)).undone    # doctest: +SKIP
        True
    """
    with _opened(options.gallery) as gallery:
        return gallery.undo(options.act)


def list_acts(options: ActsOptions) -> KnownActs:
    """List the last acts, newest first.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        InputError: a limit below 1.

    Example:
        >>> [one.kind for one in list_acts(ActsOptions(gallery="people.gallery")).acts]    # doctest: +SKIP
        ['merge', 'rename']
    """
    with _opened(options.gallery) as gallery:
        return KnownActs(tuple(gallery.acts(options.limit)))


def tag(options: TagOptions) -> Tagged:
    """Set tags of an identity, or take them away.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        UnknownIdentityError, InputError, StorageError: as `Gallery.tag`.

    Example:
        >>> tag(TagOptions(name="Ada", tags=["site=Berlin"])).tags    # doctest: +SKIP
        {'site': 'Berlin'}
    """
    from lookalike.identity_names import checked_name
    from lookalike.workflows.tag_texts import given_tags

    name, tags = checked_name(options.name), given_tags(options.tags)
    with _opened(options.gallery) as gallery:
        return Tagged(name, gallery.tag(name, tags))


def _opened(address: str | Path) -> Gallery:
    from lookalike.gallery import open_gallery

    return open_gallery(address, create=False)
