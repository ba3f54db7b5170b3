import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from lookalike.binomial_intervals import Z_ONE_SIDED_95, clopper_pearson_upper, wilson_interval

hits_of_trials = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_a_published_wilson_interval():
    """Newcombe (1998), table I: 81 of 263 has the Wilson interval 0.2553 to 0.3662."""
    assert [round(end, 4) for end in wilson_interval(81, 263)] == [0.2553, 0.3662]


@settings(deadline=None)
@given(hits_of_trials)
def test_wilson_equals_scipy(case):
    hits, trials = case
    for z, level in ((1.96, 0.95), (Z_ONE_SIDED_95, 0.9)):
        low, high = wilson_interval(hits, trials, z)
        expected = binomtest(hits, trials).proportion_ci(level, method="wilson")
        # SciPy takes 1.959964 for 1.96.
        assert (low, high) == (pytest.approx(expected.low, abs=1e-4), pytest.approx(expected.high, abs=1e-4))
        assert 0 <= low <= hits / trials <= high <= 1
        assert low < high


def test_wilson_ends_at_0_and_1_exactly():
    assert wilson_interval(0, 20)[0] == 0
    assert wilson_interval(20, 20)[1] == 1
    assert wilson_interval(1000, 1000)[0] == pytest.approx(1000 / (1000 + 1.96**2), rel=1e-12)


@settings(deadline=None)
@given(hits_of_trials, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_clopper_pearson_equals_scipy(case, confidence):
    errors, trials = case
    expected = binomtest(errors, trials, alternative="less").proportion_ci(confidence, method="exact").high
    assert clopper_pearson_upper(errors, trials, confidence) == pytest.approx(expected, rel=1e-8)
