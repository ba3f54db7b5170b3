import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.evaluation.calibration.operating_point import allowed_errors, is_sufficient, loosest_threshold, rate_at

distances = st.lists(st.integers(-20, 20), min_size=1, max_size=40).map(lambda v: np.sort(np.array(v, float)))
targets = st.one_of(st.floats(1e-6, 1), st.sampled_from([0.1, 0.29, 0.3, 1 / 3, 0.5, 1.0]))


def slow_allowed(target, trials):
    return max(errors for errors in range(trials + 1) if errors / trials <= target)


@given(targets, st.integers(1, 500))
def test_allowed_errors_is_the_largest_count_within_the_rate(target, trials):
    assert allowed_errors(target, trials) == slow_allowed(target, trials)


def test_products_that_round_down_do_not_lose_an_error():
    assert math.floor(0.29 * 100) == 28
    assert allowed_errors(0.29, 100) == 29


@given(distances, targets, distances)
def test_never_above_the_target_and_no_threshold_does_better(false, target, true):
    threshold = loosest_threshold(false, target, true)
    assert rate_at(false, threshold) <= target
    candidates = [-math.inf, *false, *true]  # every rate there is occurs at one of these
    best = max(np.mean(true <= c) for c in candidates if np.mean(false <= c) <= target)
    assert rate_at(true, threshold) == best


def test_ties_are_refused_together():
    # One error in 4 is allowed, but the two nearest impostors tie: accepting one accepts both.
    false = np.array([1.0, 1.0, 2.0, 3.0])
    assert rate_at(false, loosest_threshold(false, 0.25, np.array([0.5, 1.0]))) == 0


def test_the_threshold_keeps_clear_of_both_neighbours():
    assert loosest_threshold(np.array([1.0, 2.0]), 0.5, np.array([1.5])) == 1.75


def test_neighbouring_floats_have_no_middle():
    low, high = 1.0, math.nextafter(1.0, 2)
    threshold = loosest_threshold(np.array([low, high]), 0.5, np.array([]))
    assert low <= threshold < high


def test_nothing_may_be_accepted():
    assert loosest_threshold(np.array([0.0, 1.0]), 0.1, np.array([])) < 0


@pytest.mark.parametrize("target", [0, -0.1, 1.1, math.nan])
def test_targets_outside_0_to_1(target):
    with pytest.raises(InputError, match="target rate"):
        loosest_threshold(np.array([1.0]), target, np.array([1.0]))


def test_sufficient_means_ten_errors():
    assert is_sufficient(0.01, 1000)
    assert not is_sufficient(0.01, 999)
    assert is_sufficient(0.1, 100)
