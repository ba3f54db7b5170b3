"""Whether a gallery of places is as often right as it says, closed and open set, as a section of the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.place_odds import PlaceOdds
from lookalike.evaluation.calibration.reliability import Reliability, measure_reliability
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import Section
from lookalike.evaluation.report.rate_text import percent
from lookalike.evaluation.report.reliability import reliability_blocks
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth

__all__ = ["PlacesConfidence", "confidence_section"]

Mask = npt.NDArray[np.bool_]


class PlacesConfidence:
    """The confidence of every best guess beside the share that was right.

    *Closed set*: photos of enrolled places. *Open set*: all photos; of places that are not enrolled every guess is
    wrong, and of photos without a landmark as well. *As assumed*: the same, each kind weighted as the confidences take
    it to be asked; only where there are photos of enrolled places and of none of them.
    """

    def measure(self, context: PlacesContext) -> Measurement:
        """A diagram for each set of which there are photos, and the figures under `confidence`."""
        worth, odds = answers_worth(context), context.odds
        known = set(context.atlas.places)
        enrolled = np.array([place in known for place in worth.truth], bool)
        unknown = np.array([place is not None and place not in known for place in worth.truth], bool)
        found: dict[str, Reliability] = {}
        if enrolled.any():
            found["closed set"] = measure_reliability(worth.confidences[enrolled], worth.guessed[enrolled])
        if not enrolled.all():
            found["open set"] = measure_reliability(worth.confidences, worth.guessed)
            weights = _as_assumed(odds, enrolled, unknown)
            if weights is not None:
                found["open set, as assumed"] = measure_reliability(worth.confidences, worth.guessed, weights=weights)
        asked = {
            "enrolled_places": int(enrolled.sum()),
            "unknown_places": int(unknown.sum()),
            "non_landmarks": int((~enrolled & ~unknown).sum()),
        }
        metrics: dict[str, Any] = {"asked": asked, "odds": odds.model_dump(mode="json")}
        metrics |= {name.replace(", ", "_").replace(" ", "_"): one.to_json() for name, one in found.items()}
        return Measurement(confidence_section(found, odds, asked), {"confidence": metrics})


def _as_assumed(odds: PlaceOdds, enrolled: Mask, unknown: Mask) -> npt.NDArray[np.float64] | None:
    """Weights by which each kind of photo has the share that the odds take it to have; None where one is missing."""
    none = ~enrolled & ~unknown
    shares = [1 - odds.unknown_places - odds.non_landmarks, odds.unknown_places, odds.non_landmarks]
    if not enrolled.any():
        return None
    if not unknown.any() or not none.any():  # the kind that there is stands for both
        shares = [shares[0], *([0.0, shares[1] + shares[2]] if none.any() else [shares[1] + shares[2], 0.0])]
    weights = np.zeros(len(enrolled))
    for share, kind in zip(shares, (enrolled, unknown, none), strict=True):
        if kind.any():
            weights[kind] = share / kind.sum()
    return weights if (weights > 0).all() else None


def confidence_section(found: dict[str, Reliability], odds: PlaceOdds, asked: dict[str, int]) -> Section:
    """What the confidences are worth.

    Args:
        found: by name of the set that was asked, at least one.
        odds: of the gallery.
        asked: number of photos of each kind.
    """
    prose: tuple[str, ...] = (
        "The confidence of an answer is the probability that its first place is the right one. It was measured at "
        f"enrolment: {odds.photos:,} photos of {odds.places:,} places were asked about, once with their place enrolled "
        f"and once without it, and {odds.others:,} without a landmark. It takes "
        f"{percent(odds.unknown_places)} of the photos asked about to show a place that is not enrolled, and "
        f"{percent(odds.non_landmarks)} to show none; here it was {asked['unknown_places']:,} and "
        f"{asked['non_landmarks']:,} of {sum(asked.values()):,}. No confidence reaches "
        f"{odds.ceiling:.2f}: so many places say no more of the next unknown one. In the closed set answers are right "
        "more often than stated, for what shows no enrolled place is left out.",
    )
    if not asked["unknown_places"]:
        prose += (
            "No photo shows a place that is not enrolled, so nothing is said here of how sure answers about such are: "
            "leave some places of these data out of the gallery.",
        )
    return Section("How sure the answers are", prose, reliability_blocks(found, "photos"))
