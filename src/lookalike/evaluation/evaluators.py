"""What `lookalike evaluate` measures on people, in the order of the report."""

from __future__ import annotations

from lookalike.evaluation.calibration.promises_evaluator import Promises
from lookalike.evaluation.calibration.thresholds_evaluator import Thresholds
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Evaluator
from lookalike.evaluation.findings_evaluator import DataFindings
from lookalike.evaluation.identification.distractors_evaluator import AmongDistractors
from lookalike.evaluation.identification.probabilities_evaluator import StatedProbabilities
from lookalike.evaluation.identification.template_scoring_evaluator import TemplateScorings
from lookalike.evaluation.identification.trials_evaluator import IdentificationTrials
from lookalike.evaluation.report.how_measured_evaluator import HowMeasured
from lookalike.evaluation.report.in_short_evaluator import InShort
from lookalike.evaluation.report.map_evaluator import EmbeddingMap
from lookalike.evaluation.retrieval.ranking_evaluator import Ranking
from lookalike.evaluation.verification.groups_evaluator import Groups
from lookalike.evaluation.verification.listed_pairs_evaluator import ListedPairs
from lookalike.evaluation.verification.look_alikes_evaluator import LookAlikes
from lookalike.evaluation.verification.rival_evaluator import Rival
from lookalike.evaluation.verification.scores_evaluator import Scores
from lookalike.evaluation.verification.whole_set_evaluator import WholeSet

__all__ = ["EVALUATORS"]

#: A new evaluator is one file, and one line here.
EVALUATORS: tuple[Evaluator[EvaluationContext], ...] = (
    DataFindings(),  # first: what is wrong with the data is told before the work
    InShort(),
    Scores(),
    IdentificationTrials(),
    TemplateScorings(),
    StatedProbabilities(),
    Ranking(),
    Thresholds(),
    EmbeddingMap(),
    LookAlikes(),
    WholeSet(),
    Promises(),
    AmongDistractors(),
    Groups(),
    Rival(),
    ListedPairs(),
    HowMeasured(),
)
