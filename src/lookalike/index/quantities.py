"""Counts and sizes as people write them: `100M` vectors, `24GiB` of memory; read, and printed for people."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import ByteSize, TypeAdapter

from lookalike.errors import InputError

__all__ = ["count_text", "needed_text", "parse_count", "parse_size", "short_text", "size_text"]

_NUMBER = r"\s*(\d+(?:[_,]\d{3})*(?:\.\d+)?|\.\d+)(e[+]?\d+)?\s*"
_COUNT = re.compile(_NUMBER + r"(k|thousand|m|mio|million|g|b|bn|billion)?\s*", re.IGNORECASE)
#: Checked before pydantic reads the unit: it ignores what follows a number, and would read "1,000MB" as one byte.
_SIZE = re.compile(_NUMBER + r"((?:[kmgtp]i?)?)(?:b|bytes?)?\s*", re.IGNORECASE)
_BYTES = TypeAdapter(ByteSize)
_COUNT_UNITS = {"k": 3, "thousand": 3, "m": 6, "mio": 6, "million": 6, "g": 9, "b": 9, "bn": 9, "billion": 9}
#: Above it a count or size is a mistake, and no array could hold it.
_LARGEST = 2**62


def _number(match: re.Match[str]) -> float:
    return float(re.sub("[_,]", "", match[1]) + (match[2] or ""))


def _whole(value: float, text: str, what: str) -> int:
    if not 1 <= value <= _LARGEST:
        raise InputError(f"{what} {text!r} is out of range; give at least 1 and less than 2**62")
    if abs(value - round(value)) > 1e-6 * value:
        raise InputError(f"{what} {text!r} is not a whole number; give for example 100000 or 1.5M")
    return round(value)


def parse_count(text: str | int | float) -> int:
    """A number of vectors from what a person wrote.

    Args:
        text: an integer, or for example `"100M"`, `"1e6"`, `"2.5 million"`, `"20k"`, `"1_000_000"`, `"1,000,000"`;
            k is thousand, M million, G or B (billion) thousand millions; case does not matter.

    Raises:
        InputError: no such number, not whole, below 1 or absurdly large.

    Example:
        >>> parse_count("1.5M")
        1500000
    """
    if not isinstance(text, str):
        return _plain(text, "the number of vectors")
    match = _COUNT.fullmatch(text)
    if match is None:
        raise InputError(f"the number of vectors {text!r} is not a count; give for example 100000, 1e6, 20k or 100M")
    return _whole(_number(match) * 10 ** _COUNT_UNITS.get((match[3] or "").lower(), 0), text, "the number of vectors")


def parse_size(text: str | int | float) -> int:
    """Bytes from what a person wrote.

    Args:
        text: bytes as an integer, or for example `"24GiB"`, `"80GB"`, `"512 MiB"`, `"4G"`; KiB, MiB, GiB, TiB are
            powers of 1024, kB, MB, GB, TB (and k, M, G, T alone) powers of 1000.

    Raises:
        InputError: no such size, below 1 byte or absurdly large.

    Example:
        >>> parse_size("512 MiB"), parse_size("80GB")
        (536870912, 80000000000)
    """
    if not isinstance(text, str):
        return _plain(text, "the size")
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InputError(f"the size {text!r} is not one; give for example 24GiB, 80GB, 512MiB or a number of bytes")
    value = _number(match) * _BYTES.validate_python(f"1{match[3]}B")
    # A fraction of a byte comes from decimals such as 0.3GiB and means nothing.
    return _whole(round(value) if value <= _LARGEST else value, text, "the size")


def _plain(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InputError(f"{what} is {value!r}; give a number or text such as 100M or 24GiB")
    return _whole(float(value) if isinstance(value, float) else value, str(value), what)


def count_text(count: int) -> str:
    """A count for people, at most 3 digits and never more than there are.

    Example:
        >>> count_text(100_000_000), count_text(1_234_567), count_text(950)
        ('100M', '1.23M', '950')
    """
    for power, unit in ((9, "G"), (6, "M"), (3, "k")):
        if count >= 10**power:
            return f"{_three_digits(count, 10**power)}{unit}"
    return str(count)


def size_text(size: int) -> str:
    """Bytes for people, in powers of 1024, at most 3 digits.

    Example:
        >>> size_text(536_870_912), size_text(25_600_000_000), size_text(10)
        ('512 MiB', '23.8 GiB', '10 B')
    """
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power:
            return f"{_three_digits(size, 1024**power)} {unit}"
    return f"{size} B"


def needed_text(size: float) -> str:
    """Bytes that are needed, for people: a hundredth more, for `size_text` cuts digits and would understate them.

    Example:
        >>> needed_text(25_600_000_000)
        '24 GiB'
    """
    return size_text(math.ceil(size * 1.01))


def short_text(value: float, thousands: Literal["", ","] = "") -> str:
    """A number for a cell of a table: two digits, or whole from 10 on; `thousands` separates groups of digits.

    Example:
        >>> short_text(0.0612), short_text(9.26), short_text(1234), short_text(1234, thousands=",")
        ('0.061', '9.3', '1234', '1,234')
    """
    return f"{value:.2g}" if value < 10 else f"{value:{thousands}.0f}"


def _three_digits(number: int, unit: int) -> str:
    decimals = 2 if number < 10 * unit else 1 if number < 100 * unit else 0
    # Cut, not rounded: 999,999 must not become 1000k, and nothing is shown larger than it is. Integers, for exactness.
    whole, rest = divmod(number * 10**decimals // unit, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
