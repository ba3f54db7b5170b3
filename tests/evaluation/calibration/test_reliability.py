"""Reliability: bins, intervals and scores against a slow, obvious computation."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.binomial_intervals import wilson_interval
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.reliability import measure_reliability

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.1, 9)), min_size=1, max_size=60)


@given(ANSWERS)
def test_as_computed_one_by_one(answers):
    p, right, weights = zip(*answers, strict=True)
    found = measure_reliability(p, right, weights=weights)
    total = sum(weights)
    error = 0.0
    for low in range(10):
        mine = [(q, hit, w) for q, hit, w in answers if min(int(q * 10), 9) == low]
        if mine:
            weight = sum(w for _, _, w in mine)
            stated, share = (sum(w * x[i] for *x, w in mine) / weight for i in (0, 1))
            error += weight / total * abs(stated - share)
            (one,) = [one for one in found.bins if one.low == low / 10]
            assert (one.answers, one.stated, one.right) == (len(mine), pytest.approx(stated), pytest.approx(share))
            assert 0 <= one.interval.low <= one.interval.high <= 1
    assert found.error == pytest.approx(error)
    assert found.brier == pytest.approx(sum(w * (q - hit) ** 2 for q, hit, w in answers) / total)
    losses = [-math.log(max(1e-6, q if hit else 1 - q)) for q, hit, _ in answers]
    assert found.log_loss == pytest.approx(sum(w * loss for (*_, w), loss in zip(answers, losses, strict=True)) / total)
    assert json.loads(json.dumps(found.to_json()))["bins"][0]["answers"] >= 1


def test_what_is_true_has_no_error_and_what_is_too_sure_has():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    right = rng.random(20_000) < p
    assert measure_reliability(p, right).error < 0.02
    sure = np.where(p < 0.5, 0.0, 1.0)
    bold = measure_reliability(sure, right)
    assert bold.error == pytest.approx(0.25, abs=0.02)
    assert bold.brier > measure_reliability(p, right).brier
    assert bold.log_loss > 2


def test_pictures_asked_in_several_trials_count_once():
    once = measure_reliability([0.85] * 10, [True] * 8 + [False] * 2)
    often = measure_reliability([0.85] * 50, ([True] * 8 + [False] * 2) * 5, repeats=5)
    assert (often.answers, often.bins[0].answers, often.bins[0].interval) == (10, 10, once.bins[0].interval)
    assert (often.right, often.error) == pytest.approx((once.right, once.error))
    assert (once.bins[0].interval.low, once.bins[0].interval.high) == wilson_interval(8, 10)


def test_what_is_refused():
    for p, right, more in (
        ([], [], {}),
        ([0.5], [True, False], {}),
        ([1.2], [True], {}),
        ([0.5], [True], {"weights": [0]}),
    ):
        with pytest.raises(VectorError):
            measure_reliability(p, right, **more)
    with pytest.raises(InputError, match="repeats is 0"):
        measure_reliability([0.5], [True], repeats=0)
