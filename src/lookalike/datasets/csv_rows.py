"""Rows of a UTF-8 CSV with a header, and what can be wrong with one, said once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from lookalike.errors import DatasetError

__all__ = ["csv_rows", "named_rows"]


def csv_rows(
    path: Path,
    choose: Callable[[Sequence[str]], Sequence[str]],
    may_be_empty: Collection[str] = (),
    more_fields: bool = True,
) -> Iterator[tuple[str, list[str]]]:
    """The fields of the chosen columns, row by row, without surrounding spaces.

    Args:
        path: of the CSV.
        choose: from the header's names, in lower case, to those whose fields are wanted; raises a `DatasetError`
            where they are not what it needs.
        may_be_empty: chosen columns whose fields may be empty.
        more_fields: whether rows may have more fields than the header, as spreadsheets write them.

    Yields:
        where the row is, for messages (`"FILE, line 2"`), and one field per chosen column; empty where it may be.

    Raises:
        DatasetError: unreadable, not UTF-8, no CSV, an empty field, or more fields in a row than allowed.
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
                # DictReader gives what is beyond the header the name None.
                if not more_fields and any(field.strip() for field in row.get(None) or ()):
                    raise DatasetError(
                        f'{where}: more fields than the header has; put a field that holds a comma in quotes, "a, b"'
                    )
                if not all(field or name in may_be_empty for name, field in zip(chosen, fields, strict=True)):
                    said = ", ".join(f"{name} {field!r}" for name, field in zip(chosen, fields, strict=True))
                    raise DatasetError(f"{where}: {said}; both must be given")
                yield where, fields
    except UnicodeDecodeError:
        raise DatasetError(f"{path} is not UTF-8; save it as UTF-8") from None
    except csv.Error as error:
        raise DatasetError(f"{path} is not a CSV file: {error}") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None


def named_rows(
    path: Path, columns: Sequence[str], may_be_empty: Collection[str] = ()
) -> Iterator[tuple[str, list[str]]]:
    """The fields of columns that must all be there, as `csv_rows` gives them; further columns are passed over.

    Args:
        path: of the CSV.
        columns: names, in lower case.
        may_be_empty: those whose fields may be empty.

    Raises:
        DatasetError: as `csv_rows`, a column is missing, or a row has more fields than the header, as a comma that is
            not quoted makes them.
    """

    def choose(found: Sequence[str]) -> Sequence[str]:
        if not set(columns) <= set(found):
            raise DatasetError(f"{path} has the columns {found}; expected a header with {','.join(columns)}")
        return columns

    return csv_rows(path, choose, may_be_empty, more_fields=False)
