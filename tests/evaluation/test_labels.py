import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import VectorError
from lookalike.evaluation.labels import canonical_label, checked_vectors, identity_codes
from lookalike.evaluation.verification.all_pairs import verify_all_pairs


@pytest.mark.parametrize("base", [2**24, 2**31, 2**53, 2**63, 2**80])
def test_neighbouring_large_labels_stay_distinct(base):
    codes, names = identity_codes([base, base + 1, base, base + 2])
    assert codes.tolist() == [0, 1, 0, 2]
    assert names == (base, base + 1, base + 2)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int32, np.uint8, object, str])
def test_arrays_of_any_width(dtype):
    codes, names = identity_codes(np.array([7, 3, 7], dtype=dtype))
    assert codes.tolist() == [1, 0, 1]
    assert list(names) == ([3, 7] if dtype is not str else ["3", "7"])


def test_uint64_above_int64_in_one_list_with_negative_labels():
    assert identity_codes([2**63, -1, 2**63])[0].tolist() == [1, 0, 1], "np.asarray would make floats of these"


def test_the_integer_1_is_not_the_text_1():
    assert len(identity_codes([1, "1", 1])[1]) == 2


def test_lists_of_numpy_scalars():
    assert identity_codes([np.int64(2**53), np.int64(2**53 + 1), np.str_("a")])[1] == (2**53, 2**53 + 1, "a")


@given(st.lists(st.one_of(st.integers(), st.text()), min_size=1))
def test_codes_name_the_labels_and_do_not_depend_on_order(labels):
    codes, names = identity_codes(labels)
    assert [names[code] for code in codes] == list(map(canonical_label, labels))
    assert identity_codes(labels[::-1])[1] == names
    assert sorted(set(codes.tolist())) == list(range(len(names)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "no labels"),
        ([1.0, 2.0], r"label 0 is 1\.0 \(float\)"),
        (np.array([1.5, 2.5]), "must be integers or strings"),
        ([1, None], "label 1 is None"),
        ("abc", "single text"),
        (np.zeros((2, 2), int), "one-dimensional"),
        (np.int64(3), "one-dimensional"),
    ],
)
def test_labels_that_are_none(labels, message):
    with pytest.raises(VectorError, match=message):
        identity_codes(labels)


def test_one_label_per_vector():
    with pytest.raises(VectorError, match=r"2 labels were given for 3 vector"):
        identity_codes([1, 2], 3)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((0, 4)), "shape"),
        (np.zeros((4, 0)), "shape"),
        (np.zeros(4), "shape"),
        ([["a"]], "must be numbers"),
        ([[0.0], [np.nan]], r"embeddings\[1\] holds NaN"),
        ([[np.inf]], "infinity"),
    ],
)
def test_vectors_that_are_none(vectors, message):
    with pytest.raises(VectorError, match=message):
        checked_vectors(vectors)


SPELLINGS = (
    lambda name: unicodedata.normalize("NFC", name),
    lambda name: unicodedata.normalize("NFD", name),
    lambda name: f" {name}\u00a0",
    lambda name: f"\t{unicodedata.normalize('NFD', name)} ",
)


@given(st.lists(st.text(), min_size=2, max_size=6, unique_by=canonical_label), st.data())
def test_the_spellings_of_a_name_are_one_label_and_measure_the_same(names, data):
    """However each picture's label is spelled, the numbers are those of one spelling."""
    once = [name for name in names for _ in range(3)]
    spelled = [data.draw(st.sampled_from(SPELLINGS))(name) for name in once]
    x = np.random.default_rng(len(names)).normal(size=(len(once), 3))
    for labels in (spelled, np.array(spelled, object), [label.encode() for label in spelled]):
        codes, found = identity_codes(labels)
        assert len(found) == len(names)
        assert len({*zip(codes.tolist(), once, strict=True)}) == len(names)
    assert verify_all_pairs(x, spelled).eer == verify_all_pairs(x, once).eer


def test_bytes_that_are_no_text_stay_what_they_are():
    assert identity_codes([b"\xff", b"\xfe", b" \xff"])[1] == (b"\xfe", b"\xff")
