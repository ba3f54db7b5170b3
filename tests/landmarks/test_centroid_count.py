import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from lookalike.landmarks.centroid_count import LEAST_SILHOUETTE, MOST_CLUSTERS, SILHOUETTE_PER_CLUSTER, find_clusters


def apart(x):
    return np.sqrt(((x[:, None] - x) ** 2).sum(axis=-1))


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist()) - {-1}}


def slow_cuts(distances):
    """Average linkage in loops: the clusters at every number of clusters."""
    clusters = [[i] for i in range(len(distances))]
    cuts = {len(clusters): [list(c) for c in clusters]}
    while len(clusters) > 1:
        pairs = [(a, b) for a in range(len(clusters)) for b in range(a)]
        a, b = min(pairs, key=lambda p: distances[np.ix_(clusters[p[0]], clusters[p[1]])].mean())
        clusters[b] += clusters.pop(a)
        cuts[len(clusters)] = [sorted(c) for c in clusters]
    return cuts


def slow_clusters(distances, min_photos):
    n = len(distances)
    best, best_worth = [list(range(n))], LEAST_SILHOUETTE
    for clusters, cut in sorted(slow_cuts(distances).items()):
        kept = [c for c in cut if len(c) >= min_photos]
        if len(kept) < 2 or clusters == n or clusters > min(n // min_photos + MOST_CLUSTERS // 2, MOST_CLUSTERS):
            continue
        inside = [i for c in kept for i in c]
        codes = [number for number, c in enumerate(kept) for _ in c]
        total = silhouette_samples(distances[np.ix_(inside, inside)], codes, metric="precomputed").sum()
        worth = total / n - SILHOUETTE_PER_CLUSTER * (len(kept) - 2)
        if worth > best_worth:
            best, best_worth = kept, worth
    return {frozenset(c) for c in best}


@pytest.mark.parametrize("seed", range(12))
def test_the_cut_is_the_slow_oracles(seed):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(rng.integers(1, 5), 6)) * 4
    x = centres[rng.integers(0, len(centres), 24)] + rng.normal(size=(24, 6))
    min_photos = int(rng.integers(2, 4))
    distances = apart(x)
    assert partition(find_clusters(distances, min_photos)) == slow_clusters(distances, min_photos)


@pytest.mark.parametrize("seed", range(6))
def test_a_spread_cuts_the_slow_tree(seed):
    x = np.random.default_rng(seed).normal(size=(20, 3))
    distances = apart(x)

    def height(cut):  # the largest mean distance within which anything was merged is below the spread
        return min((distances[np.ix_(a, b)].mean() for a in cut for b in cut if a is not b), default=np.inf)

    expected = min((c for c in slow_cuts(distances).values() if height(c) > 1.5), key=lambda c: -len(c))
    assert partition(find_clusters(distances, 1, max_spread=1.5)) == {frozenset(c) for c in expected}


def test_one_look_is_one_and_three_are_three():
    rng = np.random.default_rng(0)
    one = [int(find_clusters(apart(rng.normal(size=(14, 32))), 2).max()) + 1 for _ in range(50)]
    assert np.mean(one) <= 1.02
    centres = rng.normal(size=(3, 32)) * 1.5
    three = [
        int(find_clusters(apart(np.repeat(centres, 5, axis=0) + rng.normal(size=(15, 32))), 2).max()) + 1
        for _ in range(50)
    ]
    assert np.mean(np.array(three) == 3) >= 0.98


def test_a_small_cluster_is_no_look():
    x = np.concatenate([np.zeros((6, 2)), np.full((5, 2), 9.0), [[50.0, 0.0]]])
    x += 0.1 * np.random.default_rng(0).normal(size=x.shape)
    assert find_clusters(apart(x), 2).tolist() == [0] * 6 + [1] * 5 + [-1]


def test_when_all_clusters_are_small_the_photos_are_one_look():
    assert find_clusters(apart(np.array([[0.0], [5.0], [90.0]])), 2, max_spread=1.0).tolist() == [0, 0, 0]


def test_copies_are_one_look_whatever_their_last_digits():
    noise = np.abs(np.random.default_rng(0).normal(size=(9, 9))) * 1e-9
    assert (find_clusters((noise + noise.T) * (1 - np.eye(9)), 2) == 0).all()
    assert find_clusters(np.zeros((1, 1)), 2).tolist() == [0]


@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 4), st.booleans())
def test_always(seed, n, min_photos, squares):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + 5 * rng.normal(size=(4, 3))[rng.integers(0, 4, n)]
    distances = apart(x) ** (2 if squares else 1)
    labels = find_clusters(distances, min_photos, squares=squares)
    sizes = np.bincount(labels[labels >= 0])
    assert len(sizes)
    assert (np.diff(sizes) <= 0).all()
    assert len(sizes) == 1 or sizes.min() >= min_photos
    assert find_clusters(distances, min_photos, max_clusters=2, squares=squares).max() <= 1
    order = rng.permutation(n)
    shuffled = find_clusters(distances[np.ix_(order, order)], min_photos, squares=squares)
    assert partition(labels[order]) == partition(shuffled)
