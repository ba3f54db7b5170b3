"""What `lookalike evaluate` measures on places, in the order of the report."""

from __future__ import annotations

from lookalike.evaluation.evaluator import Evaluator
from lookalike.landmarks.answers_evaluator import Answers
from lookalike.landmarks.answers_worth_evaluator import AnswersWorth
from lookalike.landmarks.confidence_evaluator import PlacesConfidence
from lookalike.landmarks.evaluation_context import PlacesContext
from lookalike.landmarks.promise_evaluator import PlacesPromise

__all__ = ["PLACE_EVALUATORS"]

#: A new evaluator is one file, and one line here.
PLACE_EVALUATORS: tuple[Evaluator[PlacesContext], ...] = (
    AnswersWorth(),
    PlacesConfidence(),
    PlacesPromise(),
    Answers(),
)
