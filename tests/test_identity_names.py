import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.identity_names import canonical_name, checked_name, look_alike_remarks, name_remarks, visible_form


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


@given(st.text(), st.sampled_from(["", " ", "\t", "\u00a0", "\u3000 ", "\n"]))
def test_composed_decomposed_and_padded_names_are_one(name, blank):
    one = canonical_name(name)
    for form in ("NFC", "NFD"):
        assert canonical_name(f"{blank}{unicodedata.normalize(form, name)}{blank}") == one
    assert canonical_name(one) == one


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "ada"), ("Ada L", "Ada  L"), ("Ada L", "Ada\u00a0L"), ("Ada", "Ada\u200b"), ("A\u00adda", "Ada"),
     ("ﬁ", "fi"), ("Ａda", "Ada"), ("\ufeffAda", "Ada")],
)  # fmt: skip
def test_what_is_not_plainly_the_same_stays_two(one, other):
    assert canonical_name(one) != canonical_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada L", "Ada  L"),
        ("Ada L", "Ada\u00a0L"),
        ("Ada", "\ufeffAda"),
        ("Ada", "A\u00adda\u200b"),
        ("नर्मदा", "नर्\u200dमदा"),
        ("Ada", "A\ufe0fda"),
        ("é", "e\u200b\u0301"),
    ],
)
def test_names_that_look_the_same_are_reported(one, other):
    assert visible_form(one) == visible_form(other)
    (remark,) = look_alike_remarks([one, "Bo", other])
    assert remark.startswith("1 group of names look the same and count as different identities, such as ")
    assert "\n" not in remark
    assert look_alike_remarks([one], known=[other, "Bo"]) == look_alike_remarks([other], known=[one])
    assert look_alike_remarks(["Bo"], known=[one, other]) == ()  # nothing to do with what is new


@pytest.mark.parametrize(("one", "other"), [("Ada", "ada"), ("Ada", "Adа"), ("ﬁ", "fi"), ("\u06001", "1")])
def test_names_that_look_different_are_not(one, other):
    assert look_alike_remarks([one, other]) == ()


def test_remarks_show_what_would_not_be_seen():
    spelled, alike = name_remarks(["José", "Jose\u0301", "José", "Ada", "Ada\u200b", " Bo", "Bo"])
    assert spelled == "2 identities are spelled in several ways, such as 'Bo' and ' Bo': each counts as one"
    assert "'Ada' and 'Ada\\u200b'" in alike
    assert "'José' and 'Jose\\u0301'" in name_remarks(["José", "Jose\u0301"])[0]
    assert name_remarks(["Ada", "Bo", "Ada"]) == ()
