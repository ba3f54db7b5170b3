import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distances import pairwise, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.landmarks import centroids as module
from lookalike.landmarks.centroids import find_centroids


def photos(seed, places=6, dimension=16):
    """Places of 1 to 12 photos of one to three looks."""
    rng = np.random.default_rng(seed)
    vectors, names = [], []
    for place in range(places):
        looks = rng.normal(size=(rng.integers(1, 4), dimension)) * 3
        count = int(rng.integers(1, 13))
        vectors.append(looks[rng.integers(0, len(looks), count)] + rng.normal(size=(count, dimension)))
        names += [f"place {place}"] * count
    return np.concatenate(vectors), names


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan"])
@pytest.mark.parametrize("seed", range(4))
def test_centroids_are_the_means_of_their_members(metric, seed):
    vectors, names = photos(seed)
    found = find_centroids(vectors, names, metric)
    used = unit_length(vectors) if metric == "cosine" else vectors
    for number, place in enumerate(found.places):
        mine = np.flatnonzero(found.members == number)
        assert {names[at] for at in mine} == {place}
        assert found.sizes[number] == len(mine)
        mean = used[mine].mean(axis=0)
        mean = mean / np.linalg.norm(mean) if metric == "cosine" else mean
        assert found.vectors[number] == pytest.approx(mean, abs=1e-5)
        distances = pairwise(used[mine], mean[None], metric)[:, 0]
        assert found.spread_mean[number] == pytest.approx(distances.mean(), abs=1e-5)
        assert found.spread_max[number] == pytest.approx(distances.max(), abs=1e-5)
        assert found.spread_deviation[number] == pytest.approx(distances.std(), abs=1e-5)
    assert found.vectors.dtype == np.float32


@given(st.integers(0, 10_000))
def test_order_of_photos_and_other_places_do_not_matter(seed):
    vectors, names = photos(seed)
    found = find_centroids(vectors, names)
    assert set(found.places) == set(names)
    assert list(found.places) == sorted(found.places)
    assert found.names() == tuple(sorted(set(names)))
    assert [found.places[at] for at in found.starts()] == sorted(set(names))
    order = np.random.default_rng(seed).permutation(len(names))
    shuffled = find_centroids(vectors[order], [names[at] for at in order])
    assert shuffled.places == found.places
    assert sorted(shuffled.sizes.tolist()) == sorted(found.sizes.tolist())
    distances = pairwise(found.vectors, shuffled.vectors, "euclidean")
    assert distances.min(axis=1).max() < 1e-4
    first = [at for at, name in enumerate(names) if name == "place 0"]
    alone = find_centroids(vectors[first], [names[at] for at in first])
    assert np.array_equal(alone.vectors, found.vectors[: len(alone)])


def test_day_and_night_are_two_and_one_look_is_one():
    rng = np.random.default_rng(1)
    day, night, other = rng.normal(size=(3, 64))
    vectors = np.concatenate([centre + 0.5 * rng.normal(size=(8, 64)) for centre in (day, night, other, other)])
    found = find_centroids(vectors, ["square"] * 16 + ["tower"] * 16)
    assert found.places == ("square", "square", "tower")
    assert found.sizes.tolist() == [8, 8, 16]
    assert find_centroids(vectors, ["square"] * 16 + ["tower"] * 16, max_centroids=1).sizes.tolist() == [16, 16]


def test_one_photo_copies_and_photos_that_cancel_out():
    found = find_centroids([[1.0, 0.0], [0.0, 2.0], [0.0, 2.0], [3.0, 1.0], [-3.0, -1.0]], ["a", "b", "b", "c", "c"])
    assert found.places == ("a", "b", "c")
    assert found.vectors[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert np.linalg.norm(found.vectors[2]) == pytest.approx(1)
    assert found.spread_max[:2].tolist() == [0.0, 0.0]
    assert found.members.tolist() == [0, 1, 1, 2, 2]


def test_a_large_place_is_clustered_by_a_sample(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_PLACE", 100)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16)) * 4
    which = rng.choice(3, 1000, p=[0.6, 0.3, 0.1])
    vectors = centres[which] + rng.normal(size=(1000, 16))
    found = find_centroids(vectors, ["station"] * 1000, "euclidean")
    assert len(found) == 3
    assert (found.members >= 0).mean() > 0.95
    inside = found.members >= 0
    by_size = np.argsort(-np.bincount(which))
    assert (by_size[found.members[inside]] == which[inside]).all()
    assert np.abs(found.vectors - centres[by_size]).max() < 0.5
    again = find_centroids(vectors, ["station"] * 1000, "euclidean")
    assert np.array_equal(found.members, again.members)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": [[np.nan, 1.0]] * 2}, "NaN"),
        ({"vectors": [[0.0, 0.0]] * 2}, "all zeros"),
        ({"vectors": np.empty((0, 2)), "places": []}, "at least one"),
        ({"vectors": [1.0, 2.0]}, "shape"),
        ({"vectors": [[1e300, 1.0]] * 2}, "float32"),
        ({"places": ["a"]}, "1 place"),
        ({"places": "ab"}, "one text"),
        ({"places": ["a", ""]}, "place 1 is ''"),
        ({"places": ["a", 7]}, "place 1 is 7"),
        ({"metric": "inner_product"}, "use cosine"),
        ({"metric": "hamming"}, "unknown"),
        ({"min_photos": 0}, "min_photos is 0"),
        ({"max_centroids": 1.5}, "max_centroids is 1.5"),
        ({"max_spread": float("nan")}, "max_spread"),
    ],
)
def test_bad_input_is_one_clear_error(change, message):
    given = {"vectors": [[1.0, 2.0]] * 2, "places": ["a", "b"], **change}
    with pytest.raises((VectorError, InputError), match=message), np.errstate(over="ignore"):
        find_centroids(given.pop("vectors"), given.pop("places"), given.pop("metric", "cosine"), **given)


def test_a_place_in_two_spellings_is_one():
    x = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]]
    found = find_centroids(x, ["José", "Jose\u0301", "Bo", "Bo "])
    assert found.names() == ("Bo", "José")
    np.testing.assert_array_equal(found.vectors, find_centroids(x, ["José", "José", "Bo", "Bo"]).vectors)
