"""Galleries: who is known, kept durably, and whose picture this is.

>>> with open_gallery("people.gallery") as gallery:    # doctest: +SKIP
...     gallery.bind(fingerprint, "arcface", "cosine", 128)
...     gallery.enroll("Ada", vector)
...     gallery.search(probe, k=1)
"""

from __future__ import annotations

import logging
from pathlib import Path

from lookalike.errors import InputError
from lookalike.gallery.annex import Annex
from lookalike.gallery.embedded import EmbeddedGallery
from lookalike.gallery.gallery import Gallery
from lookalike.gallery.records import (
    Act,
    Candidate,
    Counts,
    Enrolment,
    Filter,
    Forgotten,
    Identity,
    Kind,
    Model,
    Searched,
    Tags,
    Template,
)
from lookalike.step_log import logged_step

__all__ = [
    "Act",
    "Annex",
    "Candidate",
    "Counts",
    "EmbeddedGallery",
    "Enrolment",
    "Filter",
    "Forgotten",
    "Gallery",
    "Identity",
    "Kind",
    "Model",
    "Searched",
    "Tags",
    "Template",
    "open_gallery",
]

_LOGGER = logging.getLogger(__name__)


def open_gallery(address: str | Path, create: bool = True, kind: Kind | None = None) -> Gallery:
    """Open a gallery, or make it.

    Args:
        address: a directory, by custom `people.gallery`.
        create: make it when it is not there; False for commands that only read.
        kind: what it must hold, `people` or `landmarks`; one that holds nothing yet will hold this. By default what is
            enrolled first decides.

    Raises:
        InputError: an address of a kind that is not there, or a gallery of the other kind.
        ArtefactError: missing (with `create=False`), damaged, not a gallery, or of a newer version.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> open_gallery("people.gallery").people()    # doctest: +SKIP
        []
    """
    if isinstance(address, str) and "://" in address:
        scheme = address.split("://", 1)[0]
        raise InputError(f"galleries at {scheme}:// are not there yet; give a directory, for example people.gallery")
    if not str(address):
        raise InputError("the gallery's path is empty; give a directory, for example people.gallery")
    with logged_step(_LOGGER, "opened gallery %s", address):
        return EmbeddedGallery(Path(address).expanduser(), create, kind=kind)
