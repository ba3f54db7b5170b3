"""Recall of queries that are indexed themselves: their own vector does not count, as if it were not there."""

import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.recall import exact_truth


def vectors_of(n, d=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype("f")


@pytest.mark.parametrize("repeated", [False, True])
def test_exact_search_finds_everything_but_the_query_itself(repeated):
    vectors = vectors_of(300)
    if repeated:
        vectors[100:200] = vectors[:100]  # an equal vector of another id is a neighbour
    ids = np.arange(300) * 7 + 3
    own = np.array([5, 150, 299, 0])
    truth = exact_truth(vectors, vectors[own], 10, MetricSpace("euclidean", 8), own=own).as_ids(ids)
    assert not (truth.positions == ids[own][:, None]).any()
    asked = Asked(vectors[own], truth, ids[own])
    assert asked.recall(build_index(vectors, "exact", "euclidean", ids=ids), {}).mean == 1


def test_it_is_the_recall_of_an_index_without_that_vector():
    vectors, own = vectors_of(2000, 16), np.arange(0, 2000, 40)
    space = MetricSpace("euclidean", 16)
    whole = build_index(vectors, "ivf", "euclidean", nlist=30)
    asked = Asked(vectors[own], exact_truth(vectors, vectors[own], 10, space, own=own), own)
    found = []
    for row, query in enumerate(vectors[own]):
        without = build_index(vectors, "exact", "euclidean")
        without.remove([own[row]])
        near = without.search(query[None], 10).ids[0]
        cells = [hit for hit in whole.search(query[None], 11, nprobe=3).ids[0] if hit != own[row]][:10]
        found.append(len(set(near) & set(cells)) / 10)
    assert asked.recall(whole, {"nprobe": 3}).mean == pytest.approx(np.mean(found))


def test_fewer_vectors_than_neighbours():
    vectors, own = vectors_of(6), np.array([2, 4])
    truth = exact_truth(vectors, vectors[own], 10, MetricSpace("euclidean", 8), own=own)
    assert truth.k == 5
    assert sorted(truth.positions[0][truth.counts[0]].tolist()) == [0, 1, 3, 4, 5]


def test_the_first_queries():
    vectors, own = vectors_of(200), np.arange(20)
    asked = Asked(vectors[own], exact_truth(vectors, vectors[own], 3, MetricSpace("euclidean", 8), own=own), own)
    few = asked.first(5)
    assert (len(few), len(few.truth), few.k) == (5, 5, 3)
    assert few.recall(build_index(vectors, "exact", "euclidean"), {}).mean == 1
