"""A submission to Google Landmarks v2, scored against its solution; no model is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.evaluation.retrieval.landmark_metrics import LandmarkMeasures, RetrievalMeasures

__all__ = ["ScoreSubmissionOptions", "SubmissionScore", "score_submission"]


@dataclass(frozen=True, kw_only=True)
class ScoreSubmissionOptions:
    """What to score.

    Attributes:
        data: the solution, or a folder of Google Landmarks v2 that holds it.
        submission: a CSV of `id,landmarks` (recognition) or `id,images` (retrieval).
        seed: of the intervals.
    """

    data: str | Path
    submission: Path
    seed: int = 0


@dataclass(frozen=True)
class SubmissionScore:
    """What a submission is worth.

    Attributes:
        submission: the file.
        solution: the file it was scored against.
        recognition: GAP and top-1; None of a retrieval submission.
        retrieval: mAP@100; None of a recognition submission.
    """

    submission: Path
    solution: Path
    recognition: LandmarkMeasures | None = None
    retrieval: RetrievalMeasures | None = None


def score_submission(options: ScoreSubmissionOptions) -> SubmissionScore:
    """Score a submission by its columns: recognition, or retrieval.

    Raises:
        DatasetError: a file cannot be read, has other columns, or names pictures that the solution does not know.

    Example:
        >>> options = ScoreSubmissionOptions(data="gldv2/", submission=Path("submission.csv"))
        >>> score_submission(options).recognition.gap    # doctest: +SKIP
        0.61
    """
    from lookalike.datasets import GoogleLandmarks
    from lookalike.datasets.coordinates import header
    from lookalike.datasets.place_questions import RECOGNITION_SOLUTIONS, RETRIEVAL_SOLUTIONS
    from lookalike.errors import DatasetError
    from lookalike.evaluation.retrieval.landmark_submissions import (
        recognition_from_submission,
        retrieval_from_submission,
    )

    submission, seed = options.submission, options.seed
    columns = set(header(submission))
    solutions = {"landmarks": RECOGNITION_SOLUTIONS, "images": RETRIEVAL_SOLUTIONS}
    kind = next((column for column in solutions if column in columns), None)
    if kind is None or "id" not in columns:
        raise DatasetError(
            f"{submission} has the columns {sorted(columns)}; expected id,landmarks (recognition) or id,images "
            "(retrieval)"
        )
    source = Path(options.data)
    solution = GoogleLandmarks(source).csv(*solutions[kind]) if source.is_dir() else source
    if kind == "landmarks":
        recognition = recognition_from_submission(solution, submission, seed=seed)
        return SubmissionScore(submission, solution, recognition=recognition)
    return SubmissionScore(submission, solution, retrieval=retrieval_from_submission(solution, submission, seed=seed))
