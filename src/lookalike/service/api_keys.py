"""API keys: who may ask the service, and for what. The file holds hashes only; a key is shown once, when it is made.

A key is `lk-ID-SECRET`, of which the file keeps the id and scrypt's hash of the secret (RFC 7914). Every process reads
the file again when it changes: a key that is revoked is refused by the next request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from lookalike.atomic_files import make_folders, written_file
from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.gallery.file_locks import locked
from lookalike.gallery.moments import now, utc_moment

__all__ = ["ROLES", "ApiKey", "ApiKeys", "Role", "allows"]

#: What a key may do: a reader asks about pictures; an operator also enrolls and forgets people; an admin may do all.
Role = Literal["reader", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

_VERSION = 1
#: Of scrypt: 16 MiB and some 40 ms a key, which is verified once by each process.
_COST, _BLOCK = 2**14, 8
_MEMORY = 64 * 2**20
#: Of a key's name: audit logs name it with the key's id, in a line of at most 200 characters.
_LONGEST_NAME = 180
#: Keys that a process remembers to have verified.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class ApiKey:
    """A key as the file knows it.

    Attributes:
        id: 12 hexadecimal digits; what `keys revoke` takes, and what logs show.
        name: whose key it is, for people; the actor in audit logs.
        role: what it may do.
        created_at: ISO 8601, UTC.
        expires_at: from then on it is refused, ISO 8601, UTC; None for never.
        salt: of the hash, hexadecimal.
        hash: of the secret, hexadecimal.
    """

    id: str
    name: str
    role: Role
    created_at: str
    expires_at: str | None
    salt: str
    hash: str

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now()


def allows(role: Role, wanted: Role) -> bool:
    """Whether a role may do what `wanted` may.

    Example:
        >>> allows("admin", "reader"), allows("reader", "operator")
        (True, False)
    """
    return ROLES.index(role) >= ROLES.index(wanted)


class ApiKeys:
    """The keys of a service, in a file that only its owner can read. Every method is safe to call from threads.

    Args:
        file: where they are; made with the first key.

    Example:
        >>> keys = ApiKeys(Path("people.service/api-keys.json"))    # doctest: +SKIP
        >>> text, key = keys.add("reception", "reader")    # doctest: +SKIP
        >>> keys.verified(text).name    # doctest: +SKIP
        'reception'
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = Lock()
        self._stamp: tuple[int, ...] | None = None
        self._keys: dict[str, ApiKey] = {}
        self._remembered: dict[bytes, ApiKey] = {}
        # What is remembered of a verified key is worth nothing outside this process.
        self._pepper = secrets.token_bytes(32)

    def listed(self) -> Sequence[ApiKey]:
        """All keys, oldest first.

        Raises:
            ArtefactError: the file is damaged.
        """
        return tuple(self._read().values())

    def add(self, name: str, role: Role, expires_at: datetime | str | None = None) -> tuple[str, ApiKey]:
        """Make a key.

        Args:
            name: whose it is, one line of 1 to 180 characters.
            role: what it may do.
            expires_at: when it ends; None for never.

        Returns:
            the key as its owner gives it, which is kept nowhere, and what is kept.

        Raises:
            InputError: an unusable name, another role, or an end that is past.
            StorageError: the file cannot be written.
        """
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InputError(f"the key's name is {name!r}; give one line of 1 to {_LONGEST_NAME} characters")
        if role not in ROLES:
            raise InputError(f"the role is {role!r}; expected {', '.join(ROLES)}")
        ends = None if expires_at is None else utc_moment(expires_at)
        if ends is not None and ends <= now():
            raise InputError(f"the key would have ended at {ends}; give a moment to come")
        secret, salt = secrets.token_hex(24), secrets.token_bytes(16)
        key = ApiKey(
            id=secrets.token_hex(6),
            name=name.strip(),
            role=role,
            created_at=now(),
            expires_at=ends,
            salt=salt.hex(),
            hash=_hashed(secret, salt).hex(),
        )
        with self._changing() as keys:
            keys[key.id] = key
        return f"lk-{key.id}-{secret}", key

    def revoke(self, key_id: str) -> ApiKey:
        """Take a key out; it is refused from now on.

        Raises:
            UnknownIdentityError: there is no such key.
            StorageError: the file cannot be written.
        """
        with self._changing() as keys:
            if key_id not in keys:
                raise UnknownIdentityError(f"there is no key {key_id!r}; `lookalike keys list` shows them")
            return keys.pop(key_id)

    def verified(self, text: str) -> ApiKey | None:
        """The key that this is; None where it is none, was revoked, or has ended.

        Raises:
            ArtefactError: the file is damaged.
        """
        kept = self._read()
        mark = self._mark(text)
        found = self._remembered.get(mark)
        if found is None:
            found = self._compared(kept, text)
            if found is None:
                return None
            with self._lock:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[mark] = found
        return None if kept.get(found.id) != found or found.expired else found

    def by_id(self, key_id: str) -> ApiKey | None:
        """The key of an id, as it stands in the file now; None where there is none."""
        return self._read().get(key_id)

    def costly(self, text: str) -> bool:
        """Whether `verified` has to hash: the id is that of a key, and the text was not verified before."""
        if "".join(text.split("-")[1:2]) not in self._read():
            return False
        return self._mark(text) not in self._remembered

    def _mark(self, text: str) -> bytes:
        """By what a text that was verified is remembered."""
        return hmac.digest(self._pepper, text.encode("utf-8", "replace"), "sha256")

    @staticmethod
    def _compared(kept: dict[str, ApiKey], text: str) -> ApiKey | None:
        prefix, _, rest = text.partition("-")
        key_id, _, secret = rest.partition("-")
        key = kept.get(key_id)
        if prefix != "lk" or key is None or not secret.isascii():
            return None
        return key if hmac.compare_digest(_hashed(secret, bytes.fromhex(key.salt)), bytes.fromhex(key.hash)) else None

    # --- the file -----------------------------------------------------------------------------------------

    def _read(self) -> dict[str, ApiKey]:
        try:
            found = self.file.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, {}
            return self._keys
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._keys = _parsed(self.file)
            self._stamp = stamp
        return self._keys

    @contextmanager
    def _changing(self) -> Iterator[dict[str, ApiKey]]:
        """The keys of the file, to be changed by one program at a time; written at the end."""
        make_folders(self.file.parent)
        with locked(self.file.with_name(self.file.name + ".lock")):
            keys = _parsed(self.file) if self.file.exists() else {}
            yield keys
            _write(self.file, keys)


def _hashed(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=32)


def _parsed(file: Path) -> dict[str, ApiKey]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format_version"] != _VERSION:
            raise ArtefactError(
                f"{file} is of version {content['format_version']}, and this Lookalike reads {_VERSION}; "
                "use a newer one"
            )
        return {one["id"]: _key(one) for one in content["keys"]}
    except OSError as error:
        raise ArtefactError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{file} is no file of API keys ({type(error).__name__}: {error}); restore it from a backup, or delete it "
            "and make new keys"
        ) from None


def _key(fields: dict[str, Any]) -> ApiKey:
    key = ApiKey(**fields)
    if key.role not in ROLES or len(bytes.fromhex(key.salt)) < 16 or len(bytes.fromhex(key.hash)) != 32:
        raise ValueError(f"key {key.id!r} is damaged")
    return key


def _write(file: Path, keys: dict[str, ApiKey]) -> None:
    text = json.dumps({"format_version": _VERSION, "keys": [asdict(key) for key in keys.values()]}, indent=1)
    with written_file(file) as temporary:
        temporary.touch(0o600)
        temporary.write_text(text + "\n", encoding="utf-8")
