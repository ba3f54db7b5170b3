"""What counts as near, and how probabilities follow."""

import math

import pytest

from lookalike.decisions.odds import MatchOdds
from lookalike.errors import InputError
from lookalike.gallery.doctor import Rules

ODDS = MatchOdds(distances=(0.0, 1.0), log_ratios=(6.0, -6.0), cllr=0.1)


def test_the_prior_is_shared_by_all_other_identities():
    rules = Rules(threshold=0.5, odds=ODDS, repeated_share=0.2)
    # At 0.5 the distance says nothing: one in five names has another, which is any of four.
    assert rules.probability(0.5, 1, 5) == pytest.approx((0.25 / 4) / (1 + 0.25 / 4))
    assert rules.wrong_name_probability(0.5, 0.5, 5) == pytest.approx((0.25 / 4) / (1 + 0.25 / 4))


def test_templates_count_by_their_root():
    rules = Rules(threshold=0.5, odds=ODDS, repeated_share=0.5)
    assert rules.probability(0.25, 4, 2) == pytest.approx(1 / (1 + math.exp(-2 * 3)))
    assert rules.probability(0.75, 4, 2) == pytest.approx(1 / (1 + math.exp(2 * 3)))
    assert rules.wrong_name_probability(0.25, 0.75, 2) == pytest.approx(1 / (1 + math.exp(-6)))


def test_without_odds_nothing_is_said():
    assert Rules(threshold=0.5).probability(0.1, 3, 10) is None
    assert Rules(threshold=0.5).wrong_name_probability(0.1, 0.9, 10) is None


def test_limits_by_metric():
    assert Rules(threshold=0.5, neighbourhood=0.2).limit == pytest.approx(0.6)
    assert Rules(threshold=-0.5, neighbourhood=0.2).limit == pytest.approx(-0.4)
    assert Rules(threshold=0.5).copy_limit("euclidean") == pytest.approx(0.01)
    assert Rules(threshold=0.5).copy_limit("cosine") == pytest.approx(0.0002)
    assert Rules(threshold=-5.0).copy_limit("inner_product") == -math.inf


@pytest.mark.parametrize(
    ("field", "value"),
    [("threshold", math.nan), ("repeated_share", 0.0), ("repeated_share", 1.0), ("neighbourhood", -0.1),
     ("neighbours", 0), ("doubtful", 0.9), ("sure", 1.1)],
)  # fmt: skip
def test_what_is_out_of_range(field, value):
    with pytest.raises(InputError, match=f"{field} (is )?-?[0-9n]"):
        Rules(**({"threshold": 0.5} | {field: value}))
