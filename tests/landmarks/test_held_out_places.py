"""Questions about places that are held out, against a slow computation; and what they make of the odds."""

import numpy as np
import pytest

from lookalike.decisions.density import density_without_itself
from lookalike.distances import pairwise
from lookalike.evaluation.calibration.place_odds import NO_PLACE
from lookalike.evaluation.calibration.rejection import fit_rejection
from lookalike.landmarks import held_out_places
from lookalike.landmarks.centroids import find_centroids
from lookalike.landmarks.held_out_places import PlaceVectors, held_out_odds, held_out_questions


def made(places, photos=6, spread=0.4, others=80, dimension=8, seed=0):
    """Places that scatter around directions of their own, with one centroid each, and their thresholds."""
    rng = np.random.default_rng(seed)
    held = {}
    names, vectors = [], []
    for number in range(places):
        at = rng.normal(size=dimension) / np.sqrt(dimension)
        x = (at + spread * rng.normal(size=(photos, dimension)) / np.sqrt(dimension)).astype(np.float32)
        name = f"p{number:02d}"
        held[name] = x
        names += [name] * photos
        vectors.append(x)
    found = find_centroids(np.concatenate(vectors), names, max_centroids=1)
    rejection = fit_rejection(rng.normal(size=(others, dimension)).astype(np.float32), found, promise_fpr=0.05)
    places = {
        name: PlaceVectors(found.vectors[at : at + 1], x, np.zeros(len(x), np.int64))
        for at, (name, x) in enumerate(held.items())
    }
    return places, rejection


def test_every_photo_is_asked_with_its_place_and_without():
    places, rejection = made(4)
    asked = held_out_questions(places, rejection)
    assert len(asked.margins) == 4 * 6 * 2 + 80
    assert np.bincount(asked.groups + 1).tolist() == [80, 12, 12, 12, 12]
    assert asked.enrolled.sum() == 24
    assert (asked.right[~asked.enrolled] == NO_PLACE).all()
    # A place held out is not among the candidates, and it is one of four otherwise.
    finite = np.isfinite(asked.margins).sum(axis=1)
    assert set(finite[asked.enrolled]) == {4}
    assert set(finite[(asked.groups >= 0) & ~asked.enrolled]) == {3}
    assert set(finite[asked.groups < 0]) == {4}


def test_margins_are_those_of_a_search_without_the_photo():
    places, rejection = made(3, photos=4)
    asked = held_out_questions(places, rejection)
    slow = []
    for name, place in places.items():
        unit = place.photos / np.linalg.norm(place.photos, axis=1, keepdims=True)
        for at in range(4):
            density = float(rejection.density(unit[at : at + 1])[0])
            margins = {}
            for other, theirs in places.items():
                photos = np.delete(theirs.photos, at, axis=0) if other == name else theirs.photos
                centre = theirs.centroids[0]
                if other == name:
                    centre = np.delete(unit, at, axis=0).mean(axis=0)
                away = float(pairwise(unit[at : at + 1], centre[None], "cosine")[0, 0])
                nearest = np.sort(pairwise(unit[at : at + 1], photos, "cosine")[0])[:3].mean()
                margins[other] = rejection.rule.threshold_of(other) - density - (away + nearest) / 2
            slow.append((margins[name], sorted(margins.values())))
    found = [
        (row[right], sorted(row[np.isfinite(row)].tolist()))
        for row, right in zip(asked.margins[asked.enrolled], asked.right[asked.enrolled], strict=True)
    ]
    for one, expected in zip(sorted(found), sorted(slow), strict=True):
        assert one[0] == pytest.approx(expected[0], abs=1e-5)
        assert one[1] == pytest.approx(expected[1], abs=1e-5)


def test_photos_without_a_landmark_meet_the_density_of_the_others():
    places, rejection = made(3)
    asked = held_out_questions(places, rejection)
    around = density_without_itself(rejection.bank, rejection.neighbours, rejection.metric)
    lowest = asked.margins[asked.groups < 0].max(axis=1)
    assert len(lowest) == len(around)
    nearer = rejection.density(rejection.bank)  # with itself at distance 0 among them
    assert (around < nearer).all()


def test_places_without_photos_and_an_only_photo_are_asked_as_far_as_they_go():
    places, rejection = made(3, photos=3)
    name = next(iter(places))
    one = places[name]
    places[name] = PlaceVectors(one.centroids, one.photos[:0], one.looks[:0])
    assert np.bincount(held_out_questions(places, rejection).groups + 1).tolist() == [80, 0, 6, 6]
    places[name] = PlaceVectors(one.centroids, one.photos[:1], one.looks[:1])
    asked = held_out_questions(places, rejection)
    assert asked.enrolled[asked.groups == 0].tolist() == [False]  # without it nothing is left of its place
    alone = {name: one}
    only = held_out_questions(alone, rejection)
    assert only.enrolled[only.groups == 0].all()
    odds = held_out_odds(alone, rejection)
    assert odds.ceiling <= 2 / 3 + 1e-12
    assert odds.among([-1.0])[0] < 0.3 < odds.among([0.3])[0]


def test_many_photos_are_drawn(monkeypatch):
    monkeypatch.setattr(held_out_places, "MOST_OF_A_PLACE", 3)
    monkeypatch.setattr(held_out_places, "MOST_PHOTOS", 10)
    monkeypatch.setattr(held_out_places, "MOST_OTHERS", 7)
    places, rejection = made(5)
    asked = held_out_questions(places, rejection)
    assert (asked.groups < 0).sum() == 7
    assert (asked.groups >= 0).sum() == 20
    assert np.bincount(asked.groups[asked.groups >= 0]).max() <= 6
    again = held_out_questions(places, rejection)
    assert np.array_equal(again.margins, asked.margins)
    assert not np.array_equal(held_out_questions(places, rejection, seed=1).margins, asked.margins)


def test_places_that_are_told_apart_make_surer_than_such_that_are_not():
    clear, blurred = (made(12, spread=spread, dimension=24) for spread in (0.2, 1.5))
    odds = held_out_odds(*clear)
    assert (odds.places, odds.photos, odds.others) == (12, 72, 80)
    sure, unsure = (usual_confidence(*one) for one in (clear, blurred))
    assert sure > 0.8
    assert unsure < sure - 0.2


def usual_confidence(places, rejection):
    """Of photos of enrolled places."""
    asked, odds = held_out_questions(places, rejection), held_out_odds(places, rejection)
    return np.median([max(odds.among(row)) for row in asked.margins[asked.enrolled].tolist()])
