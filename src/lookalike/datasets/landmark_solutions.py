"""What was asked and what was answered about Google Landmarks: solutions and submissions, as CSVs.

| file | columns | a row |
|---|---|---|
| recognition solution | `id,landmarks,Usage` | landmark ids separated by spaces; empty where no landmark is shown |
| retrieval solution | `id,images,Usage` | ids of index pictures; `None` where ignored |
| recognition submission | `id,landmarks` | a landmark id, a space and the confidence; empty for no landmark |
| retrieval submission | `id,images` | ids of index pictures, the surest first |

`Usage` is Public, Private or Ignored. What is ignored counts for nothing, whatever is submitted for it.

Source: https://github.com/cvdfoundation/google-landmark, version 2.1, and the competitions
https://www.kaggle.com/c/landmark-recognition-2021 and https://www.kaggle.com/c/landmark-retrieval-2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.atomic_files import write_atomically
from lookalike.csv_rows import named_rows
from lookalike.datasets.google_landmarks import checked_id, checked_landmark
from lookalike.errors import DatasetError, InputError

__all__ = [
    "RANKING_LENGTH",
    "USAGES",
    "Solution",
    "read_recognition_solution",
    "read_recognition_submission",
    "read_retrieval_solution",
    "read_retrieval_submission",
    "write_recognition_submission",
    "write_retrieval_submission",
    "write_solution",
]

#: What `Usage` may say.
USAGES = ("Public", "Private", "Ignored")
#: How much of a ranking counts.
RANKING_LENGTH = 100


@dataclass(frozen=True)
class Solution:
    """The truth about test pictures.

    Attributes:
        right: per picture id, the landmark ids it shows or the ids of the index pictures of the same landmark; may be
            empty.
        usage: per picture id, one of `USAGES`.
    """

    right: Mapping[str, tuple[str, ...]]
    usage: Mapping[str, str]

    def counted(self, usage: str | None = None) -> tuple[str, ...]:
        """The ids that count, in the file's order: all that are not ignored, or those of one usage.

        Raises:
            InputError: the usage is neither Public nor Private.
        """
        if usage not in (None, *USAGES[:2]):
            raise InputError(f"the usage is {usage!r}; expected 'Public', 'Private' or None for both")
        return tuple(
            name for name, used_as in self.usage.items() if used_as == usage or (not usage and used_as != "Ignored")
        )


def read_recognition_solution(path: str | Path) -> Solution:
    """Which landmarks each test picture shows.

    Raises:
        DatasetError: unreadable, other columns, or a malformed row, with its line.
    """
    return _solution(Path(path), "landmarks", checked_landmark)


def read_retrieval_solution(path: str | Path) -> Solution:
    """Which index pictures show the same landmark as each test picture.

    Raises:
        DatasetError: as `read_recognition_solution`.
    """
    return _solution(Path(path), "images", checked_id)


def write_solution(path: str | Path, solution: Solution, column: str) -> None:
    """Write a solution whole or not at all.

    Args:
        path: of the CSV.
        solution: what to write.
        column: "landmarks" or "images".

    Raises:
        DatasetError: an id is none.
        StorageError: it cannot be written.
    """
    check = checked_landmark if column == "landmarks" else checked_id
    rows = []
    for name, used_as in solution.usage.items():
        right = " ".join(check(one, name) for one in solution.right[name])
        nothing = "None" if column == "images" and used_as == "Ignored" else ""
        rows.append(f"{checked_id(name, str(path))},{right or nothing},{used_as}")
    _write(path, f"id,{column},Usage", rows)


def read_recognition_submission(path: str | Path) -> dict[str, tuple[str, float] | None]:
    """Per picture id, the landmark id predicted and its confidence; None where no landmark is.

    Raises:
        DatasetError: unreadable, other columns, or a malformed row, with its line.
    """
    predictions: dict[str, tuple[str, float] | None] = {}
    for where, name, text in _rows(Path(path), "landmarks", predictions):
        fields = text.split()
        if len(fields) not in (0, 2):
            raise DatasetError(f"{where}: {text!r}; expected a landmark id, a space and its confidence, or nothing")
        predictions[name] = (checked_landmark(fields[0], where), _confidence(fields[1], where)) if fields else None
    return predictions


def read_retrieval_submission(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Per picture id, the ids of index pictures found, the surest first.

    Raises:
        DatasetError: as `read_recognition_submission`.
    """
    rankings: dict[str, tuple[str, ...]] = {}
    for where, name, text in _rows(Path(path), "images", rankings):
        rankings[name] = tuple(checked_id(one, where) for one in text.split())
    return rankings


