"""The policies: from distances to match, ambiguous or unknown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.policies import (
    MARGIN_SHARE,
    FixedThreshold,
    Limits,
    OpenSetRejection,
    RivalRule,
    Threshold,
    decide,
)
from lookalike.errors import UnknownIdentityError

DISTANCES = st.floats(0, 2)


@given(DISTANCES, DISTANCES, DISTANCES, DISTANCES, st.floats(0, 1))
def test_two_distances_against_the_definition(first, apart, threshold, further, margin):
    second, likely = first + apart, threshold + further
    answer = decide([first, second], Limits(Threshold(threshold, ""), likely), RivalRule(margin))
    if first > likely:
        expected = "unknown"
    elif first > threshold or (second <= threshold and not second - first > margin):
        expected = "ambiguous"
    else:
        expected = "match"
    assert answer == expected


def test_nobody_and_one():
    limits = FixedThreshold(Threshold(0.5, "given")).limits(1000)
    assert decide([], limits, RivalRule()) == "unknown"
    assert decide([0.5], limits, RivalRule(9.0)) == "match"
    assert decide([math.nextafter(0.5, 1)], limits, RivalRule()) == "unknown"


def test_rules_between_two_identities():
    odds = MatchOdds(distances=(0.0, 2.0), log_ratios=(30.0, -30.0), cllr=0.1)
    for rule, first, second, clear in (
        (RivalRule(), 0.4, 0.4 + MARGIN_SHARE + 1e-9, True),
        (RivalRule(), 0.4, 0.4 + MARGIN_SHARE - 1e-9, False),
        (RivalRule(given=True), 0.4, 0.4 + 1e-5, True),
        (RivalRule(given=True), 0.4, 0.4 + 1e-7, False),
        (RivalRule(odds=odds), 0.8, 0.88, True),  # e**2.4 times likelier
        (RivalRule(odds=odds), 0.8, 0.87, False),  # e**2.1
        (RivalRule(odds=MatchOdds(distances=(0.5,), log_ratios=(0.0,), cllr=1.0)), 0.01, 0.3, True),  # twenty times
        (RivalRule(odds=MatchOdds(distances=(0.5,), log_ratios=(0.0,), cllr=1.0), bounded=False), 0.01, 0.3, False),
    ):
        assert rule.is_clear(first, second, 1.0) == clear, (rule, first, second)


places = st.lists(
    st.tuples(st.floats(0, 2), st.floats(-1, 0), st.one_of(st.just(math.inf), st.floats(0, 1))), max_size=6
)


@given(places, st.floats(0, 1), st.floats(-1, 0), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.0, 1.0]))
def test_open_set_rejection_against_the_definition(given_places, threshold, density, place_weight, query_weight):
    names = [f"p{number}" for number in range(len(given_places))]
    rule = OpenSetRejection(
        threshold,
        query_weight,
        place_weight,
        {name: one[1] for name, one in zip(names, given_places, strict=True)},
        {name: one[2] for name, one in zip(names, given_places, strict=True) if math.isfinite(one[2])},
    )
    rows = sorted((one[0] + rule.offset_of(name), name, *one) for name, one in zip(names, given_places, strict=True))
    answer = rule.decide([r[1] for r in rows], [r[2] for r in rows], [r[0] for r in rows], density)
    adjusted = [away + query_weight * density + place_weight * around for _, _, away, around, _ in rows]
    accepted = []
    for row, own, limit in zip(rows, adjusted, answer.limits, strict=True):
        if abs(own - threshold) > 1e-9:  # rounding decides nothing here
            assert (row[2] <= limit) == (own <= threshold and row[2] <= row[4])
        accepted.append(row[2] <= limit)
    assert list(answer.order) == sorted(range(len(rows)), key=lambda at: (not accepted[at], at))
    best = [rows[at][0] for at in answer.order if accepted[at]]
    assert (answer.decision == "unknown") == (not best)
    if len(best) == 1:
        assert answer.decision == "match"


def test_two_places_accepted_alike_are_ambiguous():
    rule = OpenSetRejection(0.5, 0.0, 0.0, {"a": 0.0, "b": 0.0}, {})
    for behind, decision in ((0.02, "ambiguous"), (0.03, "match")):
        assert rule.decide(["a", "b"], [0.2, 0.2], [0.2, 0.2 + behind], 0.0).decision == decision


def test_an_identity_without_a_threshold_is_named():
    rule = OpenSetRejection(0.5, 1.0, 0.25, {"a": 0.0}, {})
    with pytest.raises(UnknownIdentityError, match=r"'elsewhere' .*fit them again"):
        rule.decide(["elsewhere"], [0.1], [0.1], 0.0)
    with pytest.raises(UnknownIdentityError, match="elsewhere"):
        rule.threshold_of("elsewhere")
