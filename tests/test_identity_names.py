import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.identity_names import checked_name


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada Lovelace\u00a0", "Ada Lovelace"),
        ("Zoe\u0308", "Zoë"),
        ("山田 太郎", "山田 太郎"),
        ("محمد", "محمد"),
        ("नर्\u200dमदा", "नर्\u200dमदा"),  # the joiner is part of the spelling
        ("👩‍🔬", "👩‍🔬"),
        ("O'Brien; DROP TABLE identity;--", "O'Brien; DROP TABLE identity;--"),
        ("a" * 200, "a" * 200),
        ("e\u0301" * 200, "é" * 200),  # counted as kept
    ],
)
def test_names_of_any_script_are_kept(given_name, kept):
    assert checked_name(given_name) == kept


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("a" * 201, "201 characters; at most 200"),
        ("a\x00b", r"control character U\+0000"),
        ("a\nb", r"U\+000A"),
        ("a\x1b[31m", r"U\+001B"),
        ("a\u2028b", r"U\+2028"),
        ("a\u202eb", r"U\+202E"),
        ("a\ud800", r"U\+D800"),
        (None, "NoneType; give its name as text"),
        (7, "int"),
        (b"Ada", "bytes"),
    ],
)
def test_unusable_names_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        checked_name(name)


@given(st.text(max_size=250))
def test_a_kept_name_is_normal_and_stays(name):
    try:
        kept = checked_name(name)
    except InputError:
        return
    assert checked_name(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert 1 <= len(kept) <= 200
    kept.encode("utf-8")
