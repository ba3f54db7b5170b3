"""Rows of a UTF-8 CSV with a header, and what can be wrong with one, said once. Every CSV is read here.

A table that was damaged on its way must not turn two identities into one. So what RFC 4180 does not allow is refused
with its line: a comma or a quote in a field without quotes, a quote that is not closed, a row that is shorter or longer
than the header, a column named twice, another separator or encoding. No guess is made.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.errors import DatasetError

__all__ = ["csv_rows", "named_rows"]

#: Separators of tables that are no CSVs, in words.
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
#: So much of a file's beginning shows UTF-16 and UTF-32, which have a NUL byte in every ASCII character.
BEGINNING = 4096
#: Characters of a damaged row that a message shows.
SHOWN = 80
# A field is in quotes, those within it doubled, or has none.
_FIELD = r'(?:"(?:[^"]|"")*+"|[^",]*+)'
_ROW = re.compile(rf"{_FIELD}(?:,{_FIELD})*+\s*+")


def csv_rows(
    path: Path,
    choose: Callable[[Sequence[str]], Sequence[str]],
    may_be_empty: Collection[str] = (),
    with_blanks: Collection[str] = (),
    undecodable: str = "strict",
) -> Iterator[tuple[str, list[str]]]:
    """The fields of the chosen columns, row by row, without blanks at their ends; blank lines are passed over.

    Args:
        path: of the CSV.
        choose: from the header's names, in lower case, to those whose fields are wanted; raises a `DatasetError`
            where they are not what it needs.
        may_be_empty: chosen columns whose fields may be empty.
        with_blanks: chosen columns whose fields keep the blanks at their ends: paths may have some.
        undecodable: what to do with bytes that are not UTF-8, as the `errors` of `open`.

    Yields:
        where the row is, for messages (`"FILE, line 2"`; of a row of several lines, its last), and one field per chosen
        column; empty where it may be.

    Raises:
        DatasetError: unreadable, not UTF-8, no CSV, a chosen column named twice, a row with more or fewer fields than
            the header, or an empty field.
    """
    try:
        with path.open("rb") as binary:
            _check_encoding(path, binary.read(BEGINNING))
            binary.seek(0)
            file = io.TextIOWrapper(binary, encoding="utf-8-sig", errors=undecodable, newline="")
            rows = _rows(path, file)
            _, header, _ = next(rows, ("", [], ""))
            if len(header) == 1 and (separator := _separator(header[0])):
                raise DatasetError(
                    f"{path} has the header {header[0]!r}, fields separated by {separator}; separate them by commas "
                    "(in spreadsheets: save as CSV UTF-8, comma delimited)"
                )
            columns = [name.strip().lower() for name in header]
            chosen = choose(columns)
            twice = next((name for name in chosen if columns.count(name) > 1), None)
            if twice is not None:
                raise DatasetError(f"{path} has {columns.count(twice)} columns named {twice!r}; name each column once")
            while columns and not columns[-1]:  # of columns without a name, spreadsheets leave commas
                columns.pop()
            wanted = [(columns.index(name), name in may_be_empty, name in with_blanks) for name in chosen]
            # In rows, too. But where the last field may be empty, an empty one beyond it may be what a comma in a field
            # without quotes has moved there.
            padded = bool(columns) and columns[-1] in chosen and columns[-1] not in may_be_empty
            for where, row, raw in rows:
                if len(row) != len(columns):
                    if not row or (len(row) == 1 and not row[0].strip()):
                        continue
                    # Spreadsheets leave commas alone. Two quotes may be what is left of a quote in the field before.
                    _check_length(where, row, columns, padded and not raw.rstrip().endswith('""'))
                fields = [row[at] if blanks else row[at].strip() for at, _, blanks in wanted]
                if not all(optional or field.strip() for field, (_, optional, _) in zip(fields, wanted, strict=True)):
                    said = ", ".join(f"{name} {field.strip()!r}" for name, field in zip(chosen, fields, strict=True))
                    raise DatasetError(f"{where}: {said}; all of them must be given")
                yield where, fields
    except UnicodeDecodeError:
        raise DatasetError(
            f"{path}, line {_undecodable_line(path)}: it is not UTF-8; save the file as UTF-8 (in spreadsheets: CSV "
            "UTF-8)"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None


def named_rows(
    path: Path,
    columns: Sequence[str],
    may_be_empty: Collection[str] = (),
    with_blanks: Collection[str] = (),
    undecodable: str = "strict",
) -> Iterator[tuple[str, list[str]]]:
    """The fields of columns that must all be there, as `csv_rows` gives them; further columns are passed over.

    Args:
        path: of the CSV.
        columns: names, in lower case.
        may_be_empty: those whose fields may be empty.
        with_blanks: those whose fields keep the blanks at their ends.
        undecodable: what to do with bytes that are not UTF-8, as the `errors` of `open`.

    Raises:
        DatasetError: as `csv_rows`, or a column is missing.
    """

    def choose(found: Sequence[str]) -> Sequence[str]:
        if not set(columns) <= set(found):
            raise DatasetError(f"{path} has the columns {found}; expected a header with {','.join(columns)}")
        return columns

    return csv_rows(path, choose, may_be_empty, with_blanks, undecodable)


def _rows(path: Path, file: io.TextIOWrapper) -> Iterator[tuple[str, list[str], str]]:
    """All rows, the header and blank lines included, each with where it is, and as it stands in the file."""
    text: list[str] = []  # the lines of one row

    def lines() -> Iterator[str]:
        for line in file:
            text.append(line)
            yield line

    reader = csv.reader(lines(), strict=True)
    while True:
        text.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            first = reader.line_num - len(text) + 1
            reason = {
                "unexpected end of data": "a quote is opened and never closed",
                "',' expected after '\"'": "text follows a closing quote; in a field, double each quote",
            }.get(str(error), str(error))
            raise DatasetError(f"{path}, line {first} is no row of a CSV: {_shown(''.join(text))}: {reason}") from None
        if row is None:
            return
        where, raw = f"{path}, line {reader.line_num}", "".join(text)
        if "\0" in raw:
            raise DatasetError(f"{where} holds a NUL character: {_shown(raw)}; save the file as UTF-8 text")
        # A quote that is not doubled within quotes is still there in a field.
        if '"' in raw and '"' in "".join(row) and not _ROW.fullmatch(raw):
            raise DatasetError(
                f"{where}: {_shown(raw)} has a quote in a field that does not begin with one; write such a field as "
                '"The ""Boss""", without a blank between comma and quote'
            )
        yield where, row, raw


