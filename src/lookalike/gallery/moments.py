"""Moments as a gallery stores them: ISO 8601 in UTC with milliseconds, so that the order of texts is that of time."""

from __future__ import annotations

from datetime import UTC, datetime

from lookalike.errors import InputError

__all__ = ["now", "utc_moment"]


def now() -> str:
    """This moment."""
    return _text(datetime.now(UTC))


def utc_moment(given: datetime | str) -> str:
    """A moment as it is stored.

    Args:
        given: a `datetime`, or a date or a time as ISO 8601 text; without an offset UTC.

    Raises:
        InputError: it is neither.

    Example:
        >>> utc_moment("2025-01-31")
        '2025-01-31T00:00:00.000+00:00'
    """
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(given)
        return _text(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{given!r} is no date or time; give one as 2025-01-31 or 2025-01-31T08:30:00+02:00 (ISO 8601)"
        ) from None


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
