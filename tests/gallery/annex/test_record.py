"""Records: what was packed comes back, from wherever it lies, and damage is one clear error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.annex import Kept
from lookalike.gallery.annex.record import ALIGNMENT, Columns, packed, sound, unpacked


def kept(count, width=3):
    draw = np.random.default_rng(count)
    rows = {"photos": draw.normal(size=(count, width)).astype(np.float32), "templates": np.arange(count)}
    return Kept({"a": 1}, rows, [f"é{at}.jpg" for at in range(count)])


def as_bytes(record):
    return np.frombuffer(record, np.uint8)


@given(count=st.integers(0, 5), width=st.integers(0, 5), before=st.integers(0, 3))
def test_what_was_packed_comes_back(count, width, before):
    given = kept(count, width)
    columns = Columns.loaded(Columns.of(given.rows).dumped())
    record = packed(7, given, columns)
    assert len(record) % ALIGNMENT == 0
    assert record == packed(7, given, columns)
    read = unpacked(as_bytes(bytes(before * ALIGNMENT) + record)[before * ALIGNMENT :], 7, columns, given.entry)
    assert (read.entry, list(read.sources)) == (given.entry, given.sources)
    for name, array in given.rows.items():
        assert read.rows[name].dtype == array.dtype
        np.testing.assert_array_equal(read.rows[name], array)


def test_rows_are_views_of_the_bytes():
    given = kept(4)
    columns = Columns.of(given.rows)
    record = as_bytes(packed(7, given, columns))
    assert all(np.shares_memory(array, record) for array in unpacked(record, 7, columns, None).rows.values())


def test_other_columns_and_counts_are_refused():
    columns = Columns.of(kept(2).rows)
    for other in (kept(2, 4), Kept(None, {}, ["a"]), Kept(None, kept(2).rows, ["a"])):
        with pytest.raises(InputError, match="expected one row for each source and the columns"):
            packed(1, other, columns)


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda record: record[:10], "cut short"), (lambda record: record[:32], "cut short"),
    (lambda record: record[:50], "not that of its owner"), (np.zeros_like, "overwritten"),
])  # fmt: skip
def test_damage_is_an_error(spoil, words):
    given = kept(2, 1)
    columns = Columns.of(given.rows)
    with pytest.raises(ArtefactError, match=words):
        unpacked(spoil(as_bytes(packed(7, given, columns))), 7, columns, None)


def test_the_record_of_another_owner_is_not_read():
    given = kept(2)
    columns = Columns.of(given.rows)
    with pytest.raises(ArtefactError, match="not that of its owner"):
        unpacked(as_bytes(packed(7, given, columns)), 8, columns, None)


def test_any_other_bit_is_seen():
    record = as_bytes(packed(7, kept(2), Columns.of(kept(2).rows)))
    assert sound(record)
    for at in range(24, len(record)):
        other = record.copy()
        other[at] ^= 1
        assert not sound(other)


@pytest.mark.parametrize("text", ["", "3", '[["a"]]', '[["a", "|O", []]]', '[["a", "<f4", [-1]]]', '[["a", "no", []]]'])
def test_damaged_columns_are_an_error(text):
    with pytest.raises(ArtefactError, match="layout"):
        Columns.loaded(text)
