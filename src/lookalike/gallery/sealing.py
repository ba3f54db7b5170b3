"""How what a gallery stores of a person becomes bytes: as it is, or encrypted.

Everything that reads or writes a name, a vector, a source or a tag asks the gallery's `Sealing`, which hangs on its
database. A plain gallery's changes nothing; an encrypted one's is `encryption.EncryptedColumns`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from lookalike.errors import StorageError

__all__ = ["PLAIN", "DestroyedKeyError", "PlainColumns", "Sealing", "opened_text", "sealed_text"]


class DestroyedKeyError(StorageError):
    """What is read belongs to somebody who was forgotten since the transaction began, or since a backup was made."""


class Sealing(Protocol):
    """Makes stored values of a person's values, and back; call inside a transaction of the gallery's database.

    Templates, identities and acts have a key each, named by the row: `template`, `identity` or `act`, and its id. A
    kill at any moment leaves a whole person or none: keys are on the disk before the transaction commits
    (`before_commit`), and are destroyed after the one that deletes their row (`finish`).
    """

    @property
    def encrypted(self) -> bool:
        """Whether stored values are encrypted."""

    # --- names and tags

    def stored_name(self, name: str) -> str:
        """What the column `identity.name` holds of a name: the same for the same name, so that it is found by it."""

    def stored_tag(self, key: str, value: str) -> tuple[str, str]:
        """What the table `tag` holds of a tag: the same for the same tag, so that it is found by it."""

    def names(self, rows: Sequence[tuple[int, str]]) -> list[str]:
        """The names of identities, each given as its id and what `identity.name` holds."""

    def tags(self, identity: int, stored: Mapping[str, str]) -> dict[str, str]:
        """The tags of an identity of which the table `tag` holds these."""

    def add_identity(self, identity: int, name: str, key: str = "") -> None:
        """Give an identity that was just inserted a key, and keep its name.

        Args:
            identity: its id.
            name: as it is.
            key: the number of the key that it had before it was merged, as `key_number` told.
        """

    def rename(self, identity: int, name: str) -> None:
        """Keep another name, beside the update of `identity.name`."""

    def keep_tags(self, identity: int, tags: Mapping[str, str]) -> None:
        """Keep the tags of an identity, beside the updates of the table `tag`."""

    def key_number(self, identity: int) -> str:
        """The number of an identity's key; empty in a plain gallery."""

    def hand_over(self, identity: int, to: int) -> None:
        """Let the key of an identity that is about to be deleted live as long as another, which has its templates."""

    # --- values

    def add_key(self, table: str, row: int) -> None:
        """Give a row of `template` or `act` a key."""

    def seal(self, column: str, row: int, data: bytes, of: int = 0) -> bytes:
        """What a column holds of a value.

        Args:
            column: whose key it is, and what: `template.vector`. A value of one column is refused in another.
            row: the row that has the key; a value of one row is refused in another.
            data: the value.
            of: the identity that the row is of; a value of a row of another is refused.
        """

    def open(self, column: str, row: int, stored: bytes, of: int = 0) -> bytes:
        """The value of which a column holds `stored`; the arguments are those of `seal`.

        Raises:
            ArtefactError: it is damaged, or of another row, column or identity.
            DestroyedKeyError: it was forgotten meanwhile.
        """

    def open_all(self, column: str, rows: Sequence[tuple[int, bytes, int]]) -> list[bytes]:
        """The same of many rows of one column, given as id, stored value and `of`."""

    def digest(self, data: bytes) -> bytes:
        """32 bytes that are the same for the same data."""

    # --- keys

    def pseudonyms(self, identities: Sequence[int]) -> list[bytes]:
        """16 bytes each that stand for identities in the audit log, made of their keys; none in a plain gallery."""

    def key_bytes(self, identity: int) -> list[bytes]:
        """Keys of an identity and of its templates, as they are and as files hold them; empty where it has none."""

    def files(self) -> list[Path]:
        """Files outside the gallery's folder that hold keys."""

    def before_commit(self) -> None:
        """Put the keys that were added on the disk."""

    def after_rollback(self) -> None:
        """Drop the keys that were added."""

    def finish(self) -> None:
        """Destroy the keys of what was deleted by transactions that are committed; outside a transaction."""

    def close(self) -> None:
        """Let go of files."""


class PlainColumns:
    """Of a gallery that is not encrypted: values are stored as they are."""

    encrypted = False

    def stored_name(self, name: str) -> str:
        """The name."""
        return name

    def stored_tag(self, key: str, value: str) -> tuple[str, str]:
        """Key and value."""
        return key, value

    def names(self, rows: Sequence[tuple[int, str]]) -> list[str]:
        """What is stored."""
        return [stored for _, stored in rows]

    def tags(self, identity: int, stored: Mapping[str, str]) -> dict[str, str]:
        """What is stored."""
        return dict(stored)

    def add_identity(self, identity: int, name: str, key: str = "") -> None:
        """Nothing to do."""

    def rename(self, identity: int, name: str) -> None:
        """Nothing to do."""

    def keep_tags(self, identity: int, tags: Mapping[str, str]) -> None:
        """Nothing to do."""

    def key_number(self, identity: int) -> str:
        """No key."""
        return ""

    def hand_over(self, identity: int, to: int) -> None:
        """Nothing to do."""

    def add_key(self, table: str, row: int) -> None:
        """Nothing to do."""

    def seal(self, column: str, row: int, data: bytes, of: int = 0) -> bytes:
        """The value."""
        return data

    def open(self, column: str, row: int, stored: bytes, of: int = 0) -> bytes:
        """What is stored."""
        return stored

    def open_all(self, column: str, rows: Sequence[tuple[int, bytes, int]]) -> list[bytes]:
        """What is stored."""
        return [stored for _, stored, _ in rows]

    def digest(self, data: bytes) -> bytes:
        """SHA-256."""
        return hashlib.sha256(data).digest()

    def pseudonyms(self, identities: Sequence[int]) -> list[bytes]:
        """None: the audit log keeps random ones."""
        return []

    def key_bytes(self, identity: int) -> list[bytes]:
        """No keys."""
        return []

    def files(self) -> list[Path]:
        """No files."""
        return []

    def before_commit(self) -> None:
        """Nothing to do."""

    def after_rollback(self) -> None:
        """Nothing to do."""

    def finish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


PLAIN: Sealing = PlainColumns()


def sealed_text(sealing: Sealing, column: str, row: int, text: str, of: int = 0) -> str | bytes:
    """A text as a column holds it: text in a plain gallery, bytes in an encrypted one."""
    return sealing.seal(column, row, text.encode("utf-8"), of) if sealing.encrypted else text


def opened_text(sealing: Sealing, column: str, row: int, stored: str | bytes, of: int = 0) -> str:
    """The text of which a column holds `stored`; errors as of `Sealing.open`."""
    return stored if isinstance(stored, str) else sealing.open(column, row, stored, of).decode("utf-8")
