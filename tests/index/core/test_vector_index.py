"""One suite for every kind × metric, against exact search over plain arrays."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import lookalike.index
from lookalike.distances import Covariance, nearest, pairwise
from lookalike.errors import InputError, MissingDependencyError, VectorError
from lookalike.index import load_index
from lookalike.index.kinds.registry import KINDS

ABLE = [(name, metric) for name, kind in KINDS.items() if kind.installed for metric in kind.metrics]
every = pytest.mark.parametrize(("kind", "metric"), ABLE)


@pytest.fixture(autouse=True)
def engines_for_few_vectors(monkeypatch):
    """Kinds that compare few vectors one by one use their engine from here on."""
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 32)


def shape(d, seed=9):
    """A covariance with correlations."""
    mixed = np.random.default_rng(seed).normal(size=(d, d)) + 2 * np.eye(d)
    return Covariance(mixed @ mixed.T)


#: Settings under which approximate kinds find nearly everything among a few thousand vectors, and store them in full.
GOOD = {
    "trees": {"n_trees": 50, "search_k": 20_000},
    "ivf": {"nprobe": 64},
    "ivfpq": {"nprobe": 64, "rerank": 300, "store": "float32"},
    "scann": {"leaves_to_search": 64, "reorder": 300},
    "vamana": {"search_window": 100},
}


def build_index(vectors, kind="auto", metric="cosine", **settings):
    settings = {**GOOD.get(kind, {}), **settings}
    if metric == "mahalanobis":
        settings["covariance"] = shape(np.shape(vectors)[1])
    return lookalike.index.build_index(vectors, kind, metric, **settings)


def plain(vectors, metric):
    """Vectors and metric as an oracle without Mahalanobis understands them."""
    vectors = np.asarray(vectors, np.float64)
    return (shape(vectors.shape[1]).whiten(vectors), "euclidean") if metric == "mahalanobis" else (vectors, metric)


def clustered(n, d, seed=0):
    """Embedding-like: identities with spread, and a decaying spectrum."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + np.arange(d))
    centres = rng.normal(size=(max(1, n // 10), d))
    return ((centres[rng.integers(0, len(centres), n)] + 0.4 * rng.normal(size=(n, d))) * scale).astype(np.float32)


def assert_same_as_exact(hits, queries, vectors, ids, k, metric, recall=1.0):
    (queries, metric), (vectors, _) = plain(queries, metric), plain(vectors, metric)
    positions, distances = nearest(queries.astype(np.float64), vectors.astype(np.float64), k, metric)
    found = min(k, len(vectors))
    if recall == 1.0:
        np.testing.assert_allclose(hits.distances[:, :found], distances, rtol=2e-5, atol=2e-6)
    same = np.mean([len(set(a) & set(b)) / found for a, b in zip(hits.ids, ids[positions], strict=True)])
    assert same >= min(recall, 0.999)
    # Whatever was found, its distance is the true one.
    row_of = {int(i): row for row, i in enumerate(ids)}
    for q, hit_ids, hit_distances in zip(queries, hits.ids, hits.distances, strict=True):
        rows = [row_of[int(i)] for i in hit_ids[:found]]
        assert len(set(rows)) == found
        true = pairwise(q[None].astype(np.float64), vectors[rows].astype(np.float64), metric)[0]
        np.testing.assert_allclose(hit_distances[:found], true, rtol=2e-5, atol=2e-6)
        assert (np.diff(hit_distances[:found]) >= 0).all()


@every
@pytest.mark.parametrize("batch", [3, 64])
def test_search_finds_the_nearest(kind, metric, batch):
    vectors, queries = clustered(2000, 24), clustered(batch, 24, seed=1)
    ids = np.random.default_rng(2).permutation(2000).astype(np.int64) * 7 - 3000
    ids[ids == -1] = 10**15
    index = build_index(vectors, kind, metric, ids=ids)
    hits = index.search(queries, k=10)
    assert hits.ids.dtype == np.int64
    assert hits.distances.dtype == np.float32
    assert_same_as_exact(hits, queries, vectors, ids, 10, metric, recall=1.0 if kind == "exact" else 0.95)


@every
def test_k_beyond_the_count_is_padded(kind, metric):
    hits = build_index(clustered(3, 8), kind, metric).search(clustered(2, 8), k=5)
    assert (np.sort(hits.ids[:, :3], axis=1) == [0, 1, 2]).all()
    assert (hits.ids[:, 3:] == -1).all()
    assert np.isposinf(hits.distances[:, 3:]).all()
    assert np.isfinite(hits.distances[:, :3]).all()


@every
def test_removed_ids_are_never_found_and_can_come_back(kind, metric):
    vectors = clustered(400, 16)
    index = build_index(vectors, kind, metric)
    gone = np.arange(0, 400, 2)
    assert index.remove(gone) == 200
    assert index.remove(gone) == 0
    assert len(index) == 200
    assert 4 not in index
    hits = index.search(vectors[:50], k=200)
    assert not (set(hits.ids.ravel().tolist()) & set(gone.tolist()))
    assert (hits.ids >= 0).all()
    index.add(vectors[[4]] * 0.5 + vectors[[5]] * 0.5, ids=[4])
    assert 4 in index
    found = index.search(vectors[[4]] * 0.5 + vectors[[5]] * 0.5, k=201)
    assert 4 in found.ids
    index.compact()
    assert index.stats()["tombstones"] == 0
    assert len(index) == 201
    assert (np.sort(index.search(vectors[:1], k=201).ids[0]) == np.sort([*range(1, 400, 2), 4])).all()


@every
def test_removing_everything_leaves_a_usable_index(kind, metric):
    index = build_index(clustered(5, 4), kind, metric)
    assert index.remove([0, 1, 2, 3, 4, 99]) == 5
    assert (index.search(clustered(2, 4), k=3).ids == -1).all()
    index.compact()
    assert index.add(clustered(2, 4)).tolist() == [5, 6]  # ids of removed vectors are not handed out again
    assert sorted(index.search(clustered(1, 4), k=2).ids[0].tolist()) == [5, 6]


@every
def test_ids_above_two_to_the_53_survive(kind, metric, tmp_path):
    ids = np.array([2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0], np.int64)
    vectors = np.eye(5, dtype=np.float32)
    index = build_index(vectors, kind, metric, ids=ids)
    index.save(tmp_path / "x.index")
    for one in (index, load_index(tmp_path / "x.index")):
        assert one.search(vectors, k=1).ids[:, 0].tolist() == ids.tolist()
    with pytest.raises(VectorError, match="none is free above"):
        index.add(vectors[:1])


def test_removal_of_a_whole_neighbourhood_keeps_the_graph_right():
    vectors = clustered(5000, 16)
    order = np.argsort(((vectors - vectors[0]) ** 2).sum(axis=1))
    index = build_index(vectors, "hnsw", "euclidean")
    index.remove(order[:2400])
    assert index.search(vectors[:1], k=10).ids[0].tolist() == order[2400:2410].tolist()


def test_many_equal_vectors_are_all_found():
    index = build_index(np.ones((500, 4), np.float32), "hnsw", "euclidean")
    hits = index.search(np.ones((1, 4)), k=500)
    assert sorted(hits.ids[0].tolist()) == list(range(500))


@pytest.mark.parametrize("batch", [1, 19, 20, 100])
def test_exact_euclidean_keeps_small_distances_whatever_the_batch(batch):
    # Far from the origin |x|² - 2xy + |y|² would lose them all.
    rng = np.random.default_rng(0)
    vectors = (1000 + 0.01 * rng.normal(size=(500, 32))).astype(np.float32)
    queries = vectors[:batch]
    hits = build_index(vectors, "exact", "euclidean").search(queries, k=5)
    assert (hits.ids[:, 0] == np.arange(batch)).all()
    assert (hits.distances[:, 0] == 0).all()
    _, distances = nearest(queries.astype(np.float64), vectors.astype(np.float64), 5)
    np.testing.assert_allclose(hits.distances, distances, rtol=1e-5)


def test_cosine_needs_no_unit_vectors_and_never_goes_below_zero():
    vectors = clustered(200, 64)
    for kind in (kind for kind, metric in ABLE if metric == "cosine"):
        hits = build_index(vectors * 1e6, kind).search(vectors * 1e-6, k=1)
        assert (hits.ids[:, 0] == np.arange(200)).all()
        assert (hits.distances >= 0).all()
        assert (hits.distances < 1e-6).all()


@every
def test_bad_vectors_are_refused_and_change_nothing(kind, metric):
    index = build_index(np.eye(3, dtype=np.float32), kind, metric)
    bad = [
        ([[np.nan, 0, 0]], "NaN or infinity"),
        ([[np.inf, 0, 0]], "NaN or infinity"),
        ([[1e30, 0, 0]], "longer than"),
        ([[1e300, 0, 0]], "longer than"),
        ([[1.0, 2.0]], "2 dimensions, expected 3"),
        ([1.0, 2.0, 3.0], r"vector\[None, :\]"),
        (np.zeros((1, 3), complex), "dtype complex128"),
        ([["a", "b", "c"]], "dtype"),
        (np.array([[None, 1, 2]]), "dtype object"),
        (np.array([[True, False, True]]), "dtype bool"),
        ([[1.0], [1.0, 2.0]], "cannot be read"),
    ]
    for vectors, message in bad:
        with pytest.raises(VectorError, match=message):
            index.add(vectors)
        with pytest.raises(VectorError, match=message):
            index.search(vectors)
    with pytest.raises(VectorError, match="empty"):
        index.add(np.empty((0, 3)))
    if metric == "cosine":
        with pytest.raises(VectorError, match="all zeros"):
            index.add([[1, 2, 3], [0, 0, 0]])
    assert len(index) == 3
    assert index.search(np.empty((0, 3)), k=2).ids.shape == (0, 2)


@every
def test_bad_ids_are_refused_and_change_nothing(kind, metric):
    index = build_index(np.eye(3, dtype=np.float32), kind, metric, ids=[5, 6, 7])
    two = np.ones((2, 3), np.float32)
    bad = [
        ([1.0, 2.0], "floats lose ids"),
        ([1], "1 ids were given for 2 vectors"),
        ([[1, 2]], "shape"),
        ([1, 1], "id 1 is given twice"),
        ([1, 6], "id 6 is in the index already"),
        ([1, -1], "id -1"),
        (np.array([1, 2**63], np.uint64), "does not fit int64"),
        ([1, 2**64], "dtype object"),
        (["a", "b"], "dtype"),
        ([True, False], "dtype bool"),
    ]
    for ids, message in bad:
        with pytest.raises(VectorError, match=message):
            index.add(two, ids=ids)
    with pytest.raises(VectorError, match="floats lose ids"):
        index.remove([5.0])
    assert index.remove([]) == 0
    assert index.ids.tolist() == [5, 6, 7]


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_bad_k_is_refused(k):
    with pytest.raises(VectorError, match="at least 1"):
        build_index(np.eye(2), "exact").search(np.eye(2), k=k)


def test_kinds_metrics_and_settings_are_checked():
    x = np.eye(4, dtype=np.float32)
    for kind in ("annoy", "", "EXACT"):
        with pytest.raises(InputError, match="choose one of exact, trees, nsw, hnsw, ivf, ivfpq, vamana, scann, auto"):
            build_index(x, kind)
    with pytest.raises(InputError, match=r"'ivfpq' cannot search by metric 'manhattan'; kinds that can: exact, trees"):
        build_index(x, "ivfpq", "manhattan")
    with pytest.raises(InputError, match="metric 'hamming' is unknown"):
        build_index(x, "exact", "hamming")
    with pytest.raises(InputError, match=r"no setting nprobe; its settings: M, ef_construction, ef_search"):
        build_index(x, "hnsw", nprobe=3)
    with pytest.raises(InputError, match=r"M: .*greater than or equal to 2"):
        build_index(x, "hnsw", M=1)
    with pytest.raises(InputError, match="ef_search"):
        build_index(x, "hnsw", ef_search="64")


def test_search_settings_change_without_a_rebuild():
    vectors, queries = clustered(4000, 32), clustered(100, 32, seed=1)
    index = build_index(vectors, "hnsw", M=4, ef_construction=20, ef_search=1)
    truth = build_index(vectors, "exact").search(queries).ids

    def recall():
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(index.search(queries).ids, truth, strict=True)])

    low = recall()
    once = index.search(queries, ef_search=500).ids
    assert index.stats()["search"] == {"ef_search": 1}
    index.configure(ef_search=500)
    assert (index.search(queries).ids == once).all()
    assert index.stats()["search"] == {"ef_search": 500}
    assert recall() > low + 0.02
    with pytest.raises(InputError, match="M"):
        index.configure(M=8)


@every
def test_search_among_a_subset(kind, metric):
    vectors, queries = clustered(3000, 16), clustered(20, 16, seed=1)
    ids = np.arange(3000) * 3 + 5
    index = build_index(vectors, kind, metric, ids=ids)
    index.remove(ids[:100])
    rng = np.random.default_rng(0)
    for count in (1, 7, 300, 2500):
        rows = np.sort(rng.choice(np.arange(100, 3000), count, replace=False))
        wanted = np.concatenate([ids[rows], ids[:50], [10**9]])  # removed and unknown ids are passed over
        hits = index.search(queries, k=10, among=wanted)
        found = min(10, count)
        assert (hits.ids[:, :found] >= 0).all()
        assert (hits.ids[:, found:] == -1).all()
        assert_same_as_exact(hits, queries, vectors[rows], ids[rows], 10, metric, recall=0.9 if count > 300 else 0.99)
    assert (index.search(queries, k=3, among=[]).ids == -1).all()
    with pytest.raises(VectorError, match="floats lose ids"):
        index.search(queries, among=[5.0])


@every
def test_the_neighbourhood_that_was_removed_is_not_found_after_saving_and_loading(kind, metric, tmp_path):
    vectors = clustered(1500, 12)
    index = build_index(vectors, kind, metric)
    near = np.unique(index.search(vectors[:5], k=200).ids)
    index.remove(near)
    index.add(clustered(300, 12, seed=4), ids=np.arange(5000, 5300))
    index.remove(np.arange(5000, 5010))
    gone = {*near.tolist(), *range(5000, 5010)}
    index.save(tmp_path / "x.index")
    index.compact()
    for one in (index, load_index(tmp_path / "x.index"), load_index(tmp_path / "x.index", mapped=True)):
        hits = one.search(vectors[:5], k=20)
        assert (hits.ids >= 0).all()
        assert not gone & set(hits.ids.ravel().tolist())
        one.remove([20, 5100])
        assert not {20, 5100} & set(one.search(vectors[15:25], k=200).ids.ravel().tolist())


@every
def test_a_mapped_index_answers_alike_and_takes_no_additions(kind, metric, tmp_path):
    vectors = clustered(800, 8)
    index = build_index(vectors, kind, metric, ids=np.arange(800) + 7)
    index.save(tmp_path / "x.index")
    mapped = load_index(tmp_path / "x.index", mapped=True)
    a, b = index.search(vectors[:30], k=10), mapped.search(vectors[:30], k=10)
    assert (a.ids == b.ids).all()
    np.testing.assert_allclose(a.distances, b.distances, rtol=1e-6, atol=1e-7)
    with pytest.raises(InputError, match="opened mapped"):
        mapped.add(vectors[:1])
    mapped.remove([7])
    mapped.save(tmp_path / "y.index")
    assert len(load_index(tmp_path / "y.index")) == 799


@every
def test_growing_by_small_additions_ends_like_one_build(kind, metric):
    vectors, queries = clustered(1200, 12), clustered(30, 12, seed=1)
    index = lookalike.index.empty_index(
        12, kind, metric, covariance=shape(12) if metric == "mahalanobis" else None, **GOOD.get(kind, {})
    )
    assert (index.search(queries, k=2).ids == -1).all()
    for start in range(0, 1200, 75):
        index.add(vectors[start : start + 75])
        assert index.search(vectors[[start + 74]], k=1).ids.tolist() == [[start + 74]] or metric == "inner_product"
    assert_same_as_exact(index.search(queries), queries, vectors, np.arange(1200), 10, metric, recall=0.95)


@every
@pytest.mark.slow
def test_searches_while_others_add_remove_and_compact(kind, metric):
    """No torn answer: every hit's distance is that of the vector which its id has, or had."""
    vectors = clustered(2000, 8)
    index = build_index(vectors[:1000], kind, metric)
    (oracle, by), gone = plain(vectors, metric), set(range(200))
    wrong, stop = [], threading.Event()
    removed = threading.Event()

    def search(seed):
        rng = np.random.default_rng(seed)
        try:
            while not stop.is_set():
                rows = rng.integers(0, 2000, 3)
                was_removed = removed.is_set()
                hits = index.search(vectors[rows], k=5)
                for row, ids, distances in zip(rows, hits.ids, hits.distances, strict=True):
                    assert (ids >= 0).all()
                    assert not (was_removed and gone & set(ids.tolist()))
                    true = pairwise(oracle[[row]], oracle[ids], by)[0]
                    np.testing.assert_allclose(distances, true, rtol=1e-4, atol=1e-5)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=search, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    index.remove(sorted(gone))
    removed.set()
    for start in range(1000, 2000, 100):
        index.add(vectors[start : start + 100], ids=np.arange(start, start + 100))
    index.compact()
    stop.set()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    assert len(index) == 1800
    assert index.stats()["tombstones"] == 0


def test_a_failed_addition_leaves_nothing(monkeypatch):
    index = build_index(clustered(300, 8), "hnsw")
    append, calls = index._append, []

    def fail_late(vectors):
        calls.append(len(vectors))
        if len(calls) == 3:
            raise MemoryError("no room")
        append(vectors)

    monkeypatch.setattr(index, "_append", fail_late)
    with pytest.raises(MemoryError):
        index.add(clustered(1000, 8, seed=3), ids=np.arange(1000, 2000))
    assert calls == [index._slice] * 3
    assert 3 * index._slice < 1000
    assert len(index) == 300
    assert set(index.search(clustered(50, 8, seed=3), k=300).ids.ravel().tolist()) == set(range(300))
    monkeypatch.undo()
    index.add(clustered(1000, 8, seed=3), ids=np.arange(1000, 2000))
    assert len(index) == 1300


def test_the_number_of_distances_is_told():
    vectors, queries = clustered(500, 8), clustered(6, 8, seed=1)
    assert build_index(vectors, "exact").search(queries).computed == 3000
    graph = build_index(vectors, "hnsw", ef_search=20)
    few, many = graph.search(queries).computed, graph.search(queries, ef_search=200).computed
    assert 6 * 20 < few < many < 6 * 600
    assert build_index(vectors, "exact").search(queries, among=[1, 2, 3]).computed == 18


def test_mahalanobis_needs_its_covariance_and_others_take_none():
    x = np.eye(3, dtype=np.float32)
    with pytest.raises(InputError, match=r"'mahalanobis' needs covariance=Covariance\.fit"):
        lookalike.index.build_index(x, "exact", "mahalanobis")
    with pytest.raises(InputError, match="'cosine' takes no covariance"):
        lookalike.index.build_index(x, "exact", "cosine", covariance=shape(3))
    with pytest.raises(InputError, match="covariance is for 4 dimensions, the vectors have 3"):
        lookalike.index.build_index(x, "exact", "mahalanobis", covariance=shape(4))


def test_a_kind_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "annoy", None)  # an earlier test may have loaded it
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"needs the package annoy; .* pip install 'lookalike\[trees\]'"):
        build_index(np.eye(4), "trees")


