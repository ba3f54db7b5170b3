"""What a recognizer answered about photos whose places are known, and what these answers are worth.

Every photo has one outcome. An ambiguous answer counts against the recognizer either way: on a landmark it named no
place, and on a photo without one it took it for some place.

| photo | answer | outcome |
|---|---|---|
| a landmark | its place | `right` |
| a landmark | another place | `wrong place` |
| a landmark | none, or ambiguous | `missed` |
| no landmark | no place | `refused` |
| no landmark | a place, or ambiguous between some | `falsely accepted` |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lookalike.answers import Identified
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval.landmark_metrics import LandmarkMeasures, measure_recognition
from lookalike.identity_names import canonical_name

__all__ = ["OUTCOMES", "Measured", "Outcome", "measure_answers"]

Floats = npt.NDArray[np.float64]

Outcome = Literal["right", "wrong place", "missed", "refused", "falsely accepted"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, eq=False)
class Measured:
    """Answers, the truth, and what follows.

    Attributes:
        answers: of every photo.
        truth: its place in canonical form (`identity_names`), or None where it shows none.
        measures: GAP, top-1, right answers and false positives, with intervals.
    """

    answers: tuple[Identified, ...]
    truth: tuple[str | None, ...]
    measures: LandmarkMeasures

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of every photo."""
        return tuple(_outcome(answer, place) for answer, place in zip(self.answers, self.truth, strict=True))

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        """How many photos had each outcome, all five named."""
        found = Counter(self.outcomes)
        return {name: found[name] for name in OUTCOMES}

    @cached_property
    def guessed(self) -> npt.NDArray[np.bool_]:
        """`(q,)` whether the first candidate is the photo's place, accepted or not."""
        pairs = zip(self.answers, self.truth, strict=True)
        return np.array([place is not None and _guess(answer) == place for answer, place in pairs], bool)

    @cached_property
    def beyond(self) -> Floats:
        """`(q,)` the first candidate's distance less its threshold: accepted where that is at most 0."""
        return np.array([answer.distance - answer.threshold for answer in self.answers], np.float64)

    @cached_property
    def confidences(self) -> Floats:
        """`(q,)` in [0, 1]."""
        return np.array([answer.confidence for answer in self.answers], np.float64)

    def photos(self, outcome: Outcome) -> list[int]:
        """Positions of the photos with an outcome, the surest answer first.

        Raises:
            InputError: there is no such outcome.
        """
        if outcome not in OUTCOMES:
            raise InputError(f"{outcome!r} is no outcome; choose {', '.join(OUTCOMES)}")
        order = np.argsort(-self.confidences, kind="stable").tolist()
        return [position for position in order if self.outcomes[position] == outcome]

    def precision_by_recall(self) -> tuple[Floats, Floats]:
        """What GAP sums up: all photos sorted by confidence, the surest first, wrong ones first where they tie.

        Returns:
            `(q,)` recall, the share of all landmark photos that are guessed right up to here, and `(q,)` precision, the
            share of the photos up to here that are.
        """
        right = self.guessed[np.lexsort((self.guessed, -self.confidences))]
        found = np.cumsum(right)
        return found / self.measures.landmarks, found / np.arange(1, len(right) + 1)


def measure_answers(
    answers: Sequence[Identified], truth: Sequence[str | None], *, replicates: int = 1000, seed: int = 0
) -> Measured:
    """Measure what `LandmarkRecognizer` answered.

    The recognition measures take every first candidate as a prediction, sorted by confidence, accepted or not.

    Args:
        answers: of every photo.
        truth: the id of its place, None where it shows no landmark.
        replicates: of the bootstrap over places.
        seed: of the bootstrap.

    Raises:
        VectorError: not one truth per answer.
        InputError: no photo shows a landmark.

    Example:
        >>> measure_answers(recognizer.identify_many(photos), places).measures.top_1    # doctest: +SKIP
        0.94
    """
    if isinstance(truth, str) or len(answers) != len(truth):
        what = "one text" if isinstance(truth, str) else f"{len(truth)} places"
        raise VectorError(f"{what} given for {len(answers)} answers; give the place of each photo, None for none")
    given = np.array([_counts_as_answer(answer, place) for answer, place in zip(answers, truth, strict=True)], bool)
    measures = measure_recognition(
        [_guess(answer) for answer in answers],
        [answer.confidence for answer in answers],
        truth,
        given,
        replicates=replicates,
        seed=seed,
    )
    places = tuple(None if place is None else canonical_name(place) for place in truth)
    return Measured(tuple(answers), places, measures)


def _guess(answer: Identified) -> str | None:
    return None if answer.best is None else answer.best.place


def _counts_as_answer(answer: Identified, place: str | None) -> bool:
    """Of a landmark, that one place was named; of no landmark, that any was within its threshold."""
    return answer.decision != "unknown" if place is None else answer.decision == "match"


def _outcome(answer: Identified, place: str | None) -> Outcome:
    if not _counts_as_answer(answer, place):
        return "refused" if place is None else "missed"
    if place is None:
        return "falsely accepted"
    return "right" if answer.place == place else "wrong place"
