"""All that a gallery of people holds, read by pages: to be copied, exported, and compared with a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.gallery.gallery import Gallery
    from lookalike.gallery.records import Identity, Model, Template

__all__ = ["Contents", "GalleryContents"]

#: Templates and identities that are read at once.
TEMPLATES, IDENTITIES = 5_000, 5_000


class Contents(Protocol):
    """What is copied: a gallery, or a folder that one was exported to."""

    @property
    def model(self) -> Model:
        """Whose vectors these are."""

    @property
    def templates(self) -> int:
        """How many there are."""

    def identity_pages(self) -> Iterator[Sequence[Identity]]:
        """All identities, by name."""

    def template_pages(self) -> Iterator[Sequence[Template]]:
        """All templates, in an order that does not change."""


class GalleryContents:
    """Those of an open gallery.

    Args:
        gallery: of people.

    Raises:
        InputError: it holds landmarks, or belongs to no model yet.
    """

    def __init__(self, gallery: Gallery, shown: str) -> None:
        if gallery.kind == "landmarks":
            raise InputError(
                f"{shown} is a gallery of landmarks, and what it keeps beside its templates cannot be copied so; "
                "copy the folder with `lookalike gallery backup`"
            )
        model = gallery.model
        if model is None:
            raise InputError(f"{shown} belongs to no model yet, for nobody was enrolled; there is nothing to copy")
        self._gallery, self._model = gallery, model

    @property
    def model(self) -> Model:
        """Whose vectors these are."""
        return self._model

    @property
    def templates(self) -> int:
        """How many there are."""
        return self._gallery.counts().templates

    def identity_pages(self) -> Iterator[Sequence[Identity]]:
        """All identities, by name."""
        after = ""
        while page := self._gallery.page(IDENTITIES, after=after):
            yield page
            after = page[-1].name

    def template_pages(self) -> Iterator[Sequence[Template]]:
        """All templates, in the order of their ids."""
        after = 0
        while page := self._gallery.templates_page(TEMPLATES, after=after):
            yield page
            after = page[-1].id
