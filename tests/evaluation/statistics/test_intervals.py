from itertools import product
from math import factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.evaluation.statistics.intervals import (
    Bootstrap,
    Interval,
    Rate,
    bootstrap_means,
    drawn_counts,
    mean_replicates,
    multinomial_counts,
)


def test_a_rate_has_wilsons_interval():
    rate = Rate.of(81, 263)
    assert (rate.value, round(rate.low, 4), round(rate.high, 4)) == (81 / 263, 0.2553, 0.3662)


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share(hits, trials):
    with pytest.raises(InputError, match="is no share"):
        Rate.of(hits, trials)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(0, 2**40),
    st.integers(1, 40),
)
def test_replicates_equal_drawing_units_one_by_one(units, replicates, seed, numbers):
    """The slow way: every stratum has its random numbers, and one unit is drawn after the other."""
    seen = []

    def statistic(*counts):
        seen.append(len(counts[0]))
        return np.concatenate(counts, axis=1)

    bootstrap = Bootstrap(replicates, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.evaluation.statistics.intervals.CHUNK_NUMBERS", 40)
        found = bootstrap.replicate(statistic, units, numbers)
    assert max(seen) * numbers <= 40
    assert sum(seen) == replicates
    streams = [np.random.default_rng([seed, stratum]) for stratum in range(len(units))]
    for row in found:
        slow = []
        for stream, count in zip(streams, units, strict=True):
            times = [0] * count
            for unit in stream.integers(count, size=count):
                times[unit] += 1
            slow += times
        assert row.tolist() == slow


def test_the_first_stratum_has_the_random_numbers_of_the_seed():
    assert np.random.default_rng([7, 0]).integers(1 << 60) == np.random.default_rng(7).integers(1 << 60)


def test_fewer_replicates_are_the_first_of_more():
    few, many = (Bootstrap(n, seed=3).replicate(lambda counts: counts, [6]) for n in (4, 9))
    np.testing.assert_array_equal(few, many[:4])


@pytest.mark.parametrize("draw", [drawn_counts, multinomial_counts])
def test_multiplicities_are_those_of_drawing_with_replacement(draw):
    """Of 3 units, every possible draw as often as the multinomial distribution says, within 5 standard errors."""
    drawn = draw(np.random.default_rng(0), 20_000, 3)
    assert drawn.shape == (20_000, 3)
    assert (drawn.sum(axis=1) == 3).all()
    for counts in product(range(4), repeat=3):
        if sum(counts) != 3:
            continue
        expected = factorial(3) / prod(factorial(c) for c in counts) / 27
        share = (drawn == counts).all(axis=1).mean()
        assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / 20_000)


def test_multiplicities_of_the_first_units_alone():
    """Units that are not needed are drawn together; the others have the distribution of a whole draw."""
    first = multinomial_counts(np.random.default_rng(1), 20_000, 50, first=2)
    assert first.shape == (20_000, 2)
    expected = 50 * 0.02, np.sqrt(50 * 0.02 * 0.98)
    assert first.mean(axis=0) == pytest.approx([expected[0]] * 2, abs=0.05)
    assert first.std(axis=0) == pytest.approx([expected[1]] * 2, abs=0.05)
    np.testing.assert_array_equal(
        multinomial_counts(np.random.default_rng(1), 5, 4), np.random.default_rng(1).multinomial(4, [0.25] * 4, size=5)
    )


def test_no_unit_is_never_drawn():
    assert drawn_counts(np.random.default_rng(0), 3, 0).shape == (3, 0)


def test_percentile_intervals_of_columns():
    values = np.stack([np.arange(101.0), -np.arange(101.0)], axis=1)
    found = Bootstrap(101, level=0.5).intervals(values)  # 0.25 and 0.75 are exact binary numbers
    assert found == [Interval(25.0, 75.0, 0.5), Interval(-75.0, -25.0, 0.5)]


@pytest.mark.parametrize(("units", "keywords"), [(1, {}), (3, {"replicates": 0}), (3, {"level": 1.0})])
def test_what_cannot_be_resampled(units, keywords):
    with pytest.raises(InputError, match=f"a bootstrap of {units} mated identities, .* it needs at least 2 identities"):
        Bootstrap(**keywords).check(units, "mated identities")
    with pytest.raises(InputError, match="0 replicates were asked for; expected at least 1"):
        Bootstrap(0).replicate(lambda counts: counts, [2])


def test_means_equal_resampling_the_pictures_of_the_drawn_identities(monkeypatch):
    rng = np.random.default_rng(1)
    identity = rng.integers(100, 107, 30)
    values = rng.normal(size=(2, 30))
    present = np.unique(identity)
    draws, slow = np.random.default_rng(5), []
    for _ in range(40):
        rows = np.concatenate(
            [np.flatnonzero(identity == present[i]) for i in draws.integers(len(present), size=len(present))]
        )
        slow.append(values[:, rows].mean(axis=1))
    found = bootstrap_means(values, identity, replicates=40, level=0.9, seed=5)
    low, high = np.quantile(slow, [0.05, 0.95], axis=0)
    np.testing.assert_allclose([(a.low, a.high) for a in found], np.stack([low, high], axis=1))
    monkeypatch.setattr("lookalike.evaluation.statistics.intervals.CHUNK_NUMBERS", 10)
    assert bootstrap_means(values, identity, replicates=40, level=0.9, seed=5) == found
    with pytest.raises(InputError, match="a bootstrap of 1 identities"):
        bootstrap_means([[1.0, 2.0]], np.array([3, 3]))


def test_intervals_cover_the_true_mean():
    """Simulated: 60 identities with 5 pictures that are easy or hard together; 95% intervals, 200 samples."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(60), 5)
    covered = {"identities": 0, "pictures": 0}
    for trial in range(200):
        values = rng.normal(size=60)[identity] + 0.3 * rng.normal(size=300)
        for unit, owner in (("identities", identity), ("pictures", np.arange(300))):
            (interval,) = bootstrap_means(values, owner, replicates=200, seed=trial)
            covered[unit] += interval.low <= 0 <= interval.high
    assert 178 <= covered["identities"] <= 199, "95% of 200 is 190; four standard errors of a percentile interval"
    assert covered["pictures"] < 150, "intervals that resample pictures are too narrow"


def test_replicates_of_one_seed_are_paired():
    """The difference of two statistics of the same draws is the statistic of the difference."""
    rng = np.random.default_rng(2)
    a, b, identity = rng.normal(size=20), rng.normal(size=20), rng.integers(0, 6, 20)
    of_a, of_b, of_difference = (mean_replicates(v, identity, Bootstrap(50, seed=4)) for v in (a, b, a - b))
    np.testing.assert_allclose(of_a - of_b, of_difference)
