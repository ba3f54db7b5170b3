import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.evaluation.verification.hardest_pairs import HardestPairs

#: Distances with many ties, each of another pair of pictures.
offers = st.lists(st.integers(0, 6), min_size=0, max_size=60)


def pairs_of(count, seed=0):
    """Distinct pairs in no order."""
    every = np.array([(i, j) for j in range(15) for i in range(j)])
    return every[np.random.default_rng(seed).permutation(len(every))[:count]]


def offered(keeper, distances, pairs, cuts):
    for part in np.split(np.arange(len(distances)), sorted(cuts)):
        if len(part):
            keeper.offer(distances[part], lambda at, part=part: (pairs[part][at, 0], pairs[part][at, 1]))
    return keeper


def listed(keeper):
    kept = keeper.kept()
    return list(zip(kept.distances.tolist(), kept.first.tolist(), kept.second.tolist(), strict=True))


def slow(distances, pairs, size, nearest):
    sign = 1 if nearest else -1
    return sorted(
        [(d, a, b) for d, (a, b) in zip(distances.tolist(), pairs.tolist(), strict=True)],
        key=lambda pair: (sign * pair[0], pair[1], pair[2]),
    )[:size]


@given(offers, st.integers(1, 12), st.booleans(), st.lists(st.integers(0, 60), max_size=8))
def test_it_keeps_what_sorting_everything_would_put_first(values, size, nearest, cuts):
    distances, pairs = np.array(values, np.float32), pairs_of(len(values))
    keeper = offered(HardestPairs(size, nearest), distances, pairs, cuts)
    assert listed(keeper) == slow(distances, pairs, size, nearest)
    assert listed(keeper) == slow(distances, pairs, size, nearest), "asking changes nothing"


@given(offers, offers, st.integers(1, 8), st.booleans())
def test_merged_parts_keep_the_same_in_either_order(a, b, size, nearest):
    values, pairs = np.array(a + b, np.float64), pairs_of(len(a) + len(b))
    halves = (slice(0, len(a)), slice(len(a), None))
    for order in (halves, halves[::-1]):
        one, two = (offered(HardestPairs(size, nearest), values[h], pairs[h], [3, 9, 20]) for h in order)
        one.merge(two)
        assert listed(one) == slow(values, pairs, size, nearest)


@pytest.mark.parametrize("nearest", [True, False])
def test_little_is_held_however_much_is_offered(nearest):
    keeper, rng = HardestPairs(100, nearest), np.random.default_rng(0)
    for _ in range(50):
        keeper.offer(rng.random(1000), lambda at: (at, at + 1))
        assert keeper._held < 200
    # The worst case: everything ties, and later pictures never displace earlier ones.
    constant = HardestPairs(100, nearest)
    for start in range(0, 50_000, 1000):
        constant.offer(np.ones(1000), lambda at, start=start: (at + start, at + start + 1))
        assert constant._held < 200
    assert constant.kept().first.tolist() == list(range(100))


def test_a_pair_without_pictures_is_remembered():
    keeper = HardestPairs(3, nearest=True)
    keeper.offer(np.array([1.0]), lambda at: (at, at + 1))
    assert keeper.named
    other = HardestPairs(3, nearest=True)
    other.offer(np.array([2.0]), None)
    keeper.merge(other)
    assert not keeper.named
    assert keeper.kept().distances.tolist() == [1.0, 2.0]