def test_auto_is_exact_for_few_and_tuned_for_many(monkeypatch):
    monkeypatch.setattr("lookalike.index.auto.AUTO_EXACT_LIMIT", 200)
    assert build_index(clustered(200, 4)).kind == "exact"
    with pytest.raises(InputError, match="auto' chose exact, which has no setting recall"):
        build_index(clustered(200, 4), recall=0.9)
    with pytest.raises(InputError, match="'auto' has no setting M; name a kind, or give budget, k, kinds, memory, "):
        build_index(clustered(300, 8), M=8)
    chosen = build_index(clustered(300, 8), metric="manhattan", kinds=["hnsw"], recall=0.9, ids=np.arange(300) + 9)
    assert chosen.kind == "hnsw"
    assert chosen.metric == "manhattan"
    assert sorted(chosen.ids.tolist()) == list(range(9, 309))
    assert chosen.tuned["recall_target"] == 0.9


def test_importing_the_package_loads_no_engine():
    code = "import sys, lookalike.index; print([m for m in ('faiss', 'torch', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_exact_index_saved_with_tombstones_takes_further_removals(tmp_path):
    """A mapped one marks what is removed; opened again, the rest has to go with it."""
    vectors = clustered(50, 8)
    build_index(vectors, "exact").save(tmp_path / "x.index")
    mapped = load_index(tmp_path / "x.index", mapped=True)
    mapped.remove([3, 4])
    mapped.save(tmp_path / "y.index")
    index = load_index(tmp_path / "y.index")
    assert index.remove([10]) == 1
    index.add(vectors[[3]], ids=[3])
    left = np.array([i for i in range(50) if i not in (4, 10)])
    assert sorted(index.ids.tolist()) == left.tolist()
    assert_same_as_exact(index.search(vectors[:9], k=48), vectors[:9], vectors[left], left, 48, "cosine")
