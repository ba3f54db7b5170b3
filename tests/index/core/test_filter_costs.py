import time

import numpy as np
import pytest

from lookalike.index.core.costs import JUMP
from lookalike.index.core.filter_costs import FilterCosts, recall_value, search_work
from lookalike.index.kinds.registry import KINDS


def test_each_way_costs_what_was_timed():
    costs = FilterCosts(start=1.0, compare=0.5, fetch=3.0, engine=8.0, work=100.0)
    assert costs.scan_seconds(10, queries=1, kept=True) == 1 + 10 * 0.5
    assert costs.scan_seconds(10, queries=1, kept=False) == 1 + 10 * 3.5
    assert costs.scan_seconds(10, queries=3, kept=False) == 1 + 10 * 1.5  # fetched once for all
    assert costs.engine_seconds(250.0) == 20.0


@pytest.mark.parametrize("size", [1, 3, 5000])
def test_timing_asks_for_what_there_is(size):
    vectors = np.random.default_rng(0).normal(size=(size, 4)).astype(np.float32)
    asked = []

    def search(queries, k):
        asked.append(k)
        assert queries.shape == (1, 4)
        time.sleep(0.001)

    def vectors_at(positions):
        assert 0 <= positions.min() <= positions.max() < size
        return vectors[positions]

    costs = FilterCosts.timed(size, "euclidean", vectors_at, search, 7.0)
    assert set(asked) == {min(10, size)}
    assert costs.work == 7
    assert costs.engine >= 0.001
    assert min(costs.start, costs.fetch) > 0
    assert costs.compare >= 0


def test_a_slow_engine_is_asked_few_times():
    calls = []
    vectors = np.eye(50, dtype=np.float32)
    FilterCosts.timed(50, "cosine", lambda at: vectors[at], lambda q, k: calls.append(time.sleep(0.02)), 1.0)
    assert len(calls) == 1 + 3  # the first, which is not timed, and the fewest that are


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.recall_setting])
def test_harder_settings_are_more_work(name):
    kind = KINDS[name]
    assert recall_value(name, kind.search(**{kind.recall_setting.name: 77})) == 77
    works = [search_work(name, 10**6, kind.build(), 128, value, 0) for value in (16, 64, 256)]
    assert works[0] < works[1] < works[2]
    assert search_work(name, 10**6, kind.build(), 128, 16, 10) == works[0] + 10 * (128 + JUMP)


def test_exact_has_no_setting():
    assert recall_value("exact", KINDS["exact"].search()) == 0
    assert search_work("exact", 1000, KINDS["exact"].build(), 8, 0, 0) >= 8000
