import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lookalike.errors import InputError
from lookalike.evaluation.statistics.rate import Rate


def test_wilson_interval():
    """Newcombe (1998), table I: 81 of 263 has the Wilson interval 0.2553 to 0.3662."""
    rate = Rate.of(81, 263)
    assert (round(rate.low, 4), round(rate.high, 4)) == (0.2553, 0.3662)
    assert Rate.of(0, 20).low == 0
    assert Rate.of(20, 20).high == 1


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_equals_scipy(case):
    hits, trials = case
    rate, expected = Rate.of(hits, trials), binomtest(hits, trials).proportion_ci(method="wilson")
    # SciPy takes 1.959964 for 1.96.
    assert (rate.low, rate.high) == (pytest.approx(expected.low, abs=1e-4), pytest.approx(expected.high, abs=1e-4))
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    assert rate.low < rate.high


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share(hits, trials):
    with pytest.raises(InputError, match="is no share"):
        Rate.of(hits, trials)
