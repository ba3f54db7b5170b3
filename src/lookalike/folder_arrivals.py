"""Pictures that appear in a folder, each when it is complete."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import StorageError
from lookalike.images import PICTURE_SUFFIXES

__all__ = ["FolderArrivals"]

#: How much longer an empty file is waited for: it was made, and not written yet.
_EMPTY = 10


@dataclass(frozen=True)
class _State:
    """What changes when a file is written or replaced."""

    bytes: int
    modified: int
    inode: int


class FolderArrivals:
    """Tells of each picture once: when its size, its time of change and its inode have stayed the same for a while.

    A file that is copied in is complete then; one that is renamed into its place was so at once. A picture that is
    changed or replaced later counts as a new one. What has no picture's ending, is hidden, or lies in a folder below is
    passed over.

    Args:
        folder: that is looked at.
        existing: whether pictures that are there at first count.
        settle: how long a file must stay the same, in seconds.

    Raises:
        StorageError: it is no folder, or cannot be read.

    Example:
        >>> arrivals = FolderArrivals("inbox/", existing=True)    # doctest: +SKIP
        >>> arrivals.poll(time.monotonic())    # doctest: +SKIP
        []
    """

    def __init__(self, folder: str | Path, existing: bool = False, settle: float = 1.0) -> None:
        self.folder = Path(folder)
        self._settle = settle
        try:
            self._device = self.folder.stat().st_dev
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StorageError(f"{folder} cannot be watched: {reason}; give a folder that is there") from None
        if not self.folder.is_dir():
            raise StorageError(f"{folder} is not a folder; give one into which pictures come")
        found = self._found()
        self._told: dict[str, _State] = {} if existing else found
        self._waiting: dict[str, tuple[_State, float]] = {}

    def poll(self, now: float) -> list[Path]:
        """The pictures that are complete since the last call, by name.

        Args:
            now: seconds, of a clock that never goes back. Times of files are only compared with each other, for the
                clock of a file server may differ.

        Raises:
            StorageError: the folder is gone.
        """
        found = self._found()
        complete = []
        for name, state in sorted(found.items()):
            if self._told.get(name) == state:
                continue
            before, since = self._waiting.get(name, (None, now))
            if before != state:
                since = now
            self._waiting[name] = state, since
            if now - since >= self._settle * (1 if state.bytes else _EMPTY):
                complete.append(self.folder / name)
                self._told[name] = state
                del self._waiting[name]
        self._told = {name: state for name, state in self._told.items() if name in found}
        self._waiting = {name: state for name, state in self._waiting.items() if name in found}
        return complete

    def changed(self, path: Path) -> bool:
        """Whether a picture that was told of has changed since, or is gone: what was read of it may be half of each."""
        return self._told.get(path.name) != _state(path)

    def _found(self) -> dict[str, _State]:
        try:
            if self.folder.stat().st_dev != self._device:
                raise StorageError(f"{self.folder} is not the folder any more: its disk was mounted or unmounted")
            names = [
                entry.name
                for entry in os.scandir(self.folder)
                if not entry.name.startswith(".") and Path(entry.name).suffix.lower() in PICTURE_SUFFIXES
            ]
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(
                f"{self.folder} cannot be read any more: {error.strerror}; make it again, and begin anew"
            ) from None
        states = {name: _state(self.folder / name) for name in names}
        return {name: state for name, state in states.items() if state is not None}


def _state(path: Path) -> _State | None:
    """None where there is no regular file (any more)."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _State(found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None
