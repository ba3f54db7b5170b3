"""A share of trials, and how far it may be from the true one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lookalike.errors import InputError

__all__ = ["Rate"]


@dataclass(frozen=True)
class Rate:
    """A share of independent trials, such as pictures of which no two are alike, and its 95% interval.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927). Unlike the usual
    ±1.96 standard errors it holds near 0 and 1, and never shrinks to a point.

    Example:
        >>> round(Rate.of(0, 20).high, 3)
        0.161
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Rate:
        """`hits` of `trials`.

        Raises:
            InputError: no trials, or hits that are not among them.
        """
        if not 0 <= hits <= trials or trials < 1:
            raise InputError(f"{hits} of {trials} is no share; expected at least one trial, and hits among them")
        p, z2 = hits / trials, 1.96**2
        middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
        half = 1.96 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
        # At 0 and 1 an end is the share itself, but for rounding.
        return cls(p, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))
