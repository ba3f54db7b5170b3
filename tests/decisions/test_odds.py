import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.decisions.odds import MatchOdds
from lookalike.errors import InputError

ODDS = MatchOdds(distances=(0.2, 0.5, 0.9), log_ratios=(6.0, 0.0, -5.0), cllr=0.2)


def test_straight_between_points_and_on_with_the_mean_slope_outside():
    slope = 11 / 0.7
    expected = [6 + 1.2 * slope, 6, 3, 0, -5, -5 - 6.1 * slope]
    assert [ODDS.log_ratio(d) for d in (-1, 0.2, 0.35, 0.5, 0.9, 7)] == pytest.approx(expected)


@st.composite
def grids(draw):
    at = sorted(draw(st.sets(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=1, max_size=8)))
    ratios = draw(st.lists(st.floats(-20, 20), min_size=len(at), max_size=len(at)))
    return MatchOdds(distances=tuple(at), log_ratios=tuple(sorted(ratios, reverse=True)), cllr=0.1)


@given(grids(), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_nearer_never_says_less(odds, distance, farther):
    near, far = odds.log_ratio(distance), odds.log_ratio(distance + farther)
    assert math.isfinite(near)
    assert near >= far - 1e-9 * max(1.0, abs(near))


@given(grids(), st.lists(st.floats(0, 3), min_size=2, max_size=5), st.integers(0, 10**6), st.floats(0, 1))
def test_a_nearer_first_candidate_is_never_less_probable(odds, distances, others, share):
    """The others where they were."""
    distances = sorted(distances)
    nearer = [distances[0] * share, *distances[1:]]
    identities = len(distances) + others
    assert odds.among(nearer, identities)[0] >= odds.among(distances, identities)[0] * (1 - 1e-9)


def test_one_point_and_a_level_grid_say_the_same_everywhere():
    for odds in (
        MatchOdds(distances=(0.3,), log_ratios=(0.7,), cllr=1),
        MatchOdds(distances=(0.3, 0.5), log_ratios=(0.7, 0.7), cllr=1),
    ):
        assert {odds.log_ratio(d) for d in (-9, 0, 0.3, 0.4, 9, math.inf)} == {0.7}


@given(st.floats(-1, 2), st.floats(0.001, 0.999))
def test_probability_is_bayes(distance, prior):
    ratio = math.exp(ODDS.log_ratio(distance))
    assert ODDS.probability(distance, prior) == pytest.approx(prior * ratio / (prior * ratio + 1 - prior))
    assert 0 < ODDS.probability(distance, prior) <= 1


@given(st.lists(st.floats(0, 1.2), min_size=1, max_size=6), st.integers(0, 50), st.floats(0.05, 0.95))
def test_among_is_bayes_over_everybody_and_nobody(distances, others, share):
    distances = sorted(distances)
    identities = len(distances) + others
    weights = [share / identities * math.exp(ODDS.log_ratio(d)) for d in distances]
    unseen = others * share / identities * min(1.0, math.exp(ODDS.log_ratio(distances[-1])))
    total = sum(weights) + unseen + 1 - share
    found = ODDS.among(distances, identities, share)
    assert found == pytest.approx([weight / total for weight in weights])
    assert sum(found) < 1
    assert list(found) == sorted(found, reverse=True)


def test_look_alikes_share_and_a_larger_gallery_is_surer_of_nobody():
    assert ODDS.among([0.1, 0.1], 2)[0] < 0.5 < ODDS.among([0.1, 0.9], 2)[0]
    assert ODDS.among([0.1], 10)[0] > ODDS.among([0.1], 10_000)[0]
    assert ODDS.among([], 3) == ()


def test_reliable_in_simulated_searches():
    """Of the answers given a probability of about p, about p name the mate."""
    rng = np.random.default_rng(0)
    # Genuine N(0.4, 0.1), impostor N(0.8, 0.1): the log likelihood ratio is a straight line.
    straight = MatchOdds(distances=(0.0, 1.2), log_ratios=(24.0, -24.0), cllr=0.1)
    said, right = [], []
    for _ in range(6000):
        gallery = rng.normal(0.8, 0.1, 20)
        mated = rng.random() < 0.5
        if mated:
            gallery[0] = rng.normal(0.4, 0.1)
        nearest = np.argsort(gallery)[:5]
        said.append(straight.among(gallery[nearest].tolist(), 20)[0])
        right.append(mated and nearest[0] == 0)
    said, right = np.array(said), np.array(right)
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.98)):
        inside = (said >= low) & (said < high)
        assert right[inside].mean() == pytest.approx(said[inside].mean(), abs=0.1)


def test_bad_input():
    for prior in (0, 1, math.nan):
        with pytest.raises(InputError, match="prior"):
            ODDS.probability(0.5, prior)
        with pytest.raises(InputError, match="mated"):
            ODDS.among([0.5], 2, prior)
    with pytest.raises(InputError, match="2 candidates of 1"):
        ODDS.among([0.1, 0.2], 1)
    with pytest.raises(ValueError, match="larger distance"):
        MatchOdds(distances=(0.1, 0.2), log_ratios=(0.0, 1.0), cllr=0.1)
    with pytest.raises(ValueError, match="do not rise"):
        MatchOdds(distances=(0.2, 0.2), log_ratios=(1.0, 0.0), cllr=0.1)
    with pytest.raises(ValueError, match="differ in length"):
        MatchOdds(distances=(0.2,), log_ratios=(1.0, 0.0), cllr=0.1)
