"""Which names identities may bear, and in which form they are kept."""

from __future__ import annotations

import unicodedata

from lookalike.errors import InputError

__all__ = ["LONGEST_NAME", "checked_name", "readable"]

LONGEST_NAME = 200

# Control characters, lone surrogates, line and paragraph separators.
_FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}
# Marks that reverse the reading direction: two names that look the same could be different ones.
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_name(name: object) -> str:
    """Return `name` in Unicode's composed form (NFC), stripped; any script is welcome.

    Raises:
        InputError: not text, empty, longer than 200 characters, or with characters that cannot be seen.

    Example:
        >>> checked_name("  Ada  ")
        'Ada'
    """
    if not isinstance(name, str):
        raise InputError(f"identity {name!r} is a {type(name).__name__}; give its name as text")
    ready = unicodedata.normalize("NFC", name).strip()
    if not ready:
        raise InputError(f"identity {name[:20]!r} is an empty name; give one with at least one visible character")
    if len(ready) > LONGEST_NAME:
        raise InputError(f"identity {ready[:20]!r}... has {len(ready)} characters; at most {LONGEST_NAME} are allowed")
    for character in ready:
        if unicodedata.category(character) in _FORBIDDEN or character in _BIDI:
            raise InputError(f"identity {ready!r} holds the control character U+{ord(character):04X}; remove it")
    return ready


def readable(source: object) -> str:
    """Return a source as text that UTF-8 can hold: file names may carry bytes that are no text."""
    if not isinstance(source, str):
        raise InputError(f"source {source!r} is a {type(source).__name__}; give text, for example the picture's path")
    return source.encode("utf-8", "backslashreplace").decode("utf-8")
