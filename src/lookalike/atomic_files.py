"""Files and folders that are written whole or not at all, and never lose what was there before."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import StorageError

__all__ = ["check_replaceable", "sync_folder", "write_atomically", "written_folder"]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a whole file or nothing: into a temporary sibling, synced, then renamed over `path`.

    Raises:
        StorageError: the folder is missing or the disk is full, read-only or failing; `path` is as before.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}; what was there before is unharmed"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # after the rename there is nothing left to remove
            temporary.unlink(missing_ok=True)


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

    The files are forced to disk, then the folder is exchanged with the old one in one step
    (`renameat2(RENAME_EXCHANGE)`; where the system lacks it, the old folder is moved aside first, and a crash
    between the two moves leaves it there under the name `.NAME.old`). When the block raises, `path` is as before; a
    signal afterwards leaves the old folder or the new one there, whole.

    Raises:
        StorageError: the disk is full, read-only or failing.
    """
    # Named before it is made, so that a signal in between leaves nothing behind.
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
        for file in filter(Path.is_file, temporary.rglob("*")):
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        sync_folder(temporary)
        _swap(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        # NumPy's own errors only count bytes: "1536 requested and 992 written".
        reason = error.strerror or f"the disk is full or failing ({error})"
        raise StorageError(f"{path} could not be written: {reason}; what was there before is unharmed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk."""
    if os.name == "nt":  # Windows neither can nor must
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
