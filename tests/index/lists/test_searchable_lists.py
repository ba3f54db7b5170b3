import faiss
import numpy as np
import pytest

from lookalike.errors import ArtefactError
from lookalike.index.core.allowed import Allowed
from lookalike.index.core.faiss_search import faiss_search
from lookalike.index.kinds.ivf import IvfBuild
from lookalike.index.kinds.ivfpq import IvfPqBuild
from lookalike.index.lists.inverted_file import filled_lists
from lookalike.index.lists.inverted_lists import centroids_compared
from lookalike.index.lists.searchable_lists import SearchableLists, in_convention

BUILDS = [IvfBuild(nlist=16), *(IvfPqBuild(nlist=16, code=code) for code in ("pq", "fastscan", "rabitq"))]
every = pytest.mark.parametrize("build", BUILDS, ids=["flat", "pq", "fastscan", "rabitq"])


def rows(n, d=12, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def _is_rabitq(build):
    return build.__class__ is IvfPqBuild and build.code == "rabitq"


def coded(build):
    return build if isinstance(build, IvfPqBuild) else None


def lists_of(x, build, addressable=False):
    return SearchableLists(filled_lists(x, build.nlist, "euclidean", coded(build)), addressable)


@every
def test_more_lists_find_more_and_cost_more(build):
    x, queries = rows(4000), rows(60, seed=1)
    lists = lists_of(x, build)
    truth = faiss.knn(queries, x, 5)[1]
    recalls, costs = [], []
    for nprobe in (1, 4, 16, 10_000):
        _, positions, computed = lists.search(queries, 50, nprobe)
        recalls.append(np.mean([len(set(a) & set(b)) / 5 for a, b in zip(positions.tolist(), truth, strict=True)]))
        costs.append(computed)
    if not _is_rabitq(build):  # whose rough estimates let wrong ones of further lists push right ones out
        assert recalls == sorted(recalls)
    # All lists there are; asking for more changes nothing.
    assert recalls[-1] == recalls[-2] > (0.55 if _is_rabitq(build) else 0.9)
    assert costs[:3] == sorted(costs[:3])
    assert costs[2] == costs[3] == 60 * 4000


@every
def test_a_filter_lets_only_the_allowed_through(build):
    x, queries = rows(4000), rows(20, seed=1)
    lists = lists_of(x, build)
    allowed = np.random.default_rng(0).random(4000) < 0.1
    _, positions, _ = lists.search(queries, 30, 16, Allowed(4000, mask=allowed))
    assert allowed[positions].all()
    assert (positions >= 0).all()
    none = lists.search(queries, 3, 16, Allowed(4000, mask=np.zeros(4000, bool)))[1]
    assert (none == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_codes_of_many_centroids(metric):
    x = rows(40_000)
    lists = SearchableLists(filled_lists(x, 8192, metric), addressable=False)
    quantizer = faiss.downcast_index(faiss.extract_index_ivf(lists.engine).quantizer)
    assert isinstance(quantizer, faiss.IndexRefine)
    measure = faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    centroids = np.asarray(quantizer.reconstruct_n(0, 8192))  # a tensor where faiss' layer for torch was imported
    true = faiss.knn(x[:200], centroids, 64, metric=measure)[1]

    def nearest(queries, lists):
        asked = faiss.IndexRefineSearchParameters(k_factor=centroids_compared(lists))
        return faiss_search(quantizer, queries, lists, asked)[1]

    found = nearest(x[:200], 64)
    assert np.mean([len(set(a) & set(b)) / 64 for a, b in zip(found.tolist(), true.tolist(), strict=True)]) > 0.7
    # Asked for every list, it leaves none out.
    assert (np.sort(nearest(x[:3], 8192)) == np.arange(8192)).all()
    assert (lists.search(x[:50], 5, 8192)[1] == faiss.knn(x[:50], x, 5, metric=measure)[1]).mean() > 0.99


@pytest.mark.slow
def test_many_lists_take_vectors_into_the_nearest():
    x = rows(40_000)
    lists = SearchableLists(filled_lists(x, 8192, "euclidean"), addressable=False)
    assert (lists.search(x[:200], 1, 16)[1][:, 0] == np.arange(200)).mean() > 0.97
    added = rows(300, seed=1)
    lists.engine.add(added)
    assert np.mean([40_000 + at in lists.search(row[None], 1, 1)[1][0] for at, row in enumerate(added)]) > 0.97


@every
def test_vectors_by_position(build):
    x = rows(2000)
    lists = lists_of(x, build, addressable=True)
    at = np.array([1999, 0, 5])
    off = np.linalg.norm(lists.vectors_at(at) - x[at], axis=1)
    assert (off < (1e-6 if build.__class__ is IvfBuild else 4 if _is_rabitq(build) else 2.5)).all()
    assert lists.vectors_at(np.empty(0, np.int64)).shape == (0, 12)


def test_another_number_of_vectors():
    lists = lists_of(rows(500), BUILDS[0])
    lists.check(500, 12)
    with pytest.raises(ArtefactError, match="holds 500 × 12, expected 501 × 12"):
        lists.check(501, 12)


def test_distances_in_our_convention():
    squared, at = np.array([[-1e-7, 4.0, np.inf]], np.float32), np.array([[3, 4, -1]])
    assert in_convention(squared, at, "euclidean").tolist() == [[0.0, 2.0, np.inf]]
    assert in_convention(squared, at, "cosine").tolist() == [[0.0, 2.0, np.inf]]
    assert in_convention(-squared, at, "inner_product")[0, 1:].tolist() == [4.0, np.inf]
    assert in_convention(np.abs(squared), at, "manhattan")[0, 1:].tolist() == [4.0, np.inf]
