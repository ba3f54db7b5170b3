import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.promised_rate import photos_needed, promised_threshold


def slow_errors(promise, photos, confidence=0.95):
    """The most errors that a true rate of exactly the promise would show in at most 5% of samples."""
    allowed = np.flatnonzero(binom.cdf(np.arange(photos), photos, promise) <= 1 - confidence)
    return int(allowed[-1]) if len(allowed) else None


@given(st.integers(1, 800), st.sampled_from([0.3, 0.1, 0.05, 0.01]), st.integers(0, 1000))
def test_the_most_errors_that_the_binomial_allows(photos, promise, seed):
    distances = np.random.default_rng(seed).normal(size=photos)
    expected = slow_errors(promise, photos)
    if expected is None:
        if photos < 500:
            with pytest.raises(InputError, match=f"give {photos_needed(promise):,}"):
                promised_threshold(distances, promise)
        return
    found = promised_threshold(distances, promise)
    assert found.errors == expected == np.count_nonzero(distances <= found.threshold)
    assert found.rate <= found.upper <= promise
    assert found.basis == "counted"
    assert found.sufficient == (promise * photos >= 10 - 1e-9)
    assert bool(found.note) != found.sufficient


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.01, 0.9))
def test_ties_never_break_the_measured_rate(values, promise):
    found = promised_threshold(values, promise, confidence=None)
    assert np.mean(np.array(values) <= found.threshold) == found.rate <= promise


@pytest.mark.parametrize("promise", [0.3, 0.1, 0.01, 0.001, 1e-5])
def test_as_many_as_needed_and_not_one_fewer(promise):
    needed = photos_needed(promise)
    assert (1 - promise) ** needed <= 0.05 * (1 + 1e-9) < (1 - promise) ** (needed - 1)
    assert promised_threshold(np.arange(float(needed)), promise).basis == "counted"


def test_the_promise_is_kept_with_its_confidence():
    # 400 calibrations of 700 photos each; the true rate of a threshold on uniform distances is the threshold.
    rng = np.random.default_rng(0)
    rates = np.array([promised_threshold(rng.random(700), 0.02).threshold for _ in range(400)])
    assert np.mean(rates > 0.02) <= 0.05 + 0.025
    assert rates.mean() > 0.008
    measured = np.array([promised_threshold(rng.random(700), 0.02, confidence=None).threshold for _ in range(400)])
    assert 0.4 < np.mean(measured > 0.02) < 0.7


@pytest.mark.parametrize("kind", ["normal", "uniform", "cosine"])
def test_the_tail_keeps_promises_beyond_the_data(kind):
    rng = np.random.default_rng(1)
    # True rates by a quantile of many more.
    draw = {
        "normal": lambda size: rng.normal(size=size),
        "uniform": lambda size: rng.random(size),
        "cosine": lambda size: 1 - np.tanh(0.1 * rng.normal(size=size) + 0.2),
    }[kind]
    truth = np.sort(draw(1_000_000))
    over = 0
    for _ in range(60):
        found = promised_threshold(draw(1000), 0.001)
        assert found.basis == "tail"
        assert not found.sufficient
        assert found.errors == 0
        over += np.searchsorted(truth, found.threshold, side="right") / len(truth) > 0.001
    assert over / 60 <= 0.1


def test_photos_that_are_never_accepted():
    found = promised_threshold(np.append(np.full(999, np.inf), 0.5), 0.01)
    assert found.rate == 0.001
    assert np.isfinite(found.threshold)


@pytest.mark.parametrize(
    ("distances", "promise", "message"),
    [
        (np.arange(100.0), 0.01, "give 299, or ask for a rate of at least 0.03"),
        (np.arange(1000.0), 1e-5, "give 299,572"),
        (np.zeros(600), 0.001, "copies of one photo"),
        (np.arange(100.0), 0, "fpr is 0"),
        (np.arange(100.0), 1.0, "fpr is 1.0"),
        ([], 0.1, "one number for each photo"),
        ([np.nan], 0.1, "one number for each photo"),
        ([[1.0]], 0.1, "one number for each photo"),
    ],
)
def test_bad_input_and_promises_too_far(distances, promise, message):
    with pytest.raises((InputError, VectorError), match=message):
        promised_threshold(distances, promise)


def test_bad_confidence():
    with pytest.raises(InputError, match="confidence is 1"):
        promised_threshold(np.arange(100.0), 0.1, confidence=1)


def test_says_what_it_promises():
    found = promised_threshold(np.arange(1000.0), 0.01)
    assert found.source == (
        "at most 0.01 of photos without a landmark are accepted (95% confidence; 1,000 photos, 4 accepted)"
    )
