"""How many genuine pairs are missed at a distance: the false non-match rate as a curve, kept in `calibration.json`."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["MissCurve"]

Rate = Annotated[float, Field(ge=0, le=1)]


class MissCurve(BaseModel):
    """The false non-match rate over distances, with its 95% interval over identities.

    Attributes:
        distances: ascending grid.
        fnmr: share of genuine pairs farther than each.
        low: lower end of the interval.
        high: upper end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    distances: Annotated[tuple[float, ...], Field(min_length=1, max_length=500)]
    fnmr: tuple[Rate, ...]
    low: tuple[Rate, ...]
    high: tuple[Rate, ...]

    @model_validator(mode="after")
    def _one_length(self) -> MissCurve:
        if not len(self.distances) == len(self.fnmr) == len(self.low) == len(self.high):
            raise ValueError("distances, fnmr, low and high differ in length")
        if any(b <= a for a, b in pairwise(self.distances)):
            raise ValueError("distances do not rise")
        return self

    def at(self, distance: float) -> tuple[float, float, float]:
        """FNMR at a distance, and its interval; straight between points, and all missed below the first of them."""
        if distance < self.distances[0]:
            return 1.0, self.low[0], 1.0
        after = bisect_right(self.distances, distance)
        if after == len(self.distances):
            return self.fnmr[-1], self.low[-1], self.high[-1]
        left, right = self.distances[after - 1], self.distances[after]
        share = (distance - left) / (right - left)
        fnmr, low, high = (c[after - 1] + share * (c[after] - c[after - 1]) for c in (self.fnmr, self.low, self.high))
        return fnmr, low, high
