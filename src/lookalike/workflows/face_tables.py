"""Faces and answers as CSV, for people with spreadsheets and for programs: a row for each face, or each picture.

Texts are written as they are, as in all CSVs of Lookalike: names can be joined with those of a gallery. A spreadsheet
takes a text that begins with =, +, - or @ for a formula; `formula_remarks` says that there are some.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.atomic_files import write_atomically
from lookalike.counted_nouns import how_many
from lookalike.errors import InputError
from lookalike.picture_inputs import STDIN

if TYPE_CHECKING:
    from lookalike.answers import Identified
    from lookalike.embedder.face import Face
    from lookalike.progress import Reporter
    from lookalike.workflows.detect import Detection
    from lookalike.workflows.identify import Identification
    from lookalike.workflows.unusable_pictures import UnusablePicture

__all__ = [
    "check_table",
    "csv_table",
    "detection_csv",
    "encoded",
    "formula_remarks",
    "identification_csv",
    "write_table",
]

_BOX = ("left", "top", "right", "bottom")
_QUALITY = ("sharpness", "brightness", "eye_distance", "yaw", "roll")
_DETECTION = (
    "picture", "face", *_BOX, "score", "cut_off", "quality", *_QUALITY,
    *(f"{axis}{number}" for number in range(1, 6) for axis in "xy"), "error",
)  # fmt: skip
_IDENTIFICATION = (
    "picture", "face", *_BOX, "quality", "decision", "identity", "nearest", "distance", "threshold", "probability",
    "name", "latitude", "longitude", "map_url", "confidence", "notes", "error",
)  # fmt: skip
#: Columns whose texts are others' choice.
_NAMES = ("picture", "identity", "nearest", "name")
#: What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


Row = dict[str, Any]


def identification_csv(found: Identification) -> str:
    """Answers about people or places: a row for each picture, or of all faces for each face.

    Pictures come as they were given; those without a face, and those that could not be used, have a row that says so
    under `error`. Faces are numbered from 1 in each picture. What does not apply is empty: a decision has a `name`, a
    position and a `confidence` only about places.
    """
    rows = [[_answer_row(picture, answer, 1)] for picture, answer in zip(found.pictures, found.answers, strict=False)]
    for picture, faces in zip(found.pictures, found.faces, strict=False):
        own = [_answer_row(picture, one.answer, number, one.notes) for number, one in enumerate(faces, 1)]
        rows.append(own or [_no_face(picture)])
    return csv_table(_IDENTIFICATION, _in_order(rows, found.unusable))


def detection_csv(found: Detection) -> str:
    """Faces that were found: a row for each, with its landmarks as x1, y1 to x5, y5, in pixels of the upright picture.

    Pictures come as they were given; those without a face, and those that could not be used, have a row that says so
    under `error`.
    """
    rows: list[list[Row]] = []
    for one in found.pictures:
        own = [_found_row(one.picture, face, number) for number, face in enumerate(one.faces, 1)]
        rows.append(own or [_no_face(one.picture)])
    return csv_table(_DETECTION, _in_order(rows, found.unusable))


def formula_remarks(table: str) -> tuple[str, ...]:
    r"""Say that a spreadsheet would take some names of a CSV for formulas, in at most one line.

    Example:
        >>> formula_remarks("picture,identity\na.jpg,=1+1\n")  # doctest: +ELLIPSIS
        ("1 name begins with =, +, - or @, such as '=1+1': ...",)
    """
    names = {row.get(column) or "" for row in csv.DictReader(io.StringIO(table, newline="")) for column in _NAMES}
    found = sorted(name for name in names if name.startswith(_FORMULA) and name != STDIN)
    if not found:
        return ()
    return (
        f"{how_many(len(found), 'name begins', 'names begin')} with =, +, - or @, such as {found[0]!r}: "
        "the CSV has them as they are; import its columns as text, or a spreadsheet takes them for formulas",
    )


def check_table(path: Path | None) -> None:
    """Refuse, before the work, a CSV that cannot be written where it is to be.

    Raises:
        InputError: it is a folder, or lies in none.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"--csv {path} is a folder; give a file in it, such as {path / 'faces.csv'}")
    if not path.parent.is_dir():
        raise InputError(f"--csv {path}: there is no folder {path.parent}; make it, or give another file")


def write_table(path: Path, table: str, report: Reporter) -> None:
    """Write a CSV, whole or not at all, and report the remarks on it (`formula_remarks`).

    Raises:
        StorageError: the disk is full or failing; an older file is unharmed.
    """
    write_atomically(path, encoded(table))
    for line in formula_remarks(table):
        report.remark(line)


def encoded(table: str) -> bytes:
    """A CSV as UTF-8; names of files that are no text keep their bytes."""
    return table.encode("utf-8", "surrogateescape")


def _answer_row(picture: str, answer: Identified, number: int, notes: Sequence[str] = ()) -> Row:
    row: Row = {key: value for key, value in answer.to_json().items() if key in _IDENTIFICATION}
    nearest = answer.candidates[0].identity if answer.candidates else None
    row |= {"picture": picture, "identity": answer.identity, "nearest": nearest}
    row["notes"] = "; ".join((*answer.notes, *notes))
    return row if answer.face is None else row | _box_row(answer.face, number)


def _found_row(picture: str, face: Face, number: int) -> Row:
    row = {"picture": picture, "score": face.score, "cut_off": face.cut_off} | _box_row(face, number)
    for at, (x, y) in enumerate(face.landmarks, 1):
        row |= {f"x{at}": x, f"y{at}": y}
    if (seen := face.quality) is not None:
        row |= {"sharpness": seen.sharpness, "brightness": seen.brightness, "eye_distance": seen.size}
        row |= {"yaw": seen.yaw, "roll": seen.roll}
    return row


def _box_row(face: Face, number: int) -> Row:
    quality = None if face.quality is None else face.quality.score
    return {"face": number, "quality": quality} | {edge: getattr(face.box, edge) for edge in _BOX}


def _no_face(picture: str) -> Row:
    return {"picture": picture, "error": "no face was found"}


def _in_order(usable: Sequence[Sequence[Row]], unusable: Sequence[UnusablePicture]) -> list[Row]:
    """The rows of all pictures in the order in which these were given."""
    rows = [list(own) for own in usable]
    for one in sorted(unusable, key=lambda one: one.position):
        rows.insert(one.position, [{"picture": one.picture, "error": one.reason}])
    return [row for own in rows for row in own]


def csv_table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A CSV of these columns; what a row has not is empty, and so is what is not known or infinite."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")  # lines end in CRLF, as RFC 4180 has it
    writer.writeheader()
    writer.writerows({key: _field(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _field(value: object) -> object:
    """A value as a CSV has it: nothing for what is not known, is infinite or does not apply; numbers as they are."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else value
