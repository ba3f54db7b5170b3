"""Searches whose candidates are scored again by all their templates."""

import numpy as np
import pytest

from lookalike.decisions.scoring_rule import SCORINGS
from lookalike.decisions.template_scoring import scored
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.scored_search import CANDIDATES, search_scored

D = 6


@pytest.fixture
def people():
    """Of each of 30 a few templates around a centre, with qualities."""
    rng = np.random.default_rng(4)
    found = {}
    for number in range(30):
        size = int(rng.integers(1, 5))
        vectors = (rng.normal(size=D) + 0.7 * rng.normal(size=(size, D))).astype(np.float32)
        found[f"p{number:02d}"] = (vectors, [None if one < 0.2 else float(one) for one in rng.random(size)])
    return found


@pytest.fixture
def gallery(tmp_path, people):
    with open_gallery(tmp_path / "g") as opened:
        opened.bind("f1", "plane", "cosine", D)
        opened.enroll_many([Enrolment(name, x, qualities=own) for name, (x, own) in people.items()])
        yield opened


def probes(count):
    return np.random.default_rng(9).normal(size=(count, D)).astype(np.float32)


@pytest.mark.parametrize("rule", SCORINGS)
def test_candidates_are_sorted_by_the_rule_with_all_their_templates(gallery, people, rule):
    asked = probes(5)
    found = search_scored(gallery, asked, 4, "cosine", rule)
    assert found.counts == gallery.counts()
    assert len(people) < CANDIDATES, "everybody is scored, so the answer is exact"
    for probe, candidates in zip(asked, found.candidates, strict=True):
        every = sorted((scored(probe, x, own, "cosine", rule), name) for name, (x, own) in people.items())[:4]
        assert [one.identity for one in candidates] == [name for _, name in every]
        assert [one.distance for one in candidates] == pytest.approx([value for value, _ in every], abs=1e-6)
        nearest = {one.identity: one.template_id for one in gallery.search(probe, len(people))[0]}
        assert all(one.template_id == nearest[one.identity] for one in candidates)


def test_the_nearest_rule_is_the_search_of_the_gallery(gallery):
    asked = probes(3)
    assert search_scored(gallery, asked, 3, "cosine", "nearest") == gallery.search_counted(asked, 3)


def test_nobody_and_no_probes(tmp_path, gallery):
    with open_gallery(tmp_path / "empty") as empty:
        empty.bind("f1", "plane", "cosine", D)
        assert search_scored(empty, probes(2), 3, "cosine", "mean").candidates == [[], []]
    assert search_scored(gallery, probes(0), 3, "cosine", "set").candidates == []


def test_who_is_renamed_between_search_and_reading_is_searched_again(gallery, monkeypatch):
    probe, search = probes(1), gallery.search_counted
    first = search_scored(gallery, probe, 1, "cosine", "mean").candidates[0][0].identity

    def renamed_afterwards(vectors, k, where):
        found = search(vectors, k, where=where)
        if first in gallery.names():
            gallery.rename(first, "another name")
        return found

    monkeypatch.setattr(gallery, "search_counted", renamed_afterwards)
    assert search_scored(gallery, probe, 1, "cosine", "mean").candidates[0][0].identity == "another name"


def test_templates_of_some_are_read_together(gallery, people):
    held = gallery.templates_of(["p07", "p03", "nobody", "p07"])
    assert sorted(held) == ["p03", "p07"]
    for name, own in held.items():
        assert [one.id for one in own] == [one.id for one in gallery.templates(name)]
        assert np.array_equal(np.stack([one.vector for one in own]), people[name][0])
        assert [one.quality for one in own] == people[name][1]
    assert gallery.templates_of([]) == {}
    assert len(gallery.templates_of([f"x{number}" for number in range(2000)] + ["p01"])) == 1
