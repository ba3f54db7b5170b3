"""A plain gallery copied into an encrypted one; and another master key for an encrypted one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery import Gallery
    from lookalike.progress import ProgressSink

__all__ = [
    "EncryptOptions",
    "Encrypted",
    "RekeyOptions",
    "Rekeyed",
    "encrypt_gallery",
    "rekey_gallery",
]

#: Identities that are copied in one transaction.
_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class EncryptOptions:
    """What is copied, and where to.

    Attributes:
        source: the folder of a gallery of people that is not encrypted; nothing in it is changed.
        target: the folder of the new one; it must not be there.
        key: of the new one, as of `open_gallery`.
    """

    source: str | Path
    target: str | Path
    key: str | Path | None = None


@dataclass(frozen=True)
class Encrypted:
    """What was copied, and compared vector by vector.

    Attributes:
        target: the encrypted gallery.
        keyring: where the keys of its people are.
        identities: copied.
        templates: copied.
    """

    target: str
    keyring: str
    identities: int
    templates: int


def encrypt_gallery(options: EncryptOptions, progress: ProgressSink | None = None) -> Encrypted:
    """Copy a gallery into an encrypted one, and verify the copy.

    The source still holds everything in the clear: delete it, and its backups, when you are content.

    Raises:
        InputError: there is no key, the target is there, or the source holds places or is encrypted.
        ArtefactError: the source is missing or damaged, or the copy does not hold what it should.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> encrypt_gallery(EncryptOptions(source="a.gallery", target="b.gallery", key="m.key"))    # doctest: +SKIP
    """
    from lookalike.errors import InputError
    from lookalike.gallery import EmbeddedGallery, open_gallery
    from lookalike.gallery.master_key import NO_KEY, master_key

    target = Path(options.target).expanduser()
    master = master_key(options.key, target)
    if master is None:
        raise InputError("an encrypted gallery needs a key: give --key-file FILE, or set LOOKALIKE_GALLERY_KEY_FILE")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already; give a new path for the encrypted copy")
    with open_gallery(options.source, create=False, key=NO_KEY) as source:
        if source.kind == "landmarks" or source.stats().get("encrypted"):
            what = "holds landmarks" if source.kind == "landmarks" else "is encrypted already"
            raise InputError(f"{options.source} {what}; give a gallery of people that is not encrypted")
        with open_gallery(target, key=master.secret) as made:
            assert isinstance(made, EmbeddedGallery)
            _copy(source, made, progress)
            _verify(source, made)
            counts = made.counts()
            return Encrypted(str(target), str(made.keyring), counts.identities, counts.templates)


def _copy(source: Gallery, made: Gallery, progress: ProgressSink | None) -> None:
    from lookalike.gallery.copying import enrolments
    from lookalike.gallery.picture_copying import copy_kept
    from lookalike.progress import counted

    model = source.model
    if model is not None:
        made.bind(model.fingerprint, model.name, model.metric, model.dimension)
    if source.kind is not None:
        made.settle_kind(source.kind)
    people = source.people()
    done = counted(progress, "Encrypting", len(people))
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        held = [template for one in some for template in source.templates(one.name)]
        made.enroll_many(enrolments(held, {one.name: one.tags for one in some}))
        done(len(some))
    copy_kept(source, made, progress)


def _verify(source: Gallery, made: Gallery) -> None:
    from lookalike.errors import ArtefactError

    def content(gallery: Gallery, name: str) -> list[tuple[object, ...]]:
        held = gallery.templates(name)
        return sorted((one.vector.tobytes(), one.source, one.enrolled_at, str(one.quality)) for one in held)

    before = source.people()
    if before != made.people() or any(content(source, one.name) != content(made, one.name) for one in before):
        raise ArtefactError(
            f"{made!r} does not hold what {source!r} does: it was written to meanwhile; delete the copy and repeat"
        )


@dataclass(frozen=True, kw_only=True)
class RekeyOptions:
    """Whose master key is changed.

    Attributes:
        gallery: the folder of an encrypted gallery.
        new_key: the file of the new key; or the key, as of `open_gallery`.
        key: the old one, as of `open_gallery`.
    """

    new_key: str | Path
    gallery: str | Path = "people.gallery"
    key: str | Path | None = None


@dataclass(frozen=True)
class Rekeyed:
    """What was wrapped anew.

    Attributes:
        keyring: the file.
        keys: of persons.
    """

    keyring: str
    keys: int


def rekey_gallery(options: RekeyOptions) -> Rekeyed:
    """Wrap the keys of a gallery's people by another master key; the gallery itself is not touched.

    Programs that have the gallery open must open it again. Copies of the keyring that were made before are still opened
    by the old key: destroy them.

    Raises:
        InputError: the gallery is not encrypted, or a key is missing.
        ArtefactError: a key is wrong, or the keyring is missing or damaged; nothing was changed.
        StorageError: the disk is full, read-only or failing; nothing was changed.

    Example:
        >>> rekey_gallery(RekeyOptions(gallery="people.gallery", new_key="new.key", key="old.key"))    # doctest: +SKIP
    """
    from contextlib import closing

    from lookalike.errors import InputError
    from lookalike.gallery.encrypted_opening import opened_keyring
    from lookalike.gallery.master_key import master_key

    folder = Path(options.gallery).expanduser()
    new = master_key(options.new_key, folder)
    if new is None:
        raise InputError("the new key is missing; give --new-key-file FILE")
    with closing(opened_keyring(folder, options.key)) as keyring:
        return Rekeyed(str(keyring.path), keyring.rekey(new))
