import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.index.quantities import count_text, needed_text, parse_count, parse_size, short_text, size_text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("100M", 100_000_000),
        ("1e6", 1_000_000),
        ("1E+6", 1_000_000),
        ("2.5 million", 2_500_000),
        ("20k", 20_000),
        ("1_000_000", 1_000_000),
        ("1,000,000", 1_000_000),
        (" 7 ", 7),
        ("1.1M", 1_100_000),
        ("3b", 3_000_000_000),
        (12, 12),
        (1e6, 1_000_000),
    ],
)
def test_counts_as_people_write_them(text, count):
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 2**30),
        ("80GB", 80 * 10**9),
        ("512 MiB", 512 * 2**20),
        ("4G", 4 * 10**9),
        ("4g", 4 * 10**9),
        ("4Gi", 4 * 2**30),
        ("1024", 1024),
        ("10 bytes", 10),
        ("10B", 10),
        ("0.5 KiB", 512),
        ("0.3GiB", round(0.3 * 2**30)),
        ("1.5TiB", 3 * 2**39),
        ("1,000MB", 10**9),
        ("1e9", 10**9),
        (2**30, 2**30),
    ],
)
def test_sizes_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1.5", "0", "-3", "1e-3", "10MB", "1,0", "1e40", "nan", "∞", "1 2"])
def test_a_count_that_is_none_is_named(text):
    with pytest.raises(InputError, match=re.escape(repr(text))):
        parse_count(text)


@pytest.mark.parametrize(
    "text", ["", "GiB", "0", "-1GB", "5 apples", "1e400", "12GiBs", "nan", "8 GiB of", "1,5GiB", "8Gbit"]
)
def test_a_size_that_is_none_is_named(text):
    with pytest.raises(InputError, match=re.escape(repr(text))):
        parse_size(text)


@pytest.mark.parametrize("value", [True, None, float("nan"), [1], 1.5])
def test_other_types_are_refused(value):
    with pytest.raises(InputError, match="number"):
        parse_count(value)


@given(st.integers(1, 2**60))
def test_what_is_printed_reads_back_as_at_most_itself_and_within_a_hundredth(number):
    for text, back in ((count_text(number), parse_count), (size_text(number), parse_size)):
        assert number * 0.99 <= back(text) <= number


def test_texts():
    assert [count_text(n) for n in (1, 999, 1000, 999_999, 1_000_000, 10**8)] == [
        "1",
        "999",
        "1k",
        "999k",
        "1M",
        "100M",
    ]
    assert [size_text(n) for n in (1, 1024, 2**30, 80 * 10**9)] == ["1 B", "1 KiB", "1 GiB", "74.5 GiB"]


@given(st.integers(1, 2**60))
def test_a_need_is_never_understated_and_by_little_overstated(number):
    read = parse_size(needed_text(number))
    assert number <= read <= 1.01 * number + 1


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.0612, "0.061"), (9.26, "9.3"), (10.4, "10"), (2064888, "2064888")]
)
def test_a_number_in_a_table(value, text):
    assert short_text(value) == text
    assert short_text(value, thousands=",").replace(",", "") == text
    assert ("," in short_text(value, thousands=",")) == (value >= 1000)
