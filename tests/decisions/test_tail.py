"""The tail of the impostor distances: what it promises to a gallery of any size, and how far beyond the data."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.decisions.promise import Promise
from lookalike.decisions.tail import ImpostorTail
from lookalike.errors import InputError

#: A tail of a power law: the rate falls by a factor of ten for every 0.1 of distance, its bound is twice that.
DISTANCES = tuple(round(0.05 * step, 2) for step in range(1, 21))


def tail(**changes):
    values = {
        "start": 0.7,
        "start_rate": 1e-4,
        "logarithmic": True,
        "scale": 0.1,
        "shape": 0.0,
        "exceedances": 1000,
        "identity_pairs": 500,
        "impostor_pairs": 1_000_000,
        "dispersion": 0.0,
        "distances": DISTANCES,
        "rates": tuple(10 ** (10 * d - 11) for d in DISTANCES),
        "upper": tuple(2 * 10 ** (10 * d - 11) for d in DISTANCES),
    }
    return ImpostorTail(**(values | changes))


TAIL = tail()


def test_the_threshold_that_holds_at_ten_thousand_fails_at_a_million():
    """DESIGN section 6: a threshold of FAR 1e-6 gives 1% false identifications at 10,000 people, 63% at a million."""
    fixed, _ = tail(upper=TAIL.rates).threshold_for(Promise("fmr", 1e-6))
    assert tail(upper=TAIL.rates).fpir(fixed, 10_000) == pytest.approx(0.01, rel=0.01)
    assert tail(upper=TAIL.rates).fpir(fixed, 1_000_000) == pytest.approx(0.632, rel=0.01)


@given(st.floats(1e-3, 0.5), st.integers(1, 100_000), st.integers(1, 100_000), st.floats(0, 20))
@example(0.5, 5, 5, 5e-324)
def test_kept_by_the_bound_and_tighter_as_the_gallery_grows(rate, a, b, dispersion):
    spread = tail(dispersion=dispersion)
    small, large = sorted((a, b))
    promise = Promise("fpir", rate)
    (safe, likely), (tighter, _) = (spread.threshold_for(promise, size) for size in (small, large))
    assert tighter <= safe <= likely
    assert spread.upper_fpir(safe, small) <= rate * (1 + 1e-9) or safe == DISTANCES[-1]
    assert spread.fpir(likely, small) <= rate * (1 + 1e-6) or likely == safe
    assert spread.fpir(safe, small) <= spread.upper_fpir(safe, small) + 1e-15


@given(st.floats(0.05, 1), st.integers(1, 10**6))
def test_unequal_probes_are_expected_to_alarm_less(distance, templates):
    assert tail(dispersion=5.0).fpir(distance, templates) <= TAIL.fpir(distance, templates) + 1e-12


def test_expected_alarms_are_the_mean_over_gamma_probes():
    rates = np.random.default_rng(0).gamma(1 / 3, 3, 200_000) * TAIL.rate(0.5)
    slow = np.mean(1 - np.exp(-rates * 100_000))
    assert tail(dispersion=3.0).fpir(0.5, 100_000) == pytest.approx(slow, rel=0.02)


def test_straight_in_the_logarithm_and_constant_beyond_the_grid():
    assert TAIL.rate(0.525) == pytest.approx(10 ** (5.25 - 11))
    assert TAIL.rate(0.0) == TAIL.rates[0]
    assert TAIL.rate(5.0) == TAIL.rates[-1]
    assert TAIL.threshold_for(Promise("fmr", 0.9))[0] == DISTANCES[-1], "no further than was measured"


def test_how_far_beyond_the_data_and_when_too_far():
    # A million pairs: 1e-8 is 100 times beyond.
    assert TAIL.is_sufficient(1e-8)
    assert not TAIL.is_sufficient(0.9e-8)
    assert tail(impostor_pairs=10**8).threshold_for(Promise("fmr", 1e-11))[0] < 0.05, "below the grid"
    with pytest.raises(
        InputError, match=r"FMR 1e-12 .* 1,000,000 times beyond 1,000,000 impostor pairs.*at least 1e-10"
    ):
        TAIL.threshold_for(Promise("fmr", 1e-12))
    with pytest.raises(InputError, match=r"FPIR 0.001 among 50,000,000 templates .* keep to 10,005,003 templates"):
        TAIL.threshold_for(Promise("fpir", 0.001), 50_000_000)


def test_few_pairs_of_identities_carry_nothing_beyond_what_was_counted():
    few = tail(identity_pairs=49, exceedances=1000)
    assert few.is_sufficient(1e-5)
    assert not few.is_sufficient(0.9e-5)
    assert few.smallest_rate == pytest.approx(1e-8)
    few.threshold_for(Promise("fmr", 1e-8 * (1 + 1e-9)))
    with pytest.raises(InputError, match="beyond"):
        few.threshold_for(Promise("fmr", 0.5e-8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distances": DISTANCES[:-1]}, "differ in length"),
        ({"distances": DISTANCES[::-1]}, "do not rise"),
        ({"rates": TAIL.rates[::-1]}, "falls"),
        ({"upper": TAIL.rates[:1] * 20}, "below its rate"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tail(**changes)
