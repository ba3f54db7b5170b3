"""The cheapest settings that reach a recall, against trying every value."""

import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.cheapest_settings import (
    Point,
    _LeastSetting,
    _smoothed,
    frontier,
    settings_for_recall,
    sweep,
)
from lookalike.index.tuning.recall import Recall, exact_truth


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(1 + np.arange(24))
    vectors, queries = ((rng.normal(size=(n, 24)) * scale).astype("f") for n in (4000, 300))
    space = MetricSpace("euclidean", 24)
    return vectors, Asked(queries, exact_truth(vectors, queries, 10, space))


def test_the_least_setting_that_keeps_the_recall(case):
    vectors, asked = case
    index = build_index(vectors, "hnsw", "euclidean", M=6, ef_construction=40)
    point = settings_for_recall(index, KINDS[index.kind].recall_setting, asked, 0.9)
    assert list(point.settings) == ["ef_search"]
    assert point.recall.floor >= 0.9
    assert point.recall == asked.recall(index, point.settings)
    assert 0 < point.seconds < 1
    least = next(ef for ef in range(10, 4000) if asked.recall(index, {"ef_search": ef}).floor >= 0.9)
    assert least <= point.settings["ef_search"] <= max(least + 1, least * 1.06)
    assert index.stats()["search"] == {"ef_search": 64}  # measuring changes nothing


def test_a_recall_out_of_reach_is_none(case):
    vectors, asked = case
    index = build_index(vectors, "ivfpq", "euclidean", store="none", code="pq", m=4, nlist=30, opq=False)
    assert settings_for_recall(index, KINDS[index.kind].recall_setting, asked, 0.99) is None


@pytest.mark.parametrize(("k", "queries"), [(10, 250), (1, 300)])
def test_an_index_that_looks_everywhere_reaches_any_recall_that_its_queries_can_show(case, k, queries):
    vectors, _ = case
    asked = vectors[::13][:queries] + np.float32(0.01)
    truth = exact_truth(vectors, asked, k, MetricSpace("euclidean", 24))
    index = build_index(vectors, "ivf", "euclidean", nlist=2)  # one cell misses some, two are everything
    point = settings_for_recall(index, KINDS["ivf"].recall_setting, Asked(asked, truth), 0.99)
    assert point is not None
    assert point.recall.floor >= 0.99


def test_two_settings_are_weighed_against_each_other(case):
    vectors, asked = case
    index = build_index(vectors, "ivfpq", "euclidean", store="float32", nlist=60)
    point = settings_for_recall(index, KINDS[index.kind].recall_setting, asked, 0.95)
    assert set(point.settings) == {"nprobe", "rerank"}
    assert asked.recall(index, point.settings).floor >= 0.95


def test_times_are_laid_on_a_plane_so_that_one_disturbed_measurement_decides_nothing():
    points = [
        {"nprobe": nprobe, "rerank": rerank} for nprobe, rerank in [(40, 20), (30, 30), (24, 45), (22, 68), (21, 102)]
    ]
    true = [10 + 2 * point["nprobe"] + 0.5 * point["rerank"] for point in points]
    for disturbed in range(len(points)):
        timed = list(true)
        timed[disturbed] *= 0.8 if disturbed != 2 else 1.25
        assert int(np.argmin(_smoothed(points, timed))) in (1, 2)  # 85 and 80.5; the others take 91 and more


def test_the_last_word_have_all_queries(case):
    vectors, asked = case
    index = build_index(vectors, "ivf", "euclidean", nlist=60)
    few = settings_for_recall(index, KINDS["ivf"].recall_setting, asked.first(60), 0.9)
    settled = _LeastSetting(index, KINDS["ivf"].recall_setting, asked.first(60), 0.9).settled(few.settings, asked)
    assert settled[1].floor >= 0.9
    assert settled[1] == asked.recall(index, settled[0])
    assert asked.recall(index, {"nprobe": settled[0]["nprobe"] - 1}).floor < 0.9


def test_exact_has_nothing_to_raise(case):
    vectors, asked = case
    index = build_index(vectors, "exact", "euclidean")
    point = settings_for_recall(index, None, asked, 0.99, batch=True)
    assert point.settings == {}
    assert point.recall.mean == 1


def test_a_sweep_rises_to_the_top(case):
    vectors, asked = case
    points = sweep(build_index(vectors, "ivf", "euclidean", nlist=64), KINDS["ivf"].recall_setting, asked)
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
