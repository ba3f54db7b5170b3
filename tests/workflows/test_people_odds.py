"""Odds fitted to a gallery itself."""

import numpy as np
import pytest

from lookalike.evaluation.calibration.match_probability import fit_match_odds
from lookalike.gallery.doctor import StoredTemplates
from lookalike.workflows.people_odds import FEWEST_PEOPLE, odds_of_gallery


def templates(people, each=4, doubled=0, wrong=0, seed=0):
    """People on a grid 10 apart, their templates within 1; some names are of the person before."""
    rng = np.random.default_rng(seed)
    centres = 10.0 * np.stack([np.arange(people) % 5, np.arange(people) // 5], axis=1)
    centres[people - doubled :] = centres[:doubled]
    vectors = np.repeat(centres, each, axis=0) + rng.uniform(-0.5, 0.5, (people * each, 2))
    vectors[:wrong] += 40
    return StoredTemplates.of([f"p{at // each}" for at in range(people * each)], vectors, metric="euclidean")


def test_small_distances_speak_for_one_person():
    odds = odds_of_gallery(templates(25), 2.0)
    assert odds.log_ratio(0.5) > 3 > -2 > odds.log_ratio(25.0)


def test_what_is_in_question_is_left_out():
    clean, doubtful = odds_of_gallery(templates(25), 2.0), odds_of_gallery(templates(25, doubled=3), 2.0)
    assert doubtful.log_ratio(0.5) == pytest.approx(clean.log_ratio(0.5), abs=0.5)
    moved = odds_of_gallery(templates(25, wrong=1), 2.0)
    assert moved.log_ratio(30.0) < -3
    # Were they not, a distance at which nobody but the doubled are would speak less for a match.
    given = templates(25, doubled=3)
    distances = given.distances(np.arange(100), np.arange(100))
    same = given.codes[:, None] == given.codes
    one, other = np.triu_indices(100, 1)
    raw = fit_match_odds(distances[one, other][same[one, other]], distances[one, other][~same[one, other]])
    assert raw.log_ratio(0.5) < doubtful.log_ratio(0.5) + 3


def test_too_few_people_say_nothing():
    assert odds_of_gallery(templates(FEWEST_PEOPLE - 1), 2.0) is None
    assert odds_of_gallery(templates(FEWEST_PEOPLE), 2.0) is not None
    assert odds_of_gallery(templates(60, each=1), 2.0) is None


def test_where_everybody_matches_nothing_is_fitted():
    assert odds_of_gallery(templates(20), 1000.0) is None
