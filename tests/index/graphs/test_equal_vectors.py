"""Positions of equal vectors, against a loop over all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.index.graphs.equal_vectors import EqualVectors


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 3))
def test_equal_vectors_share_a_number(values, d):
    vectors = np.repeat(np.array(values, np.float32)[:, None] - 2, d, axis=1)
    equals = EqualVectors.among(vectors, bearable=0)
    same = (vectors[:, None] == vectors[None]).all(axis=2)
    assert (same == (equals.which[:, None] == equals.which[None])).all()
    assert (vectors[equals.first[equals.which]] == vectors).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 70), st.integers(1, 7))
def test_each_vector_is_found_as_often_as_it_occurs(values, k, looked_at):
    which = np.unique(values, return_inverse=True)[1]
    found = np.random.default_rng(k).permutation(which.max() + 1)[None, :looked_at]
    distances = np.sort(np.random.default_rng(k).random(found.shape), axis=1).astype(np.float32)
    far, where = EqualVectors(which).spread(distances, found, k)
    expected = [(d, p) for d, v in zip(distances[0], found[0], strict=True) for p in np.flatnonzero(which == v)][:k]
    assert where[0].tolist() == [p for _, p in expected] + [-1] * (k - len(expected))
    assert far[0].tolist() == [d for d, _ in expected] + [np.inf] * (k - len(expected))


def test_few_copies_are_left_alone_and_both_zeros_are_equal():
    vectors = np.zeros((9, 2), np.float32)
    vectors[::2] = -0.0
    assert EqualVectors.among(vectors[:8]) is None
    assert EqualVectors.among(vectors).first.tolist() == [0]


def test_another_vector_of_the_same_sum_is_told_apart(monkeypatch):
    class NoWeights:
        def integers(self, low, high, size, dtype):
            return np.zeros(size, dtype)  # every weight is 1: sums do not see the order

    monkeypatch.setattr(np.random, "default_rng", lambda seed: NoWeights())
    vectors = np.array([[1, 2], [2, 1]] * 10, np.float32)
    equals = EqualVectors.among(vectors)
    assert (equals.which[:2] != equals.which[1:3]).all()
    assert len(equals.first) == 2
