"""What the demos share: numbered steps, how long they took, and a folder that may be written to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["step", "timed", "usable_output"]


def step(number: int, title: str) -> None:
    """Say that a step begins."""
    from lookalike.cli.terminal import console

    console.print(f"\n[bold cyan]{number}[/bold cyan]  [bold]{title}[/bold]")


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds a step took, under its name."""
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started


def usable_output(output: Path, folders: Mapping[str, str]) -> None:
    """Make the folder of a demo, and refuse to replace what no demo wrote, before the work.

    Args:
        output: the folder.
        folders: what the demo writes into it: a folder's name, and the file that makes it one that may be replaced.

    Raises:
        StorageError: the folder cannot be made, or something in it is somebody else's.
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.errors import StorageError

    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{output} cannot be made: {error.strerror}; choose another with --output") from None
    for name, marker in folders.items():
        check_replaceable(output / name, marker, replace=True)
