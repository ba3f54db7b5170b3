"""The processors this process may use, and matrix products that keep to one of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["available_processors", "one_matrix_thread"]

_limiting = threading.Lock()


def available_processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_matrix_thread() -> Iterator[None]:
    """NumPy's matrix products use one thread meanwhile, in the whole process; one caller at a time.

    Its library waits for its threads by spinning. Where other threads prepare pictures on the same processors, a small
    product then takes six times as long as in one thread.
    """
    with _limiting, _matrix_libraries().limit(limits=1):
        yield


@cache
def _matrix_libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
