"""The keys of the persons of an encrypted gallery, each wrapped by the master key, in a file outside the gallery.

Beside the folder and not in it, because backups of the folder must not hold the keys: who destroys a person's key makes
that person unreadable in every backup. One SQLite file (`synchronous=FULL`, WAL); rows are only appended, so that no
key is ever moved, and a destroyed one is overwritten in its place and the log emptied before `destroy` returns.

Wrapping is AES-256-GCM (NIST SP 800-38D) by a key that HKDF-SHA256 (RFC 5869) derives from the master key; bound to the
gallery and to the number of the person's key, so that keys that were exchanged in the file are found.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lookalike.atomic_files import sync_folder
from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError
from lookalike.gallery.master_key import KEY_BYTES, MasterKey
from lookalike.gallery.moments import now

__all__ = ["Keyring", "keyring_path"]

FORMAT_VERSION = 1
#: "LKKR"
APPLICATION_ID = 0x4C4B4B52
_ID_BYTES, _NONCE, _TAG = 16, 12, 16
_WRAPPED = _NONCE + KEY_BYTES + _TAG
#: Keys that are looked up by one statement; SQLite's oldest limit on parameters is 999.
_LOOKUP = 900
_CHECKPOINT_MS = 20

_SCHEMA = f"""
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE keyring (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1), gallery BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE person_key (number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL);
CREATE TABLE destroyed (id BLOB PRIMARY KEY, at TEXT NOT NULL);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
COMMIT;
"""


def keyring_path(folder: Path) -> Path:
    """Where the keyring of a gallery lies, unless somebody says otherwise: `people.gallery.keys`."""
    whole = folder.resolve()
    return whole.with_name(f"{whole.name}.keys")


class Keyring:
    """An open keyring. Its methods are safe to call from several threads, and the file from several processes.

    Args:
        path: of the file.
        master: the key that wraps the others.
        gallery: the number of the gallery that it must be of; None for any.
        timeout: seconds to wait for another process's lock.

    Raises:
        ArtefactError: missing, damaged, of another gallery, of a newer version, or the key is wrong.
        MissingDependencyError: cryptography is not installed.
        StorageError: the disk is failing.
    """

    def __init__(self, path: Path, master: MasterKey, gallery: bytes | None = None, timeout: float = 30.0) -> None:
        self.path, self._timeout, self._lock = path, timeout, threading.RLock()
        if not path.is_file():
            raise ArtefactError(
                f"the keyring {path} is not there; without it nobody in the gallery can be read: put it back, or say "
                "where it is with LOOKALIKE_GALLERY_KEYRING"
            )
        with self._errors("opened"):
            self._connection = _connected(path, timeout)
            try:
                self.gallery = self._identified(gallery)
                self._wrap, self.secret = self._unlocked(master)
            except BaseException:
                self._connection.close()
                raise

    def _identified(self, gallery: bytes | None) -> bytes:
        one = self._connection.execute
        if one("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise ArtefactError(f"{self.path} is no keyring of Lookalike; give the keyring of the gallery")
        version = one("PRAGMA user_version").fetchone()[0]
        if version > FORMAT_VERSION:
            raise ArtefactError(
                f"{self.path} has format version {version}, this Lookalike reads up to {FORMAT_VERSION}; upgrade it"
            )
        row = one("SELECT gallery FROM keyring").fetchone()
        if row is None:
            raise ArtefactError(f"{self.path} is damaged (it names no gallery); restore it from where it is kept")
        if gallery is not None and row[0] != gallery:
            raise ArtefactError(f"{self.path} is the keyring of another gallery; give the one of this gallery")
        return bytes(row[0])

    def _unlocked(self, master: MasterKey) -> tuple[Any, bytes]:
        wrap = _wrapping(master, self.gallery)
        self._locked = stored = self._connection.execute("SELECT secret FROM keyring").fetchone()[0]
        try:
            return wrap, _unwrapped(wrap, self.gallery, b"secret", stored)
        except _InvalidTagError:
            raise ArtefactError(
                f"{master.origin} is not the key of {self.path}, or the file is damaged; give the key that the gallery "
                "was made with, or the one it was changed to"
            ) from None

    # --- making one ---------------------------------------------------------------------------------------

    @classmethod
    def made(cls, path: Path, master: MasterKey, timeout: float = 30.0) -> Keyring:
        """Open a keyring, made where there is none, on the disk when it returns.

        One that is there already was left by a process that was killed before it made the gallery, or by a gallery that
        was deleted; it is used again if the key fits.
        """
        _cryptography()
        if not path.exists():
            fresh = path.with_name(f"{path.name}.new-{os.getpid()}-{secrets.token_hex(4)}")
            gallery = secrets.token_bytes(_ID_BYTES)
            wrapped = _wrapped(_wrapping(master, gallery), gallery, b"secret", secrets.token_bytes(KEY_BYTES))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                with closing(_connected(fresh, timeout)) as connection:
                    connection.executescript(_SCHEMA)
                    connection.execute("INSERT INTO keyring VALUES (1, ?, ?)", (gallery, wrapped))
                os.link(fresh, path)  # whole, or not there; another process may be faster
                sync_folder(path.parent)
            except FileExistsError:
                pass
            except (sqlite3.Error, OSError) as error:
                raise StorageError(f"the keyring {path} could not be made: {error}; free or repair the disk") from error
            finally:
                for left in path.parent.glob(f"{fresh.name}*"):
                    left.unlink(missing_ok=True)
        return cls(path, master, timeout=timeout)

    # --- keys ---------------------------------------------------------------------------------------------

    def keys(self, ids: Iterable[bytes]) -> dict[bytes, bytes | None]:
        """Keys by their numbers; None for one that was destroyed.

        Raises:
            ArtefactError: one is damaged, or was never here.
        """
        wanted = list(ids)
        found: dict[bytes, bytes] = {}
        with self._errors("read"):
            for start in range(0, len(wanted), _LOOKUP):
                some = wanted[start : start + _LOOKUP]
                rows = self._connection.execute(
                    f"SELECT id, wrapped FROM person_key WHERE id IN ({','.join('?' * len(some))})", some
                )
                found.update(rows.fetchall())
        if len(found) < len(set(wanted)):
            raise ArtefactError(
                f"the keyring {self.path} lacks the keys of {len(set(wanted)) - len(found)} in the gallery: it is "
                "older than the gallery, or damaged; give the newest one"
            )
        return {one: self._key(one, wrapped) for one, wrapped in found.items()}

    def _key(self, one: bytes, wrapped: bytes) -> bytes | None:
        if not any(wrapped):
            return None
        try:
            return _unwrapped(self._wrap, self.gallery, one, wrapped)
        except _InvalidTagError:
            raise ArtefactError(
                f"a key in {self.path} is damaged, or the master key was changed by another program; open the gallery "
                "again, or restore the file from where it is kept"
            ) from None

    def stored(self, one: bytes) -> bytes:
        """What the file holds of a key; empty where it holds nothing."""
        with self._errors("read"):
            row = self._connection.execute("SELECT wrapped FROM person_key WHERE id = ?", (one,)).fetchone()
        return b"" if row is None else bytes(row[0])

    def files(self) -> list[Path]:
        """The file, and its log where there is one."""
        return [path for path in (self.path, self.path.with_name(f"{self.path.name}-wal")) if path.is_file()]

    def put(self, keys: Mapping[bytes, bytes]) -> None:
        """Keep keys; on the disk when it returns.

        Raises:
            StorageError: the disk is full, read-only or failing; none was kept.
            ArtefactError: another program has changed the master key.
        """
        rows = [(one, _wrapped(self._wrap, self.gallery, one, key)) for one, key in keys.items()]
        with self._written() as connection:
            self._check_master(connection)
            connection.executemany("INSERT INTO person_key (id, wrapped) VALUES (?, ?)", rows)

    def _check_master(self, connection: sqlite3.Connection) -> None:
        """Refuse to wrap keys by a master key that another program has changed."""
        if connection.execute("SELECT secret FROM keyring").fetchone()[0] != self._locked:
            raise ArtefactError(
                f"the master key of {self.path} was changed by another program; open the gallery again with the new one"
            )

    def destroyed(self) -> set[bytes]:
        """Numbers of all keys that were destroyed."""
        with self._errors("read"):
            return {row[0] for row in self._connection.execute("SELECT id FROM destroyed")}

    def destroy(self, ids: Collection[bytes]) -> None:
        """Overwrite keys, in the file and in its log; on the disk when it returns.

        Raises:
            StorageError: the disk is read-only or failing, or another program kept reading the file.
        """
        if not ids:
            return
        at = now()
        with self._lock:
            with self._written() as connection:
                for one in ids:
                    connection.execute("UPDATE person_key SET wrapped = zeroblob(?) WHERE id = ?", (_WRAPPED, one))
                    connection.execute("INSERT OR IGNORE INTO destroyed VALUES (?, ?)", (one, at))
            self._empty_log()

    def rekey(self, master: MasterKey) -> int:
        """Wrap all keys by another master key, all of them or none; returns how many.

        Raises:
            ArtefactError: a key is damaged; nothing was changed.
            StorageError: the disk is full, read-only or failing; nothing was changed.
        """
        wrap = _wrapping(master, self.gallery)
        with self._lock:
            with self._written() as connection:
                self._check_master(connection)
                secret = _wrapped(wrap, self.gallery, b"secret", self.secret)
                connection.execute("UPDATE keyring SET secret = ?", (secret,))
                rows = connection.execute("SELECT id, wrapped FROM person_key").fetchall()
                keys = [(one, self._key(one, wrapped)) for one, wrapped in rows]
                connection.executemany(
                    "UPDATE person_key SET wrapped = ? WHERE id = ?",
                    ((_wrapped(wrap, self.gallery, one, key), one) for one, key in keys if key is not None),
                )
            self._wrap, self._locked = wrap, secret
            self._empty_log()
        return sum(key is not None for _, key in keys)

    # --- the file -----------------------------------------------------------------------------------------

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        with self._errors("written"):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _empty_log(self) -> None:
        until = time.monotonic() + self._timeout
        with self._errors("scrubbed"):
            try:
                self._connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MS}")
                while self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() >= until:
                        raise StorageError(
                            f"another program kept reading {self.path}, so old bytes are still in its log; end it"
                        )
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(self._timeout * 1000)}")

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        """Turn SQLite's errors into ours; one thread at a time."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if isinstance(error, sqlite3.ProgrammingError):
                    raise InputError(f"the keyring {self.path} is closed; open the gallery again") from error
                if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "no such table" in str(error):
                    raise ArtefactError(
                        f"the keyring {self.path} is damaged ({error}); restore it from where it is kept"
                    ) from error
                raise StorageError(
                    f"the keyring {self.path} could not be {done}: {error}; free or repair the disk, what was enrolled "
                    "before is safe"
                ) from error

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        with self._lock:
            self._connection.close()


def _connected(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    for pragma in ("synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY", "cell_size_check = ON",
                   "trusted_schema = OFF"):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    return connection


# --- wrapping ---------------------------------------------------------------------------------------------


class _InvalidTagError(Exception):
    """Something was not wrapped by this key, or is damaged."""


def _cryptography() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers import aead
    except ImportError:
        raise MissingDependencyError(
            "encrypted galleries need cryptography, which is not installed; pip install 'lookalike[encryption]'"
        ) from None
    return aead


def _wrapping(master: MasterKey, gallery: bytes) -> Any:
    """The cipher that wraps keys."""
    aead = _cryptography()
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=gallery, info=b"lookalike keyring").derive(master.secret)
    return aead.AESGCM(derived)


def _wrapped(wrap: Any, gallery: bytes, one: bytes, key: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + bytes(wrap.encrypt(nonce, key, gallery + one))


def _unwrapped(wrap: Any, gallery: bytes, one: bytes, wrapped: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(wrap.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], gallery + one))
    except (InvalidTag, ValueError):
        raise _InvalidTagError from None
