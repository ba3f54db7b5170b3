"""The key that opens encrypted galleries: 32 bytes, from a file, the environment or the caller."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.errors import ArtefactError, InputError

__all__ = ["KEY_BYTES", "KEY_FILE_VARIABLE", "KEY_VARIABLE", "NO_KEY", "Key", "MasterKey", "default_key", "master_key"]

_log = logging.getLogger(__name__)

KEY_BYTES = 32
KEY_FILE_VARIABLE, KEY_VARIABLE = "LOOKALIKE_GALLERY_KEY_FILE", "LOOKALIKE_GALLERY_KEY"
_EXPECTED = f"expected {KEY_BYTES} random bytes, or base64 of them, as `openssl rand -base64 {KEY_BYTES}` writes"

#: A key as callers give it: `file:` and a path, a path, or the bytes.
Key = str | Path | bytes
#: Given as a key: the gallery is not encrypted, whatever the environment says.
NO_KEY = b""

_default: Key | None = None


@dataclass(frozen=True)
class MasterKey:
    """A key, and where it came from.

    Attributes:
        secret: 32 bytes.
        origin: for messages.
        asked: whether the caller gave it; False where the environment did.
    """

    secret: bytes = field(repr=False)
    origin: str
    asked: bool


@contextmanager
def default_key(key: Key | None) -> Iterator[None]:
    """In the block, galleries that are opened without a key are opened with this one, in all threads.

    Args:
        key: as of `open_gallery`; None changes nothing.

    Example:
        >>> with default_key("file:/etc/lookalike/master.key"):    # doctest: +SKIP
        ...     enroll(EnrollOptions(data="photos/", gallery="people.gallery"))
    """
    global _default
    before = _default
    _default = before if key is None else key
    try:
        yield
    finally:
        _default = before


def master_key(key: Key | None, folder: Path) -> MasterKey | None:
    """The key to open a gallery with: the one given, that of `default_key`, or that of the environment.

    Args:
        key: None where the caller gave none.
        folder: of the gallery, in which no key may lie.

    Returns:
        None where there is none.

    Raises:
        InputError: a key file within the gallery's folder, or a key of a wrong form.
        ArtefactError: a key file that cannot be read, or of a wrong length.
    """
    given = _default if key is None else key
    if given == NO_KEY:
        return None
    if isinstance(given, bytes):
        return MasterKey(_checked(given, "the key given", InputError), "the key given", True)
    if given is not None:
        return _from_file(_path(given), folder, True)
    if file := os.environ.get(KEY_FILE_VARIABLE):
        return _from_file(_path(file), folder, False)
    if text := os.environ.get(KEY_VARIABLE):
        return MasterKey(_checked(text.encode(), f"${KEY_VARIABLE}", InputError), f"${KEY_VARIABLE}", False)
    return None


def _path(given: str | Path) -> Path:
    text = str(given).removeprefix("file:")
    if not text:
        raise InputError("the path of the key file is empty; give file:/path/to/master.key")
    return Path(text.removeprefix("//") if text.startswith("///") else text).expanduser()


def _from_file(path: Path, folder: Path, asked: bool) -> MasterKey:
    if path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"the key file {path} lies in the gallery {folder}, whose backups would hold it; move it outside"
        )
    try:
        with path.open("rb") as file:
            content, mode = file.read(1025), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ArtefactError(f"the key file {path} cannot be read: {error.strerror or error}") from error
    if os.name != "nt" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        _log.warning("other users may read the key file %s; chmod 600 it", path)
    return MasterKey(_checked(content, f"the key file {path}", ArtefactError), str(path), asked)


def _checked(content: bytes, where: str, error: type[ArtefactError] | type[InputError]) -> bytes:
    if len(content) == KEY_BYTES:
        return content
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise error(f"{where} holds no key ({len(content)} bytes); {_EXPECTED}")
    return key
