"""How what a gallery stores of a person becomes bytes: as it is, or encrypted.

Everything that reads or writes a name, a vector, a source or a tag asks the gallery's `Sealing`, which hangs on its
database. A plain gallery's changes nothing; an encrypted one's is `encryption.EncryptedColumns`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lookalike.errors import StorageError

__all__ = ["PLAIN", "DestroyedKeyError", "PlainColumns", "Sealing", "opened_text", "sealed_text"]


class DestroyedKeyError(StorageError):
    """What is read belongs to somebody who was forgotten since the transaction began, or since a backup was made."""


class Sealing(Protocol):
    """Makes stored values of a person's values, and back; call inside a transaction of the gallery's database.

    The methods that change something keep the rule that a kill at any moment leaves a whole person or none: keys are on
    the disk before the transaction commits (`before_commit`), and are destroyed after it (`finish`).
    """

    @property
    def encrypted(self) -> bool:
        """Whether stored values are encrypted."""

    def stored_name(self, name: str) -> str:
        """What the column `identity.name` holds of a name: the same for the same name, so that it is found by it."""

    def added(self, identity: int, name: str) -> None:
        """Make the key of an identity that was just inserted, and keep its name under it; in a writing transaction."""

    def renamed(self, identity: int, name: str) -> None:
        """Keep another name of an identity; in a writing transaction, beside the update of `identity.name`."""

    def name(self, identity: int, stored: str) -> str:
        """The name of an identity of which `identity.name` holds `stored`."""

    def seal(self, identity: int, column: str, row: int, data: bytes) -> bytes:
        """What a column holds of a value.

        Args:
            identity: whose value it is.
            column: `table.column`; a value of one column is refused in another.
            row: the number of its row; a value of one row is refused in another.
            data: the value.
        """

    def open(self, identity: int, column: str, row: int, stored: bytes) -> bytes:
        """The value of which a column holds `stored`; the arguments are those of `seal`.

        Raises:
            ArtefactError: it is damaged, or of another row, column or person.
            DestroyedKeyError: the person was forgotten meanwhile.
        """

    def open_all(self, column: str, rows: Sequence[tuple[int, int, bytes]]) -> list[bytes]:
        """The same of many values of one column, given as number of the row, identity, stored value."""

    def digest(self, identity: int, data: bytes) -> bytes:
        """16 bytes that are the same for the same vector of the same identity."""

    def pseudonym(self, identity: int) -> bytes | None:
        """16 bytes that stand for an identity in the audit log, made of its key; None where it has no key."""

    def key_bytes(self, identity: int) -> list[bytes]:
        """An identity's key, as it is and as files hold it; empty where it has none."""

    def files(self) -> list[Path]:
        """Files outside the gallery's folder that hold keys."""

    def before_commit(self) -> None:
        """Put the keys that were added on the disk."""

    def after_rollback(self) -> None:
        """Drop the keys that were added."""

    def finish(self) -> None:
        """Destroy the keys of those who were deleted by transactions that are committed; outside a transaction."""

    def close(self) -> None:
        """Let go of files."""


class PlainColumns:
    """Of a gallery that is not encrypted: values are stored as they are."""

    encrypted = False

    def stored_name(self, name: str) -> str:
        """The name."""
        return name

    def added(self, identity: int, name: str) -> None:
        """Nothing to do."""

    def renamed(self, identity: int, name: str) -> None:
        """Nothing to do."""

    def name(self, identity: int, stored: str) -> str:
        """What is stored."""
        return stored

    def seal(self, identity: int, column: str, row: int, data: bytes) -> bytes:
        """The value."""
        return data

    def open(self, identity: int, column: str, row: int, stored: bytes) -> bytes:
        """What is stored."""
        return stored

    def open_all(self, column: str, rows: Sequence[tuple[int, int, bytes]]) -> list[bytes]:
        """What is stored."""
        return [stored for _, _, stored in rows]

    def digest(self, identity: int, data: bytes) -> bytes:
        """The first bytes of SHA-256."""
        return hashlib.sha256(data).digest()[:16]

    def pseudonym(self, identity: int) -> bytes | None:
        """None: the audit log keeps a random one."""
        return None

    def key_bytes(self, identity: int) -> list[bytes]:
        """None."""
        return []

    def files(self) -> list[Path]:
        """None."""
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


def sealed_text(sealing: Sealing, identity: int, column: str, row: int, text: str) -> str | bytes:
    """A text as a column holds it: text in a plain gallery, bytes in an encrypted one."""
    return sealing.seal(identity, column, row, text.encode("utf-8")) if sealing.encrypted else text


def opened_text(sealing: Sealing, identity: int, column: str, row: int, stored: str | bytes) -> str:
    """The text of which a column holds `stored`; errors as of `Sealing.open`."""
    if isinstance(stored, str):
        return stored
    return sealing.open(identity, column, row, stored).decode("utf-8")
