"""Confirmed proposals, carried out or refused."""

import numpy as np
import pytest

from lookalike.gallery import open_gallery
from lookalike.gallery.doctor import diagnose, repair


@pytest.fixture
def proposals(gallery, enroll, person, rules):
    """``proposals()``: id and proposal of every finding: a merge, a move and a deletion."""
    x = person(2, 3)
    enroll(
        {
            "a": person(0, 2),
            "a again": person(0, 3, start=2),
            "b": np.concatenate([person(1, 3), person(2, 1, start=5)]),
            "c": np.concatenate([x, x[:1] + np.float32(1e-3)]),
        }
    )

    def examine():
        return {one.id: one.proposal for one in diagnose(gallery, rules).findings if one.proposal is not None}

    return examine


def test_everything_is_carried_out_and_taken_back(gallery, proposals):
    before = {one.id: one.identity for one in gallery.templates()}
    found = proposals()
    assert list(found) == ["one-person-1", "wrong-name-1", "twice-1"]
    done = repair(gallery, found.items())
    assert [one.refused for one in done] == ["", "", ""]
    assert [one.act is None for one in done] == [False, False, True]
    assert "a is a again now" in done[0].done
    assert {one.name: one.templates for one in gallery.people()} == {"a again": 5, "b": 3, "c": 4}
    assert proposals() == {}  # nothing is wrong any more
    for one in (done[1], done[0]):
        gallery.undo(one.act)
    after = {one.id: one.identity for one in gallery.templates()}
    assert after == {key: value for key, value in before.items() if key not in found["twice-1"].templates}


def test_what_has_changed_since_is_refused(gallery, person, proposals):
    found = proposals()
    gallery.enroll("a", person(0, 1, start=6))
    gallery.forget("b")
    done = repair(gallery, found.items())
    assert "templates of a have changed" in done[0].refused
    assert "templates of b have changed" in done[1].refused
    assert done[2].refused == ""
    assert [one.done for one in done[:2]] == ["", ""]
    assert {one.name: one.templates for one in gallery.people()} == {"a": 3, "a again": 3, "c": 3}


def test_other_changes_of_the_same_call_are_expected(gallery, enroll, person, rules):
    moved = np.concatenate([person(1, 4), person(0, 2, start=5)])
    enroll({"a": person(0, 3), "b": moved})
    found = {one.id: one.proposal for one in diagnose(gallery, rules).findings}
    assert list(found) == ["wrong-name-1", "wrong-name-2"]
    assert [one.refused for one in repair(gallery, found.items())] == ["", ""]
    assert {one.name: one.templates for one in gallery.people()} == {"a": 5, "b": 4}
    again = repair(gallery, found.items())
    assert all("have changed" in one.refused for one in again)


def test_a_name_that_was_merged_away_before(gallery, enroll, person, rules):
    moved = np.concatenate([person(1, 3), person(0, 1, start=7)])
    enroll({"a": person(0, 2), "a again": person(0, 3, start=2), "b": moved})
    found = {one.id: one.proposal for one in diagnose(gallery, rules).findings}
    assert found["one-person-1"].into == "a again"
    to_a = found["wrong-name-1"]
    done = repair(gallery, found.items())
    assert done[0].refused == ""
    assert (done[1].refused != "") == (to_a.into == "a")


def test_what_was_carried_out_before_is_expected(gallery, enroll, person, rules):
    moved = np.concatenate([person(1, 4), person(0, 2, start=5)])
    enroll({"a": person(0, 3), "b": moved})
    first, second = [(one.id, one.proposal) for one in diagnose(gallery, rules).findings][:2]
    assert repair(gallery, [first])[0].refused == ""
    assert "have changed since" in repair(gallery, [second])[0].refused
    assert repair(gallery, [second], before=[first[1]])[0].refused == ""


@pytest.mark.slow
def test_a_gallery_on_milvus(milvus, person, rules):
    wrong = np.concatenate([person(1, 3), person(2, 1, start=5)])
    people = {"a": person(0, 2), "a again": person(0, 3, start=2), "b": wrong, "c": person(2, 3)}
    with open_gallery(milvus.address()) as gallery:
        gallery.bind("f1", "net", "euclidean", 16)
        gallery.enroll_many((name, vectors, None) for name, vectors in people.items())
        found = {one.id: one.proposal for one in diagnose(gallery, rules).findings}
        assert list(found) == ["one-person-1", "wrong-name-1"]
        done = repair(gallery, found.items())
        assert [one.refused for one in done] == ["", ""]
        assert {one.name: one.templates for one in gallery.people()} == {"a again": 5, "b": 3, "c": 4}
        assert diagnose(gallery, rules).findings == ()
        gallery.undo(done[1].act)
        gallery.undo(done[0].act)
        assert gallery.names() == ["a", "a again", "b", "c"]
