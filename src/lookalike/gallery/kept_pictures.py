"""Pictures kept with templates, from which another model can embed them again.

They lie in the database: a picture is on the disk with its template or not at all, a deleted template takes its picture
along (`ON DELETE CASCADE`), and deleted bytes are overwritten as those of vectors are (`secure_delete`). Kept is the
picture as a network is shown it, upright RGB, without what the file says of camera, place and time. The whole picture:
which part of it a later model needs, no present model knows.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.gallery.database import Database
from lookalike.gallery.kind import held_kind

if TYPE_CHECKING:
    from lookalike.images import Picture

__all__ = ["KEPT_SIDE", "LOSSLESS_PIXELS", "bind_picture", "encoded", "keep", "kept_ids", "kept_picture", "parts"]

#: Pixels of the longer side; larger pictures are scaled down to it.
KEPT_SIDE = 1600
#: A picture of at most so many pixels is kept as it is (PNG); a larger one as JPEG of quality 95.
LOSSLESS_PIXELS = 512 * 512
#: Bytes of a picture that are looked for after it was forgotten.
_PART = 32
#: What an encrypted picture is bound to, besides its template: the template's key is the picture's, too.
_COLUMN = "template.picture"


def encoded(picture: Picture) -> bytes:
    """A picture as it is kept: PNG or JPEG, no metadata, at most `KEPT_SIDE` pixels on the longer side.

    Raises:
        ImageError: it cannot be used.

    Example:
        >>> encoded(np.zeros((4, 5), np.uint8))[1:4]
        b'PNG'
    """
    from PIL import Image

    from lookalike.images import read_picture

    pixels = read_picture(picture)
    grey = bool((pixels == pixels[:, :, :1]).all())
    image = Image.fromarray(pixels[:, :, 0] if grey else pixels)
    written = io.BytesIO()
    if image.width * image.height <= LOSSLESS_PIXELS:
        image.save(written, "PNG")
    else:
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
        image.save(written, "JPEG", quality=95, subsampling=0)
    return written.getvalue()


def keep(database: Database, identity: int, ids: Sequence[int], pictures: Sequence[bytes | None]) -> None:
    """Keep pictures with templates that have none yet; call inside a writing transaction.

    Args:
        database: of the gallery.
        identity: whose templates these are.
        ids: of the templates.
        pictures: as `encoded` returns them; None for a template without.

    Raises:
        InputError: the gallery holds landmarks.
    """
    if held_kind(database) == "landmarks":
        raise InputError(f"{database.folder} is a gallery of landmarks, which keeps no pictures; leave them out")
    for template, picture in zip(ids, pictures, strict=True):
        if picture is not None and not _stored(database, template):
            sealed = database.sealing.seal(_COLUMN, template, picture, identity)
            database.run("INSERT INTO kept_picture VALUES (?, ?)", (template, sealed))


def kept_picture(database: Database, template: int) -> bytes | None:
    """The picture of a template, None where none is kept; call inside a transaction."""
    found = _stored(database, template)
    return None if found is None else database.sealing.open(_COLUMN, template, *found)


def kept_ids(database: Database, ids: Iterable[int]) -> set[int]:
    """Which templates have a picture; call inside a transaction."""
    if database.version() < 4:
        return set()
    return {one for one in ids if database.one("SELECT 1 FROM kept_picture WHERE template_id = ?", (one,)) is not None}


def bind_picture(database: Database, template: int, owner: int, target: int) -> None:
    """Encrypt a template's picture anew, where it has one, when the template goes from one identity to another."""
    found = _stored(database, template)
    if found is not None:
        picture = database.sealing.open(_COLUMN, template, found[0], owner)
        sealed = database.sealing.seal(_COLUMN, template, picture, target)
        database.run("UPDATE kept_picture SET picture = ? WHERE template_id = ?", (sealed, template))


def parts(database: Database, identity: int) -> list[bytes]:
    """Bytes from the middle of each picture of an identity, as it is stored; call inside a transaction.

    SQLite spreads a picture over pages, so that no file holds the whole of one in a row. Nearly always a part this
    short lies within a page, and the middle of a compressed picture is in no other.
    """
    rows = database.run(
        "SELECT substr(picture, length(picture) / 2, ?) FROM kept_picture JOIN template ON id = template_id "
        "WHERE identity_id = ?",
        (_PART, identity),
    )
    return [bytes(row[0]) for row in rows]


def _stored(database: Database, template: int) -> tuple[bytes, int] | None:
    """What is stored of a template's picture, and whose it is."""
    if database.version() < 4:
        return None
    row = database.one(
        "SELECT picture, identity_id FROM kept_picture JOIN template ON id = template_id WHERE template_id = ?",
        (template,),
    )
    return None if row is None else (bytes(row[0]), int(row[1]))
