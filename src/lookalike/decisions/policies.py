"""How distances become an answer: match, ambiguous or unknown.

Three policies. A *fixed threshold* is a distance that was measured, documented or given. A *promised threshold* keeps a
rate of false alarms, per search it follows the size of the gallery. *Open-set rejection* gives every identity a
threshold of its own, by how densely things that are no identity lie around it and around the probe. The first two
(`ThresholdPolicy`) decide by `decide`, with a `RivalRule` between two identities within the threshold; the third is
`OpenSetRejection`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lookalike.decisions.calibration import Calibration
from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.promise import Promise, PromisedThreshold
from lookalike.errors import InputError, UnknownIdentityError

__all__ = [
    "Decision",
    "FixedThreshold",
    "Limits",
    "OpenSetDecision",
    "OpenSetRejection",
    "PromisePolicy",
    "RivalRule",
    "Threshold",
    "ThresholdPolicy",
    "decide",
    "given_threshold",
    "measured_threshold",
]

#: `unknown` is nobody in the gallery or, of two pictures, different identities.
Decision = Literal["match", "ambiguous", "unknown"]

#: Natural logarithm of how many times likelier than the second identity the first has to be, where both are within the
#: threshold: nine to one.
CLEARLY_LIKELIER = math.log(9)
#: In place of that where no odds were measured: the second has to be farther by this share of the threshold.
MARGIN_SHARE = 0.05
#: Farther by this share of the threshold, the second is never a rival. Odds measured on some forty identities or more
#: say so by themselves; those of fewer people say too little of any two distances.
CLEAR_SHARE = 0.5
#: Nor where the first is so many times nearer (or at distance 0): that is an enrolled picture itself, or all but it,
#: and the odds of ordinary pairs of pictures have no say.
MANY_TIMES_NEARER = 20
#: Distances of equal vectors differ by so much in float32: whose threshold is the user's own, only they are ambiguous.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Threshold:
    """The distance up to which two pictures match, and where that number comes from."""

    distance: float
    source: str


def given_threshold(distance: float, metric: str) -> Threshold:
    """A threshold of the user's own.

    Raises:
        InputError: it is no distance, or negative where the metric has no negative distances.

    Example:
        >>> given_threshold(0.5, "cosine")
        Threshold(distance=0.5, source='given by the user')
    """
    if not math.isfinite(distance):
        raise InputError(f"threshold is {distance}; expected a distance, such as 0.5")
    if distance < 0 and metric != "inner_product":
        raise InputError(f"threshold is {distance}, and no {metric} distance is negative; give one of at least 0")
    return Threshold(distance, "given by the user")


def measured_threshold(calibration: Calibration, target_fmr: float | None = None) -> Threshold:
    """The threshold that was measured for a false match rate; by default the calibration's own.

    Raises:
        InputError: nothing was measured for the rate; lists those that were.
    """
    point = calibration.point(target_fmr)
    return Threshold(point.threshold, calibration.in_words(point))


@dataclass(frozen=True)
class Limits:
    """Where matches end in a search, where ambiguity does, and the promise behind them.

    Attributes:
        threshold: a match is a distance of at most this.
        likely: beyond it an identity is refused; what lies between is ambiguous. At least the threshold.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
    """

    threshold: Threshold
    likely: float
    promised: PromisedThreshold | None = None


class ThresholdPolicy(Protocol):
    """Where the limits of a search come from."""

    def limits(self, templates: int) -> Limits:
        """The limits of a search that compares so many templates; 1 for two pictures."""


@dataclass(frozen=True)
class FixedThreshold:
    """A distance that was measured, documented or given, whatever the gallery's size."""

    threshold: Threshold

    def limits(self, templates: int) -> Limits:
        """The same for any number of templates."""
        return Limits(self.threshold, self.threshold.distance)


@dataclass(frozen=True)
class PromisePolicy:
    """The threshold that keeps a promise with 95% confidence; per search, it follows the gallery's size.

    Example:
        >>> PromisePolicy(calibration, Promise("fpir", 0.001)).limits(10_000).threshold.distance    # doctest: +SKIP
        0.31
    """

    calibration: Calibration
    promise: Promise

    def limits(self, templates: int) -> Limits:
        """The limits among so many templates.

        Raises:
            InputError: no tail was fitted, or the promise is too far beyond the data.
        """
        promised = self.calibration.promised(self.promise, templates)
        return Limits(Threshold(promised.threshold, promised.source), promised.likely, promised)


