"""Files and folders that are written whole or not at all, and never lose what was there before.

A rename is on the disk only when the folder that holds the name has been synced: until then a power cut may undo it,
and yet keep what was done after it. So whatever is put in place goes through `written_file`,
`written_folder` or `rename_durably`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import StorageError

__all__ = [
    "check_replaceable",
    "make_folders",
    "rename_durably",
    "sync_folder",
    "sync_tree",
    "unfinished_name",
    "write_atomically",
    "written_file",
    "written_folder",
]

_LOGGER = logging.getLogger(__name__)

#: What a system answers that cannot sync a folder: some network file systems, and folders that may not be read.
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM})
#: Of `written_file`; the first versions wrote some files without the digits.
_UNFINISHED = re.compile(r"\.(?P<name>.+?)(\.[0-9a-f]{6,})?\.part")


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a whole file or nothing; on the disk when this returns.

    Raises:
        StorageError: the folder is missing or the disk is full, read-only or failing; `path` is as before, or new where
            the message says so.

    Example:
        >>> write_atomically("numbers.json", b"[1, 2]")    # doctest: +SKIP
    """
    with written_file(path) as temporary, temporary.open("xb") as file:
        file.write(content)


@contextmanager
def written_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a file to write, for writers that want a path; when the block ends well it becomes `path`.

    It is a sibling of `path`, synced and then renamed over it, all on the disk when the block is left. When the block
    raises, `path` is as before and nothing is left; what a killed process leaves, `unfinished_name` recognises.

    Raises:
        StorageError: the folder is missing or the disk is full, read-only or failing; `path` is as before, or new where
            the message says so.

    Example:
        >>> with written_file("weights.safetensors") as temporary:    # doctest: +SKIP
        ...     save_file(tensors, temporary)
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield temporary
        sync_tree(temporary)
        rename_durably(temporary, path)
        _LOGGER.debug("wrote %s", path)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}; what was there before is unharmed"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # after the rename there is nothing left to remove
            temporary.unlink(missing_ok=True)


def unfinished_name(name: str) -> str | None:
    """The name that a file of `written_file` would have got, where `name` is that of one which was never finished.

    Example:
        >>> unfinished_name(".state.json.0123456789ab.part"), unfinished_name("state.json")
        ('state.json', None)
    """
    found = _UNFINISHED.fullmatch(name)
    return found and found["name"]


def rename_durably(source: Path, target: Path) -> None:
    """Give a file or folder, which is on the disk already, the name `target`; on the disk when this returns.

    A power cut leaves the old `target` or the new one.

    Args:
        source: on the same file system, synced (`sync_tree`).
        target: replaced where it is a file or an empty folder.

    Raises:
        OSError: it could not be renamed; all is as before.
        StorageError: it was renamed, but the disk did not confirm it.
    """
    source.replace(target)
    _confirmed(target)


def _confirmed(target: Path) -> None:
    """Force the folder of a new `target` to disk."""
    try:
        sync_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"{target} is written, but the disk did not confirm it: {error.strerror or error}; check the disk, and "
            "write it again"
        ) from error


def check_replaceable(folder: Path, marker: str, replace: bool) -> None:
    """Refuse to overwrite: a folder that is there needs `replace`, and must hold the file `marker` that makes it ours.

    Raises:
        StorageError: it may not be replaced.
    """
    if not folder.exists():
        return
    if not (folder / marker).is_file():
        raise StorageError(f"{folder} exists and holds no {marker}, so it is not replaced; choose another folder")
    if not replace:
        raise StorageError(f"{folder} exists; choose another folder, or say that it may be replaced (--replace)")


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well it becomes `path`, in the place of what was there.

    Everything in it is forced to disk, then the folder is exchanged with the old one in one step
    (`renameat2(RENAME_EXCHANGE)`; where the system lacks it, the old folder is moved aside first, and a crash
    between the two moves leaves it there under the name `.NAME.old`). When the block raises, `path` is as before; a
    signal afterwards leaves the old folder or the new one there, whole.

    Raises:
        StorageError: the disk is full, read-only or failing.
    """
    # Named before it is made, so that a signal in between leaves nothing behind.
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        make_folders(path.parent)
        temporary.mkdir()
        yield temporary
        sync_tree(temporary)
        _swap(temporary, path)
        _confirmed(path)
        _LOGGER.debug("wrote folder %s", path)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        # NumPy's own errors only count bytes: "1536 requested and 992 written".
        reason = error.strerror or f"the disk is full or failing ({error})"
        raise StorageError(f"{path} could not be written: {reason}; what was there before is unharmed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it where they are missing, all of them on the disk when this returns.

    Without that a power cut may take a new folder away with everything that was synced in it.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    for one in (folder, *folder.parents):
        if one.exists():
            break
        missing.append(one)
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync_folder(one.parent)


def sync_tree(path: Path) -> None:
    """Force a file, or a folder with everything in it, to disk; folders that are linked to are left alone.

    Raises:
        OSError: the disk is failing.
    """
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            sync_tree(entry)
        sync_folder(path)
    elif path.is_file():
        with path.open("rb") as opened:
            os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk, where the system can.

    Raises:
        OSError: the disk is failing.
    """
    if os.name == "nt":  # Windows neither can nor must
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        # The names are then as durable as the file system makes them by itself; refusing to write would be no help.
        if error.errno not in _CANNOT_SYNC:
            raise


def _swap(new: Path, target: Path) -> None:
    """Put `new` at `target`; what was at `target` ends up at `new`, to be deleted."""
    if not target.exists():
        new.rename(target)
        return
    if _exchange(new, target):
        return
    aside = target.with_name(f".{target.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        target.rename(aside)
        new.rename(target)
    except BaseException:  # a signal included
        if not target.exists():
            aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Swap two names in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0)
