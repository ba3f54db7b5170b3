"""Searches within a subset, for every kind × metric, engine and comparison one by one alike, against exact search."""

import pickle
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exhaustive_settings import EVERYTHING

from lookalike.distances import nearest
from lookalike.errors import VectorError
from lookalike.index import Subset, build_index, load_index
from lookalike.index.core import filter_costs
from lookalike.index.kinds.registry import KINDS

ABLE = [
    (name, metric)
    for name, kind in KINDS.items()
    if kind.installed
    for metric in kind.metrics
    if metric != "mahalanobis"  # searches as euclidean does
]
SIZE, D = 240, 5
VECTORS = np.random.default_rng(3).normal(size=(2 * SIZE, D)).astype(np.float32)


@pytest.fixture(autouse=True)
def engines_for_few_vectors(monkeypatch):
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 32)
    monkeypatch.setattr("lookalike.index.core.filtered_search._FEW", 0)


@pytest.fixture(params=["engine", "one by one"])
def way(request, monkeypatch):
    """Makes one of the two ways of answering seem endlessly slow."""
    engine = request.param == "engine"
    monkeypatch.setattr(filter_costs.FilterCosts, "engine_seconds", lambda self, work: 0.0 if engine else 1e9)
    return request.param


def made(kind, metric, count=SIZE):
    return build_index(VECTORS[:count], kind, metric, **EVERYTHING.get(kind, {}))


def assert_exact(hits, queries, table, metric):
    """`table`: id -> vector of those that may be found."""
    ids = np.array(sorted(table), np.int64)
    found = min(hits.ids.shape[1], len(ids))
    assert (hits.ids[:, found:] == -1).all()
    assert np.isposinf(hits.distances[:, found:]).all()
    if found:
        assert np.isin(hits.ids[:, :found], ids).all()
        vectors = np.array([table[i] for i in ids.tolist()])
        expected = nearest(queries.astype(np.float64), vectors.astype(np.float64), found, metric)[1]
        np.testing.assert_allclose(hits.distances[:, :found], expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(("kind", "metric"), ABLE)
def test_answers_are_those_of_exact_search_whatever_happened_before(kind, metric, way, tmp_path):
    index = made(kind, metric)
    table = dict(enumerate(VECTORS[:SIZE]))
    queries = VECTORS[-3:]
    half, few = Subset(np.arange(0, 2 * SIZE, 2)), Subset([3, 7, 7, 100, 101, 9999])

    def check(one):
        for subset in (half, few):
            wanted = {i: v for i, v in table.items() if i in set(subset.ids.tolist())}
            for k in (1, 4, 10):
                prepared, anew = (one.search(queries, k, among=among) for among in (subset, subset.ids[::-1]))
                assert_exact(prepared, queries, wanted, metric)
                np.testing.assert_array_equal(prepared.distances, anew.distances)

    check(index)
    index.remove([4, 7, 8, 12])
    for i in (4, 7, 8, 12):
        del table[i]
    check(index)
    index.add(VECTORS[SIZE : SIZE + 20])
    table |= {i: VECTORS[i] for i in range(SIZE, SIZE + 20)}
    check(index)
    index.add(VECTORS[-10:-9], ids=[7])  # the id comes back with another vector
    table[7] = VECTORS[-10]
    check(index)
    index.compact()
    check(index)
    index.save(tmp_path / "x.index")
    check(load_index(tmp_path / "x.index"))
    mapped = load_index(tmp_path / "x.index", mapped=True)
    check(mapped)
    mapped.remove([100])
    del table[100]
    check(mapped)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.installed])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_but_the_subset_is_ever_found(kind, data):
    metric = data.draw(st.sampled_from([metric for name, metric in ABLE if name == kind]))
    index = INDEXES.setdefault((kind, metric), made(kind, metric))
    ids = data.draw(st.lists(st.integers(-5, SIZE + 5).filter(lambda i: i != -1), max_size=SIZE))
    subset, k = Subset(ids), data.draw(st.integers(1, 20))
    wanted = {i: VECTORS[i] for i in ids if 0 <= i < SIZE}
    queries = VECTORS[-2:]
    assert_exact(index.search(queries, k, among=subset), queries, wanted, metric)
    assert_exact(index.search(queries, k, among=ids), queries, wanted, metric)


