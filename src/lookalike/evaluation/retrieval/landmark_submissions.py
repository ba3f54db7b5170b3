"""Measures of submission files in the format of the Google Landmarks competitions, against their solutions.

Source: the data set's programs `compute_recognition_metrics.py` and `compute_retrieval_metrics.py`, with which the
numbers agree.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.counted_nouns import how_many
from lookalike.datasets.landmark_solutions import (
    RANKING_LENGTH,
    read_recognition_solution,
    read_recognition_submission,
    read_retrieval_solution,
    read_retrieval_submission,
)
from lookalike.errors import DatasetError
from lookalike.evaluation.retrieval.landmark_metrics import (
    LandmarkMeasures,
    RetrievalMeasures,
    measure_recognition,
    measure_retrieval,
)

__all__ = ["recognition_from_submission", "retrieval_from_submission"]


def recognition_from_submission(
    solution: str | Path, submission: str | Path, usage: str | None = None, **bootstrap: Any
) -> LandmarkMeasures:
    """Measures of a recognition submission, as the data set's own program computes them.

    Ignored pictures are left out; a picture that is not submitted has no prediction. Among equal confidences the
    smaller picture id comes first, as in the competition, where `measure_recognition` puts wrong predictions first.

    Args:
        solution: `recognition_solution_v2.1.csv`.
        submission: with `id,landmarks`.
        usage: "Public", "Private", or None for both.
        bootstrap: `replicates`, `level` and `seed` of `measure_recognition`.

    Raises:
        DatasetError: a file is malformed, or a picture is submitted that the solution does not know.
        InputError: no picture shows a landmark.
    """
    truth, submitted = read_recognition_solution(solution), read_recognition_submission(submission)
    _check_known(submission, submitted, truth.usage)
    ids = truth.counted(usage)
    predictions = [submitted.get(name) for name in ids]
    # Ranks in place of confidences, so that there are no ties.
    made = sorted((-found[1], name) for name, found in zip(ids, predictions, strict=True) if found)
    confidence = {name: -rank for rank, (_, name) in enumerate(made)}
    return measure_recognition(
        [found[0] if found else None for found in predictions],
        np.array([confidence.get(name, 0) for name in ids], np.int64),
        [truth.right[name] or None for name in ids],
        **bootstrap,
    )


def retrieval_from_submission(
    solution: str | Path, submission: str | Path, usage: str | None = None, **bootstrap: Any
) -> RetrievalMeasures:
    """MAP@100 of a retrieval submission, as the data set's own program computes it.

    Args:
        solution: `retrieval_solution_v2.1.csv`; ignored pictures are left out.
        submission: with `id,images`; a picture that is not submitted found nothing.
        usage: "Public", "Private", or None for both.
        bootstrap: `replicates`, `level` and `seed` of `measure_retrieval`.

    Raises:
        DatasetError: a file is malformed, or a picture is submitted that the solution does not know.
        InputError: no picture has anything relevant.
    """
    truth, submitted = read_retrieval_solution(solution), read_retrieval_submission(submission)
    _check_known(submission, submitted, truth.usage)
    ids = truth.counted(usage)
    return measure_retrieval(
        [submitted.get(i, ()) for i in ids], [truth.right[i] for i in ids], k=RANKING_LENGTH, **bootstrap
    )


def _check_known(submission: str | Path, submitted: Iterable[str], known: Container[str]) -> None:
    unknown = [name for name in submitted if name not in known]
    if unknown:
        raise DatasetError(
            f"{submission} holds {how_many(len(unknown), 'picture')} that the solution does not know, such as "
            f"{unknown[0]}; submission and solution must be of one data set"
        )