def _check_encoding(path: Path, beginning: bytes) -> None:
    """Refuse what is no text in UTF-8, by its first bytes; whatever else is wrong is found in its line."""
    if beginning.startswith(b"PK\x03\x04"):
        raise DatasetError(f"{path} is a spreadsheet or another archive, not a CSV; save it as CSV UTF-8")
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or 4 * beginning.count(0) >= len(beginning) > 0:
        raise DatasetError(f"{path} is not UTF-8 but UTF-16 or UTF-32; save it as UTF-8 (in spreadsheets: CSV UTF-8)")


def _check_length(where: str, row: Sequence[str], columns: Sequence[str], padded: bool) -> None:
    """Refuse a row that has not as many fields as the header, but for empty ones beyond a last one that must be given.

    Raises:
        DatasetError: always but in that case.
    """
    surplus = row[len(columns) :]
    if surplus and padded and not any(field.strip() for field in surplus):
        return
    found = f"{where}: {_shown(','.join(row))} has {how_many(len(row), 'field')}, the header {len(columns)}"
    if len(row) == 1 and (separator := _separator(row[0])):
        raise DatasetError(f"{found}; separate fields by commas, not by {separator}")
    if surplus:
        raise DatasetError(f'{found}; put a field that holds a comma in quotes, such as "Smith, John"')
    raise DatasetError(f"{found}; give the commas of empty fields too")


def _separator(text: str) -> str | None:
    """What else than commas separates the fields of a row, in words; None where nothing does."""
    return next((words for sign, words in SEPARATORS.items() if sign in text), None)


def _shown(text: str) -> str:
    text = text.rstrip("\r\n")
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 3] + "...")


def _undecodable_line(path: Path) -> int:
    """The first line that is not UTF-8, from 1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
