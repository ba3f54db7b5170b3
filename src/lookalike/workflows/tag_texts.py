"""Tags and filters as they are typed: `site=Berlin`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["given_filter", "given_tags"]


def given_filter(where: Mapping[str, str | Sequence[str]] | Sequence[str] | None) -> dict[str, list[str]] | None:
    """A filter, given as such or as texts `KEY=VALUE`; a key that is named twice asks for one of its values.

    Raises:
        InputError: a text without `=`.

    Example:
        >>> given_filter(["site=Berlin", "site=Paris", "role=staff"])
        {'site': ['Berlin', 'Paris'], 'role': ['staff']}
    """
    if not where:
        return None
    if isinstance(where, Mapping):
        return {key: [values] if isinstance(values, str) else list(values) for key, values in where.items()}
    asked: dict[str, list[str]] = {}
    for text in where:
        key, value = _parts(text)
        asked.setdefault(key, []).append(value)
    return asked


def given_tags(tags: Mapping[str, str | None] | Sequence[str] | None) -> dict[str, str | None]:
    """Tags, given as such or as texts `KEY=VALUE`; a text `KEY=` takes one away.

    Raises:
        InputError: a text without `=`, or a key that is named twice.

    Example:
        >>> given_tags(["site=Berlin", "role="])
        {'site': 'Berlin', 'role': None}
    """
    from lookalike.errors import InputError

    if not tags:
        return {}
    if isinstance(tags, Mapping):
        return dict(tags)
    parts = [_parts(text) for text in tags]
    twice = [key for at, (key, _) in enumerate(parts) if key in [other for other, _ in parts[:at]]]
    if twice:
        raise InputError(f"the tag {twice[0]!r} is given twice; an identity has one value of it")
    return {key: value or None for key, value in parts}


def _parts(text: str) -> tuple[str, str]:
    from lookalike.errors import InputError

    key, found, value = text.partition("=")
    if not (key and found):
        raise InputError(f"the tag {text!r} is not KEY=VALUE; give one such as site=Berlin")
    return key, value
