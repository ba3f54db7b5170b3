"""Galleries whose defects are known, for every vector is chosen: people are 10 apart, their templates less than 1."""

import numpy as np
import pytest

from lookalike.decisions.odds import MatchOdds
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.doctor import Rules

D = 16


@pytest.fixture
def person():
    """``person(i, n)``: `n` templates of person `i`, at distances of 0.2 from each other around 10 on an axis."""

    def make(number, count, start=0):
        vectors = np.zeros((count, D), np.float32)
        vectors[:, number] = 10
        vectors[np.arange(count), 8 + (start + np.arange(count)) % 8] = 0.2 / np.sqrt(2)
        return vectors

    return make


@pytest.fixture
def gallery(tmp_path):
    """An empty gallery of Euclidean vectors of 16 numbers."""
    with open_gallery(tmp_path / "people.gallery") as opened:
        opened.bind("f1", "net", "euclidean", D)
        yield opened


@pytest.fixture
def enroll(gallery):
    """``enroll({name: vectors}, qualities={name: [...]})``: into the gallery; returns ids by name."""

    def into(people, qualities=None):
        given = qualities or {}
        return gallery.enroll_many(
            Enrolment(name, vectors, [f"{name}/{n}.jpg" for n in range(len(vectors))], qualities=given.get(name))
            for name, vectors in people.items()
        )

    return into


@pytest.fixture
def rules():
    """Threshold 1; a pair at 0.2 is e^8 times likelier of one person, one at 5 and beyond e^-20 times."""
    odds = MatchOdds(distances=(0.0, 1.0, 5.0), log_ratios=(10.0, 0.0, -20.0), cllr=0.1)
    return Rules(threshold=1.0, odds=odds)
