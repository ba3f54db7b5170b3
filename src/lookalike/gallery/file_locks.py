"""A file that one thread of one process has for itself; others wait, or hear that it is taken."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(path: Path, seconds: float = math.inf) -> Iterator[bool]:
    """Lock a file, made where it is not there; held until the end, and let go when the process ends, however.

    Args:
        path: of the file.
        seconds: how long to wait for whoever has it; 0 not at all.

    Returns:
        False where another has it. On Windows nobody is kept out.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    until = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if seconds == math.inf else fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    yield False
                    return
                time.sleep(0.001)
        yield True
