"""What evaluators of places measure on: answers of a gallery about photos whose places are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.answers import Identified
from lookalike.datasets.place_questions import PlaceQuestions
from lookalike.decisions.place_odds import PlaceOdds
from lookalike.decisions.promise import PromisedRate
from lookalike.distances import MetricName
from lookalike.evaluation.evaluator import measured_once
from lookalike.evaluation.retrieval.landmark_metrics import RetrievalMeasures
from lookalike.landmarks.atlas import Atlas
from lookalike.landmarks.measurement import Measured, measure_answers
from lookalike.landmarks.photo_retrieval import already_enrolled, retrieve_photos
from lookalike.progress import Reporter

__all__ = ["PlacesContext", "answers_worth", "enrolled_themselves", "retrieval"]


@dataclass(frozen=True, eq=False)
class PlacesContext:
    """What an evaluator of places is given; while it measures, the gallery is open.

    Attributes:
        atlas: what the gallery knows of its places.
        metric: name of the model's distance.
        vectors: `(q, d)` float32, one per photo asked about.
        questions: the q photos, and what they show.
        odds: how probable the gallery's answers are.
        answers: of the gallery, one per photo.
        report: told of progress, and of what the user should know at once.
        seed: of the bootstrap.
        remarks: on the photos, for the reader of the report.
        measured: what was measured on this context, by `evaluator.measured_once`.
    """

    atlas: Atlas
    metric: MetricName
    vectors: npt.NDArray[np.float32]
    questions: PlaceQuestions
    odds: PlaceOdds
    answers: tuple[Identified, ...]
    report: Reporter
    seed: int = 0
    remarks: tuple[str, ...] = ()
    measured: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def promised(self) -> PromisedRate:
        """What the gallery promises about photos that show no place."""
        return self.atlas.rejection.promised


@measured_once
def answers_worth(context: PlacesContext) -> Measured:
    """What the answers are worth."""
    pairs = zip(context.answers, context.questions.truth, strict=True)
    truth = [_truth(answer, shown) for answer, shown in pairs]
    return measure_answers(context.answers, truth, seed=context.seed)


@measured_once
def retrieval(context: PlacesContext) -> RetrievalMeasures | None:
    """The photos among those that are enrolled; None where no photo's place has enrolled photos."""
    return retrieve_photos(context.atlas, context.metric, context.vectors, context.questions.truth, seed=context.seed)


@measured_once
def enrolled_themselves(context: PlacesContext) -> npt.NDArray[np.bool_]:
    """`(q,)` whether a photo asked about is enrolled itself."""
    return already_enrolled(context.atlas, context.metric, context.vectors)


def _truth(answer: Identified, shown: Sequence[str]) -> str | None:
    """The place that a photo shows; of several, the one that was guessed, for each of them is right."""
    if not shown:
        return None
    guess = None if answer.best is None else answer.best.place
    return guess if guess in shown else shown[0]
