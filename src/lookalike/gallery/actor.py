"""Who is named as the actor in an audit log."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lookalike.errors import InputError

__all__ = ["ACTOR_VARIABLE", "acting", "acting_as", "actor_name"]

ACTOR_VARIABLE = "LOOKALIKE_ACTOR"
_LONGEST = 200

#: Who acts here, in place of the actor that the gallery was opened with; a service acts for many.
_ACTING: ContextVar[str | None] = ContextVar("actor", default=None)


def actor_name(given: str | None) -> str:
    """The actor: the one given, that of the environment, or the user of the operating system.

    Raises:
        InputError: it is empty, too long, or no text.

    Example:
        >>> actor_name("reception")
        'reception'
    """
    name = given if given is not None else os.environ.get(ACTOR_VARIABLE) or _user()
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise InputError(f"the actor is {name!r}; give one line of 1 to {_LONGEST} characters")
    return name.strip()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Let audit logs name another actor for what is done in this block; threads follow that copy the context.

    Raises:
        InputError: as `actor_name`.

    Example:
        >>> with acting_as("reception"):
        ...     acting("ada")
        'reception'
    """
    before = _ACTING.set(actor_name(name))
    try:
        yield
    finally:
        _ACTING.reset(before)


def acting(usual: str) -> str:
    """Who acts now: `usual`, unless within `acting_as`."""
    return _ACTING.get() or usual


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user's number, as in containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
