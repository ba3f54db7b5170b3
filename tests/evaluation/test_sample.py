"""Of a large set, whole people are drawn; of a small one, everybody is taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import PictureSet
from lookalike.evaluation import sample as sampling
from lookalike.evaluation.sample import sample, sampled_positions


def people(counts):
    names = [f"p{person:03d}" for person, count in enumerate(counts) for _ in range(count)]
    return PictureSet(tuple(f"{number}.png" for number in range(len(names))), tuple(names))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=30), st.integers(1, 80), st.integers(0, 5))
def test_whole_people_about_as_many_pictures_as_asked_for(counts, wanted, seed):
    pictures = people(counts)
    found = sampled_positions(pictures, wanted, seed)
    assert np.array_equal(found, sampled_positions(pictures, wanted, seed))
    drawn = set(pictures.labels[found].tolist())
    assert found.tolist() == [at for at, label in enumerate(pictures.labels.tolist()) if label in drawn]
    if len(pictures) <= wanted:
        assert len(found) == len(pictures)
    else:
        assert len(drawn) >= 2
        assert len(found) <= max(wanted, sum(sorted(counts)[-2:]))


@pytest.mark.parametrize(("limit", "whole"), [(240, True), (100, False)])
def test_a_context_says_whether_all_are_taken(context_of, sixty_people, monkeypatch, limit, whole):
    monkeypatch.setattr(sampling, "SAMPLE", limit)
    context = context_of(*sixty_people)
    found = sample(context)
    assert found.whole is whole
    assert len(found.vectors) == len(found.pictures) == (240 if whole else 100)
    assert sample(context) is found