@dataclass(frozen=True)
class RivalRule:
    """When the first of two identities within the threshold is plainly the nearer one.

    Attributes:
        margin: the second must be farther by more than this; None for the rules below.
        given: the threshold is the user's own: then nearer at all is enough.
        odds: of a match; without, the second must be farther by a share of the threshold.
        bounded: distances have a least value, which only equal pictures reach (not so `inner_product`).
    """

    margin: float | None = None
    given: bool = False
    odds: MatchOdds | None = None
    bounded: bool = True

    def is_clear(self, first: float, second: float, threshold: float) -> bool:
        """Whether the first distance is plainly the smaller one.

        With the second where it is, a nearer first is never less clear: each of the rules holds at a distance wherever
        it holds at a larger one, and which of them apply does not depend on the first.
        """
        apart = second - first
        if self.margin is not None:
            return apart > self.margin
        if self.given:
            return apart > ROUNDING * max(1.0, abs(first))
        limit = abs(threshold)
        if self.odds is None:
            return apart > MARGIN_SHARE * limit
        if self.bounded and MANY_TIMES_NEARER * first <= second and apart > MARGIN_SHARE * limit:
            return True
        likelier = self.odds.log_ratio(first) - self.odds.log_ratio(second)
        return apart > CLEAR_SHARE * limit or likelier >= CLEARLY_LIKELIER


def decide(distances: Sequence[float], limits: Limits, rivals: RivalRule) -> Decision:
    """The answer to a search, from the distances of the nearest identities.

    Args:
        distances: ascending, of at least the two nearest identities where there are two.
        limits: of this search.
        rivals: decides between two identities within the threshold.

    Example:
        >>> decide([0.2, 0.9], FixedThreshold(Threshold(0.5, "given")).limits(1), RivalRule())
        'match'
    """
    if not distances or distances[0] > limits.likely:
        return "unknown"
    threshold = limits.threshold.distance
    if distances[0] > threshold:
        return "ambiguous"
    # A second identity that the promise refuses anyway is no rival.
    second = distances[1] if len(distances) > 1 else math.inf
    if second <= threshold and not rivals.is_clear(distances[0], second, threshold):
        return "ambiguous"
    return "match"


@dataclass(frozen=True)
class OpenSetDecision:
    """What a probe of an open set shows.

    Attributes:
        decision: `match`: the first of `order`; `ambiguous`: two are accepted and neither is clearly better; or
            `unknown`: none is accepted.
        order: positions of the candidates, accepted ones before all others, each group by its ranking.
        limits: of every candidate, as they were given: the largest distance at which this probe is accepted.
    """

    decision: Decision
    order: tuple[int, ...]
    limits: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class OpenSetRejection:
    """A threshold for every identity: the promise's, less the densities around the identity and around the probe.

    Attributes:
        threshold: of distances to which both weighted densities are added.
        query_weight: of the density around a probe.
        place_weight: of the density around an identity.
        densities: of every identity.
        bounds: the largest distance accepted, whatever the densities; of the identities that have one.

    Example:
        >>> rule = OpenSetRejection(0.5, 1.0, 0.5, {"church": 0.2, "bridge": 0.0}, {})
        >>> rule.decide(["church", "bridge"], [0.2, 0.45], [0.2, 0.45], density=0.1)
        OpenSetDecision(decision='match', order=(0, 1), limits=(0.30000000000000004, 0.4))
    """

    threshold: float
    query_weight: float
    place_weight: float
    densities: Mapping[str, float]
    bounds: Mapping[str, float]

    def threshold_of(self, identity: str) -> float:
        """The identity's own threshold: accepted is ``distance + query_weight * density(probe)`` of at most this.

        Raises:
            UnknownIdentityError: no threshold was fitted to the identity.
        """
        if identity not in self.densities:
            raise UnknownIdentityError(
                f"no threshold was fitted for place {identity!r} ({len(self.densities):,} places have one); fit them "
                "again"
            )
        return self.threshold - self.place_weight * self.densities[identity]

    def offset_of(self, identity: str) -> float:
        """What the global threshold is above the identity's own: to be added to distances that are compared."""
        return self.threshold - self.threshold_of(identity)

    def limit(self, identity: str, density: float) -> float:
        """The largest distance accepted of an identity, for a probe with such a density around it."""
        own = self.threshold_of(identity) - self.query_weight * density
        return min(own, self.bounds.get(identity, math.inf))

    def decide(
        self, identities: Sequence[str], distances: Sequence[float], rankings: Sequence[float], density: float
    ) -> OpenSetDecision:
        """The answer to a search.

        Args:
            identities: candidates, each once, sorted by ranking, the smallest first. With a weight on the density of
                identities the best need not be the nearest, so give some ten.
            distances: from each.
            rankings: what candidates are sorted by: a distance plus `offset_of` the identity. Whether an identity is
                accepted, the distance alone says.
            density: around the probe.

        Raises:
            UnknownIdentityError: no threshold was fitted to an identity; fit again after some were added.
        """
        limits = tuple(self.limit(identity, density) for identity in identities)
        accepted = [distance <= limit for distance, limit in zip(distances, limits, strict=True)]
        order = tuple(sorted(range(len(limits)), key=lambda at: not accepted[at]))
        decision: Decision = "match" if any(accepted) else "unknown"
        if sum(accepted) > 1:
            behind = rankings[order[1]] - rankings[order[0]]
            if behind <= MARGIN_SHARE * abs(limits[order[0]]):
                decision = "ambiguous"
        return OpenSetDecision(decision, order, limits)
