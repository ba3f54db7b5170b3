import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import pairwise, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.landmarks import photo_cleaning as module
from lookalike.landmarks.centroids import find_centroids
from lookalike.landmarks.photo_cleaning import clean_and_recluster, clean_photos


def slow_reasons(vectors, places, centroids, deviations):
    """The two rules in loops, without the rule that half of a place stays."""
    of = np.array(centroids.places)
    names = sorted(set(places))
    own, sizes = [], []
    for at, place in enumerate(places):
        options = []
        for number in np.flatnonzero(of == place):
            others = [i for i in np.flatnonzero(centroids.members == number) if i != at]
            if others:
                mean = vectors[others].mean(axis=0)
                distance = pairwise(vectors[[at]], mean[None], centroids.metric).item()
                options.append((distance, centroids.sizes[number]))
        own.append(min(options, default=(0.0, 1))[0])
        sizes.append(min(options, default=(0.0, 1))[1])
    own = np.array(own)
    spread, middle = {}, {}
    for name in names:
        mine = own[np.array(places) == name]
        if len(mine) >= 4:
            middle[name] = np.median(mine)
            spread[name] = 1.4826 * np.median(np.abs(mine - middle[name]))
    usual = np.median(list(spread.values())) if spread else 0.0
    reasons = []
    for vector, place, distance, size in zip(vectors, places, own, sizes, strict=True):
        asked = centroids.vectors[(of != place) & (centroids.sizes >= min(size, 5))]
        other = pairwise(vector[None], asked, centroids.metric)
        if place in spread and distance > middle[place] + deviations * max(spread[place], 0.5 * usual):
            reasons.append("far from its place")
        elif other.size and other.min() < distance:
            reasons.append("nearer to another place")
        else:
            reasons.append("")
    return reasons


def noisy(seed, places=8, photos=12, wrong=2, dimension=32):
    """Photos of places, of each the last `wrong` of another place or of nothing; and which these are."""
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(places, dimension))
    vectors = np.repeat(centres, photos, axis=0) + rng.normal(size=(places * photos, dimension))
    bad = np.arange(places * photos) % photos >= photos - wrong
    swapped = bad & (rng.random(len(bad)) < 0.5)
    vectors[swapped] = np.roll(centres, 1, axis=0)[np.flatnonzero(swapped) // photos] + rng.normal(
        size=(swapped.sum(), dimension)
    )
    vectors[bad & ~swapped] = 2 * rng.normal(size=((bad & ~swapped).sum(), dimension))
    return vectors, [f"place {at // photos}" for at in range(len(vectors))], bad


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("seed", range(5))
def test_is_what_loops_find(metric, seed):
    vectors, places, _ = noisy(seed)
    vectors = unit_length(vectors) if metric == "cosine" else vectors
    centroids = find_centroids(vectors, places, metric, max_centroids=2)
    found = clean_photos(vectors, places, centroids)
    assert list(found.reasons) == slow_reasons(vectors, places, centroids, 3.5)
    assert found.kept.tolist() == [reason == "" for reason in found.reasons]


def test_finds_the_photos_that_do_not_belong():
    good_kept, bad_kept = [], []
    for seed in range(5):
        vectors, places, bad = noisy(seed)
        centroids, cleaned = clean_and_recluster(vectors, places)
        good_kept.append(cleaned.kept[~bad].mean())
        bad_kept.append(cleaned.kept[bad].mean())
        assert set(centroids.places) == set(places)
    assert np.mean(good_kept) > 0.95
    assert np.mean(bad_kept) < 0.05


def test_a_wrong_pair_is_no_look_of_its_own():
    rng = np.random.default_rng(0)
    bridge, cathedral = 2 * rng.normal(size=(2, 32))
    vectors = np.concatenate([np.repeat([bridge, cathedral], [10, 12], axis=0), [cathedral] * 2])
    vectors += rng.normal(size=vectors.shape)
    places = ["bridge"] * 10 + ["cathedral"] * 12 + ["bridge"] * 2
    assert find_centroids(vectors, places).places == ("bridge", "bridge", "cathedral")
    centroids, cleaned = clean_and_recluster(vectors, places)
    assert cleaned.reasons[-2:] == ("nearer to another place",) * 2
    assert centroids.places == ("bridge", "cathedral")


