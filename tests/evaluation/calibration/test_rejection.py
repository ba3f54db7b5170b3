"""Fitting the thresholds of open-set rejection: against loops, and on photos that were never seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.decisions.density import density
from lookalike.distances import nearest, pairwise, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration import rejection as module
from lookalike.evaluation.calibration.rejection import RejectionOptions
from lookalike.landmarks.centroids import find_centroids
from lookalike.landmarks.reranking import rerank


def fit_rejection(non_landmarks, centroids, **choices):
    """`module.fit_rejection`, with all its choices as keywords."""
    options = {key: choices.pop(key) for key in list(choices) if key in RejectionOptions.__dataclass_fields__}
    return module.fit_rejection(non_landmarks, centroids, RejectionOptions(**options), **choices)


def world(seed, places=20, non_landmarks=400, fresh=0, dimension=32):
    """Places, some of which look like a kind of non-landmarks; returns centroids, non-landmarks, more, new photos."""
    rng = np.random.default_rng(seed)
    kinds = rng.normal(size=(8, dimension))

    def without(count):
        base = kinds[rng.integers(0, 8, count)] * rng.uniform(0.3, 1.2, (count, 1))
        return unit_length(base + 0.9 * rng.normal(size=(count, dimension)))

    like_a_kind = rng.random((places, 1)) < 0.3
    centres = rng.normal(size=(places, dimension)) + np.where(like_a_kind, 0.8 * kinds[rng.integers(0, 8, places)], 0)
    names = [f"place {number:03}" for number in range(places)]
    photos = np.repeat(centres, 6, axis=0) + 0.8 * rng.normal(size=(places * 6, dimension))
    new = unit_length(centres + 0.9 * rng.normal(size=centres.shape))
    centroids = find_centroids(photos, [name for name in names for _ in range(6)])
    return centroids, without(non_landmarks), without(fresh), new


def decide(rejection, vectors, centroids, k=None):
    """What a gallery of these centroids answers, without a look at photos: `PlaceRecognition`'s own steps.

    Returns decisions, and of each photo the places in order, best first.
    """
    positions, distances = nearest(vectors, centroids.vectors, k or len(centroids), centroids.metric)
    decisions, orders = [], []
    for vector, row, away, around in zip(vectors, positions, distances, rejection.density(vectors), strict=True):
        found = {}
        for position, distance in zip(row.tolist(), away.tolist(), strict=True):
            found.setdefault(centroids.places[position], distance)
        offsets = [rejection.rule.offset_of(name) for name in found]
        ranked = rerank(vector, list(found), list(found.values()), lambda _: (), centroids.metric, offsets=offsets)
        names = [one.place for one in ranked]
        decided = rejection.rule.decide(
            names, [one.distance for one in ranked], [one.ranking for one in ranked], float(around)
        )
        decisions.append(decided)
        orders.append([names[at] for at in decided.order])
    return decisions, orders


def accepted(rejection, vectors, centroids):
    """Of each photo whether any place is accepted."""
    return np.array([one.decision != "unknown" for one in decide(rejection, vectors, centroids)[0]])


def shown(rejection, vectors, centroids):
    """Of each photo the best place that is accepted, or None."""
    decisions, orders = decide(rejection, vectors, centroids)
    return [None if one.decision == "unknown" else names[0] for one, names in zip(decisions, orders, strict=True)]


def slow_density(vector, bank, k, metric):
    distances = sorted(pairwise(vector[None], bank, metric)[0].astype(float).tolist())
    return -sum(distances[:k]) / k


def slow_reached(bank, centroids, k, query_weight, place_weight, bounds):
    """Of each non-landmark the smallest adjusted distance of any place, with all densities measured without it."""
    reached = []
    for i in range(len(bank)):
        others = np.delete(bank, i, axis=0)
        own = slow_density(bank[i], others, k, centroids.metric)
        options = [np.inf]
        for place in set(centroids.places):
            mine = centroids.vectors[[at for at, name in enumerate(centroids.places) if name == place]]
            distance = pairwise(bank[[i]], mine, centroids.metric).min()
            around = -sum(sorted(pairwise(mine, others, centroids.metric).min(axis=0).tolist())[:k]) / k
            if distance <= bounds.get(place, np.inf):
                options.append(distance + query_weight * own + place_weight * around)
        reached.append(min(options))
    return np.array(reached)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("weights", [(1.0, 0.25), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("spread", [None, 2.0])
def test_thresholds_rest_on_what_loops_find(metric, weights, spread, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 4 * 300)  # many blocks
    rng = np.random.default_rng(3)
    photos = rng.normal(size=(40, 6)) + np.repeat(2 * rng.normal(size=(8, 6)), 5, axis=0)
    centroids = find_centroids(photos, [f"p{number // 5}" for number in range(40)], metric)
    bank = unit_length(rng.normal(size=(70, 6))).astype(np.float32)
    rejection = fit_rejection(
        bank,
        centroids,
        promise_fpr=0.2,
        confidence=None,
        density_k=3,
        query_weight=weights[0],
        place_weight=weights[1],
        spread_bound=spread,
    )
    assert bool(rejection.bounds) == (spread is not None)
    expected = np.sort(slow_reached(bank, centroids, 3, *weights, rejection.bounds))
    finite = expected[np.isfinite(expected)]
    count = rejection.promised.errors
    assert rejection.promised.rate <= 0.2
    assert np.count_nonzero(finite <= rejection.threshold) == count
    if count < len(finite):
        assert rejection.threshold == pytest.approx((expected[count - 1] + expected[count]) / 2, abs=1e-5)


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=25)
def test_the_promise_holds_on_the_calibration_photos_and_with_more_places(seed, place_weight, query_weight):
    centroids, bank, _, _ = world(seed, places=12, non_landmarks=120, dimension=8)
    more, _, _, _ = world(seed + 1, places=20, non_landmarks=1, dimension=8)
    for known in (centroids, more):
        rejection = fit_rejection(bank, known, promise_fpr=0.05, place_weight=place_weight, query_weight=query_weight)
        assert rejection.promised.rate <= rejection.promised.upper <= 0.05
        # A non-landmark of the bank meets itself there and looks denser: it is accepted no more often than promised.
        assert accepted(rejection, rejection.bank, known).mean() <= 0.05


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_the_order_of_non_landmarks_does_not_matter(seed):
    centroids, bank, _, new = world(seed, places=8, non_landmarks=100, dimension=8)
    first = fit_rejection(bank, centroids, promise_fpr=0.05)
    order = np.random.default_rng(seed).permutation(len(bank))
    second = fit_rejection(bank[order], centroids, promise_fpr=0.05)
    assert second.threshold == pytest.approx(first.threshold, abs=1e-5)
    assert second.densities == pytest.approx(first.densities, abs=1e-5)
    for one, other in zip(decide(first, new, centroids)[0], decide(second, new, centroids)[0], strict=True):
        assert sorted(one.limits) == pytest.approx(sorted(other.limits), abs=1e-5)


def accepted_share(rejection, photos, centroids):
    """Of many photos, by all distances in one matrix."""
    x = photos.astype(np.float32)
    dense = np.sort(x @ rejection.bank.T, axis=1)[:, -rejection.neighbours :].mean(axis=1) - 1
    places = np.array([rejection.densities[place] for place in centroids.places])
    adjusted = 1 - x @ centroids.vectors.T + rejection.query_weight * dense[:, None] + rejection.place_weight * places
    return np.mean(adjusted.min(axis=1) <= rejection.threshold)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (1.0, 0.25)])
def test_the_promise_is_kept_on_photos_never_seen(weights):
    rates = []
    for seed in range(20):
        centroids, bank, fresh, _ = world(seed, non_landmarks=700, fresh=4000)
        rejection = fit_rejection(bank, centroids, promise_fpr=0.02, query_weight=weights[0], place_weight=weights[1])
        rates.append(accepted_share(rejection, fresh, centroids))
    # With 95% confidence: one in 20 calibrations may exceed it.
    assert np.sum(np.array(rates) > 0.02) <= 2
    assert 0.006 < np.mean(rates) < 0.015


def test_decisions_are_those_of_all_distances():
    centroids, bank, fresh, _ = world(0, fresh=500)
    rejection = fit_rejection(bank, centroids, promise_fpr=0.2)
    assert accepted(rejection, fresh, centroids).mean() == accepted_share(rejection, fresh, centroids) > 0


def test_the_promise_would_break_if_photos_met_themselves_in_the_bank(monkeypatch):
    honest, naive = [], []
    for seed in range(4):
        centroids, bank, fresh, _ = world(seed, non_landmarks=700, fresh=1500)
        fitted = {"promise_fpr": 0.02, "density_k": 2, "place_weight": 0.0}
        honest.append(accepted_share(fit_rejection(bank, centroids, **fitted), fresh, centroids))
        with monkeypatch.context() as patch:
            patch.setattr(module, "density_without_itself", lambda b, k, m: density(b, b, k, m))
            naive.append(accepted_share(fit_rejection(bank, centroids, **fitted), fresh, centroids))
    assert np.mean(honest) <= 0.02
    assert np.mean(naive) > 0.05


def test_density_finds_more_places_at_one_promise():
    found = {0.0: [], 1.0: []}
    for seed in range(5):
        centroids, bank, _, new = world(seed, places=60, non_landmarks=700, dimension=64)
        for weight, shares in found.items():
            rejection = fit_rejection(bank, centroids, query_weight=weight, place_weight=0.0)
            names = [f"place {number:03}" for number in range(60)]
            shares.append(np.mean([a == b for a, b in zip(shown(rejection, new, centroids), names, strict=True)]))
    assert np.mean(found[1.0]) > np.mean(found[0.0]) + 0.05


def test_a_place_that_attracts_non_landmarks_is_stricter():
    rng = np.random.default_rng(0)
    bank = unit_length(np.array([1.0, 0, 0, 0]) + 0.3 * rng.normal(size=(300, 4)))
    centroids = find_centroids([[1.0, 0.4, 0, 0], [-1.0, 0, 0, 0.4]], ["a field", "a tower"])
    rejection = fit_rejection(bank, centroids, place_weight=0.5)
    assert rejection.rule.threshold_of("a field") < rejection.rule.threshold_of("a tower")
    same = fit_rejection(bank, centroids, place_weight=0)
    assert same.rule.threshold_of("a field") == same.rule.threshold_of("a tower") == same.threshold


def test_a_bound_from_the_places_own_spread():
    rng = np.random.default_rng(0)
    tight = np.eye(16)[0] + 0.01 * rng.normal(size=(8, 16))
    centroids = find_centroids(np.concatenate([tight, np.eye(16)[[1]]]), ["tight"] * 8 + ["one photo"], max_centroids=1)
    bank = rng.normal(size=(400, 16))
    rejection = fit_rejection(bank, centroids, spread_bound=4)
    assert list(rejection.bounds) == ["tight"]
    near, off = np.eye(16)[0] + 0.01 * rng.normal(size=16), np.eye(16)[0] + 0.3 * np.eye(16)[2]
    both = np.stack([near, off])
    assert shown(rejection, both, centroids) == ["tight", None]
    assert shown(fit_rejection(bank, centroids), both, centroids) == ["tight", "tight"]
    decisions, orders = decide(rejection, both, centroids)
    assert orders[1][0] == "tight"
    assert decisions[1].limits[decisions[1].order[0]] == rejection.bounds["tight"]


def test_copies_of_a_non_landmark_count_once():
    centroids, bank, _, _ = world(0)
    once, twice = (fit_rejection(b, centroids) for b in (bank, np.concatenate([bank, bank[:50]])))
    assert once.to_dict() == twice.to_dict()
    assert np.array_equal(once.bank, twice.bank)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"non_landmarks": np.full((9, 32), np.nan)}, "NaN"),
        ({"non_landmarks": np.ones((9, 5))}, "5 dimensions"),
        ({"non_landmarks": np.empty((0, 32))}, "at least one"),
        ({"non_landmarks": np.ones((9, 32))}, "one photo without a landmark"),
        ({"non_landmarks": np.eye(32)}, "give 299"),
        (
            {"centroids": replace(world(0, places=1)[0], vectors=np.empty((0, 32), np.float32), places=())},
            "at least one",
        ),
        ({"density_k": 0}, "density_k is 0"),
        ({"query_weight": -1.0}, "query_weight is -1.0"),
        ({"place_weight": np.inf}, "place_weight is inf"),
        ({"spread_bound": np.nan}, "spread_bound is nan"),
        ({"promise_fpr": 0.0}, "fpr is 0.0"),
    ],
)
def test_bad_input_is_one_clear_error(change, message):
    centroids, bank, _, _ = world(0, places=3)
    with pytest.raises((VectorError, InputError), match=message):
        fit_rejection(**{"non_landmarks": bank, "centroids": centroids, **change})
