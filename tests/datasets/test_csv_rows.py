import pytest

from lookalike.datasets.csv_rows import csv_rows
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
