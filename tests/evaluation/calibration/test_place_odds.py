"""Fitting the odds of places: what was drawn from known odds is found again, and few places say little."""

import math

import numpy as np
import pytest

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.place_odds import NO_PLACE, PlaceQuestions, fit_place_odds
from lookalike.evaluation.calibration.reliability import measure_reliability


def drawn(places, of_each, others, apart=4.0, look_alike=0.0, seed=0):
    """Margins of normal distributions: right ones around `apart`, wrong ones around 0, some look-alikes among them."""
    rng = np.random.default_rng(seed)
    rows, right, groups, enrolled = [], [], [], []
    for place in range(places):
        alike = rng.random() < look_alike
        for _ in range(of_each):
            rivals = rng.normal(0, 1, 4).tolist()
            rows.append([rng.normal(apart), *rivals])
            right.append(0)
            rows.append([rng.normal(apart) if alike else rng.normal(), *rivals])
            right.append(NO_PLACE)
            groups += [place, place]
            enrolled += [True, False]
    for _ in range(others):
        rows.append(rng.normal(-0.5, 1, 5).tolist())
        right.append(NO_PLACE)
        groups.append(-1)
        enrolled.append(False)
    return PlaceQuestions(np.array(rows), np.array(right), np.array(groups), np.array(enrolled))


def reliability(odds, asked):
    stated = np.array([odds.among(row) for row in asked.margins.tolist()])
    first = stated.argmax(axis=1)
    kinds = np.where(asked.groups < 0, 2, np.where(asked.enrolled, 0, 1))
    weights = np.array([0.5, 0.25, 0.25])[kinds] / np.bincount(kinds)[kinds]
    return measure_reliability(stated.max(axis=1), first == asked.right, weights=weights)


@pytest.mark.parametrize("look_alike", [0.0, 0.2])
def test_new_photos_are_right_as_often_as_is_stated(look_alike):
    odds = fit_place_odds(drawn(150, 4, 400, look_alike=look_alike), usual_margin=10.0)
    found = reliability(odds, drawn(150, 4, 400, look_alike=look_alike, seed=1))
    assert found.error < 0.04
    assert abs(found.stated - found.right) < 0.03


def test_look_alikes_that_nobody_enrolled_lower_the_ceiling():
    without, some = (fit_place_odds(drawn(100, 4, 300, look_alike=one), usual_margin=10.0) for one in (0.0, 0.4))
    assert some.ceiling < without.ceiling - 0.03
    assert some.among([9.0])[0] < without.among([9.0])[0]


def test_few_places_never_make_sure():
    sure = [fit_place_odds(drawn(n, 10, 300, apart=9.0), usual_margin=10.0).among([20.0])[0] for n in (1, 3, 12, 200)]
    assert sure == sorted(sure)
    for places, one in zip((1, 3, 12, 200), sure, strict=True):
        assert one <= 1 - 1 / (places + 2)
    assert sure[-1] > 0.95


def test_more_unknown_places_expected_make_less_sure():
    asked = drawn(30, 5, 200, apart=2.0)
    few, many = (fit_place_odds(asked, usual_margin=10.0, unknown_places=share) for share in (0.1, 0.6))
    assert (few.unknown_places, many.unknown_places) == (0.1, 0.6)
    for margin in (-1.0, 1.0, 3.0):
        assert many.among([margin])[0] < few.among([margin])[0]


@pytest.mark.parametrize("kind", ["enrolled", "held out", "others"])
def test_a_kind_that_is_missing(kind):
    asked = drawn(10, 3, 40)
    kinds = np.where(asked.groups < 0, "others", np.where(asked.enrolled, "enrolled", "held out"))
    kept = kinds != kind
    left = PlaceQuestions(asked.margins[kept], asked.right[kept], asked.groups[kept], asked.enrolled[kept])
    odds = fit_place_odds(left, usual_margin=10.0)
    assert 0 <= odds.among([-3.0])[0] < odds.among([3.0])[0] <= odds.ceiling
    if kind == "enrolled":
        assert (odds.places, odds.ceiling) == (0, 0.5)


def test_what_is_refused():
    asked = drawn(3, 2, 5)
    for shares in ({"unknown_places": 0.7, "non_landmarks": 0.3}, {"unknown_places": -0.1}):
        with pytest.raises(InputError, match="less than 1 together"):
            fit_place_odds(asked, usual_margin=1.0, **shares)
    with pytest.raises(InputError, match="usual_margin is 0"):
        fit_place_odds(asked, usual_margin=0)
    with pytest.raises(VectorError, match="expected a row each"):
        PlaceQuestions(asked.margins, asked.right[1:], asked.groups, asked.enrolled)
    with pytest.raises(VectorError, match="NaN"):
        PlaceQuestions(np.full_like(asked.margins, math.nan), asked.right, asked.groups, asked.enrolled)
