"""Fit the odds of places (`decisions.place_odds`) to questions whose answers are known.

Maximum likelihood of a conditional logit with the outside option "none of these". A question weighs as its kind is
expected among the photos of users, whatever the numbers that happened to be held out, and a place's photos count as one
observation: they were taken of one building.

However near a photo is, it may show a look-alike that nobody enrolled. So probabilities rise to a ceiling, which is
fitted as well (the *lapse rate* of psychometric functions: Wichmann & Hill, "The psychometric function: I", 2001).

Few places fit anything: where all held-out photos were told apart, the slope of greatest likelihood is infinite.
So two questions are added: one whose guess is wrong although its margin is in the upper quarter of the right ones, and
one that is right in the lower quarter of the wrong ones. Each weighs half as much as one observation of those among
which it stands: an enrolled place, or a place held out or a photo without a landmark. With hundreds of places they
hardly count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from lookalike.decisions.place_odds import NON_LANDMARK_SHARE, UNKNOWN_PLACE_SHARE, PlaceOdds
from lookalike.errors import InputError, VectorError

__all__ = ["NO_PLACE", "PlaceQuestions", "fit_place_odds"]

Floats = npt.NDArray[np.float64]

#: What `PlaceQuestions.right` says where no candidate is right.
NO_PLACE = -1
#: Weight of each added question, in observations.
DOUBT = 0.5


@dataclass(frozen=True, eq=False)
class PlaceQuestions:
    """Photos whose places are known, each asked among some places.

    Attributes:
        margins: `(q, k)` of the candidates; minus infinity where there are fewer.
        right: `(q,)` which candidate is right; `NO_PLACE` where none is.
        groups: `(q,)` the place that a photo shows, enrolled or held out: 0, 1, …; -1 for a photo that shows none.
        enrolled: `(q,)` whether its place was among those asked about.
    """

    margins: Floats
    right: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    enrolled: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.margins)
        if self.margins.ndim != 2 or not len(self.right) == len(self.groups) == len(self.enrolled) == count:
            raise VectorError(
                f"margins have shape {self.margins.shape}, with {len(self.right)} right answers; expected a row each"
            )
        if np.isnan(self.margins).any() or (self.margins == np.inf).any():
            raise VectorError("margins hold NaN or infinity; expected finite numbers, or minus infinity for none")


def fit_place_odds(
    questions: PlaceQuestions,
    *,
    usual_margin: float,
    unknown_places: float = UNKNOWN_PLACE_SHARE,
    non_landmarks: float = NON_LANDMARK_SHARE,
) -> PlaceOdds:
    """Fit offset, slope and ceiling to questions.

    Args:
        questions: of enrolled places, of places held out, and of photos without a landmark; any kind may be missing,
            and its share then counts for the other kind of photo that shows no enrolled place.
        usual_margin: above 0; one tenth of it is a step of log odds where nothing was measured.
        unknown_places: share of photos of users that show a place which is not enrolled.
        non_landmarks: share of photos of users that show none.

    Raises:
        InputError: shares below 0 or that leave none for enrolled places, or a margin that is not above 0.

    Example:
        >>> margins = np.array([[0.3], [0.25], [0.2], [-0.2], [-0.3], [-0.1]])
        >>> right, groups = np.array([0, 0, 0, -1, -1, -1]), np.array([0, 1, 2, 0, 1, 2])
        >>> odds = fit_place_odds(PlaceQuestions(margins, right, groups, right == 0), usual_margin=0.5)
        >>> odds.among([0.3])[0] > 0.6, odds.among([-0.3])[0] < 0.4, odds.places
        (True, True, 3)
    """
    if not (unknown_places >= 0 and non_landmarks >= 0 and unknown_places + non_landmarks < 1):
        raise InputError(
            f"the shares of unknown places and of non-landmarks are {unknown_places} and {non_landmarks}; expected at "
            "least 0 each, and less than 1 together"
        )
    if not 0 < usual_margin < math.inf:
        raise InputError(f"usual_margin is {usual_margin}; expected a finite number above 0")
    none = questions.groups < 0
    held_out = ~none & ~questions.enrolled
    places = len(np.unique(questions.groups[questions.enrolled & ~none]))
    counts = {"places": places, "photos": int(questions.enrolled.sum()), "others": int(none.sum())}
    described = counts | {"unknown_places": unknown_places, "non_landmarks": non_landmarks}
    unit = 0.1 * usual_margin
    highest = 1 - 1 / (places + 2)  # Laplace's rule of succession: so many places say no more of the next one
    if not questions.enrolled.any() or not (none | held_out).any():
        return PlaceOdds(offset=0.0, slope=1 / unit, ceiling=highest, **described)
    weights = _weights(questions, places, unknown_places, non_landmarks)
    margins, right, weights = _with_doubts(questions, weights)
    offset, slope, ceiling = _fitted(margins / unit, right, weights, highest)
    return PlaceOdds(offset=offset, slope=slope / unit, ceiling=ceiling, **described)


def _weights(questions: PlaceQuestions, places: int, unknown: float, none: float) -> Floats:
    """`(q,)`: the kinds as they are expected, two for each place in all, every place of a kind alike."""
    is_none = questions.groups < 0
    held_out = ~is_none & ~questions.enrolled
    if not held_out.any() or not is_none.any():
        unknown, none = (unknown + none, 0.0) if held_out.any() else (0.0, unknown + none)
    weights = np.zeros(len(questions.right))
    for chosen, share in ((questions.enrolled, 1 - unknown - none), (held_out, unknown), (is_none, none)):
        if chosen.any() and share:
            groups = np.where(is_none[chosen], np.arange(chosen.sum()), questions.groups[chosen])
            _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
            weights[chosen] = 2 * places * share / len(sizes) / sizes[codes]
    return weights


def _with_doubts(questions: PlaceQuestions, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """The questions and two more: what is usually right was wrong once, and what is usually wrong was right once."""
    first = questions.margins.max(axis=1)
    doubts = np.full((2, questions.margins.shape[1]), -np.inf)
    doubts[0, 0] = np.quantile(first[questions.enrolled], 0.75)
    doubts[1, 0] = np.quantile(first[~questions.enrolled], 0.25)
    return (
        np.concatenate([questions.margins, doubts]),
        np.concatenate([questions.right, [NO_PLACE, 0]]),
        np.concatenate([weights, [DOUBT * _of_one(questions, weights, yes) for yes in (True, False)]]),
    )


def _of_one(questions: PlaceQuestions, weights: Floats, enrolled: bool) -> float:
    """The mean weight of an observation among the enrolled places, or among all others."""
    chosen = questions.enrolled == enrolled
    none = chosen & (questions.groups < 0)
    return float(weights[chosen].sum() / (len(np.unique(questions.groups[chosen & ~none])) + none.sum()))


def _fitted(
    margins: Floats, right: npt.NDArray[np.int64], weights: Floats, highest: float
) -> tuple[float, float, float]:
    """Offset, slope and ceiling of the greatest likelihood."""
    rows, known = np.arange(len(right)), right != NO_PLACE

    def read(parameters: Floats) -> tuple[float, float, float]:
        return float(parameters[0]), math.exp(min(parameters[1], 20.0)), float(highest * expit(parameters[2]))

    def cost(parameters: Floats) -> float:
        offset, slope, ceiling = read(parameters)
        logs = offset + slope * margins
        largest = np.maximum(logs.max(axis=1), 0.0)
        raised = np.exp(logs - largest[:, None])
        total = raised.sum(axis=1) + np.exp(-largest)
        chosen = ceiling * raised[rows, np.maximum(right, 0)] / total
        nothing = 1 - ceiling * raised.sum(axis=1) / total
        return float(-weights @ np.log(np.maximum(np.where(known, chosen, nothing), 1e-300)))

    start = np.array([0.0, 0.0, 3.0])
    return read(minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8}).x)
