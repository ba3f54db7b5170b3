"""Labels, selections and the identities they keep."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name


def pictures(identities, notes=()):
    return PictureSet(tuple(Path(f"{i}.png") for i in range(len(identities))), tuple(identities), notes)


def test_labels_are_positions_in_the_sorted_names():
    found = pictures(["Bo", "Ada", "Bo", "Carl"])
    assert len(found) == 4
    assert found.names == ("Ada", "Bo", "Carl")
    assert found.labels.tolist() == [1, 0, 1, 2]
    assert found.labels.dtype == np.int64
    assert found.single == ("Ada", "Carl")


@given(st.lists(st.text(max_size=3), max_size=20))
def test_labels_lead_back_to_the_identities(identities):
    found, identities = pictures(identities), list(map(canonical_name, identities))
    assert tuple(found.names[label] for label in found.labels) == found.identities == tuple(identities)
    assert found.labels.shape == (len(identities),)
    assert set(found.single) == {name for name in identities if identities.count(name) == 1}


def test_select_takes_positions_in_their_order_and_repeats():
    found = pictures(["a", "b", "c"]).select(np.array([2, 0, 2]))
    assert found.identities == ("c", "a", "c")
    assert [path.name for path in found.paths] == ["2.png", "0.png", "2.png"]
    assert len(found.select([])) == 0


def test_of_keeps_the_sets_order():
    found = pictures(["b", "a", "c", "a"]).of(["a", "b", "nobody"])
    assert found.identities == ("b", "a", "a")
    assert [path.name for path in found.paths] == ["0.png", "1.png", "3.png"]


def test_notes_speak_of_what_was_read_not_of_a_part():
    whole = pictures(["a", "b"], notes=("1 picture has no identity",))
    assert whole.notes == ("1 picture has no identity",)
    assert whole.select([0]).notes == ()


def test_lengths_that_differ():
    with pytest.raises(DatasetError, match="1 picture came with 2 identities"):
        PictureSet((Path("a.png"),), ("a", "b"))


def test_groups_hold_every_picture_once_under_its_identity():
    names = ("b", "a", "c", "a", "b", "a")
    pictures = PictureSet(tuple(Path(f"{i}.png") for i in range(6)), names)
    assert [(name, mine.tolist()) for name, mine in pictures.groups()] == [("a", [1, 3, 5]), ("b", [0, 4]), ("c", [2])]
    assert list(PictureSet((), ()).groups()) == []


def test_the_spellings_of_a_name_are_one_identity():
    found = pictures([" Jose\u0301", "José", "Bo", "José\u00a0"])
    assert found.identities == ("José", "José", "Bo", "José")
    assert found.names == ("Bo", "José")
    assert len(found.of(["Jose\u0301 "])) == 3
