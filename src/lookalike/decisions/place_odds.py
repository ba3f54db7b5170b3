"""How probable it is that a photo shows its best guess of a place, as places held out at enrolment measured it.

A photo may show one of the enrolled places, a place that is not enrolled, or no place at all; and of the enrolled ones
it may be another that looks like it. So the odds of a candidate stand beside those of all other candidates and of
"none of these", which are 1 (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974): candidates
share what there is, and never have more than all. `lookalike.evaluation.calibration.place_odds` fits them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["NON_LANDMARK_SHARE", "UNKNOWN_PLACE_SHARE", "PlaceOdds"]

#: Shares of photos asked about that show a place which is not enrolled, and no place at all, where nothing is known.
UNKNOWN_PLACE_SHARE = 0.25
NON_LANDMARK_SHARE = 0.25

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0)]


class PlaceOdds(BaseModel):
    """Probabilities of candidates from their margins: how much nearer than its threshold each is.

    Attributes:
        offset: natural logarithm of the odds of a candidate at margin 0 against "none of these".
        slope: what a margin of 1 adds to it.
        ceiling: what no probability reaches, however near a photo is: the next unknown place may look the same.
        unknown_places: share of photos that are taken to show a place which is not enrolled.
        non_landmarks: share of photos that are taken to show none. The rest shows enrolled places.
        places: how many were held out.
        photos: of these places.
        others: photos without a landmark among the questions.

    Example:
        >>> odds = PlaceOdds(offset=1.0, slope=20.0, ceiling=0.99, places=98, photos=900, others=300)
        >>> [round(one, 2) for one in odds.among([0.2, -0.1])], [round(one, 2) for one in odds.among([0.2, 0.2])]
        ([0.98, 0.0], [0.49, 0.49])
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    offset: float
    slope: Annotated[float, Field(ge=0)]
    ceiling: Annotated[float, Field(gt=0, lt=1)]
    unknown_places: Share = UNKNOWN_PLACE_SHARE
    non_landmarks: Share = NON_LANDMARK_SHARE
    places: Count
    photos: Count
    others: Count

    @model_validator(mode="after")
    def _some_are_known(self) -> PlaceOdds:
        if self.unknown_places + self.non_landmarks >= 1:
            raise ValueError("the shares of unknown places and of non-landmarks leave none for enrolled places")
        return self

    def among(self, margins: Sequence[float]) -> tuple[float, ...]:
        """The probability of each candidate to be what the photo shows: each rises with its own margin, and falls with
        every other one.

        Args:
            margins: of all candidates, in any order; minus infinity counts for nothing.
        """
        logs = [self.offset + self.slope * margin if margin > -math.inf else -math.inf for margin in margins]
        highest = max([0.0, *logs])
        total = math.fsum(math.exp(one - highest) for one in logs) + math.exp(-highest)
        return tuple(self.ceiling * math.exp(one - highest) / total for one in logs)
