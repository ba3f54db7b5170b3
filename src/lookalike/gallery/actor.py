"""Who is named as the actor in an audit log."""

from __future__ import annotations

import getpass
import os

from lookalike.errors import InputError

__all__ = ["ACTOR_VARIABLE", "actor_name"]

ACTOR_VARIABLE = "LOOKALIKE_ACTOR"
_LONGEST = 200


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user's number, as in containers
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
