import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.match_probability import (
    cllr,
    fit_binned_odds,
    fit_match_odds,
    pool_adjacent_violators,
)

distances = st.lists(st.floats(0, 2), min_size=1, max_size=60)


def drawn(count, seed):
    """Genuine and impostor distances whose true log likelihood ratio is known."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.4, 0.1, count), rng.normal(0.8, 0.12, 10 * count)


def true_log_ratio(distance):
    return stats.norm.logpdf(distance, 0.4, 0.1) - stats.norm.logpdf(distance, 0.8, 0.12)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=40))
def test_pooling_is_scikit_learns_isotonic_regression(bins):
    trials = np.array([max(pair) for pair in bins], float)
    hits = np.array([min(pair) for pair in bins], float)
    shares, first, last = pool_adjacent_violators(hits, trials)
    expected = IsotonicRegression(increasing=False).fit_transform(
        np.arange(len(bins)), hits / trials, sample_weight=trials
    )
    assert np.repeat(shares, last - first + 1) == pytest.approx(expected, abs=1e-9)
    assert (np.diff(shares) < 0).all()


def test_bins_without_pairs_join_a_neighbour():
    shares, first, last = pool_adjacent_violators(np.array([0.0, 2.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0, 3.0]))
    assert (shares.tolist(), first.tolist(), last.tolist()) == ([1.0, 0.0], [1, 3], [1, 3])


@given(distances, distances, st.floats(1, 30), st.floats(1, 30))
def test_falls_with_the_distance_and_is_never_certain(genuine, impostor, a, b):
    odds = fit_match_odds(genuine, impostor, genuine_clump=a, impostor_clump=b)
    found = [odds.log_ratio(d) for d in np.linspace(-1, 3, 50)]
    assert np.isfinite(found).all()
    assert (np.diff(found) <= 1e-9).all()
    # Where both kinds were measured, bounded by the observations: nothing says more than all impostors, or all genuine
    # pairs, lying elsewhere.
    assert odds.log_ratio(min(impostor)) <= np.log(len(impostor) / b + 2) + 1e-9
    assert odds.log_ratio(max(genuine)) >= -np.log(len(genuine) / a + 2) - 1e-9
    assert 0 < odds.probability(-1.0) < 1
    assert 0 < odds.probability(1e4) < 1


@given(distances, distances)
def test_goes_on_where_nobody_was_measured(genuine, impostor):
    """Outside of all that was measured, a smaller distance still says more."""
    odds = fit_match_odds(genuine, impostor)
    if odds.log_ratios[0] == odds.log_ratios[-1]:
        return  # these distances say nothing: as many impostors are near as far
    near = [odds.log_ratio(d) for d in np.linspace(-1, min(*genuine, *impostor) - 1e-3, 20)]
    far = [odds.log_ratio(d) for d in np.linspace(max(*genuine, *impostor) + 1e-3, 3, 20)]
    assert (np.diff(near) < 0).all()
    assert (np.diff(far) < 0).all()


@pytest.mark.parametrize("people", [4, 10, 100])
def test_apart_kinds_are_told_apart_within_each(people):
    """No impostor is as near as the farthest genuine pair, so PAV says the same of all genuine distances."""
    rng = np.random.default_rng(people)
    genuine, impostor = rng.uniform(0.05, 0.3, 15 * people), rng.uniform(0.8, 1.2, 36 * people * (people - 1) // 2)
    odds = fit_match_odds(genuine, impostor, genuine_clump=15, impostor_clump=36)
    said = [odds.log_ratio(d) for d in np.linspace(0, 0.25, 20)]
    assert (np.diff(said) < 0).all()
    assert said[-1] > 0 > odds.log_ratio(1.0)


@pytest.mark.parametrize(("people", "pictures"), [(4, 6), (10, 6), (40, 10), (1000, 10)])
def test_claims_no_more_than_is_true_where_nobody_was_measured(people, pictures):
    """The slope is below the true one, by more where fewer people were measured."""
    rng = np.random.default_rng(people)
    pairs = people * pictures * (pictures - 1) // 2
    impostors = min(people * (people - 1) // 2 * pictures**2, 500_000)
    genuine, impostor = rng.normal(0.4, 0.1, pairs), rng.normal(0.8, 0.1, impostors)  # true slope: 40 per unit
    clumps = {"genuine_clump": pictures * (pictures - 1) / 2, "impostor_clump": pictures**2}
    odds = fit_match_odds(genuine, impostor, **clumps)
    nearest = min(genuine.min(), impostor.min())
    for distance in np.linspace(-1, nearest, 20):
        assert 0 <= odds.log_ratio(distance) - odds.log_ratio(nearest) <= 40 * (nearest - distance) + 1e-9
        assert odds.log_ratio(distance) <= 40 * (0.6 - distance)


def test_close_to_the_true_ratio():
    genuine, impostor = drawn(20_000, 0)
    odds = fit_match_odds(genuine, impostor)
    for distance in (0.4, 0.5, 0.55, 0.6, 0.65, 0.7):
        assert odds.log_ratio(distance) == pytest.approx(true_log_ratio(distance), abs=0.4)


def test_reliable_on_pairs_it_was_not_fitted_to():
    """Of pairs given a probability of about p, about p are matches; at a prior other than that of the fit too."""
    odds = fit_match_odds(*drawn(20_000, 1))
    genuine, impostor = drawn(20_000, 2)
    for prior, impostors in ((0.5, impostor[:20_000]), (1 / 11, impostor)):
        values = np.concatenate([genuine, impostors])
        truth = np.arange(len(values)) < len(genuine)
        given_probability = np.array([odds.probability(float(d), prior) for d in values])
        for low in (0.05, 0.2, 0.4, 0.6, 0.8):
            inside = (given_probability >= low) & (given_probability < low + 0.15)
            assert truth[inside].mean() == pytest.approx(given_probability[inside].mean(), abs=0.08)


def test_costs_little_more_than_the_true_ratio():
    odds = fit_match_odds(*drawn(3000, 3))
    genuine, impostor = drawn(20_000, 4)
    ideal = cllr(true_log_ratio(genuine), true_log_ratio(impostor))
    fitted = cllr(*([odds.log_ratio(float(d)) for d in side] for side in (genuine, impostor)))
    assert ideal - 0.002 < fitted < ideal + 0.01
    assert odds.cllr == pytest.approx(fitted, abs=0.01)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=20), st.lists(st.floats(-20, 20), min_size=1, max_size=20))
def test_cllr_is_the_published_formula(genuine, impostor):
    slow = (
        sum(np.log2(1 + np.exp(-x)) for x in genuine) / len(genuine)
        + sum(np.log2(1 + np.exp(x)) for x in impostor) / len(impostor)
    ) / 2
    assert cllr(genuine, impostor) == pytest.approx(slow)


def test_many_pictures_of_few_people_make_no_bolder_claim():
    genuine, impostor = drawn(100, 5)
    few = fit_match_odds(genuine, impostor)
    many = fit_match_odds(np.repeat(genuine, 20), np.repeat(impostor, 20), genuine_clump=20, impostor_clump=20)
    assert many.log_ratio(0.0) == pytest.approx(few.log_ratio(0.0), abs=0.1)


def test_counted_distances_are_fitted_as_those_they_count():
    genuine, impostor = drawn(3000, 6)
    edges = np.linspace(0, 1.5, 400)
    counts = [np.diff(np.searchsorted(np.sort(side), edges, side="right"), prepend=0) for side in (genuine, impostor)]
    binned, whole = fit_binned_odds(edges, *counts), fit_match_odds(genuine, impostor)
    for distance in (0.45, 0.55, 0.65):
        assert binned.log_ratio(distance) == pytest.approx(whole.log_ratio(distance), abs=0.3)
    assert binned.cllr == pytest.approx(whole.cllr, abs=0.005)


def test_distances_all_equal_say_nothing():
    assert fit_match_odds([0.5] * 10, [0.5] * 30).log_ratio(0.5) == pytest.approx(0, abs=0.1)


def test_bad_input():
    for genuine, impostor in (([], [1.0]), ([1.0], [np.nan]), ([[1.0]], [1.0])):
        with pytest.raises(VectorError, match="finite distances"):
            fit_match_odds(genuine, impostor)
    with pytest.raises(InputError, match="at least 1"):
        fit_match_odds([0.1], [0.2], impostor_clump=0.5)
    with pytest.raises(VectorError, match="both are needed"):
        cllr([], [1.0])