INDEXES = {}


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.installed])
def test_changes_by_another_thread_are_seen(kind, way):
    index = made(kind, "euclidean")
    table = dict(enumerate(VECTORS[:SIZE]))
    subset = Subset(np.arange(0, SIZE, 3))
    stays = {i: table[i] for i in subset.ids.tolist()}
    stop, failures = threading.Event(), []

    def churn():
        try:
            for round_ in range(6):
                others = np.arange(1, SIZE, 3)[round_ * 5 : round_ * 5 + 5]
                index.remove(others)
                index.add(VECTORS[SIZE + 5 * round_ :][:5])
                if round_ % 3 == 2:
                    index.compact()
        except BaseException as error:
            failures.append(error)
        finally:
            stop.set()

    thread = threading.Thread(target=churn)
    thread.start()
    queries = VECTORS[-2:]
    while not stop.is_set():
        assert_exact(index.search(queries, 5, among=subset), queries, stays, "euclidean")
    thread.join()
    assert not failures
    index.remove([0, 3])
    assert not np.isin(index.search(VECTORS[[0, 3]], 20, among=subset).ids, [0, 3]).any()


def test_what_is_known_of_a_subset_is_kept_while_others_change(way):
    index = made("hnsw", "euclidean")
    subset = Subset(range(50))
    index.search(VECTORS[:1], among=subset)
    located = subset.located(index.id_map)
    assert subset.located(index.id_map) is located
    index.add(VECTORS[-2:])
    index.remove([60])
    index.search(VECTORS[:1], among=subset)
    again = subset.located(index.id_map)
    assert again is not located
    assert again.size == SIZE + 2
    assert again.vectors is located.vectors  # not fetched again
    assert (located.vectors is None) == (way == "engine")
    index.remove([7])
    assert subset.located(index.id_map).vectors is None
    index.search(VECTORS[:1], among=subset)
    before = subset.located(index.id_map).vectors
    index.compact()
    after = subset.located(index.id_map).vectors
    assert after is None or after is not before


def test_a_large_copy_is_not_kept(way, monkeypatch):
    monkeypatch.setattr("lookalike.index.core.filtered_search.KEPT_BYTES", 100)
    index, subset = made("hnsw", "euclidean"), Subset(range(50))
    hits = index.search(VECTORS[:2], 3, among=subset)
    assert_exact(hits, VECTORS[:2], {i: VECTORS[i] for i in range(50)}, "euclidean")
    assert subset.located(index.id_map).vectors is None


def test_an_interrupted_addition_leaves_no_stale_copy(monkeypatch):
    index, subset = made("hnsw", "euclidean"), Subset([SIZE])
    append = type(index)._append

    def interrupted(self, vectors):
        append(self, vectors)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(index), "_append", interrupted)
    before = index.id_map.generation
    with pytest.raises(KeyboardInterrupt):
        index.add(VECTORS[1:2] * 2, ids=[SIZE])
    monkeypatch.undo()
    assert index.id_map.generation is not before
    assert (index.search(VECTORS[:1], 1, among=subset).ids == -1).all()
    index.add(VECTORS[2:3], ids=[SIZE])
    assert index.search(VECTORS[2:3], 1, among=subset).distances == 0


def test_one_subset_serves_two_indexes():
    one, other = made("exact", "euclidean"), build_index(VECTORS[::-1][:SIZE].copy(), "exact", "euclidean")
    subset = Subset([1, 2])
    for _ in range(2):
        assert one.search(VECTORS[1:2], 1, among=subset).distances == 0
        assert other.search(VECTORS[-2:-1], 1, among=subset).distances == 0


@pytest.mark.parametrize("kind", [name for name in ("nsw", "hnsw", "vamana") if KINDS[name].installed])
def test_a_graph_searches_on_where_the_neighbourhood_is_not_allowed(kind):
    """The query's 200 nearest are outside the subset: a search that keeps 32 or 64 candidates meets none."""
    vectors = np.random.default_rng(1).normal(size=(4000, 8)).astype(np.float32)
    order = np.argsort((vectors**2).sum(axis=1))
    hits = build_index(vectors, kind, "euclidean").search(np.zeros((1, 8)), 5, among=order[200:])
    assert hits.ids[0].tolist() == order[200:205].tolist()


def test_ids_are_checked_once_and_kept():
    subset = Subset([5, 3, 5])
    assert subset.ids.tolist() == [3, 5]
    assert len(subset) == 2
    assert repr(subset) == "<Subset of 2 ids>"
    with pytest.raises(ValueError, match="read-only"):
        subset.ids[0] = 1
    with pytest.raises(VectorError, match="id -1"):
        Subset([-1])
    again = pickle.loads(pickle.dumps(subset))
    assert again.ids.tolist() == [3, 5]
    assert made("exact", "euclidean").search(VECTORS[3:4], 1, among=again).ids == 3
