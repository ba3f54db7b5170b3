"""Encrypted galleries: names, vectors and sources under a key of each person, so that forgetting destroys a key.

Each identity has a random key of 256 bits. Its name and what is stored of its templates are AES-256-GCM under it
(NIST SP 800-38D), with a fresh nonce of 96 bits each, bound to gallery, column and row, so that exchanged rows are
found. The keys lie in the keyring, which is no part of the gallery's folder. A name is looked up by its HMAC-SHA256,
under a key that is derived from a secret of the gallery, which lies in the keyring, too.

Order of writes: keys are on the disk before the transaction that uses them commits, and are destroyed after the one
that deletes their person; the database notes which are to be destroyed (`destroyed_key`), and the next opening destroys
what a killed process left. A person whose key is gone, as in a restored backup, is deleted by the next opening, too. A
key whose enrolment never committed stays: it protects nothing, and a restored, older gallery cannot tell it from the
key of somebody enrolled later.

Nothing of a vector is stored but in the database: searches compare in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import ArtefactError
from lookalike.gallery.keyring import Keyring
from lookalike.gallery.master_key import KEY_BYTES
from lookalike.gallery.sealing import DestroyedKeyError

if TYPE_CHECKING:
    from lookalike.gallery.database import Database

__all__ = ["EncryptedColumns", "encrypted_tables", "gallery_number"]

_ID_BYTES, _NONCE = 16, 12
#: Ciphers that are held: about 2 KB each.
_HELD = 20_000
#: Keys that are looked up by one statement.
_LOOKUP = 900


@dataclass(frozen=True)
class _PersonKey:
    """A key in memory: its number in the keyring, and the cipher that it makes."""

    number: bytes
    key: bytes = field(repr=False)
    cipher: Any = field(repr=False)


def encrypted_tables(gallery: bytes) -> tuple[str, ...]:
    """Statements that make a new gallery an encrypted one.

    Args:
        gallery: its number, as its keyring names it.
    """
    return (
        "CREATE TABLE sealing (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), gallery BLOB NOT NULL)",
        f"INSERT INTO sealing VALUES (1, x'{gallery.hex()}')",
        "CREATE TABLE identity_key (identity_id INTEGER PRIMARY KEY REFERENCES identity ON DELETE CASCADE, "
        "key_id BLOB NOT NULL UNIQUE, name BLOB NOT NULL)",
        "CREATE TABLE destroyed_key (id INTEGER PRIMARY KEY, key_id BLOB NOT NULL)",
        "CREATE TRIGGER identity_key_DELETE AFTER DELETE ON identity_key "
        "BEGIN INSERT INTO destroyed_key (key_id) VALUES (old.key_id); END",
    )


def gallery_number(database: Database) -> bytes | None:
    """The number of an encrypted gallery; None of a plain one. Call inside a transaction, or under the lock."""
    if database.one("SELECT 1 FROM sqlite_master WHERE name = 'sealing'") is None:
        return None
    row = database.one("SELECT gallery FROM sealing")
    if row is None:
        raise ArtefactError(f"{database.file} is damaged: it does not say which keyring it has; restore it")
    return bytes(row[0])


class EncryptedColumns:
    """The `Sealing` of an encrypted gallery.

    Args:
        database: of the gallery.
        keyring: of the gallery.
    """

    encrypted = True

    def __init__(self, database: Database, keyring: Keyring) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._refused = InvalidTag
        self._database, self._keyring, self._cipher = database, keyring, AESGCM
        self._names = _derived(keyring.secret, b"names")
        self._held: dict[int, _PersonKey] = {}  # by identity
        self._added: dict[bytes, bytes] = {}  # in the transaction that is under way
        self._new: list[int] = []  # their identities
        self._recent: list[int] = []  # the same, of the last transaction that came to its commit
        self._finished = 0

    @property
    def keyring(self) -> Keyring:
        """Where the keys are."""
        return self._keyring

    # --- names --------------------------------------------------------------------------------------------

    def stored_name(self, name: str) -> str:
        """HMAC-SHA256 of the name, in hexadecimal digits."""
        return hmac.new(self._names, name.encode("utf-8"), hashlib.sha256).hexdigest()

    def added(self, identity: int, name: str) -> None:
        """Make the identity's key, and keep the name under it."""
        key_id, key = secrets.token_bytes(_ID_BYTES), secrets.token_bytes(KEY_BYTES)
        self._added[key_id] = key
        self._new.append(identity)
        self._held[identity] = _PersonKey(key_id, key, self._cipher(key))
        sealed = self.seal(identity, "identity_key.name", identity, name.encode("utf-8"))
        self._database.run("INSERT INTO identity_key VALUES (?, ?, ?)", (identity, key_id, sealed))

    def renamed(self, identity: int, name: str) -> None:
        """Keep another name under the identity's key."""
        sealed = self.seal(identity, "identity_key.name", identity, name.encode("utf-8"))
        self._database.run("UPDATE identity_key SET name = ? WHERE identity_id = ?", (sealed, identity))

    def name(self, identity: int, stored: str) -> str:
        """The name of an identity; `stored` is only compared with it."""
        row = self._database.one("SELECT name FROM identity_key WHERE identity_id = ?", (identity,))
        if row is None:
            raise self._damaged("an identity has no key")
        name = self.open(identity, "identity_key.name", identity, row[0]).decode("utf-8")
        if self.stored_name(name) != stored:
            raise self._damaged("names of two people were exchanged")
        return name

    # --- values -------------------------------------------------------------------------------------------

    def seal(self, identity: int, column: str, row: int, data: bytes) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + bytes(self._of(identity).cipher.encrypt(nonce, data, self._bound(column, row)))

    def open(self, identity: int, column: str, row: int, stored: bytes) -> bytes:
        """The value; see `Sealing.open`."""
        return self._opened(self._of(identity), column, row, stored)

    def open_all(self, column: str, rows: Sequence[tuple[int, int, bytes]]) -> list[bytes]:
        """The values; see `Sealing.open_all`."""
        keys = self._load(identity for _, identity, _ in rows)
        return [self._opened(keys[identity], column, row, stored) for row, identity, stored in rows]

    def _opened(self, key: _PersonKey, column: str, row: int, stored: bytes) -> bytes:
        try:
            return bytes(key.cipher.decrypt(stored[:_NONCE], stored[_NONCE:], self._bound(column, row)))
        except (self._refused, ValueError, TypeError):
            raise self._damaged(f"{column} of row {row} was not encrypted by this person's key for this row") from None

    def _bound(self, column: str, row: int) -> bytes:
        return self._keyring.gallery + row.to_bytes(8, "big") + column.encode("ascii")

    def digest(self, identity: int, data: bytes) -> bytes:
        """The first bytes of HMAC-SHA256 under a key that is derived from the person's."""
        return hmac.new(_derived(self._of(identity).key, b"digest"), data, hashlib.sha256).digest()[:16]

    def pseudonym(self, identity: int) -> bytes | None:
        """Derived from the person's key: who has not the key cannot compute it, in no backup either."""
        return _derived(self._of(identity).key, b"audit")[:16]

    # --- keys ---------------------------------------------------------------------------------------------

    def _load(self, identities: Iterable[int]) -> dict[int, _PersonKey]:
        """The keys of many identities, read at once where they are not held."""
        wanted, held = dict.fromkeys(identities), self._held
        found = {one: held[one] for one in wanted if one in held}
        missing = [one for one in wanted if one not in found]
        numbers: dict[int, bytes] = {}
        for start in range(0, len(missing), _LOOKUP):
            some = missing[start : start + _LOOKUP]
            numbers.update(
                self._database.run(
                    f"SELECT identity_id, key_id FROM identity_key WHERE identity_id IN ({','.join('?' * len(some))})",
                    some,
                ).fetchall()
            )
        if len(numbers) < len(missing):
            raise self._damaged("an identity has no key")
        keys = self._keyring.keys(numbers.values()) if numbers else {}
        for identity, number in numbers.items():
            key = keys[number]
            if key is None:
                raise DestroyedKeyError(
                    f"somebody was forgotten from {self._database.folder} while it was read, or after this backup of "
                    "it was made; read again, or open it once where it can be written to"
                )
            found[identity] = _PersonKey(number, key, self._cipher(key))
        if len(held) + len(missing) > _HELD:
            self._held = held = {one: held[one] for one in self._new}
        held.update(itertools.islice(((one, found[one]) for one in missing), _HELD))
        return found

    def _of(self, identity: int) -> _PersonKey:
        held = self._held.get(identity)
        return self._load([identity])[identity] if held is None else held

    def key_bytes(self, identity: int) -> list[bytes]:
        """An identity's key, and what the keyring's file holds of it."""
        key = self._of(identity)
        return [key.key, self._keyring.stored(key.number)]

    def files(self) -> list[Path]:
        """The keyring's."""
        return self._keyring.files()

    def before_commit(self) -> None:
        """Put the keys that were added into the keyring."""
        if self._added:
            self._keyring.put(self._added)
        self._added, self._new, self._recent = {}, [], self._new

    def after_rollback(self) -> None:
        """Drop the keys that were added; their identities' numbers are given out again."""
        for identity in (*self._new, *self._recent):
            self._held.pop(identity, None)
        self._added, self._new = {}, []

    def finish(self) -> None:
        """Destroy the keys that the database says are to be destroyed."""
        with self._database.read("read"):
            rows = self._database.run(
                "SELECT id, key_id FROM destroyed_key WHERE id > ? ORDER BY id", (self._finished,)
            ).fetchall()
        gone = {row[1] for row in rows}
        if self._finished == 0 and gone:
            gone -= self._keyring.destroyed()
        self._keyring.destroy(gone)
        if rows:
            self._finished = rows[-1][0]
            self._held = {one: held for one, held in self._held.items() if held.number not in gone}

    def unreadable(self) -> list[int]:
        """Identities whose key was destroyed: they were forgotten after the backup that this gallery is."""
        found = []
        for number in self._keyring.destroyed():
            row = self._database.one("SELECT identity_id FROM identity_key WHERE key_id = ?", (number,))
            if row is not None:
                found.append(int(row[0]))
        return found

    def close(self) -> None:
        """Close the keyring."""
        self._held = {}
        self._keyring.close()

    def _damaged(self, what: str) -> ArtefactError:
        return ArtefactError(f"{self._database.file} is damaged: {what}; restore it from a backup")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA256's expansion (RFC 5869, section 2.3) of a random key to 32 bytes for one purpose."""
    return hmac.new(secret, b"lookalike " + purpose + b"\x01", hashlib.sha256).digest()
