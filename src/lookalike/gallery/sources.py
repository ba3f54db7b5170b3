"""Sources of templates, as text that a gallery can store."""

from __future__ import annotations

from lookalike.errors import InputError

__all__ = ["readable"]


def readable(source: object) -> str:
    """Return a source as text that UTF-8 can hold: file names may carry bytes that are no text."""
    if not isinstance(source, str):
        raise InputError(f"source {source!r} is a {type(source).__name__}; give text, for example the picture's path")
    return source.encode("utf-8", "backslashreplace").decode("utf-8")
