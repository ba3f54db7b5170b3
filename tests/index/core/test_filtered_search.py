"""Which way a filtered search takes, and what tombstones cost; `test_subset.py` compares answers with the truth."""

import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.core.filter_costs import FilterCosts
from lookalike.index.core.filtered_search import COMPACTION_DUE
from lookalike.index.kinds.registry import KINDS

VECTORS = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(400, 8)).astype(np.float32)
#: Settings under which the approximate kinds find nearly all.
GOOD = {"scann": {"leaves_to_search": 64, "reorder": 300}, "trees": {"search_k": 20_000}, "ivf": {"nprobe": 64}}


@pytest.fixture
def fixed_times(monkeypatch):
    """Searches take what their work says, a comparison a thousandth of it, and beginning to compare for ever."""

    def timed(size, metric, vectors_at, search, work):
        return FilterCosts(start=1e9 * work, compare=work / 1000, fetch=0.0, engine=work, work=work)

    monkeypatch.setattr(FilterCosts, "timed", timed)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.installed])
def test_slowdown_grows_with_what_is_removed_until_compacted(kind, fixed_times):
    index = build_index(VECTORS, kind, **GOOD.get(kind, {}))
    assert index.slowdown() == 0
    assert not index.compaction_due
    seen = []
    for at in range(0, 1500, 300):
        index.remove(np.arange(at, at + 300))
        seen.append(index.slowdown())
    if kind == "exact":  # keeps no tombstones
        assert seen == [0] * 5
        return
    assert seen == sorted(seen)
    assert 0 < seen[0] < COMPACTION_DUE < seen[-1]
    assert index.compaction_due
    assert index.compact() == 1500
    assert index.slowdown() == 0


@pytest.mark.parametrize("kind", [kind for kind in ("trees", "vamana", "scann") if KINDS[kind].installed])
def test_compacting_takes_in_what_lies_beside_the_engine(kind, fixed_times):
    index = build_index(VECTORS, kind, **GOOD.get(kind, {}))
    index.add(OTHERS)
    assert index.slowdown() > 0.2  # 400 comparisons, each a thousandth of a search
    assert index.compact() == 0
    assert index.slowdown() == 0
    assert index.search(OTHERS, 1).distances.max() < 1e-5


def test_an_emptied_index_needs_no_compaction(fixed_times):
    index = build_index(VECTORS[:50], "hnsw")
    index.remove(np.arange(50))
    assert index.slowdown() == 0


def test_a_filter_is_timed_once_for_one_setting_and_size(monkeypatch):
    calls = []
    timed = FilterCosts.timed
    monkeypatch.setattr(FilterCosts, "timed", lambda *given: calls.append(given) or timed(*given))
    index = build_index(VECTORS, "hnsw")
    for start in range(0, 600, 100):
        index.search(OTHERS[:2], 3, among=np.arange(start, 1500))
    assert len(calls) == 1
    index.configure(ef_search=20)
    index.search(OTHERS[:2], 3, among=np.arange(1500))
    assert len(calls) == 2
    index.search(OTHERS[:2], 3, among=[5, 6])  # so few that nothing needs to be known
    index.search(OTHERS[:2], 3)
    assert len(calls) == 2
