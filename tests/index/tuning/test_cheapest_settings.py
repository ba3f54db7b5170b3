"""The cheapest settings that reach a recall, against trying every value."""

import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning.cheapest_settings import Point, frontier, recall_at, settings_for_recall, sweep
from lookalike.index.tuning.recall import Recall, exact_truth


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(1 + np.arange(24))
    vectors, queries = ((rng.normal(size=(n, 24)) * scale).astype("f") for n in (4000, 300))
    space = MetricSpace("euclidean", 24)
    return vectors, queries, exact_truth(vectors, queries, 10, space)


def test_the_least_setting_that_keeps_the_recall(case):
    vectors, queries, truth = case
    index = build_index(vectors, "hnsw", "euclidean", M=6, ef_construction=40)
    point = settings_for_recall(index, KINDS[index.kind].recall_setting, queries, truth, 0.9)
    assert list(point.settings) == ["ef_search"]
    assert point.recall.floor >= 0.9
    assert point.recall == recall_at(index, queries, truth, point.settings)
    assert 0 < point.seconds < 1
    least = next(ef for ef in range(10, 4000) if recall_at(index, queries, truth, {"ef_search": ef}).floor >= 0.9)
    assert least <= point.settings["ef_search"] <= max(least + 1, least * 1.06)
    assert index.stats()["search"] == {"ef_search": 64}  # measuring changes nothing


def test_a_recall_out_of_reach_is_none(case):
    vectors, queries, truth = case
    index = build_index(vectors, "ivfpq", "euclidean", store="none", code="pq", m=4, nlist=30, opq=False)
    assert settings_for_recall(index, KINDS[index.kind].recall_setting, queries, truth, 0.99) is None


def test_two_settings_are_weighed_against_each_other(case):
    vectors, queries, truth = case
    index = build_index(vectors, "ivfpq", "euclidean", store="float32", nlist=60)
    point = settings_for_recall(index, KINDS[index.kind].recall_setting, queries, truth, 0.95)
    assert set(point.settings) == {"nprobe", "rerank"}
    assert recall_at(index, queries, truth, point.settings).floor >= 0.95


def test_exact_has_nothing_to_raise(case):
    vectors, queries, truth = case
    index = build_index(vectors, "exact", "euclidean")
    point = settings_for_recall(index, None, queries, truth, 0.99, batch=True)
    assert point.settings == {}
    assert point.recall.mean == 1


def test_a_sweep_rises_to_the_top(case):
    vectors, queries, truth = case
    points = sweep(build_index(vectors, "ivf", "euclidean", nlist=64), KINDS["ivf"].recall_setting, queries, truth)
    recalls = [point.recall.mean for point in points]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.7
    assert recalls[-1] >= 0.995
    assert points[0].settings == {"nprobe": 1}


def test_the_frontier_holds_only_what_nothing_beats():
    def point(recall, seconds):
        return Point({"at": recall}, Recall(recall, recall, recall, recall), seconds)

    best = frontier([point(0.9, 2), point(0.8, 1), point(0.85, 3), point(0.95, 4), point(0.95, 5), point(0.7, 1)])
    assert [(p.recall.mean, p.seconds) for p in best] == [(0.8, 1), (0.9, 2), (0.95, 4)]
