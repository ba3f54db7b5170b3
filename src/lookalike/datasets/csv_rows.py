"""Rows of a UTF-8 CSV with a header, and what can be wrong with one, said once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lookalike.errors import DatasetError

__all__ = ["csv_rows"]


def csv_rows(path: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    """The fields of the chosen columns, row by row, without surrounding spaces.

    Args:
        path: of the CSV.
        choose: from the header's names, in lower case, to those whose fields are wanted; raises a `DatasetError`
            where they are not what it needs.

    Yields:
        where the row is, for messages (`"FILE, line 2"`), and one field per chosen column, none of them empty.

    Raises:
        DatasetError: unreadable, not UTF-8, no CSV, or an empty field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [name.strip().lower() for name in reader.fieldnames or []]
            chosen = choose(columns)
            reader.fieldnames = columns
            for row in reader:
                fields = [(row[name] or "").strip() for name in chosen]
                where = f"{path}, line {reader.line_num}"
                if not all(fields):
                    said = ", ".join(f"{name} {field!r}" for name, field in zip(chosen, fields, strict=True))
                    raise DatasetError(f"{where}: {said}; both must be given")
                yield where, fields
    except UnicodeDecodeError:
        raise DatasetError(f"{path} is not UTF-8; save it as UTF-8") from None
    except csv.Error as error:
        raise DatasetError(f"{path} is not a CSV file: {error}") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
