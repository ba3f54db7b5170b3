"""Where a workflow writes: whether it can is asked before the work, and no folder that is empty is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import StorageError

__all__ = ["check_apart", "check_writable", "output_folder"]


def check_writable(path: Path) -> None:
    """Refuse, before the work, an output that cannot be written; nothing is changed.

    Args:
        path: a file or folder to be made or replaced; folders above it may be missing.

    Raises:
        StorageError: what is above it is a file, may not be written, or lies on a disk that is read-only.

    Example:
        >>> check_writable(Path("results/answers.csv"))
    """
    above = next((one for one in path.parents if os.path.lexists(one)), Path())
    if not above.is_dir():
        raise StorageError(f"{path} cannot be written: {above} is no folder; choose another output")
    if os.access(above, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return
    # As root, only a disk that is read-only is not writable.
    read_only = os.statvfs(above).f_flag & os.ST_RDONLY if hasattr(os, "statvfs") else False
    reason = "Read-only file system" if read_only else "Permission denied"
    raise StorageError(f"{path} cannot be written: {above}: {reason}; choose another output")


def check_apart(output: Path, data: str | Path) -> None:
    """Refuse an output that lies in the folder of the pictures, where it would be read as an identity the next time.

    Raises:
        StorageError: it does.

    Example:
        >>> check_apart(Path("model"), "photos/")
    """
    folder = Path(data)
    if folder.is_dir() and output.absolute().resolve().is_relative_to(folder.resolve()):
        raise StorageError(
            f"{output} lies in {data}, where it would be read as an identity; choose another place with --output"
        )


@contextmanager
def output_folder(path: Path, option: str = "--output") -> Iterator[None]:
    """Make a folder for the block to write into; those that were made and are empty afterwards are removed again.

    An empty block checks, before the work, that the folder can be made.

    Args:
        path: of the folder.
        option: that names it, for messages.

    Raises:
        StorageError: it cannot be made.

    Example:
        >>> with output_folder(Path("evaluation")):    # doctest: +SKIP
        ...     Path("evaluation/metrics.json").write_text("{}")
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be made: {error.strerror}; choose another with {option}") from None
    try:
        yield
    finally:
        for folder in missing:  # the deepest first
            if not any(folder.iterdir()):
                folder.rmdir()
