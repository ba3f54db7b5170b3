"""How much a distance speaks for one identity rather than two, and the probability that follows.

The *likelihood ratio* at a distance is how many times more often genuine pairs lie there than impostor pairs. It does
not depend on how often one expects a match; the probability does, through the prior (Bayes). `MatchOdds` holds the
logarithm on a small grid of distances; `lookalike.evaluation.calibration.match_probability` fits it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lookalike.errors import InputError

__all__ = ["DEFAULT_MATED_SHARE", "MatchOdds", "logistic"]

#: How many searches are expected to be of somebody enrolled, where nothing is known.
DEFAULT_MATED_SHARE = 0.5


class MatchOdds(BaseModel):
    """Natural logarithm of the likelihood ratio, falling over an ascending grid of distances.

    Attributes:
        distances: the grid.
        log_ratios: at each distance; straight between them. Outside the grid nobody was measured: there the straight
            line from the grid's first point to its last gives the slope, so that a smaller distance always speaks more
            for a match (unless all of the grid says the same). Finite at every finite distance.
        cllr: cost of the log likelihood ratios on the pairs they were fitted to, in bits (Brümmer & du Preez 2006);
            0 is perfect, 1 says nothing.

    Example:
        >>> odds = MatchOdds(distances=(0.2, 0.6), log_ratios=(4.0, -4.0), cllr=0.1)
        >>> round(odds.probability(0.2), 3), round(odds.probability(0.2, prior=0.01), 3)
        (0.982, 0.355)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    distances: Annotated[tuple[float, ...], Field(min_length=1, max_length=500)]
    log_ratios: tuple[float, ...]
    cllr: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _falls(self) -> MatchOdds:
        if len(self.distances) != len(self.log_ratios):
            raise ValueError("distances and log_ratios differ in length")
        if any(b <= a for a, b in pairwise(self.distances)):
            raise ValueError("distances do not rise")
        if any(b > a for a, b in pairwise(self.log_ratios)):
            raise ValueError("a larger distance speaks more for a match")
        return self

    def log_ratio(self, distance: float) -> float:
        """Natural logarithm of genuine to impostor density at a distance; never rises with the distance."""
        first, last = self.distances[0], self.distances[-1]
        if distance < first:
            return self.log_ratios[0] + self._beyond(first - distance)
        if distance >= last:
            return self.log_ratios[-1] - self._beyond(distance - last)
        after = bisect_right(self.distances, distance)
        left, right = self.distances[after - 1], self.distances[after]
        share = (distance - left) / (right - left)
        return self.log_ratios[after - 1] * (1 - share) + self.log_ratios[after] * share

    def _beyond(self, distance: float) -> float:
        """What the logarithm changes by, so far outside the grid."""
        fall = self.log_ratios[0] - self.log_ratios[-1]
        return fall * (distance / (self.distances[-1] - self.distances[0])) if fall else 0.0

    def probability(self, distance: float, prior: float = 0.5) -> float:
        """Probability that two pictures at a distance show one identity.

        Args:
            distance: between them.
            prior: of a match, before looking; above 0 and below 1.
        """
        if not 0 < prior < 1:
            raise InputError(f"the prior probability of a match is {prior}; expected above 0 and below 1, such as 0.5")
        return logistic(self.log_ratio(distance) + math.log(prior) - math.log1p(-prior))

    def among(
        self, distances: Sequence[float], identities: int, mated_share: float = DEFAULT_MATED_SHARE
    ) -> tuple[float, ...]:
        """Probability of each candidate of a search to be the probe's mate, by Bayes over all who are enrolled.

        Everybody enrolled is equally likely beforehand; nobody has the rest. Look-alikes share: two candidates at one
        distance cannot both have more than half. Those not listed count as if they lay at the last listed distance,
        but no more than an impostor does on average.

        Args:
            distances: of the nearest identities, ascending.
            identities: how many are enrolled, at least those listed.
            mated_share: share of searches that are of somebody enrolled.
        """
        if not 0 < mated_share < 1:
            raise InputError(f"the share of mated searches is {mated_share}; expected above 0 and below 1, such as 0.5")
        if identities < len(distances):
            raise InputError(f"{len(distances)} candidates of {identities} identities were given; there are more")
        if not distances:
            return ()
        logs = [self.log_ratio(distance) for distance in distances]
        rest = (identities - len(distances)) * math.exp(min(logs[-1], 0.0))
        nobody = identities * (1 - mated_share) / mated_share
        highest = max(*logs, 0.0)
        total = math.fsum(math.exp(one - highest) for one in logs) + (rest + nobody) * math.exp(-highest)
        return tuple(math.exp(one - highest) / total for one in logs)


def logistic(log_odds: float) -> float:
    """A probability above 0 and below 1: where it would round to either, the nearest number that is neither."""
    if log_odds < 0:
        odds = math.exp(max(log_odds, -700.0))
        return odds / (1 + odds)
    return min(1 / (1 + math.exp(-log_odds)), math.nextafter(1.0, 0.0))
