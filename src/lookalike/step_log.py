"""Python's `logging` under the name `lookalike`: what was loaded, read and written, and how long each step took.

The library adds no handler that prints: a program that wants these lines sets a level, `lookalike --verbose` does so
for the command line.

>>> logging.getLogger("lookalike").setLevel(logging.DEBUG)    # doctest: +SKIP
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["logged_step"]


@contextmanager
def logged_step(logger: logging.Logger, text: str, *arguments: object) -> Iterator[None]:
    """Log, at level DEBUG, what the block did and how many seconds it took; nothing where it raises.

    Args:
        logger: of the module.
        text: of the line, as `Logger.debug` takes it.
        *arguments: that go into it.

    Example:
        >>> with logged_step(logging.getLogger("lookalike"), "read %s", "photos/"):
        ...     pass
    """
    began = time.perf_counter()
    yield
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(text + " in %.3f s", *arguments, time.perf_counter() - began)
