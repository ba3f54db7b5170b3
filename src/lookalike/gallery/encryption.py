"""Encrypted galleries: names, vectors and sources under random keys, so that forgetting destroys keys.

Every template has a key of 256 bits, for its vector and source; every identity one for its name and tags; every act
that can be undone one for the names in it. So each is forgotten on its own: a person, or some templates, also after
they were merged, split or renamed. Values are AES-256-GCM (NIST SP 800-38D) with a fresh nonce of 96 bits each, bound
to gallery, column, row and, of a template, identity, so that exchanged rows are found. The keys lie in the keyring,
which is no part of the gallery's folder. Names and tags are looked up by HMAC-SHA256, under a key that is derived from
a secret of the gallery, which lies in the keyring, too.

Order of writes: keys are on the disk before the transaction that uses them commits, and are destroyed after the one
that deletes their row; the database notes which are to be destroyed (`destroyed_key`), and the next opening destroys
what a killed process left. What has lost its key, as in a restored backup, is deleted by the next opening, too. A key
whose enrolment never committed stays: it protects nothing, and a restored, older gallery cannot tell it from the key of
somebody enrolled later. The key of an identity that was merged into another lives as long as that one, and is its own
again when the merging is undone: a backup from before is still read.

Nothing of a vector is stored but in the database: searches compare in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import ArtefactError
from lookalike.gallery.failpoints import reached
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
_KEYED = ("template", "identity", "act")


def encrypted_tables(gallery: bytes) -> tuple[str, ...]:
    """Statements that make a new gallery an encrypted one.

    Args:
        gallery: its number, as its keyring names it.
    """
    destroyed = "BEGIN INSERT INTO destroyed_key (key_id) VALUES (OLD.key_id); END"
    return (
        "CREATE TABLE sealing (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), gallery BLOB NOT NULL)",
        f"INSERT INTO sealing VALUES (1, x'{gallery.hex()}')",
        "CREATE TABLE destroyed_key (id INTEGER PRIMARY KEY, key_id BLOB NOT NULL)",
        # Keys are made before their rows: what a row holds is encrypted.
        *(
            f"CREATE TABLE {table}_key ({table}_id INTEGER PRIMARY KEY REFERENCES {table} ON DELETE CASCADE "
            f"DEFERRABLE INITIALLY DEFERRED, key_id BLOB NOT NULL UNIQUE{', name BLOB, tags BLOB' * named})"
            for table, named in (("template", False), ("identity", True), ("act", False))
        ),
        "CREATE TABLE former_key (key_id BLOB PRIMARY KEY, identity_id INTEGER NOT NULL "
        "REFERENCES identity ON DELETE CASCADE)",
        "CREATE INDEX former_key_by_identity ON former_key (identity_id)",
        *(
            f"CREATE TRIGGER {table}_key_DELETE AFTER DELETE ON {table}_key {destroyed}"
            for table in ("template", "act")
        ),
        "CREATE TRIGGER identity_key_DELETE AFTER DELETE ON identity_key "
        f"WHEN NOT EXISTS (SELECT 1 FROM former_key WHERE key_id = OLD.key_id) {destroyed}",
        "CREATE TRIGGER former_key_DELETE AFTER DELETE ON former_key "
        f"WHEN NOT EXISTS (SELECT 1 FROM identity_key WHERE key_id = OLD.key_id) {destroyed}",
    )


def gallery_number(database: Database) -> bytes | None:
    """The number of an encrypted gallery; None of a plain one. Call inside a transaction, or under the lock."""
    if database.one("SELECT 1 FROM sqlite_master WHERE name = 'sealing'") is None:
        return None
    row = database.one("SELECT gallery FROM sealing")
    if row is None:
        raise ArtefactError(f"{database.file} is damaged: it does not say which keyring it has; restore it")
    return bytes(row[0])


@dataclass(frozen=True)
class _RowKey:
    """A key in memory: its number in the keyring, and the cipher that it makes."""

    number: bytes
    key: bytes = field(repr=False)
    cipher: Any = field(repr=False)


#: A table and the id of a row that has a key.
_Row = tuple[str, int]


class EncryptedColumns:
    """The `Sealing` of an encrypted gallery; see there for the methods.

    Args:
        database: of the gallery.
        keyring: of the gallery.
    """

    encrypted = True

    def __init__(self, database: Database, keyring: Keyring) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._database, self._keyring, self._cipher, self._refused = database, keyring, AESGCM, InvalidTag
        self._names = _derived(keyring.secret, b"names")
        self._held: dict[_Row, _RowKey] = {}
        self._added: dict[bytes, bytes] = {}  # in the transaction that is under way
        self._new: list[_Row] = []  # whose they are
        self._recent: list[_Row] = []  # the same, of the last transaction that came to its commit
        self._finished = 0

    @property
    def keyring(self) -> Keyring:
        """Where the keys are."""
        return self._keyring

    # --- names and tags -----------------------------------------------------------------------------------

    def stored_name(self, name: str) -> str:
        """HMAC-SHA256 of the name, in hexadecimal digits."""
        return self._token("name", name)

    def stored_tag(self, key: str, value: str) -> tuple[str, str]:
        """HMAC-SHA256 of the key, and of both."""
        return self._token("tag", key), self._token("tag", key, value)

    def _token(self, *texts: str) -> str:
        return hmac.new(self._names, json.dumps(texts).encode("ascii"), hashlib.sha256).hexdigest()

    def names(self, rows: Sequence[tuple[int, str]]) -> list[str]:
        """The names; what is stored is only compared with them."""
        sealed: dict[int, bytes] = {}
        for start in range(0, len(rows), _LOOKUP):
            some = [identity for identity, _ in rows[start : start + _LOOKUP]]
            asked = f"identity_id IN ({','.join('?' * len(some))})"
            sealed.update(self._database.run(f"SELECT identity_id, name FROM identity_key WHERE {asked}", some))
        if any(identity not in sealed for identity, _ in rows):
            raise self._damaged("an identity has no key")
        opened = self.open_all("identity.name", [(identity, sealed[identity], 0) for identity, _ in rows])
        names = [name.decode("utf-8") for name in opened]
        if any(self.stored_name(name) != stored for name, (_, stored) in zip(names, rows, strict=True)):
            raise self._damaged("names of two people were exchanged")
        return names

    def tags(self, identity: int, stored: Mapping[str, str]) -> dict[str, str]:
        """The tags; `stored` is only compared with them."""
        if not stored:
            return {}
        row = self._database.one("SELECT tags FROM identity_key WHERE identity_id = ?", (identity,))
        tags = {} if row is None or row[0] is None else json.loads(self.open("identity.tags", identity, row[0]))
        if dict(itertools.starmap(self.stored_tag, tags.items())) != dict(stored):
            raise self._damaged("tags of two people were exchanged")
        return dict(tags)

    def add_identity(self, identity: int, name: str, key: str = "") -> None:
        """Give an identity a key, a former one again where it is named, and keep the name under it."""
        number = bytes.fromhex(key)
        if not number or not self._come_back(identity, number):
            self._make(("identity", identity))
        self.rename(identity, name)

    def _come_back(self, identity: int, number: bytes) -> bool:
        """Give an identity the key that it had before it was merged; False where it is destroyed."""
        if self._database.one("SELECT 1 FROM former_key WHERE key_id = ?", (number,)) is None:
            return False
        self._database.run("INSERT INTO identity_key (identity_id, key_id) VALUES (?, ?)", (identity, number))
        self._database.run("DELETE FROM former_key WHERE key_id = ?", (number,))
        return True

    def rename(self, identity: int, name: str) -> None:
        """Keep another name under the identity's key."""
        sealed = self.seal("identity.name", identity, name.encode("utf-8"))
        self._database.run("UPDATE identity_key SET name = ? WHERE identity_id = ?", (sealed, identity))

    def keep_tags(self, identity: int, tags: Mapping[str, str]) -> None:
        """Keep the tags under the identity's key."""
        text = json.dumps(dict(sorted(tags.items()))).encode("ascii")
        sealed = self.seal("identity.tags", identity, text) if tags else None
        self._database.run("UPDATE identity_key SET tags = ? WHERE identity_id = ?", (sealed, identity))

    def key_number(self, identity: int) -> str:
        """In hexadecimal digits."""
        return self._of(("identity", identity)).number.hex()

    def hand_over(self, identity: int, to: int) -> None:
        """Former keys of `to`: that of the identity, and its own former ones."""
        self._database.run("UPDATE former_key SET identity_id = ? WHERE identity_id = ?", (to, identity))
        self._database.run(
            "INSERT INTO former_key SELECT key_id, ? FROM identity_key WHERE identity_id = ?", (to, identity)
        )

    # --- values -------------------------------------------------------------------------------------------

    def add_key(self, table: str, row: int) -> None:
        """Give a row a key."""
        self._make((table, row))

    def _make(self, row: _Row) -> None:
        number, key = secrets.token_bytes(_ID_BYTES), secrets.token_bytes(KEY_BYTES)
        self._added[number] = key
        self._new.append(row)
        if len(self._held) >= _HELD:
            self._held = {}
        self._held[row] = _RowKey(number, key, self._cipher(key))
        table, own = row
        self._database.run(f"INSERT INTO {table}_key ({table}_id, key_id) VALUES (?, ?)", (own, number))

    def seal(self, column: str, row: int, data: bytes, of: int = 0) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + bytes(self._of(_keyed(column, row)).cipher.encrypt(nonce, data, self._bound(column, row, of)))

    def open(self, column: str, row: int, stored: bytes, of: int = 0) -> bytes:
        """The value."""
        return self._opened(self._of(_keyed(column, row)), column, row, stored, of)

    def open_all(self, column: str, rows: Sequence[tuple[int, bytes, int]]) -> list[bytes]:
        """The values."""
        keys = self._load(_keyed(column, row) for row, _, _ in rows)
        return [self._opened(keys[_keyed(column, row)], column, row, stored, of) for row, stored, of in rows]

    def _opened(self, key: _RowKey, column: str, row: int, stored: bytes, of: int) -> bytes:
        try:
            return bytes(key.cipher.decrypt(stored[:_NONCE], stored[_NONCE:], self._bound(column, row, of)))
        except (self._refused, ValueError, TypeError):
            raise self._damaged(f"{column} of row {row} was not encrypted for this row") from None

    def _bound(self, column: str, row: int, of: int) -> bytes:
        return self._keyring.gallery + row.to_bytes(8, "big") + of.to_bytes(8, "big") + column.encode("ascii")

    def digest(self, data: bytes) -> bytes:
        """HMAC-SHA256, under a key that is derived from the gallery's secret."""
        return hmac.new(self._names, b"data" + data, hashlib.sha256).digest()

    # --- keys ---------------------------------------------------------------------------------------------

    def pseudonyms(self, identities: Sequence[int]) -> list[bytes]:
        """Derived from the identities' keys: who has not the key cannot compute it, in no backup either."""
        keys = self._load(("identity", one) for one in identities)
        return [_derived(keys["identity", one].key, b"audit")[:16] for one in identities]

    def key_bytes(self, identity: int) -> list[bytes]:
        """Keys, and what the keyring's file holds of them."""
        rows = self._database.run("SELECT id FROM template WHERE identity_id = ?", (identity,)).fetchall()
        keys = self._load([("identity", identity), *(("template", row[0]) for row in rows)]).values()
        return [one for key in keys for one in (key.key, self._keyring.stored(key.number))]

    def _load(self, rows: Iterable[_Row]) -> dict[_Row, _RowKey]:
        """The keys of many rows, read at once where they are not held."""
        wanted, held = dict.fromkeys(rows), self._held
        found = {one: own for one in wanted if (own := held.get(one)) is not None}
        missing = [one for one in wanted if one not in found]
        numbers = self._numbers(missing)
        added = self._added
        keys: dict[bytes, bytes | None] = {one: added[one] for one in numbers.values() if one in added}
        keys |= self._keyring.keys([one for one in numbers.values() if one not in keys])
        for row, number in numbers.items():
            key = keys[number]
            if key is None:
                raise DestroyedKeyError(
                    f"somebody was forgotten from {self._database.folder} while it was read, or after this backup of "
                    "it was made; read again, or open it once where it can be written to"
                )
            found[row] = _RowKey(number, key, self._cipher(key))
        if len(held) + len(missing) > _HELD:
            self._held = held = {}
        held.update(itertools.islice(((one, found[one]) for one in missing), _HELD))
        return found

    def _numbers(self, rows: Sequence[_Row]) -> dict[_Row, bytes]:
        """Numbers of the keys of rows."""
        numbers: dict[_Row, bytes] = {}
        for table in {table for table, _ in rows}:
            ids = [row for one, row in rows if one == table]
            for start in range(0, len(ids), _LOOKUP):
                some = ids[start : start + _LOOKUP]
                asked = f"{table}_id IN ({','.join('?' * len(some))})"
                answer = self._database.run(f"SELECT {table}_id, key_id FROM {table}_key WHERE {asked}", some)
                numbers.update({(table, row): number for row, number in answer})
        if len(numbers) < len(rows):
            raise self._damaged("a row has no key")
        return numbers

    def _of(self, row: _Row) -> _RowKey:
        held = self._held.get(row)
        return self._load([row])[row] if held is None else held

    def files(self) -> list[Path]:
        """The keyring's."""
        return self._keyring.files()

    def before_commit(self) -> None:
        """Put the keys that were added into the keyring."""
        if self._added:
            self._keyring.put(self._added)
            reached("keys kept")
        self._added, self._new, self._recent = {}, [], self._new

    def after_rollback(self) -> None:
        """Drop the keys that were added; the ids of their rows are given out again."""
        for row in (*self._new, *self._recent):
            self._held.pop(row, None)
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
        reached("keys destroyed")
        if rows:
            self._finished = rows[-1][0]
            self._held = {one: held for one, held in list(self._held.items()) if held.number not in gone}

    def unreadable(self) -> dict[str, list[int]]:
        """Ids by table whose key was destroyed: they were forgotten after the backup that this gallery is."""
        found: dict[str, list[int]] = {table: [] for table in _KEYED}
        for number in self._keyring.destroyed():
            for table, ids in found.items():
                row = self._database.one(f"SELECT {table}_id FROM {table}_key WHERE key_id = ?", (number,))
                if row is not None:
                    ids.append(int(row[0]))
        return found

    def close(self) -> None:
        """Close the keyring."""
        self._held = {}
        self._keyring.close()

    def _damaged(self, what: str) -> ArtefactError:
        return ArtefactError(f"{self._database.file} is damaged: {what}; restore it from a backup")


def _keyed(column: str, row: int) -> _Row:
    """The row whose key a column is encrypted under."""
    table = column.split(".", 1)[0]
    assert table in _KEYED
    return table, row


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA256's expansion (RFC 5869, section 2.3) of a random key to 32 bytes for one purpose."""
    return hmac.new(secret, b"lookalike " + purpose + b"\x01", hashlib.sha256).digest()
