"""The prepared search of one query and the general path answer alike, whatever is asked and whatever was changed."""

import threading
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import Covariance
from lookalike.errors import InputError, VectorError
from lookalike.index import build_index, load_index
from lookalike.index.kinds.registry import KINDS

DIMENSION = 8
VECTORS = np.random.default_rng(1).normal(size=(1300, DIMENSION)).astype(np.float32)
OWN_IDS = np.random.default_rng(2).permutation(len(VECTORS)) * 7 - 1000

INSTALLED = [name for name, kind in KINDS.items() if kind.installed]
CASES = [(name, metric) for name in INSTALLED for metric in KINDS[name].metrics]
#: So thorough that both paths find all there is to be found, with or without tombstones.
SETTINGS = {
    "nsw": {"ef_search": 400},
    "hnsw": {"ef_search": 400},
    "ivf": {"nprobe": 500},
    "ivfpq": {"nprobe": 500, "rerank": 600},
    "vamana": {"search_window": 400},
    "scann": {"leaves_to_search": 500, "reorder": 600},
    "trees": {"search_k": 100_000},
}


@cache
def built(kind, metric, ids):
    covariance = Covariance.fit(VECTORS.astype(np.float64)) if metric == "mahalanobis" else None
    index = build_index(VECTORS, kind, metric, ids=OWN_IDS if ids else None, covariance=covariance)
    index.configure(**SETTINGS.get(kind, {}))
    return index


def assert_alike(index, query, k):
    """A list takes the general path, always."""
    asked = query.astype(np.float32).tolist()
    one, general = index.search(query, k), index.search(asked, k)
    assert one.ids.shape == general.ids.shape == one.distances.shape == (1, k)
    assert (one.ids.dtype, one.distances.dtype) == (np.int64, np.float32)
    np.testing.assert_allclose(one.distances, general.distances, rtol=2e-5, atol=2e-6)
    for at in np.flatnonzero(one.ids[0] != general.ids[0]):  # as near, but for rounding
        alone = index.search(asked, 1, among=one.ids[0, at : at + 1]).distances[0, 0]
        assert alone == pytest.approx(general.distances[0, at], rel=2e-5, abs=2e-6)


