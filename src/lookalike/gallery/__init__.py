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
from lookalike.gallery.annex import Annex, AnnexUpdate, KeepsAnnex, Kept, annex_of
from lookalike.gallery.embedded import EmbeddedGallery
from lookalike.gallery.gallery import Gallery
from lookalike.gallery.master_key import Key, default_key
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
    "AnnexUpdate",
    "Candidate",
    "Counts",
    "EmbeddedGallery",
    "Enrolment",
    "Filter",
    "Forgotten",
    "Gallery",
    "Identity",
    "KeepsAnnex",
    "Kept",
    "Kind",
    "Model",
    "Searched",
    "Tags",
    "Template",
    "annex_of",
    "default_key",
    "open_gallery",
]

_LOGGER = logging.getLogger(__name__)


def open_gallery(
    address: str | Path,
    create: bool = True,
    kind: Kind | None = None,
    *,
    key: Key | None = None,
    actor: str | None = None,
) -> Gallery:
    """Open a gallery, or make it.

    Args:
        address: a directory, by custom `people.gallery`; or `milvus://host:19530/name` (docs/milvus.md).
        create: make it when it is not there; False for commands that only read.
        kind: what it must hold, `people` or `landmarks`; one that holds nothing yet will hold this. By default what is
            enrolled first decides.
        key: encrypts a new gallery, and opens an encrypted one: `file:` and the path of a file of 32 bytes or of base64
            of them, or the bytes. By default the key of `default_key`, of the file in `LOOKALIKE_GALLERY_KEY_FILE`, or
            in `LOOKALIKE_GALLERY_KEY`; without any, a new gallery is not encrypted. See docs/privacy.md.
        actor: whom the audit log names; by default `LOOKALIKE_ACTOR`, or the user of the operating system.

    Raises:
        InputError: an address of a kind that is not there, or a gallery of the other kind; it is encrypted, and there
            is no key; a key was given, and it is not encrypted.
        ArtefactError: missing (with `create=False`), damaged, not a gallery, or of a newer version; the key is wrong,
            or the keyring of an encrypted gallery is missing or of another gallery.
        MissingDependencyError: the gallery is encrypted, and cryptography is not installed.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> open_gallery("people.gallery").people()    # doctest: +SKIP
        []
        >>> open_gallery("secret.gallery", key="file:/etc/lookalike/master.key")    # doctest: +SKIP
    """
    if isinstance(address, str) and "://" in address:
        if key is not None:
            shown = address.rpartition("@")[2]
            raise InputError(f"{shown} lies on a server, and a key was given; only galleries in a folder are encrypted")
        return _on_a_server(address, create, kind)
    if not str(address):
        raise InputError("the gallery's path is empty; give a directory, for example people.gallery")
    with logged_step(_LOGGER, "opened gallery %s", address):
        return EmbeddedGallery(Path(address).expanduser(), create, kind=kind, key=key, actor=actor)


def _on_a_server(address: str, create: bool, kind: Kind | None) -> Gallery:
    from lookalike.gallery.milvus.address import SCHEMES

    scheme = address.split("://", 1)[0]
    if scheme not in SCHEMES:
        raise InputError(
            f"there are no galleries at {scheme}://; give a directory, for example people.gallery, or "
            "milvus://host:19530/name"
        )
    from lookalike.gallery.milvus.gallery import MilvusGallery

    with logged_step(_LOGGER, "opened gallery %s", address.rpartition("@")[2]):
        return MilvusGallery(address, create, kind=kind)
