"""What a gallery's files hold of an identity, noted before it is forgotten, so that it can be looked for afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.gallery import kept_pictures
from lookalike.gallery.audit import pseudonyms
from lookalike.gallery.database import Database
from lookalike.gallery.identity_reading import identity_row

__all__ = ["Traces", "traces"]


@dataclass(frozen=True)
class Traces:
    """What tells of an identity in a gallery's files.

    Attributes:
        subject: by what it stands in the audit log.
        stored: bytes of its templates and of its keys, as files hold them and as they are.
    """

    subject: str
    stored: tuple[bytes, ...]


def traces(database: Database, name: str) -> Traces:
    """Of an identity; call inside a writing transaction, for the pseudonym may have to be made.

    Raises:
        UnknownIdentityError: no such name.
    """
    owner, _ = identity_row(database, name)
    rows = database.run("SELECT vector, other_vector FROM template WHERE identity_id = ?", (owner,)).fetchall()
    vectors = [
        vector for row in rows for vector in row if vector
    ]  # of the model that does not answer there may be none
    parts, keys = kept_pictures.parts(database, owner), database.sealing.key_bytes(owner)
    return Traces(pseudonyms(database, [owner])[0], (*vectors, *parts, *keys))
