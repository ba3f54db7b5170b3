import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lookalike.evaluation.verification.distance_histogram import MANTISSA_BITS, DistanceHistogram

#: Every float32 but infinities and NaN: huge, tiny, subnormal, both zeros.
floats = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=12)
few = np.array([0.0, -0.0, 1.0, 1.0, -1.0, 1.5, 0.999], np.float32)


def filled(values):
    histogram = DistanceHistogram()
    histogram.add(np.array(values, np.float32))
    return histogram


@settings(max_examples=50)
@given(floats)
@example([0.0, -1.401298464324817e-45])
def test_every_number_is_counted_once_in_the_bin_that_holds_it(values):
    bins = filled(values).bins()
    for low, high, count in zip(bins.low, bins.high, bins.counts, strict=True):
        assert count == sum(low <= value <= high for value in values) > 0
    assert (bins.low <= bins.high).all()
    assert (bins.high[:-1] < bins.low[1:]).all(), "bins are ascending and do not overlap"
    np.testing.assert_array_equal(bins.up_to, [sum(bins.counts[:k]) for k in range(len(bins.counts) + 1)])
    assert filled(values).total == len(values) == bins.up_to[-1]


@settings(max_examples=50)
@given(floats)
def test_a_bin_is_as_narrow_as_is_said(values):
    bins = filled(values).bins()
    normal = np.minimum(np.abs(bins.low), np.abs(bins.high)) > 2.0**-126  # below, float32 itself is coarser
    width = (bins.high - bins.low) / np.maximum(np.abs(bins.low), np.abs(bins.high))
    assert (width[normal] < 2.0**-MANTISSA_BITS).all()


def test_both_zeros_are_one_number():
    bins = filled([0.0, -0.0]).bins()
    assert (bins.low.tolist(), bins.counts.tolist()) == ([0.0], [2])


@settings(max_examples=30)
@given(st.permutations(range(len(few))), st.integers(0, len(few)))
def test_parts_merge_to_the_whole_in_any_order(order, cut):
    whole, (a, b) = filled(few).bins(), (filled(few[list(part)]) for part in (order[:cut], order[cut:]))
    other = b.bins().counts.tolist()
    a.merge(b)
    for name in ("low", "high", "counts", "up_to"):
        np.testing.assert_array_equal(getattr(a.bins(), name), getattr(whole, name))
    assert b.bins().counts.tolist() == other, "the other stays as it is"


def test_many_numbers_pass_through_in_chunks(monkeypatch):
    values = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    whole = filled(values).bins()
    monkeypatch.setattr("lookalike.evaluation.verification.distance_histogram._CHUNK", 7)
    np.testing.assert_array_equal(filled(values).bins().counts, whole.counts)


def test_memory_is_of_the_range_not_of_the_numbers():
    histogram = DistanceHistogram()
    for seed in range(20):
        histogram.add(np.random.default_rng(seed).uniform(0.0079, 1.99, 50_000).astype(np.float32))
    assert histogram.total == 1_000_000
    assert histogram._counts.nbytes == 4 * 2**20


def test_counts_beyond_32_bits():
    histogram = filled([1.0])
    for _ in range(40):
        twin = filled([])
        twin.merge(histogram)
        histogram.merge(twin)
    assert histogram.total == histogram.bins().counts[0] == 2**40


def test_an_empty_histogram():
    bins = DistanceHistogram().bins()
    assert (len(bins.counts), bins.up_to.tolist()) == (0, [0])
    with pytest.raises(IndexError):
        _ = bins.low[0]
