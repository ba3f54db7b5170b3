"""What is peculiar to `ivfpq`; what all kinds share is in test_vector_index.py."""

import numpy as np
import pytest

from lookalike.index import build_index, load_index
from lookalike.index.kinds.registry import KINDS

CODES, STORES = ["pq", "fastscan", "rabitq"], ["float32", "float16", "sq8", "none"]
OFF = {"float32": 1e-5, "float16": 2e-3, "sq8": 3e-2}


def rows(n, d=24, seed=0):
    scale = 1 / np.sqrt(1 + np.arange(d, dtype=np.float32))
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32) * scale


def recall(hits, exact):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(hits.ids.tolist(), exact.ids.tolist(), strict=True)])


@pytest.mark.parametrize("metric", KINDS["ivfpq"].metrics[:3])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("code", CODES)
def test_every_code_and_store(code, store, metric, tmp_path):
    x, queries = rows(2000), rows(40, seed=1)
    index = build_index(x, "ivfpq", metric, code=code, store=store, nprobe=1000, rerank=200, nlist=10)
    exact = build_index(x, "exact", metric)
    late = rows(100, seed=2)
    for one in (index, exact):
        one.remove(np.arange(0, 2000, 7))
        one.add(late)
    hits, truth = index.search(queries, 5), exact.search(queries, 5)
    assert (np.diff(hits.distances) >= 0).all()
    assert not np.isin(hits.ids, np.arange(0, 2000, 7)).any()
    if store == "none":
        assert recall(hits, truth) > {"pq": 0.6, "fastscan": 0.45, "rabitq": 0.25}[code]
    else:
        assert recall(hits, truth) > (0.93 if store == "sq8" else 0.97)
        assert index.search(late, 1).ids.ravel().tolist() == list(range(2000, 2100)) or metric == "inner_product"
        both = hits.ids == truth.ids
        np.testing.assert_allclose(hits.distances[both], truth.distances[both], rtol=OFF[store], atol=OFF[store])
    index.save(tmp_path / "a")
    for mapped in (False, True):
        assert np.array_equal(load_index(tmp_path / "a", mapped=mapped).search(queries, 5).ids, hits.ids)
    assert index.compact() == len(range(0, 2000, 7))
    if store != "none":  # else it learns from what the codes gave back
        assert recall(index.search(queries, 5), truth) > 0.9


@pytest.mark.parametrize("code", ["fastscan", "pq", "rabitq"])
def test_codes_that_were_loaded_give_their_vectors_back(code, tmp_path):
    index = build_index(rows(2000), "ivfpq", "euclidean", code=code, store="none", nlist=10)
    index.save(tmp_path / "a")
    again = load_index(tmp_path / "a")
    few = np.arange(0, 2000, 50)
    queries = rows(5, seed=1)
    assert np.array_equal(again.search(queries, 3, among=few).ids, index.search(queries, 3, among=few).ids)
    again.remove(few)
    assert again.compact() == len(few)


@pytest.mark.parametrize("settings", [{"store": "none"}, {"store": "float32", "rerank": 0}], ids=["none", "rerank-0"])
@pytest.mark.parametrize("code", CODES)
def test_an_estimate_does_not_depend_on_which_way_was_quicker(code, settings, monkeypatch):
    x, queries = rows(2000), rows(20, seed=1)
    index = build_index(x, "ivfpq", "cosine", code=code, nlist=10, nprobe=10, **settings)
    whole = index.search(queries, 2000)
    answers = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr("lookalike.index.core.filter_costs.FilterCosts.scan_seconds", lambda *_, s=seconds, **__: s)
        for few in (np.arange(50), np.arange(0, 2000, 5), np.arange(10, 2000)):
            hits = index.search(queries, 30, among=few)
            of_all = [dict(zip(*row, strict=True)) for row in zip(whole.ids.tolist(), whole.distances, strict=True)]
            known = [[of_all[i][one] for one in row] for i, row in enumerate(hits.ids.tolist())]
            np.testing.assert_allclose(hits.distances, known, atol=1e-3)
            answers.append(hits.ids)
    assert all(np.array_equal(a, b) for a, b in zip(answers[:3], answers[3:], strict=True))


def test_more_candidates_find_more():
    x, queries = rows(6000), rows(100, seed=1)
    index = build_index(x, "ivfpq", "euclidean", m=4, nprobe=1000, store="float32")
    exact = build_index(x, "exact", "euclidean").search(queries, 5)
    recalls = [recall(index.search(queries, 5, rerank=rerank), exact) for rerank in (0, 20, 200, 6000)]
    assert recalls == sorted(recalls)
    assert recalls[-1] > 0.999 > recalls[1] > recalls[0]


def test_distances_are_those_of_the_store_or_estimates():
    x = rows(3000)
    index = build_index(x, "ivfpq", "euclidean", store="float32", nprobe=1000, rerank=3000)
    assert index.search(x[:50], 1).distances.max() == 0
    assert index.search(x[:50], 1, rerank=0).distances.max() > 0


def test_a_whole_subset_is_compared_in_the_store():
    x = rows(3000)
    index = build_index(x, "ivfpq", "euclidean", nprobe=1, rerank=1, store="float32")
    hits = index.search(x[:20], 3, among=[5, 2999, 17, 10**9])
    assert np.isin(hits.ids, [5, 2999, 17]).all()
    exact = build_index(x, "exact", "euclidean").search(x[:20], 3, among=[5, 2999, 17])
    assert np.array_equal(hits.ids, exact.ids)


def test_a_filter_of_a_tenth():
    x, queries = rows(6000), rows(50, seed=1)
    among = np.random.default_rng(0).choice(6000, 600, replace=False)
    index = build_index(x, "ivfpq", "cosine", nprobe=8)
    exact = build_index(x, "exact", "cosine").search(queries, 5, among=among)
    assert recall(index.search(queries, 5, among=among), exact) > 0.85


def test_the_store_may_stay_on_the_disk(tmp_path):
    index = build_index(rows(20_000), "ivfpq", "cosine", store="float32")
    index.save(tmp_path / "a")
    read, mapped = (load_index(tmp_path / "a", mapped=mapped).stats()["bytes"] for mapped in (False, True))
    assert read - mapped == 20_000 * 24 * 4


def test_an_addition_that_fails_leaves_nothing(monkeypatch):
    x = rows(2000)
    index = build_index(x, "ivfpq", "euclidean", store="float32", nprobe=1000)
    built = index._built.engine

    class Failing:
        def __getattr__(self, name):
            return getattr(built.codes.engine, name)

        def add(self, vectors):
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(built.codes, "engine", Failing())
        with pytest.raises(MemoryError):
            index.add(rows(10, seed=5))
    assert (len(index), len(built.store)) == (2000, 2000)
    assert index.add(rows(1, seed=6)).tolist() == [2000]
    assert index.search(rows(1, seed=6), 1).ids.tolist() == [[2000]]
