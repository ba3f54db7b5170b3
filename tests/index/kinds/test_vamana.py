"""What is special to SVS' graph; all else is in the suite over every kind."""

import threading

import numpy as np
import pytest

pytest.importorskip("svs", reason="the vamana extra is not installed")

import svs

from lookalike.errors import ArtefactError, MissingDependencyError, StorageError
from lookalike.index import build_index, load_index
from lookalike.index.graphs.svs_codes import code_works


def vectors(n=1500, d=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def recall(found, truth):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_the_window_trades_recall_per_call(metric):
    index, queries = build_index(vectors(4000), "vamana", metric, degree=8, window=20), vectors(100, seed=1)
    truth = build_index(vectors(4000), "exact", metric).search(queries).ids
    low = recall(index.search(queries, search_window=1).ids, truth)
    high = recall(index.search(queries, search_window=500).ids, truth)
    assert low < high - 0.1
    assert high > 0.98
    assert recall(index.search(queries, search_window=1).ids, truth) == low


def test_threads_with_different_windows_do_not_disturb_each_other():
    index, queries = build_index(vectors(4000), "vamana", degree=8, window=20), vectors(32, seed=1)
    truth = {window: index.search(queries, search_window=window).ids for window in (10, 60, 200)}
    assert (truth[10] != truth[200]).any()
    wrong = []

    def search(window):
        for turn in range(150):
            part = queries[turn % 8 : turn % 8 + 1 + turn % 20]
            found = index.search(part, search_window=window).ids
            wrong.extend([window] * int((found != truth[window][turn % 8 : turn % 8 + len(part)]).any()))

    threads = [threading.Thread(target=search, args=(window,)) for window in truth]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_large_batches_take_turns_and_threads_and_find_the_same():
    index, queries = build_index(vectors(), "vamana"), vectors(2100, seed=1)
    one_by_one = np.concatenate([index.search(q[None]).ids for q in queries[::50]])
    assert (index.search(queries).ids[::50] == one_by_one).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_the_engine_gives_its_vectors_back(metric):
    index = build_index(vectors(), "vamana", metric)
    prepared = index.space.vectors(vectors())
    among = np.arange(5, 1500, 7)
    hits = index.search(vectors(30, seed=1), among=among)
    truth = build_index(vectors(), "exact", metric).search(vectors(30, seed=1), among=among)
    assert (hits.ids == truth.ids).all()
    assert index.stats()["bytes"] < 2 * prepared.nbytes + 1500 * 4 * 33


@pytest.mark.parametrize("copies", [40, 1500])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_many_equal_vectors_are_found_each_once(copies, metric, tmp_path):
    # SVS alone reaches 29 of 1500 equal vectors, and finds 0.02 of the nearest among 40 copies of each.
    rng = np.random.default_rng(3)
    given = np.repeat(vectors(1500 // copies), copies, axis=0)[rng.permutation(1500 // copies * copies)]
    index, queries = build_index(given, "vamana", metric), vectors(20, seed=1)
    truth = build_index(given, "exact", metric).search(queries, k=70)
    index.save(tmp_path / "x.index")
    for one in (index, load_index(tmp_path / "x.index")):
        hits = one.search(queries, k=70)
        np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-5, atol=1e-5)
        assert all(len(set(row)) == 70 for row in hits.ids.tolist())
    gone = index.search(queries[:1], k=70).ids[0]
    index.remove(gone)
    assert not set(gone.tolist()) & set(index.search(queries[:1], k=70).ids[0].tolist())


def test_vectors_out_of_reach_are_found_by_comparing_all():
    # An inner-product graph does not lead to short vectors; SVS answers with position 0 at distance 0 instead.
    rng = np.random.default_rng(0)
    given = (np.repeat(rng.normal(size=(4, 6)) * 1000, 500, axis=0) + rng.normal(size=(2000, 6))).astype(np.float32)
    hits = build_index(given, "vamana", "inner_product").search(vectors(2, 6), k=2000)
    for row in hits.ids:
        assert sorted(row.tolist()) == list(range(2000))


def test_position_zero_is_found_like_any_other():
    index = build_index(vectors(), "vamana", "euclidean")
    for k in (1, 2, 255, 256, 300, 1500):
        hits = index.search(vectors()[:1], k=k)
        assert hits.ids[0, 0] == 0
        assert len(set(hits.ids[0].tolist())) == k


def test_the_folder_may_move(tmp_path):
    index, queries = build_index(vectors(), "vamana"), vectors(40, seed=1)
    index.save(tmp_path / "a.index")
    (tmp_path / "a.index").rename(tmp_path / "b.index")
    again = load_index(tmp_path / "b.index")
    assert (again.search(queries).ids == index.search(queries).ids).all()
    assert again.stats()["bytes"] == index.stats()["bytes"]


CODES = ["float16", "lvq8", "lvq4x8", "leanvec"]


def coded(code):
    return pytest.param(code, marks=pytest.mark.skipif(not code_works(code), reason="for processors of Intel"))


@pytest.mark.parametrize("scale", [1, 1e6, 1e-7])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
@pytest.mark.parametrize("code", [coded(code) for code in CODES])
def test_codes_find_what_vectors_do_at_exact_distances(code, metric, scale, tmp_path):
    given, queries = vectors(3000, 72) * np.float32(scale), vectors(40, 72, seed=1) * np.float32(scale)
    index = build_index(given, "vamana", metric, code=code)
    truth = build_index(given, "exact", metric)
    index.save(tmp_path / "x.index")
    for one in (index, load_index(tmp_path / "x.index"), load_index(tmp_path / "x.index", mapped=True)):
        hits = one.search(queries, search_window=80)
        assert recall(hits.ids, truth.search(queries).ids) > 0.9
        exact = truth.search(queries[:1], k=3000)
        true = dict(zip(exact.ids[0].tolist(), exact.distances[0].tolist(), strict=True))
        np.testing.assert_allclose(hits.distances[0], [true[i] for i in hits.ids[0].tolist()], rtol=1e-5)
        assert (np.diff(hits.distances, axis=1) >= 0).all()
        singly = [one.search(query[None], search_window=80) for query in queries]
        assert (np.concatenate([single.ids for single in singly]) == hits.ids).all()
        among = one.search(queries, among=np.arange(0, 3000, 9))
        assert (among.ids == truth.search(queries, among=np.arange(0, 3000, 9)).ids).all()
    assert load_index(tmp_path / "x.index", mapped=True).stats()["bytes"] < index.stats()["bytes"] - given.nbytes // 2


@pytest.mark.parametrize("code", [coded("float16"), coded("leanvec")])
def test_equal_vectors_under_a_code(code):
    given = np.repeat(vectors(100, 80), 30, axis=0)
    hits = build_index(given, "vamana", "euclidean", code=code).search(given[::300], k=30)
    assert (hits.distances == 0).all()
    assert all(len(set(row)) == 30 for row in hits.ids.tolist())


@pytest.mark.parametrize("code", [coded(code) for code in CODES])
def test_a_code_outlives_additions_and_rebuilding(code):
    index = build_index(vectors(1500, 72), "vamana", "euclidean", code=code)
    index.add(vectors(1500, 72, seed=2))
    index.remove(np.arange(700))
    index.compact()
    everything = np.concatenate([vectors(1500, 72), vectors(1500, 72, seed=2)])
    np.testing.assert_array_equal(index._vectors_at(np.arange(2300)), everything[700:])
    assert (index.search(everything[700:], k=1).ids[:, 0] == np.arange(700, 3000)).mean() > 0.99


def test_codes_for_other_processors_are_refused(monkeypatch, tmp_path):
    build_index(vectors(), "vamana", code="float16").save(tmp_path / "x.index")
    monkeypatch.setattr("lookalike.index.graphs.svs_codes.codes_of_intel_work", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"code='lvq8' is for processors of Intel.*code='float16'"):
        build_index(vectors(), "vamana", code="lvq8")
    header = tmp_path / "x.index" / "index.toml"
    header.write_text(header.read_text(encoding="utf-8").replace("float16", "leanvec"), encoding="utf-8")
    with pytest.raises(MissingDependencyError, match="code='leanvec' is for processors of Intel"):
        load_index(tmp_path / "x.index")


@pytest.mark.skipif(not code_works("lvq8"), reason="for processors of Intel")
def test_no_room_for_the_file_that_codes_are_made_from(small_files):
    with small_files(50_000), pytest.raises(StorageError, match=r"GiB of vectors for SVS.*TMPDIR"):
        build_index(vectors(), "vamana", code="lvq8")


@pytest.mark.parametrize("limit", [300, 60_000, 125_000])
def test_a_full_disk_is_an_error(tmp_path, small_files, limit):
    # SVS itself reports success: with 125,000 bytes the vectors fit, the graph does not.
    index = build_index(vectors(), "vamana")
    with small_files(limit), pytest.raises(StorageError, match="written in part"):
        index.save(tmp_path / "x.index")
    assert not (tmp_path / "x.index").exists()


def test_files_of_another_index_are_refused(tmp_path):
    build_index(vectors(), "vamana").save(tmp_path / "x.index")
    header = tmp_path / "x.index" / "index.toml"
    text = header.read_text(encoding="utf-8")
    header.write_text("".join(line for line in text.splitlines(True) if "graph" not in line), encoding="utf-8")
    with pytest.raises(ArtefactError):
        load_index(tmp_path / "x.index")


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_few_vectors_of_few_dimensions(d, metric, monkeypatch):
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 16)
    for given in (vectors(32, d), np.repeat(vectors(8, d), 8, axis=0), np.zeros((64, d), np.float32)):
        index = build_index(given, "vamana", metric)
        assert index.engine is not None
        hits, truth = index.search(given, k=10), build_index(given, "exact", metric).search(given, k=10)
        np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-5, atol=1e-6)
        assert all(len(set(row)) == 10 for row in hits.ids.tolist())


@pytest.mark.parametrize("d", [1, 20, 700, 3000])
def test_fetching_ahead_changes_no_answer(d):
    index, queries = build_index(vectors(d=d), "vamana", "euclidean"), vectors(40, d, seed=1)
    found = index.search(queries, search_window=40)
    native = index._engine().native
    native.search_parameters = svs.VamanaSearchParameters(svs.SearchBufferConfig(40), True, 0, 0)
    assert (native.search(queries, 10)[0] == found.ids).all()
