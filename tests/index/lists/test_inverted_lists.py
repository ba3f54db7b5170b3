from itertools import pairwise

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from lookalike.errors import InputError
from lookalike.index.kinds.ivf import IvfBuild
from lookalike.index.kinds.ivfpq import IvfPqBuild
from lookalike.index.lists.inverted_lists import InvertedLists, one_thread_each

BUILDS = {
    "flat": IvfBuild(nlist=20),
    "pq": IvfPqBuild(nlist=20, code="pq", m=4, opq=False),
    "fastscan": IvfPqBuild(nlist=20),
    "padded": IvfPqBuild(nlist=20, opq=False),
    "rabitq": IvfPqBuild(nlist=20, code="rabitq"),
}


def rows(n, d=16, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def trained(x, build, metric="euclidean"):
    return InvertedLists.train(x, build.nlist, metric, len(x), build if isinstance(build, IvfPqBuild) else None)


def probing_all(engine, queries, k=20):
    faiss.extract_index_ivf(engine).nprobe = 20  # more than there are makes faiss' packed lists answer nonsense
    return engine.search(queries, k)


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_the_parting_does_not_matter(build, metric):
    x = rows(3000, d=15 if build is BUILDS["padded"] else 16)
    engines = []
    for cuts in ([0, 3000], [0, 1, 1000, 2999, 3000]):
        lists = trained(x, build, metric)
        with one_thread_each():
            parts = [lists.arranged(a, *lists.encode_block(x[a:b])) for a, b in pairwise(cuts)]
        engines.append(lists.filled(parts))
    assert engines[0].ntotal == 3000
    if build.__class__ is IvfPqBuild and build.code == "rabitq":
        # Its factors are rounded otherwise in another batch.
        whole, parted = (probing_all(engine, x[:50])[0] for engine in engines)
        np.testing.assert_allclose(whole, parted, rtol=1e-3, atol=1e-3)
    else:
        whole, parted = (faiss.serialize_index(engine) for engine in engines)
        assert np.array_equal(whole, parted)


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_as_the_library_would_have_added_them(build, metric):
    dimension = 15 if build is BUILDS["padded"] else 16
    x, queries = rows(3000, dimension), rows(50, dimension, seed=1)
    lists = trained(x, build, metric)
    added = faiss.deserialize_index(faiss.serialize_index(lists.template))
    added.add(x)
    ours = lists.filled(lists.encode_all(x, threads=2))
    # Also what comes later goes into the right place.
    ours.add(queries)
    added.add(queries)
    mine, theirs = (probing_all(engine, queries)[1] for engine in (ours, added))
    # Packed codes are compared with rounded tables.
    same = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(mine.tolist(), theirs.tolist(), strict=True)])
    assert same >= (0.999 if build.__class__ is IvfBuild or build.code == "pq" else 0.9)
    assert np.array_equal(np.sort(np.concatenate([_ids(ours)])), np.arange(3050))


def _ids(engine):
    lists = faiss.extract_index_ivf(engine)
    lists = faiss.downcast_index(lists).invlists
    return np.concatenate(
        [
            faiss.rev_swig_ptr(lists.get_ids(n), lists.list_size(n)).copy()
            for n in range(lists.nlist)
            if lists.list_size(n)
        ]
    )


def test_an_index_outlives_what_made_it():
    x = rows(2000)
    engines = [lists.filled(lists.encode_all(x, 1)) for lists in (trained(x, build) for build in BUILDS.values())]
    again = [probing_all(engine, x[:50])[1] for engine in engines]
    assert all((found[:, 0] >= 0).all() for found in again)
    assert (again[0][:, 0] == np.arange(50)).all()


@pytest.mark.parametrize("code", ["fastscan", "pq"])
@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 16])
def test_any_dimension(code, dimension):
    x = rows(600, dimension)
    lists = trained(x, IvfPqBuild(code=code))
    engine = lists.filled(lists.encode_all(x, 1))
    assert (engine.d, engine.ntotal) == (dimension, 600)


def test_equal_vectors_and_zeros():
    x = np.zeros((500, 8), np.float32)
    x[:250] = 1
    for build in BUILDS.values():
        if build is not BUILDS["padded"]:
            for metric in ("euclidean", "inner_product"):
                lists = trained(x, build, metric)
                assert lists.filled(lists.encode_all(x, 1)).ntotal == 500


@pytest.mark.parametrize("m", [3, 32])
def test_sub_quantisers_that_do_not_fit(m):
    with pytest.raises(InputError, match=f"m={m} does not divide the dimension 16; give a divisor of it, or 0"):
        trained(rows(500), IvfPqBuild(m=m))


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_threads_are_given_back():
    before, blas = faiss.omp_get_max_threads(), blas_threads()
    with one_thread_each():
        assert faiss.omp_get_max_threads() == 1
        assert set(blas_threads()) == {1}
    assert (faiss.omp_get_max_threads(), blas_threads()) == (before, blas)


def test_builds_that_overlap_give_the_threads_back_in_the_end():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = one_thread_each(), one_thread_each()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before
