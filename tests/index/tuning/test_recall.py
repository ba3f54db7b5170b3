"""Recall against counting by hand; ties; intervals that hold what they say."""

import numpy as np
import pytest

from lookalike.distances import Covariance, nearest
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.recall import Recall, exact_truth, floor_without_misses, queries_to_show


def truth_of(vectors, queries, k, metric="euclidean", covariance=None):
    space = MetricSpace(metric, vectors.shape[1], covariance)
    return exact_truth(space.vectors(vectors), space.vectors(queries), k, space)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product", "manhattan"])
def test_truth_is_exact_search_in_whatever_blocks(metric, monkeypatch):
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(500, 6)).astype("f"), rng.normal(size=(40, 6)).astype("f")
    monkeypatch.setattr("lookalike.index.tuning.recall._BLOCK", 128)
    done = []
    space = MetricSpace(metric, 6)
    found = exact_truth(space.vectors(vectors), space.vectors(queries), 7, space, done.append)
    positions, distances = nearest(queries, vectors, 7, metric)
    assert (found.positions[:, :7] == positions).all()
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5, atol=1e-6)
    assert done == [128, 128, 128, 116]
    assert len(found) == 40


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product", "manhattan"])
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e4, 1e6])
def test_truth_is_that_of_extended_precision_in_a_narrow_cone(metric, shift, monkeypatch):
    rng = np.random.default_rng(0)
    vectors, queries = ((rng.normal(size=(n, 16)) + shift).astype("f") for n in (700, 40))
    vectors[500:] = vectors[:200]
    monkeypatch.setattr("lookalike.index.tuning.recall._BLOCK", 256)
    found = truth_of(vectors, queries, 7, metric)
    space = MetricSpace(metric, 16)
    x, y = (a.astype(np.longdouble) for a in (space.vectors(queries)[:, None], space.vectors(vectors)[None]))
    true = {
        "inner_product": lambda: -(x * y).sum(axis=2),
        "manhattan": lambda: np.abs(x - y).sum(axis=2),
        "cosine": lambda: ((x - y) ** 2).sum(axis=2) / 2,
        "euclidean": lambda: np.sqrt(((x - y) ** 2).sum(axis=2)),
    }[metric]()
    best = np.sort(true, axis=1)[:, :7]
    off = 1e-14 * np.abs(true).max() if metric == "inner_product" else 0
    here = np.take_along_axis(true, found.positions[:, :7], 1)
    assert (np.abs(here - best) <= 1e-13 * np.abs(best) + off).all()
    assert (np.abs(found.distances - best) <= 1e-13 * np.abs(best) + off).all()
    assert found.recall(np.argsort(true, axis=1, kind="stable")[:, :7]).mean == 1


def test_neighbours_in_a_narrow_cone_do_not_count_as_tied():
    # All distances are below 1e-7 there, which once tied every one of them with the last place.
    vectors = np.random.default_rng(0).normal(size=(300, 8)) + 1e4
    truth = truth_of(vectors.astype("f"), vectors[:20].astype("f"), 5, "cosine")
    assert truth.distances.max() < 1e-7
    assert truth.recall(truth.positions[:, :5]).mean == 1
    assert truth.recall(truth.positions[:, 5:10]).mean < 0.1


def test_mahalanobis_truth_is_over_whitened_vectors():
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(200, 3)).astype("f"), rng.normal(size=(9, 3)).astype("f")
    covariance = Covariance(np.diag([100.0, 1.0, 0.01]))
    found = truth_of(vectors, queries, 5, "mahalanobis", covariance)
    expected, _ = nearest(covariance.whiten(queries), covariance.whiten(vectors), 5)
    assert (found.positions[:, :5] == expected).all()


def test_recall_counts_what_was_found():
    vectors = np.arange(50, dtype="f")[:, None]
    truth = truth_of(vectors, np.array([[0.1], [20.2]], "f"), 4)
    assert truth.positions[:, :4].tolist() == [[0, 1, 2, 3], [20, 21, 19, 22]]
    assert truth.recall(np.array([[0, 1, 2, 3], [22, 21, 20, 19]])).mean == 1
    assert truth.recall(np.array([[0, 1, 40, -1], [20, 30, 31, 32]])).mean == (2 / 4 + 1 / 4) / 2
    assert truth.recall(np.full((2, 4), -1)).mean == 0
    # what lies beyond the first k of an answer does not count
    assert truth.recall(np.array([[9, 9, 9, 9, 0], [9, 9, 9, 9, 20]])).mean == 0


def test_ties_at_the_last_place_may_stand_for_one_another():
    vectors = np.array([[0.0], [1], [1], [1], [5]], "f")
    truth = truth_of(vectors, np.zeros((1, 1), "f"), 2)
    for other in (1, 2, 3):
        assert truth.recall(np.array([[0, other]])).mean == 1
    assert truth.recall(np.array([[0, 4]])).mean == 0.5
    assert truth.recall(np.array([[1, 2]])).mean == 1  # as near as the second place, both
    with_ids = truth.as_ids(np.array([70, 80, 90, 100, 110]))
    assert with_ids.recall(np.array([[70, 100]])).mean == 1
    assert with_ids.recall(np.array([[0, 1]])).mean == 0


def test_fewer_vectors_than_k():
    truth = truth_of(np.eye(3, dtype="f"), np.eye(3, dtype="f"), 10)
    assert truth.k == 3
    assert truth.recall(np.array([[0, 1, 2]] * 3)).mean == 1


def test_the_interval_holds_the_true_recall_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = floors = 0
    for _ in range(600):
        shares = rng.binomial(10, 0.93, 300) / 10
        recall = Recall.over(shares, 10)
        inside += recall.low <= 0.93 <= recall.high
        floors += recall.floor <= 0.93
    assert 0.92 < inside / 600 < 0.98
    assert 0.92 < floors / 600 < 0.98


def test_perfect_answers_prove_no_perfect_recall():
    recall = Recall.over(np.ones(1000), 1)
    assert recall.mean == recall.high == 1
    assert 0.995 < recall.low < recall.floor < 1
    assert Recall.over(np.ones(10), 1).floor < 0.8


@pytest.mark.parametrize("k", [1, 10, 100])
def test_an_answer_without_a_miss_shows_no_less_than_one_with_a_miss(k):
    # By queries alone, 250 perfect answers showed 0.9893, so that an index which misses nothing did not reach 0.99.
    perfect, missed = np.ones(250), np.ones(250)
    missed[7] -= 1 / k
    with_a_miss, without = Recall.over(missed, k), Recall.over(perfect, k)
    assert 1 - without.floor <= 1.05 * (1 - with_a_miss.floor)
    assert 1 - without.floor == pytest.approx(2.7 / (250 * k), rel=0.05)  # and it is no proof of a perfect recall


def test_where_all_queries_have_the_same_recall_its_interval_lies_around_it():
    recall = Recall.over(np.full(100, 0.9), 10)
    assert recall.low < recall.floor < 0.9 < recall.high < 0.93
    assert Recall.over(np.zeros(50), 10).low == 0


@pytest.mark.parametrize("k", [1, 10])
@pytest.mark.parametrize("wanted", [0.9, 0.99, 0.999])
def test_so_many_queries_show_a_recall_where_nothing_is_missed(wanted, k):
    enough = int(np.ceil(queries_to_show(wanted, k)))
    assert floor_without_misses(enough, k) >= wanted - 1e-9
    assert floor_without_misses(enough - 1, k) < wanted
    assert queries_to_show(1, k) == np.inf
