"""A folder that a workflow writes into: made when it is written, and none that is empty is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lookalike.errors import StorageError

__all__ = ["output_folder"]


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
