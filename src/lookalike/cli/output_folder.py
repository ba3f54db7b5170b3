"""The folder that an evaluation writes into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import StorageError

__all__ = ["output_folder"]


@contextmanager
def output_folder(path: Path) -> Iterator[None]:
    """Make a folder for the block to write into; one that was made and is empty afterwards goes again.

    Raises:
        StorageError: it cannot be made.
    """
    missing = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be made: {error.strerror}; choose another with --output") from None
    try:
        yield
    finally:
        if missing and not any(path.iterdir()):
            path.rmdir()
