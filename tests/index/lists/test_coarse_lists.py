import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.index.lists.coarse_lists import CoarseLists, grouped, list_count, train_centroids


def cloud(n, d=16, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def test_number_of_lists():
    assert [list_count(n) for n in (1, 39, 1001, 1_000_000, 100_000_000)] == [1, 1, 16, 4096, 32768]
    assert list_count(1_000_000, 1000) == 1000
    assert list_count(50, 1000) == 50


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=200))
@settings(deadline=None)
def test_grouped_is_a_stable_sort(numbers):
    array = np.array(numbers, np.int32)
    order, ends = grouped(array, 70_001)
    assert order.tolist() == sorted(range(len(numbers)), key=lambda row: numbers[row])
    assert ends.tolist() == np.searchsorted(np.sort(array), np.arange(70_001), side="right").tolist()


@pytest.mark.parametrize("lists", [1, 7, 300])
def test_few_centroids_are_compared_one_and_all(lists):
    x = cloud(2000)
    centroids = train_centroids(x, lists)
    assert centroids.shape == (lists, 16)
    distances = ((x[:, None] - centroids[None]) ** 2).sum(-1) if lists < 100 else None
    found = CoarseLists(centroids).nearest(x)
    oracle = faiss.knn(x, centroids, 1)[1][:, 0] if distances is None else distances.argmin(1)
    assert (found == oracle).mean() > 0.999  # ties of rounding


def test_as_many_centroids_as_vectors():
    x = cloud(20)
    assert np.array_equal(train_centroids(x, 20), x)


@pytest.mark.slow
def test_many_centroids():
    x, fresh = cloud(60_000), cloud(5000, seed=1)
    centroids = train_centroids(x, 3000)
    assert np.array_equal(centroids, train_centroids(x, 3000))  # a build that is begun anew ends the same
    lists = CoarseLists(centroids)
    found = lists.nearest(fresh)
    distances, oracle = faiss.knn(fresh, centroids, 1)
    assert (found == oracle[:, 0]).mean() > 0.85
    own = ((fresh - centroids[found]) ** 2).sum(1)
    assert own.mean() < 1.02 * distances.mean()
    # As good as k-means over all at once, within a few hundredths.
    plain = faiss.Kmeans(16, 3000, niter=10, seed=1, min_points_per_centroid=1)
    plain.train(x)
    assert distances.mean() < 1.05 * plain.index.search(fresh, 1)[0].mean()


@pytest.mark.slow
def test_a_vectors_list_does_not_depend_on_its_company():
    x = cloud(60_000)
    lists = CoarseLists(x[:2048])
    whole = lists.nearest(x)
    parts = np.concatenate([lists.nearest(x[start : start + 7001]) for start in range(0, len(x), 7001)])
    assert (whole == parts).mean() > 0.9999  # matrix products of other shapes may round otherwise
