"""Exact search against every distance in extended precision, wherever float32 cannot tell vectors apart."""

import faiss
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lookalike.index import build_index, load_index
from lookalike.index.core.flat_vectors import nearest_among

METRICS = ["cosine", "euclidean", "inner_product", "manhattan"]
SHIFTS = [0.0, 1e3, 1e4, 1e6]
SCALES = [1e-18, 1e-9, 1.0, 1e9, 1e18]


def true_distances(queries, vectors, metric):
    """`(q, n)` in extended precision, over the vectors as the index holds them; and what float64 may be off by."""
    x, y = queries.astype(np.longdouble)[:, None], vectors.astype(np.longdouble)[None]
    if metric == "inner_product":
        return -(x * y).sum(axis=2), 1e-14 * np.abs(x * y).sum(axis=2).max()
    if metric == "manhattan":
        return np.abs(x - y).sum(axis=2), 0
    squares = ((x - y) ** 2).sum(axis=2)
    return (squares / 2 if metric == "cosine" else np.sqrt(squares)), 0


def check_nearest(true, off, positions, distances):
    """These are the nearest of all, in order, equal ones by position; the distances right to float32."""
    k = positions.shape[1]
    found = np.take_along_axis(true, positions, 1)
    best = np.sort(true, axis=1)[:, :k]
    assert (np.abs(found - best) <= 1e-13 * np.abs(best) + off).all()
    assert all(len(set(row.tolist())) == k for row in positions)
    same = found[:, 1:] == found[:, :-1]
    assert (positions[:, 1:] > positions[:, :-1])[same].all()
    assert (np.diff(distances.astype(np.float64), axis=1) >= 0).all()
    assert (np.abs(distances - found) <= 2.0**-23 * np.abs(found) + off + 2.0**-148).all()


@st.composite
def sets(draw, most=400):
    """Vectors and queries around a common shift, some of them equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.sampled_from([40, most])), draw(st.sampled_from([2, 7, 32]))
    shift, scale = draw(st.sampled_from(SHIFTS)), draw(st.sampled_from(SCALES))
    assume((shift + 6) * scale * np.sqrt(d) < 1e18)
    vectors = rng.standard_normal((n, d)) + shift
    copies = draw(st.sampled_from([0, n // 4, n // 4 * 3]))
    vectors[rng.permutation(n)[:copies]] = vectors[rng.integers(0, draw(st.integers(1, 3)), copies)]
    queries = rng.standard_normal((draw(st.sampled_from([1, 3, 25])), d)) + shift
    queries[::2] = vectors[rng.integers(0, n, len(queries[::2]))]
    return (vectors * scale).astype(np.float32), (queries * scale).astype(np.float32)


@settings(max_examples=150, deadline=None)
@given(sets(), st.sampled_from(METRICS), st.sampled_from(["exact", "ivf"]), st.sampled_from([1, 10, 30]), st.data())
def test_the_nearest_of_all_whatever_float32_can_tell(given_, metric, kind, k, data):
    vectors, queries = given_
    ids = np.arange(100, 100 + len(vectors))
    index = build_index(vectors, kind, metric=metric, ids=ids)  # `ivf` compares so few vectors one by one, in its tail
    held = index.space.vectors(vectors)
    asked = index.space.queries(queries).copy()
    how = data.draw(st.sampled_from(["all", "removed", "among"]))
    allowed = np.arange(len(vectors))
    among = None
    if how == "removed":
        allowed = np.flatnonzero(np.arange(len(vectors)) % 3 > 0)
        index.remove(np.setdiff1d(ids, ids[allowed]))
    elif how == "among":
        allowed = np.flatnonzero(np.arange(len(vectors)) % 5 < data.draw(st.sampled_from([1, 4])))
        among = ids[allowed]
    k = min(k, len(allowed))
    hits = index.search(queries, k, among=among)
    true, off = true_distances(asked, held[allowed], metric)
    check_nearest(true, off, np.searchsorted(ids[allowed], hits.ids), hits.distances)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("count", [3, 40])  # below faiss' threshold for matrix products, and above
def test_a_narrow_cone_of_vectors(metric, shift, count):
    # Under cosine and +10,000, ``1 - x·y`` in float32 found none of the nearest.
    rng = np.random.default_rng(0)
    vectors, queries = rng.standard_normal((2000, 32)) + shift, rng.standard_normal((count, 32)) + shift
    index = build_index(vectors, "exact", metric=metric)
    hits = index.search(queries, 10)
    asked, held = index.space.queries(queries), index.space.vectors(vectors.astype(np.float32))
    check_nearest(*true_distances(asked, held, metric), hits.ids, hits.distances)


@pytest.mark.parametrize("metric", METRICS)
def test_more_equal_vectors_than_are_fetched_come_in_order_of_position(metric):
    rng = np.random.default_rng(1)
    vectors = np.repeat(rng.standard_normal((2, 8)), [600, 400], axis=0).astype(np.float32)
    vectors = vectors[rng.permutation(1000)]
    for queries in (vectors[:1], vectors[:30]):
        index = build_index(vectors, "exact", metric=metric)
        hits = index.search(queries, 12)
        true = true_distances(index.space.queries(queries).copy(), index.space.vectors(vectors), metric)[0]
        expected = np.argsort(true, axis=1, kind="stable")[:, :12]
        assert (hits.ids == expected).all()


@pytest.mark.parametrize("metric", METRICS)
def test_a_mapped_index_with_removed_vectors(metric, tmp_path):
    rng = np.random.default_rng(2)
    vectors = (rng.standard_normal((1500, 16)) + 1e4).astype(np.float32)
    build_index(vectors, "exact", metric=metric).save(tmp_path / "a.index")
    index = load_index(tmp_path / "a.index", mapped=True)
    kept = np.arange(300, 1500)
    index.remove(np.arange(300))
    hits = index.search(vectors[:25], 10)
    asked, held = index.space.queries(vectors[:25]), index.space.vectors(vectors)
    check_nearest(*true_distances(asked, held[kept], metric), hits.ids - 300, hits.distances)


def test_an_index_that_takes_squares_under_cosine_ranks_the_same():
    # What a store decodes is not quite of length 1.
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((800, 16)).astype(np.float32)
    vectors *= rng.uniform(0.98, 1.02, (800, 1)).astype(np.float32) / np.linalg.norm(vectors, axis=1, keepdims=True)
    distances, positions = nearest_among(vectors[:25], vectors, 10, "cosine")
    check_nearest(*true_distances(vectors[:25], vectors, "cosine"), positions, distances)


def test_few_queries_are_compared_by_difference():
    # The bound for few queries rests on it: |x|² - 2xy + |y|² in float32 would be 0 or 4 here.
    index = faiss.IndexFlatL2(1)
    index.add(np.array([[3000.0], [3000.25], [9.0]], np.float32))
    few = faiss.cvar.distance_compute_blas_threshold - 1
    squares = index.search(np.full((few, 1), 3000.0, np.float32), 2)[0]
    assert (squares == [[0.0, 0.0625]] * few).all()
