import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.evaluation.verification.side_counts import SideCounts

#: Many in one bin, one of them at each edge; a bin is 2**-17 wide at 0.5.
WIDTH = 2.0**-17
crowded = st.lists(
    st.sampled_from([0.25, 0.5, 0.5 + WIDTH / 4, 0.5 + WIDTH / 2, 0.5 + WIDTH, 0.75]), min_size=1, max_size=20
)
thresholds = [-1.0, 0.25, 0.3, 0.5, 0.5 + WIDTH / 4, 0.5 + WIDTH / 3, 0.5 + WIDTH / 2, 0.5 + WIDTH, 0.6, 0.75, 2.0]


def filled(values, size, impostors):
    side = SideCounts(size, impostors)
    side.add(np.array(values, float), lambda at: (at, at + 1))
    return side


@settings(max_examples=40)
@given(crowded, st.integers(1, 25), st.booleans())
def test_counts_are_bounds_to_the_worse_side_and_exact_where_told(values, size, impostors):
    side = filled(values, size, impostors)
    grid = np.array(thresholds)
    for told, exact, t in zip(side.at_most(grid), side.exact_at(grid), thresholds, strict=True):
        true = sum(value <= t for value in values)
        in_bin = sum(value // WIDTH == t // WIDTH for value in values)
        least, most = (0, in_bin) if impostors else (-in_bin, 0)
        assert least <= told - true <= most
        assert told == true or not exact
    assert side.exact_at(grid[[0, 2, 8, 10]]).all(), "outside of bins"
    if len(values) <= size:
        assert side.exact_at(grid).all()
        assert side.largest() == max(values)


@settings(max_examples=40)
@given(crowded, st.integers(1, 25), st.booleans())
def test_the_first_beyond_a_count_and_the_largest_below_it(values, size, impostors):
    side, ascending = filled(values, size, impostors), sorted(values)
    for count, exact in enumerate(ascending):
        beyond = side.first_beyond(count)
        assert beyond <= exact
        assert exact - beyond < WIDTH
        assert exact <= side.first_beyond(count, high=True) <= exact + WIDTH
        assert sum(value < beyond for value in values) <= count, "what lies before it is within the count"
        below = side.largest_below(beyond)
        # All that are nearer are at or below it, but for those that share the bin of the limit.
        unseen = [value for value in values if value < beyond and (below is None or value > below)]
        assert all(value // WIDTH == beyond // WIDTH for value in unseen)
        assert below is None or below < beyond
        assert not (unseen and len(values) <= size)


@pytest.mark.parametrize("impostors", [True, False])
def test_float64_is_rounded_to_the_worse_side(impostors):
    third = 1 / 3
    assert float(np.float32(third)) > third
    assert float(np.float32(-third)) < -third
    for value in (third, -third):
        binned = filled([value] * 3, 1, impostors).histogram.bins()
        assert binned.low[0] <= value if impostors else binned.high[0] >= value
        side = filled([value] * 3, 1, impostors)
        assert side.at_most(np.array([value]))[0] == 3


def test_hardest_pairs_are_refused_beyond_what_is_kept():
    side = filled([0.3, 0.1, 0.2], 2, impostors=True)
    assert side.hardest(2).distances.tolist() == [0.1, 0.2]
    assert (side.hardest(1).first.tolist(), side.hardest(1).second.tolist()) == ([1], [2])
    with pytest.raises(InputError, match="k is 3, and 2 pairs were kept"):
        side.hardest(3)
    assert len(filled([0.3], 2, impostors=False).hardest(3)) == 1
