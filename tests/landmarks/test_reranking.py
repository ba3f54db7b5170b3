"""Re-ranking against a loop that does it slowly, and what it may never do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distances import pairwise
from lookalike.errors import InputError
from lookalike.landmarks.reranking import rerank

metrics = st.sampled_from(["cosine", "euclidean", "manhattan"])


def oracle(probe, places, distances, photos, metric, count):
    rows = []
    for place, distance in zip(places, distances, strict=True):
        own = sorted(float(pairwise(probe[None], one[None], metric)[0, 0]) for one in photos[place])[:count]
        rows.append(((distance + sum(own) / len(own)) / 2 if own else distance, distance, place))
    return rows


@given(
    seed=st.integers(0, 10_000), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=6), count=st.integers(1, 8),
    metric=metrics,
)  # fmt: skip
def test_equal_to_the_slow_way(seed, sizes, count, metric):
    draw = np.random.default_rng(seed)
    places = [f"p{i}" for i in range(len(sizes))]
    photos = {p: draw.normal(size=(n, 5)).astype(np.float32) for p, n in zip(places, sizes, strict=True)}
    probe, distances = draw.normal(size=5).astype(np.float32), draw.uniform(0, 2, len(sizes)).tolist()
    ranked = rerank(probe, places, distances, photos.__getitem__, metric, photos=count)
    truth = {place: (ranking, distance) for ranking, distance, place in oracle(
        probe, places, distances, photos, metric, count)}  # fmt: skip
    assert {one.place for one in ranked} == set(places)
    assert [one.ranking for one in ranked] == sorted(one.ranking for one in ranked)
    for one in ranked:
        np.testing.assert_allclose((one.ranking, one.distance), truth[one.place], rtol=1e-5, atol=1e-6)
        assert len(one.photos) == min(count, len(photos[one.place]))
        assert list(one.photo_distances) == sorted(one.photo_distances)


def test_without_photos_the_order_of_the_search_stays():
    photos = {"a": np.ones((2, 2), np.float32), "b": np.zeros((0, 2), np.float32)}
    ranked = rerank([1.0, 1.0], ["b", "a"], [0.1, 0.2], photos.__getitem__, "euclidean", by_photos=False)
    assert [(one.place, one.ranking) for one in ranked] == [("b", 0.1), ("a", 0.2)]
    assert ranked[1].photos == (0, 1)  # they are named all the same
    assert rerank([1.0, 1.0], [], [], photos.__getitem__) == []


def test_an_offset_moves_a_place():
    photos = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 2), np.float32)}
    ranked = rerank([1.0, 1.0], ["a", "b"], [0.2, 0.2], photos.__getitem__, "euclidean", offsets=[0.0, -0.05])
    assert [one.place for one in ranked] == ["b", "a"]
    np.testing.assert_allclose([one.ranking for one in ranked], [0.05, 0.1])


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InputError, match="1 distances and 2 offsets were given for 2 places"):
        rerank([1.0], ["a", "b"], [0.5], lambda place: np.zeros((0, 1), np.float32))
    with pytest.raises(InputError, match="at least 1"):
        rerank([1.0], ["a"], [0.5], lambda place: np.zeros((0, 1), np.float32), photos=0)
