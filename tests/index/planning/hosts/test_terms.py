import pytest

from lookalike.index.planning.hosts.terms import Term, TermSheet, number


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (16, "16"), (2_064_888, "2,064,888"), (1234.6, "1,235"), (0.6843, "0.6843"), (0.000012345, "0.0000123")],
)
def test_a_number_as_it_stands_in_a_formula(value, text):
    assert number(value) == text


def test_a_sheet_keeps_what_was_worked_out_and_gives_it_back():
    sheet = TermSheet()
    assert sheet.put("segments", 4, "vectors / rows", "ceil(1,000 / 300)", "counted") == 4
    sheet.put("memory", 3 << 30, "", "", "documented", unit="bytes", source="a page")
    assert [term.line() for term in sheet.terms] == ["segments = ceil(1,000 / 300) = 4", "memory = 3 GiB"]
    assert sheet.terms[1] == Term("memory", "", "", 3 << 30, "bytes", ("documented",), "a page")
