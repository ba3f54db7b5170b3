"""Probabilities of places: they share what there is, and follow each candidate's margin."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lookalike.decisions.place_odds import PlaceOdds

MARGINS = st.lists(st.floats(-50, 50), min_size=1, max_size=12)


def odds(offset=1.0, slope=20.0, ceiling=0.95, **changes):
    counts = {"places": 18, "photos": 180, "others": 300}
    return PlaceOdds(offset=offset, slope=slope, ceiling=ceiling, **(counts | changes))


MADE = st.builds(odds, st.floats(-20, 20), st.floats(0, 500), st.floats(0.01, 0.999))


@given(MADE, MARGINS)
def test_never_below_0_and_together_never_above_the_ceiling(made, margins):
    found = made.among(margins)
    assert len(found) == len(margins)
    assert all(0 <= one <= 1 for one in found)
    assert sum(found) <= made.ceiling + 1e-12


@given(MADE, MARGINS, st.integers(0, 11), st.floats(0, 5))
def test_nearer_is_never_less_probable_and_takes_from_the_others(made, margins, at, nearer):
    at %= len(margins)
    moved = [*margins[:at], margins[at] + nearer, *margins[at + 1 :]]
    before, after = made.among(margins), made.among(moved)
    assert after[at] >= before[at] - 1e-12
    assert all(after[other] <= before[other] + 1e-12 for other in range(len(margins)) if other != at)


@given(MADE, MARGINS)
def test_as_the_formula_says(made, margins):
    raised = [math.exp(min(made.offset + made.slope * margin, 600)) for margin in margins]
    if max(raised) < 1e250:
        total = 1 + sum(raised)
        assert made.among(margins) == pytest.approx([made.ceiling * one / total for one in raised], abs=1e-12)


def test_equal_candidates_share_and_those_that_are_none_get_nothing():
    made = odds()
    alone = made.among([0.3])[0]
    first, second, none = made.among([0.3, 0.3, -math.inf])
    assert first == second
    assert none == 0
    assert first < alone / 1.9
    assert made.among([]) == ()
    assert odds(slope=0.0).among([-math.inf, 1.0])[0] == 0


def test_what_cannot_be_is_refused():
    for wrong in ({"ceiling": 1.0}, {"slope": -1.0}, {"offset": math.nan}, {"places": -1}, {"unknown_places": 1.0}):
        with pytest.raises(ValidationError):
            odds(**wrong)
    with pytest.raises(ValidationError, match="leave none for enrolled places"):
        odds(unknown_places=0.6, non_landmarks=0.4)
