"""Times as people write them: `0.5s`, `2m`, `1h30m`; read, and printed as a clock shows them."""

from __future__ import annotations

import math
import re

from lookalike.errors import InputError

__all__ = ["clock_text", "parse_seconds"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min|m|h)"
_DURATION = re.compile(rf"\s*(?:{_PART}\s*)+", re.IGNORECASE)


def parse_seconds(text: str | float, what: str) -> float:
    """Seconds from what a person wrote.

    Args:
        text: a number of seconds, or for example `"0.5s"`, `"500ms"`, `"2m"`, `"1h30m"`.
        what: is meant, for the message, such as `"--every"`.

    Returns:
        at least 0, finite.

    Raises:
        InputError: no such time, or below 0.

    Example:
        >>> parse_seconds("1m30s", "--for"), parse_seconds("0.5", "--every")
        (90.0, 0.5)
    """
    if isinstance(text, str) and _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit.lower()] for number, unit in re.findall(_PART, text, re.IGNORECASE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InputError(f"{what} is {text!r}; give a time of at least 0, such as 0.5s, 10s or 2m")
    return seconds


def clock_text(seconds: float) -> str:
    """A time as a clock shows it: minutes, seconds and tenths; hours where there are any.

    Args:
        seconds: at least 0.

    Example:
        >>> clock_text(7.25), clock_text(59.97), clock_text(3723)
        ('0:07.2', '1:00.0', '1:02:03.0')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"
