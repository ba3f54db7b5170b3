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

__all__ = ["KEPT_SIDE", "LOSSLESS_PIXELS", "encoded", "keep", "kept_ids", "kept_picture"]

#: Pixels of the longer side; larger pictures are scaled down to it.
KEPT_SIDE = 1600
#: A picture of at most so many pixels is kept as it is (PNG); a larger one as JPEG of quality 95.
LOSSLESS_PIXELS = 512 * 512


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


def keep(database: Database, ids: Sequence[int], pictures: Sequence[bytes | None]) -> None:
    """Keep pictures with templates that have none yet; call inside a writing transaction.

    Args:
        database: of the gallery.
        ids: of the templates.
        pictures: as `encoded` returns them; None for a template without.

    Raises:
        InputError: the gallery holds landmarks.
    """
    if held_kind(database) == "landmarks":
        raise InputError(f"{database.folder} is a gallery of landmarks, which keeps no pictures; leave them out")
    for template, picture in zip(ids, pictures, strict=True):
        if picture is not None:
            database.run("INSERT INTO kept_picture VALUES (?, ?) ON CONFLICT DO NOTHING", (template, picture))


def kept_picture(database: Database, template: int) -> bytes | None:
    """The picture of a template, None where none is kept; call inside a transaction."""
    if database.version() < 4:
        return None
    row = database.one("SELECT picture FROM kept_picture WHERE template_id = ?", (template,))
    return None if row is None else bytes(row[0])


def kept_ids(database: Database, ids: Iterable[int]) -> set[int]:
    """Which templates have a picture; call inside a transaction."""
    if database.version() < 4:
        return set()
    return {one for one in ids if database.one("SELECT 1 FROM kept_picture WHERE template_id = ?", (one,)) is not None}
