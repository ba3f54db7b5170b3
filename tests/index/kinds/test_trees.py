"""What is special to annoy's forest; all else is in the suite over every kind."""

import threading

import numpy as np
import pytest

pytest.importorskip("annoy", reason="the trees extra is not installed")

from lookalike.distances import pairwise
from lookalike.errors import ArtefactError, StorageError
from lookalike.index import build_index, load_index


def vectors(n=1500, d=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def recall(index, queries, truth, **settings):
    found = index.search(queries, **settings).ids
    return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product", "manhattan"])
def test_search_k_trades_recall_per_call(metric):
    index, queries = build_index(vectors(), "trees", metric, n_trees=10), vectors(60, seed=1)
    truth = build_index(vectors(), "exact", metric).search(queries).ids
    low, high = recall(index, queries, truth, search_k=50), recall(index, queries, truth, search_k=100_000)
    assert low < 0.9
    assert high > 0.999
    assert recall(index, queries, truth, search_k=50) == low


def test_too_small_a_search_is_completed_exactly():
    # A search of one node meets fewer than 200 vectors; the rest comes from comparing all.
    index, queries = build_index(vectors(), "trees", n_trees=1), vectors(3, seed=1)
    hits = index.search(queries, k=200, search_k=1)
    assert (hits.ids == build_index(vectors(), "exact").search(queries, k=200).ids).all()


def test_the_same_vectors_give_the_same_forest():
    queries = vectors(40, seed=1)
    one, two = (build_index(vectors(), "trees", n_trees=3).search(queries, search_k=60) for _ in range(2))
    assert (one.ids == two.ids).all()


def test_near_duplicates_keep_their_distances_under_cosine():
    base = vectors()
    queries = base[:50] * (1 + np.float32(1e-4) * vectors(50, seed=2))
    hits = build_index(base, "trees").search(queries, k=1)
    true = [pairwise(q[None].astype(float), base[[i]].astype(float), "cosine")[0, 0] for i, q in enumerate(queries)]
    assert (hits.ids[:, 0] == np.arange(50)).all()
    # 1 - cos in float32 would be good to 6e-8 only, more than these distances have.
    np.testing.assert_allclose(hits.distances[:, 0], true, rtol=0.05, atol=1e-12)
    assert np.max(true) < 2e-8


def test_a_saved_index_shares_annoys_file_and_searches_the_same(tmp_path):
    index, queries = build_index(vectors(), "trees", "euclidean"), vectors(40, seed=1)
    before, in_memory = index.search(queries), index.stats()["bytes"]
    index.save(tmp_path / "a.index")
    assert index.stats()["bytes"] < in_memory - vectors().nbytes // 2
    # The folder moves and the old one is replaced: what is mapped stays.
    (tmp_path / "a.index").rename(tmp_path / "b.index")
    for one in (index, load_index(tmp_path / "b.index"), load_index(tmp_path / "b.index", mapped=True)):
        hits = one.search(queries)
        assert (hits.ids == before.ids).all()
        assert (hits.distances == before.distances).all()
        among = np.arange(0, 1500, 100)
        assert (one.search(vectors()[:1], k=1, among=among).ids == 0).all()
    assert {p.name for p in (tmp_path / "b.index").iterdir()} >= {"trees.annoy"}
    assert not list((tmp_path / "b.index").glob("vectors*"))
    again = load_index(tmp_path / "b.index")
    again.save(tmp_path / "b.index")
    assert (again.search(queries).ids == before.ids).all()


def test_saving_while_others_search(tmp_path):
    index, queries = build_index(vectors(), "trees"), vectors(64, seed=1)
    truth, wrong, done = index.search(queries).ids, [], threading.Event()

    def search():
        while not done.is_set():
            wrong.extend([1] * int((index.search(queries).ids != truth).sum()))

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for name in "abcdefgh":
        index.save(tmp_path / name)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_full_disk_is_an_error_and_the_index_lives_on(tmp_path, small_files):
    index = build_index(vectors(), "trees")
    with small_files(50_000), pytest.raises(StorageError, match="could not be written"):
        index.save(tmp_path / "x.index")
    assert not (tmp_path / "x.index").exists()
    assert (index.search(vectors()[:20], k=1).ids[:, 0] == np.arange(20)).all()


def test_a_file_of_another_dimension_is_refused(tmp_path):
    index = build_index(vectors(), "trees", "euclidean")
    index.save(tmp_path / "x.index")
    other = build_index(vectors(1500, 7), "trees", "euclidean")
    other.save(tmp_path / "y.index")
    (tmp_path / "x.index" / "trees.annoy").write_bytes((tmp_path / "y.index" / "trees.annoy").read_bytes())
    with pytest.raises(ArtefactError, match="damaged"):
        load_index(tmp_path / "x.index")


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("metric", ["euclidean", "inner_product", "manhattan"])
def test_few_and_equal_vectors(d, metric, monkeypatch):
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 16)
    for given in (vectors(32, d), np.ones((64, d), np.float32), np.repeat(vectors(8, d), 8, axis=0)):
        index = build_index(given, "trees", metric)
        assert index.engine is not None
        hits, truth = (
            index.search(given, k=10, search_k=10_000),
            build_index(given, "exact", metric).search(given, k=10),
        )
        np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-5, atol=1e-6)
        assert all(len(set(row)) == 10 for row in hits.ids.tolist())
