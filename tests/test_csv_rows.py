import pytest

from lookalike.csv_rows import csv_rows, named_rows
from lookalike.errors import DatasetError


def test_chosen_columns_in_the_chosen_order(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('﻿ A ,b,C\n1, 2 ,3\n"4,\n5",6,7\n', encoding="utf-8")
    seen = []
    rows = list(csv_rows(path, lambda columns: seen.extend(columns) or ("c", "a")))
    assert seen == ["a", "b", "c"]
    assert rows == [(f"{path}, line 2", ["3", "1"]), (f"{path}, line 4", ["7", "4,\n5"])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1\n", "line 2: a '1', b ''; both must be given"),
        (b"a,b\n\xff,1\n", "is not UTF-8"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "is not a CSV file: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, said):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=said):
        list(csv_rows(path, lambda columns: ("a", "b")))


def test_what_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: Is a directory"):
        list(csv_rows(tmp_path, lambda columns: columns))


def test_named_columns_some_of_which_may_be_empty(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("other,B,a\n1,,3\n4,5,6,\n")
    assert [fields for _, fields in named_rows(path, ("a", "b"), ("b",))] == [["3", ""], ["6", "5"]]
    with pytest.raises(DatasetError, match="line 2: a '3', b ''"):
        list(named_rows(path, ("a", "b")))
    with pytest.raises(DatasetError, match=r"has the columns .*; expected a header with a,c"):
        list(named_rows(path, ("a", "c")))


def test_a_comma_that_is_not_quoted(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,"2, 3"\n1,2, 3\n')
    rows = named_rows(path, ("a", "b"))
    assert next(rows)[1] == ["1", "2, 3"]
    with pytest.raises(DatasetError, match="line 3: more fields than the header has"):
        next(rows)