@pytest.mark.parametrize(("kind", "metric"), CASES)
@given(
    seed=st.integers(0, 10_000),
    k=st.integers(1, 30),
    length=st.sampled_from([1e-25, 1e-12, 0.3, 1.0, 1.0 + 1e-7, 1e4, 1e15]),
    form=st.sampled_from(["plain", "strided", "column", "float64", "read-only", "subclass", "vector"]),
    ids=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_any_query_is_answered_as_by_the_general_path(kind, metric, seed, k, length, form, ids):
    index = built(kind, metric, ids)
    rng = np.random.default_rng(seed)
    query = VECTORS[seed % len(VECTORS)][None] if form == "vector" else rng.normal(size=(1, DIMENSION))
    query = (query / np.linalg.norm(query) * length).astype(np.float32)
    if form == "strided":
        query = np.repeat(query, 2, axis=1)[:, ::2]
    elif form == "column":
        query = np.asfortranarray(np.repeat(query, 3, axis=0))[1:2]
    elif form == "float64":
        query = query.astype(np.float64)
    elif form == "read-only":
        query.flags.writeable = False
    elif form == "subclass":
        query = query.view(np.matrix)
    before = query.copy()
    assert_alike(index, query, k)
    assert (query == before).all()


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_what_cannot_be_searched_for_is_refused_with_the_same_message(kind, metric):
    index = built(kind, metric, False)
    good = VECTORS[:1]
    index.search(good, 3)
    for value in (np.nan, np.inf, -np.inf, 3e18, 0.0):
        bad = good.copy()
        bad[0, 3] = value
        if value == 0:
            bad[:] = 0
            if metric != "cosine":
                assert_alike(index, bad, 3)
                continue
        with pytest.raises(VectorError) as general:
            index.search(bad.tolist(), 3)
        with pytest.raises(VectorError) as one:
            index.search(bad, 3)
        assert str(one.value) == str(general.value)
    for k in (0, -1, True, 1.0):
        with pytest.raises(VectorError):
            index.search(good, k)
    with pytest.raises(VectorError):
        index.search(good[:, :5], 3)


@pytest.mark.parametrize("ids", [None, OWN_IDS], ids=["positions", "ids"])
@pytest.mark.parametrize("kind", INSTALLED)
def test_every_change_is_seen(kind, ids, tmp_path):
    index = build_index(VECTORS, kind, "cosine", ids=ids)
    index.configure(**SETTINGS.get(kind, {}))
    rng = np.random.default_rng(3)

    def check():
        for query in (*rng.normal(size=(3, DIMENSION)), new, VECTORS[5]):
            for k in (1, 7):
                assert_alike(index, query[None].astype(np.float32), k)

    new = np.full(DIMENSION, 0.5, np.float32)
    check()
    index.add(new[None], ids=[77_777])
    check()
    assert index.search(new[None], 1).ids.tolist() == [[77_777]]
    index.remove([77_777])
    assert 77_777 not in index.search(new[None], 5).ids
    check()
    index.compact()
    check()
    if kind != "exact":
        index.configure(**dict.fromkeys(SETTINGS[kind], 1))
        few = index.search(new[None], 7).distances.sum()
        index.configure(**SETTINGS[kind])
        assert index.search(new[None], 7).distances.sum() <= few
    index.save(tmp_path / "index")
    index = load_index(tmp_path / "index")
    check()
    index = load_index(tmp_path / "index", mapped=True)
    check()


@pytest.mark.parametrize("kind", INSTALLED)
def test_more_than_there_are_and_few_vectors(kind):
    index = build_index(VECTORS[:5], kind, "cosine")
    assert_alike(index, VECTORS[:1], 3)
    assert index.search(VECTORS[:1], 9).ids[0, 5:].tolist() == [-1] * 4


@pytest.mark.parametrize("kind", ["exact", "nsw", "hnsw", "ivf", "ivfpq"])
def test_the_distances_of_one_query_are_counted_where_that_is_asked_for(kind):
    assert built(kind, "euclidean", False).search(VECTORS[:1], 5, counted=True).computed > 0


@pytest.mark.parametrize("kind", INSTALLED)
def test_a_thread_that_inherits_a_dead_threads_number_finds_what_it_asks_for(kind):
    index = built(kind, "cosine", False)
    expected = index.search(VECTORS[:40].tolist(), 1).ids[:, 0].tolist()
    found, idents = [], set()

    def search(at):
        idents.add(threading.get_ident())
        found.append(int(index.search(VECTORS[at : at + 1], 1).ids[0, 0]))

    for at in range(40):
        thread = threading.Thread(target=search, args=(at,))
        thread.start()
        thread.join()
        rest = [np.full(DIMENSION + 16, np.nan, np.float32) for _ in range(50)]  # takes the memory that was freed
        del rest
    assert found == expected
    assert len(idents) < 40


def test_an_answer_is_the_callers_own():
    index = built("hnsw", "cosine", False)
    first = index.search(VECTORS[:1], 5)
    kept = first.ids.copy(), first.distances.copy()
    for at in range(200):
        index.search(VECTORS[at : at + 1], 5)
    assert (first.ids == kept[0]).all()
    assert (first.distances == kept[1]).all()


def test_what_was_prepared_is_forgotten_by_a_change_and_never_grows_without_end():
    index = build_index(VECTORS, "hnsw", "cosine")
    for k in range(1, 600):
        index.search(VECTORS[:1], k)
        assert 0 < len(index._changes.prepared) <= 256
    old = index._changes.prepared
    index.remove([3])
    assert not old
    assert not index._changes.prepared


def test_settings_of_a_call_are_prepared_apart():
    index = build_index(VECTORS, "ivf", "euclidean", nlist=50)
    query = VECTORS[7:8] + np.float32(0.5)
    one, all_of_them = index.search(query, 10, nprobe=1), index.search(query, 10, nprobe=50)
    assert one.distances[0, -1] > all_of_them.distances[0, -1]
    for _ in range(3):
        index.search(query, 10, nprobe=7)
    assert len(index._changes.prepared) == 3, "the same settings are prepared once"
    for wrong in (True, 7.0, "7", [7], None):
        with pytest.raises(InputError, match="nprobe"):
            index.search(query, 10, nprobe=wrong)
    index.configure(nprobe=1)
    assert (index.search(query, 10).distances == one.distances).all()
    index.configure(nprobe=50)
    assert (index.search(query, 10).distances == all_of_them.distances).all()


@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivf"])
def test_threads_that_search_while_others_change_never_see_what_was_removed(kind):
    index = build_index(VECTORS, kind, "cosine")
    gone, failed, stop = set(), [], threading.Event()

    def search():
        try:
            while not stop.is_set():
                before = set(gone)
                at = np.random.default_rng().integers(len(VECTORS))
                found = index.search(VECTORS[at : at + 1], 5)
                assert not before & set(found.ids[0].tolist())
                assert (np.diff(found.distances[0]) >= 0).all()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(0, 60, 4):
        index.remove(np.arange(at, at + 4))
        gone.update(range(at, at + 4))
        index.add(VECTORS[at : at + 4], ids=np.arange(5000 + at, 5004 + at))
        if at % 12 == 0:
            index.compact()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
