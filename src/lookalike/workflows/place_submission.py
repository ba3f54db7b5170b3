"""Answers about places as a submission of Google Landmarks v2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.datasets.google_landmarks import checked_id, checked_landmark
from lookalike.datasets.landmark_solutions import write_recognition_submission
from lookalike.errors import DatasetError

if TYPE_CHECKING:
    from lookalike.answers import Identified

__all__ = ["check_places", "submission_ids", "write_submission"]


def submission_ids(photos: Sequence[str]) -> list[str]:
    """The ids of Google Landmarks' pictures, which are their files' names; checked before the work.

    Raises:
        DatasetError: a file's name is no id, or one picture is given twice.
    """
    ids = [checked_id(Path(photo).stem, photo) for photo in photos]
    twice = next((one for one, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise DatasetError(f"picture {twice} is given twice; a submission has one row for each")
    return ids


def check_places(places: Sequence[str], gallery: str) -> None:
    """Refuse, before the work, places that a submission cannot name.

    Raises:
        DatasetError: a place's id is no number of Google Landmarks.
    """
    for place in places:
        try:
            checked_landmark(place, gallery)
        except DatasetError as error:
            raise DatasetError(f"{error}; a submission names places by Google's numbers: enroll them so") from None


def write_submission(path: Path, ids: Sequence[str], answers: Sequence[Identified | None]) -> None:
    """Every picture's first candidate with its confidence, accepted or not: GAP weighs them by their order.

    A picture without an answer, because it could not be used, has a row without a place.

    Raises:
        StorageError: the file cannot be written; an older one is unharmed.
    """
    best = [None if answer is None else answer.best for answer in answers]
    rows = [None if one is None else (one.place, one.confidence) for one in best]
    write_recognition_submission(path, dict(zip(ids, rows, strict=True)))
