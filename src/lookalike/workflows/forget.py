"""Remove an identity from a gallery, or everything older than a date, for good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from lookalike.gallery import Gallery

__all__ = [
    "ForgetBeforeOptions",
    "ForgetOptions",
    "Forgotten",
    "ForgottenBefore",
    "forget",
    "forget_before",
    "forget_from",
]


@dataclass(frozen=True, kw_only=True)
class ForgetOptions:
    """Who is to be forgotten, and by which gallery.

    Attributes:
        name: as `list_people` spells it.
        gallery: its address, such as a folder.
        receipt: a file for the erasure receipt: what was overwritten, and that no file of the gallery holds it now.
    """

    name: str
    gallery: str | Path = "people.gallery"
    receipt: Path | None = None


@dataclass(frozen=True)
class Forgotten:
    """What was deleted, and what is left.

    Attributes:
        forgotten: the name, in its canonical form.
        templates: deleted.
        identities: left in the gallery.
        found_in: files that still hold a piece of a vector, where a receipt was asked for; as when somebody else was
            enrolled with the very same picture.
    """

    forgotten: str
    templates: int
    identities: int
    found_in: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ForgetBeforeOptions:
    """How old templates may be.

    Attributes:
        before: a date or a time, as ISO 8601 text or `datetime`, without an offset UTC; what was enrolled earlier is
            to be forgotten.
        gallery: its address, such as a folder.
    """

    before: datetime | str
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class ForgottenBefore:
    """What was deleted by age, and what is left.

    Attributes:
        forgotten: how many identities had no template left, and are gone.
        templates: deleted.
        identities: left in the gallery.
    """

    forgotten: int
    templates: int
    identities: int


def forget(options: ForgetOptions) -> Forgotten:
    """Delete a person or a place with all templates; the bytes are overwritten on the disk.

    Raises:
        UnknownIdentityError: the gallery does not hold the name.
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        InputError: a name that nobody can bear.
        StorageError: the disk is failing; or it is deleted, but old bytes could not be overwritten yet, or the receipt
            could not be written (says so).

    Example:
        >>> forget(ForgetOptions(name="Ada", gallery="people.gallery")).identities    # doctest: +SKIP
        7
    """
    from lookalike.gallery import open_gallery

    with open_gallery(options.gallery, create=False) as gallery:
        return forget_from(gallery, options.name, options.receipt)


def forget_before(options: ForgetBeforeOptions) -> ForgottenBefore:
    """Delete templates that were enrolled before a date, and people of whom none is left; bytes are overwritten.

    Of an open gallery, `Gallery.forget_before` does it.

    Raises:
        ArtefactError: there is no gallery, or it is damaged or of a newer version.
        InputError: no date or time, or a gallery of landmarks.
        StorageError: as `forget`.

    Example:
        >>> forget_before(ForgetBeforeOptions(before="2025-01-01", gallery="people.gallery"))    # doctest: +SKIP
        ForgottenBefore(forgotten=2, templates=7, identities=31)
    """
    from lookalike.gallery import open_gallery

    with open_gallery(options.gallery, create=False) as gallery:
        done = gallery.forget_before(options.before)
        return ForgottenBefore(done.identities, done.templates, len(gallery))


def forget_from(gallery: Gallery, name: str, receipt: Path | None = None) -> Forgotten:
    """The same of a gallery that is open already.

    Args:
        gallery: open.
        name: who is to be forgotten.
        receipt: as of `ForgetOptions`.

    Raises:
        UnknownIdentityError, InputError, StorageError: as `forget`.
    """
    from lookalike.identity_names import checked_name

    canonical = checked_name(name)
    if receipt is None:
        return Forgotten(canonical, gallery.forget(canonical), len(gallery))
    return _with_receipt(gallery, canonical, receipt)


def _with_receipt(gallery: Gallery, name: str, file: Path) -> Forgotten:
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.errors import StorageError
    from lookalike.gallery.erasure_receipt import erasure_receipt

    if not file.parent.is_dir():  # before anything is deleted
        raise StorageError(f"{file.parent} is not there; the receipt needs a folder that is")
    document = erasure_receipt(gallery, name)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        write_atomically(file, text.encode("utf-8"))
    except StorageError as error:
        raise StorageError(f"{name!r} is forgotten, but the receipt was not written: {error}") from error
    return Forgotten(name, document["templates"], len(gallery), tuple(document["scan"]["found_in"]))
