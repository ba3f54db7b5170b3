"""How often impostors come near: from a false alarm rate to a distance, for a gallery of any size.

The more templates a gallery holds, the more comparisons a search makes, and the smaller the distance that keeps its
false alarm rate. `ImpostorTail` holds the few numbers that say how small: it is fitted by
`lookalike.evaluation.calibration.impostor_tail`, lives in `calibration.json`, and is read here without NumPy or SciPy.

A search compares one probe p with T templates; given p, these are independent draws, so it alarms with probability
1 - (1 - F_p)^T, where F_p is the probe's own false match rate. Some probes are near to everybody (*wolves*, Doddington
et al. 1998), so FPIR is the mean of that over probes, which is *not* 1 - (1 - FMR)^T. But the latter is a bound: the
function is concave, so by Jensen's inequality unequal probes can only lower the mean. Thresholds use the bound; what is
expected uses F_p spread like a gamma distribution with the variance measured, and gives 1 - (1 + w T FMR)^(-1/w).

Several templates of one identity are counted each, as if they were of different people: again a bound. Where all
templates of an identity make one distance (`decisions.template_scoring`: mean, set), the tail is of such distances, and
T counts identities.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lookalike.decisions.promise import Promise
from lookalike.errors import InputError

__all__ = ["ImpostorTail"]

Rate = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

#: So many pairs of identities in the tail make a fitted shape; below, the tail is a guess outside of the data.
ENOUGH_EXCEEDANCES = 50
#: A rate so many times below one error in all impostor pairs is still promised: in simulations the bound then held
#: in 95 of 100 calibrations (benchmarks/promise_kept.py, docs/evaluation.md).
PROMISED_EXTRAPOLATION = 100.0
#: And one so many times below is no longer answered at all.
LARGEST_EXTRAPOLATION = 10_000.0
#: The same where the tail has fewer than `ENOUGH_EXCEEDANCES`.
LARGEST_EXTRAPOLATION_OF_FEW = 100.0
#: A dispersion up to this is none: the formulas' limit, which rounding would spoil.
ALIKE = 1e-9


class ImpostorTail(BaseModel):
    """How often impostors come near: the false match rate at small distances, down to where nobody was measured.

    Attributes:
        start: the distance u below which the tail is modelled (peaks over threshold).
        start_rate: the false match rate at `start`.
        logarithmic: the tail is one of log(u / distance), else of u - distance.
        scale: of the generalised Pareto distribution.
        shape: of it; negative ends at a finite distance, 0 is exponential, positive is heavier.
        exceedances: impostor pairs nearer than `start`.
        identity_pairs: how many different pairs of identities they belong to.
        impostor_pairs: how many were measured in all.
        dispersion: squared coefficient of variation of the probes' own false match rates at `start`; 0 when all
            probes are alike.
        distances: ascending grid.
        rates: expected false match rate at each of them; never below the measured one.
        upper: upper 95% confidence bound of it, by bootstrap over identities.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: float
    start_rate: Rate
    logarithmic: bool
    scale: Annotated[float, Field(gt=0)]
    shape: float
    exceedances: Count
    identity_pairs: Count
    impostor_pairs: Annotated[int, Field(ge=1)]
    dispersion: Annotated[float, Field(ge=0)]
    distances: Annotated[tuple[float, ...], Field(min_length=2, max_length=500)]
    rates: tuple[Annotated[float, Field(gt=0, le=1)], ...]
    upper: tuple[Annotated[float, Field(gt=0, le=1)], ...]

    @model_validator(mode="after")
    def _curves_rise(self) -> ImpostorTail:
        if not len(self.distances) == len(self.rates) == len(self.upper):
            raise ValueError("distances, rates and upper differ in length")
        if any(b <= a for a, b in pairwise(self.distances)):
            raise ValueError("distances do not rise")
        for curve in (self.rates, self.upper):
            if any(b < a for a, b in pairwise(curve)):
                raise ValueError("a false match rate falls while the distance rises")
        if any(high < rate for rate, high in zip(self.rates, self.upper, strict=True)):
            raise ValueError("an upper bound is below its rate")
        return self

    @property
    def smallest_rate(self) -> float:
        """The smallest false match rate that is answered."""
        few = self.identity_pairs < ENOUGH_EXCEEDANCES
        return 1 / (self.impostor_pairs * (LARGEST_EXTRAPOLATION_OF_FEW if few else LARGEST_EXTRAPOLATION))

    def rate(self, distance: float) -> float:
        """Expected false match rate at a distance; beyond the grid, that of its nearest end."""
        return _read(self.distances, self.rates, distance)

    def upper_rate(self, distance: float) -> float:
        """Upper 95% confidence bound of the false match rate at a distance."""
        return _read(self.distances, self.upper, distance)

    def fpir(self, distance: float, templates: int) -> float:
        """Expected share of strangers' searches among `templates` that name anybody."""
        return self._mixed(self.rate(distance), templates)

    def upper_fpir(self, distance: float, templates: int) -> float:
        """Upper 95% confidence bound of that share, whoever the probes are."""
        return -math.expm1(templates * math.log1p(-min(self.upper_rate(distance), 1 - 1e-16)))

    def is_sufficient(self, rate: float) -> bool:
        """Whether the data carry a false match rate: 10 errors measured, or a well-founded tail not read too far."""
        if rate * self.impostor_pairs >= 10 and self.exceedances >= 10:
            return True
        enough = self.identity_pairs >= ENOUGH_EXCEEDANCES
        return enough and rate * self.impostor_pairs * PROMISED_EXTRAPOLATION >= 1

    def threshold_for(self, promise: Promise, templates: int = 1, counted: str = "templates") -> tuple[float, float]:
        """The distance that keeps a promise with 95% confidence, and the larger one that is expected to.

        Args:
            promise: to be kept.
            templates: compared in a search.
            counted: what these are called in messages.

        Raises:
            InputError: the promise is too far beyond the data; the message says how far, and what they carry.
        """
        rate = promise.comparison_rate(templates)
        if rate < self.smallest_rate:
            beyond = 1 / (rate * self.impostor_pairs)
            what = f"{promise} needs a false match rate of {rate:.2g}"
            if promise.kind == "fpir":
                most = int(math.log1p(-promise.rate) / math.log1p(-self.smallest_rate))
                what = f"{promise} among {templates:,} {counted} needs a false match rate of {rate:.2g}"
                advice = f"ask for a higher rate, keep to {most:,} {counted}, or calibrate on more identities"
            else:
                advice = f"ask for at least {self.smallest_rate:.2g}, or calibrate on more identities"
            raise InputError(f"{what}, {beyond:,.0f} times beyond {self.impostor_pairs:,} impostor pairs; {advice}")
        likely_rate = rate
        if promise.kind == "fpir" and self.dispersion > ALIKE:
            # The inverse of _mixed; a promise near 1 with very unequal probes would overflow.
            exponent = min(-self.dispersion * math.log1p(-promise.rate), 700.0)
            likely_rate = max(rate, math.expm1(exponent) / (self.dispersion * max(1, templates)))
        safe = _reach(self.distances, self.upper, rate)
        return safe, max(safe, _reach(self.distances, self.rates, likely_rate))

    def _mixed(self, rate: float, templates: int) -> float:
        if self.dispersion <= ALIKE:
            return -math.expm1(templates * math.log1p(-min(rate, 1 - 1e-16)))
        return -math.expm1(-math.log1p(self.dispersion * templates * rate) / self.dispersion)


def _read(distances: Sequence[float], rates: Sequence[float], distance: float) -> float:
    """The rate at a distance, straight in its logarithm between the points of the grid."""
    after = bisect_right(distances, distance)
    if after in (0, len(distances)):
        return rates[min(after, len(distances) - 1)]
    left, right = distances[after - 1], distances[after]
    share = (distance - left) / (right - left)
    return math.exp(math.log(rates[after - 1]) * (1 - share) + math.log(rates[after]) * share)


def _reach(distances: Sequence[float], rates: Sequence[float], rate: float) -> float:
    """The largest distance of the grid's curve whose rate is at most `rate`; just below the grid where none is."""
    after = bisect_right(rates, rate)
    if after == 0:
        return math.nextafter(distances[0], -math.inf)
    if after == len(rates):
        return distances[-1]
    low, high = math.log(rates[after - 1]), math.log(rates[after])
    share = (math.log(rate) - low) / (high - low)
    found = distances[after - 1] + share * (distances[after] - distances[after - 1])
    while _read(distances, rates, found) > rate:  # rounding, by a last digit or two
        found = math.nextafter(found, -math.inf)
    return max(found, distances[after - 1])
