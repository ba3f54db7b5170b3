"""Rates and intervals as a report writes them."""

from __future__ import annotations

from typing import Protocol

__all__ = ["number_range", "percent", "percent_range", "small_percent"]


class _Interval(Protocol):
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def percent(rate: float) -> str:
    """One decimal.

    Example:
        >>> percent(0.1234)
        '12.3%'
    """
    return f"{100 * rate:.1f}%"


def small_percent(rate: float) -> str:
    """One decimal from 1% on, below that three digits, however small.

    Example:
        >>> small_percent(0.000012345)
        '0.00123%'
    """
    return percent(rate) if rate >= 0.01 or rate == 0 else f"{100 * rate:.3g}%"


def percent_range(interval: _Interval | None) -> str:
    """The ends of an interval; empty where there is none.

    Example:
        >>> percent_range(Interval(0.1, 0.25))    # doctest: +SKIP
        '10.0% – 25.0%'
    """
    return "" if interval is None else f"{percent(interval.low)} – {percent(interval.high)}"


def number_range(interval: _Interval | None) -> str:
    """As `percent_range`, as numbers of three decimals."""
    return "" if interval is None else f"{interval.low:.3f} – {interval.high:.3f}"