def write_recognition_submission(path: str | Path, predictions: Mapping[str, tuple[str, float] | None]) -> None:
    """Write a recognition submission whole or not at all; a confidence is read back as the very float it was.

    Args:
        path: of the CSV.
        predictions: per picture id, a landmark id and its confidence (greater is surer: of distances, the negative), or
            None for no landmark.

    Raises:
        DatasetError: an id is none, or a confidence is not finite.
        StorageError: it cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     predictions = {"0123456789abcdef": ("7", 0.1), "fedcba9876543210": None}
        ...     write_recognition_submission(Path(folder) / "s.csv", predictions)
        ...     read_recognition_submission(Path(folder) / "s.csv") == predictions
        True
    """
    rows = []
    for name, prediction in predictions.items():
        where = f"the prediction for {checked_id(name, 'predictions')}"
        text = (
            f"{checked_landmark(prediction[0], where)} {_confidence(repr(float(prediction[1])), where)!r}"
            if prediction
            else ""
        )
        rows.append(f"{name},{text}")
    _write(path, "id,landmarks", rows)


def write_retrieval_submission(path: str | Path, rankings: Mapping[str, Sequence[str]]) -> None:
    """Write a retrieval submission whole or not at all.

    Args:
        path: of the CSV.
        rankings: per picture id, the ids of index pictures, the surest first; those after the hundredth do not count
            and are not written.

    Raises:
        DatasetError: an id is none, or stands twice in a ranking.
        StorageError: it cannot be written.
    """
    rows = []
    for name, ranking in rankings.items():
        where = f"the ranking for {checked_id(name, 'rankings')}"
        ids = [checked_id(one, where) for one in ranking[:RANKING_LENGTH]]
        if len(set(ids)) < len(ids):
            twice = next(one for one in ids if ids.count(one) > 1)
            raise DatasetError(f"{where} holds {twice} twice; each comes once")
        rows.append(f"{name},{' '.join(ids)}")
    _write(path, "id,images", rows)


def _solution(path: Path, column: str, check: Callable[[str, str], str]) -> Solution:
    right: dict[str, tuple[str, ...]] = {}
    usage: dict[str, str] = {}
    for where, (picture_id, text, used_as) in named_rows(path, ("id", column, "usage"), (column,)):
        name = _once(picture_id, where, usage)
        if used_as not in USAGES:
            raise DatasetError(f"{where}: the usage is {used_as!r}; expected Public, Private or Ignored")
        usage[name] = used_as
        right[name] = () if text == "None" else tuple(check(one, where) for one in text.split())
    if not usage:
        raise DatasetError(f"{path} lists no pictures; expected a row of id,{column},Usage for each")
    return Solution(right, usage)


def _rows(path: Path, column: str, seen: Mapping[str, object]) -> Iterable[tuple[str, str, str]]:
    for where, (picture_id, text) in named_rows(path, ("id", column), (column,)):
        yield where, _once(picture_id, where, seen), text


def _once(picture_id: str, where: str, seen: Mapping[str, object]) -> str:
    name = checked_id(picture_id, where)
    if name in seen:
        raise DatasetError(f"{where}: {name} stands above already; a picture has one row")
    return name


def _confidence(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{where}: the confidence is {text!r}; expected a finite number, greater being surer")
    return value


def _write(path: str | Path, header: str, rows: Iterable[str]) -> None:
    write_atomically(path, "".join(f"{row}\n" for row in (header, *rows)).encode("ascii"))
