"""What counts as near, and how probable it is that two names are one person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.decisions.odds import MatchOdds, logistic
from lookalike.distances import MetricName
from lookalike.errors import InputError

__all__ = ["Rules"]

Floats = npt.NDArray[np.float64]

#: Two vectors at most this share of the threshold apart are of one picture. A share of a length: squared under cosine,
#: whose distance is half of a squared length.
COPY_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How distances are judged.

    Attributes:
        threshold: two templates match up to this distance: the recognizer's own threshold.
        odds: of a match at a distance; None where none were measured.
        repeated_share: share of names expected to be of a person who has another name here, too; and of templates
            expected to be under the wrong name. Above 0 and below 1.
        neighbourhood: look-alikes are looked for up to the threshold and this share of it beyond.
        neighbours: other identities that are looked at around each template, at least 1.
        sure: two names are called one person from this probability on.
        doubtful: below it they are called look-alikes; between, pictures have to decide. A template that less probably
            belongs to another identity is not called wrong.
        poor_quality: templates of a lower quality are poor; see `lookalike.embedder.face_quality`.

    Example:
        >>> rules = Rules(threshold=0.6, odds=MatchOdds(distances=(0.2, 0.8), log_ratios=(8.0, -8.0), cllr=0.1))
        >>> round(rules.probability(0.3, templates=1, identities=100), 2)
        0.1
        >>> round(rules.probability(0.3, templates=4, identities=100), 2)
        0.96
    """

    threshold: float
    odds: MatchOdds | None = None
    repeated_share: float = 0.05
    neighbourhood: float = 0.1
    neighbours: int = 5
    sure: float = 0.75
    doubtful: float = 0.05
    poor_quality: float = 0.25

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise InputError(f"threshold is {self.threshold}; expected a distance, such as 0.6")
        if not 0 < self.repeated_share < 1:
            raise InputError(f"repeated_share is {self.repeated_share}; expected above 0 and below 1, such as 0.05")
        if not 0 <= self.neighbourhood < math.inf:
            raise InputError(f"neighbourhood is {self.neighbourhood}; expected a share of at least 0, such as 0.1")
        if self.neighbours < 1:
            raise InputError(f"neighbours is {self.neighbours}; expected at least 1 identity around each template")
        if not 0 <= self.doubtful <= self.sure <= 1:
            raise InputError(
                f"doubtful is {self.doubtful} and sure {self.sure}; expected probabilities, the first not above the "
                "second"
            )

    @property
    def limit(self) -> float:
        """The distance up to which look-alikes are looked for."""
        return self.threshold + self.neighbourhood * abs(self.threshold)

    def copy_limit(self, metric: MetricName) -> float:
        """The distance up to which two vectors are of one picture; below 0 under a metric without a least distance."""
        if metric == "inner_product":
            return -math.inf
        return max(0.0, self.threshold) * (COPY_SHARE**2 if metric == "cosine" else COPY_SHARE)

    def probability(self, distance: float, templates: int, identities: int) -> float | None:
        """That two identities are one person; None without odds.

        Pairs of templates share templates and people, so `m` templates on either side are worth more than one
        comparison and less than `m`. The typical pair counts `sqrt(m)` times: `benchmarks/doctor.py worth` found 1.7 to
        1.9 times for two templates of faces and 1.6 of generated vectors, and more for three.

        Args:
            distance: of the typical pair: more than half of all pairs are at most so far apart.
            templates: of the identity that has fewer.
            identities: in the gallery, at least 2. Beforehand each of the others is equally likely.
        """
        if self.odds is None:
            return None
        return logistic(math.sqrt(templates) * self.odds.log_ratio(distance) + self._prior(identities))

    def wrong_name_probability(self, other: float, own: float, identities: int) -> float | None:
        """That a template belongs to another identity rather than to its own; None without odds.

        Args:
            other: its typical distance to the other identity's templates.
            own: to the others of its own.
            identities: in the gallery, at least 2.
        """
        if self.odds is None:
            return None
        return logistic(self.odds.log_ratio(other) - self.odds.log_ratio(own) + self._prior(identities))

    def _prior(self, identities: int) -> float:
        """Natural logarithm of the odds of one of the other identities, beforehand."""
        return math.log(self.repeated_share / (1 - self.repeated_share) / max(1, identities - 1))
