"""What the service's verbs say where its extra is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lookalike.errors import MissingDependencyError

__all__ = ["service_extra"]


@contextmanager
def service_extra() -> Iterator[None]:
    """Import the service within this block.

    Raises:
        MissingDependencyError: a package of the extra is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed; the service needs the extra: pip install 'lookalike[service]'"
        ) from None