def test_cleaning_brings_centroids_nearer_to_the_truth():
    vectors, places, bad = noisy(3)
    truth = find_centroids(vectors[~bad], [p for p, b in zip(places, bad, strict=True) if not b], max_centroids=1)
    dirty = find_centroids(vectors, places, max_centroids=1)
    clean, _ = clean_and_recluster(vectors, places, max_centroids=1)
    off = [np.diag(pairwise(truth.vectors, other.vectors, "cosine")).mean() for other in (dirty, clean)]
    assert off[1] < 0.2 * off[0]


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 8), st.integers(0, 3))
@settings(max_examples=40)
def test_no_place_is_ever_lost(seed, places, photos, rounds):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(places * photos, 3))
    names = [f"p{rng.integers(places)}" for _ in vectors]
    seen = []
    centroids, cleaned = clean_and_recluster(
        vectors, names, "euclidean", rounds=rounds, progress=lambda done, of: seen.append((done, of))
    )
    for name in set(names):
        mine = np.array([n == name for n in names])
        assert cleaned.kept[mine].sum() * 2 >= mine.sum()
    assert set(centroids.places) == set(names)
    assert len(centroids.members) == len(names)
    assert (centroids.members[~cleaned.kept] == -1).all()
    assert [reason == "" for reason in cleaned.reasons] == cleaned.kept.tolist()
    assert cleaned.kept.all() or rounds
    assert len(seen) <= rounds
    again = find_centroids(
        vectors[cleaned.kept], [n for n, k in zip(names, cleaned.kept, strict=True) if k], "euclidean"
    )
    assert np.array_equal(again.vectors, centroids.vectors)


def test_one_picture_in_two_places_stays_in_both():
    found = clean_photos([[1.0, 0.0], [1.0, 0.0]], ["a", "b"], find_centroids([[1.0, 0.0], [1.0, 0.0]], ["a", "b"]))
    assert found.kept.all()


def test_a_graph_finds_what_comparing_all_finds(monkeypatch):
    vectors, places, _ = noisy(0, places=40)
    centroids = find_centroids(vectors, places)
    exact = clean_photos(vectors, places, centroids)
    monkeypatch.setattr(module, "MOST_COMPARED", 0)
    assert np.mean(clean_photos(vectors, places, centroids).kept == exact.kept) > 0.99


def test_rules_may_be_left_out():
    vectors, places, _ = noisy(0)
    centroids = find_centroids(vectors, places)
    reasons = clean_photos(vectors, places, centroids, nearer_to_another=False).reasons
    assert set(reasons) == {"", "far from its place"}


def test_bad_input():
    centroids = find_centroids([[1.0, 0.0]], ["a"])
    with pytest.raises(VectorError, match="centroids that these photos have"):
        clean_photos([[1.0, 0.0]], ["b"], centroids)
    with pytest.raises(VectorError, match="from 1 photos of 1 places, and 2 of 1"):
        clean_photos([[1.0, 0.0]] * 2, ["a"] * 2, centroids)
    with pytest.raises(VectorError, match="3 dimensions"):
        clean_photos([[1.0, 0.0, 0.0]], ["a"], centroids)
    with pytest.raises(VectorError, match="NaN"):
        clean_photos([[np.nan, 0.0]], ["a"], centroids)
    with pytest.raises(InputError, match="deviations is 0"):
        clean_photos([[1.0, 0.0]], ["a"], centroids, deviations=0)
    with pytest.raises(InputError, match="rounds is -1"):
        clean_and_recluster([[1.0, 0.0]], ["a"], rounds=-1)
