"""What every batch must hold, and what every epoch must show."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.datasets import IdentityBatches, ShuffledBatches
from lookalike.datasets.identity_batches import BalancedBatches
from lookalike.errors import DatasetError, InputError

quick = settings(max_examples=60, deadline=None)
labelled = st.lists(st.integers(-5, 5), min_size=1, max_size=60).map(lambda ids: np.array(ids, np.int64))


def epoch(batches, number=0):
    return [batch.tolist() for batch in batches.epoch(number)]


@quick
@given(labels=labelled, data=st.data(), pictures=st.integers(1, 6), seed=st.integers(0, 99), number=st.integers(0, 99))
def test_every_batch_is_p_identities_by_k_pictures(labels, data, pictures, seed, number):
    sizes = Counter(labels.tolist())
    identities = data.draw(st.integers(1, len(sizes)))
    batches = IdentityBatches(labels, identities, pictures, seed)
    found = list(batches.epoch(number))
    assert len(found) == len(batches) == max(1, round(len(labels) / (identities * pictures)))
    for batch in found:
        assert batch.shape == (identities * pictures,)
        assert batch.dtype == np.int64
        rows = labels[batch].reshape(identities, pictures)
        assert (rows == rows[:, :1]).all()  # one identity side by side
        assert len(set(rows[:, 0].tolist())) == identities  # and all different
        for row, identity in zip(batch.reshape(identities, pictures), rows[:, 0], strict=True):
            # A small identity gives all it has before any of it comes again.
            times = Counter(row.tolist())
            assert len(times) == min(pictures, sizes[int(identity)])
            assert max(times.values()) - min(times.values()) <= 1


@quick
@given(labels=labelled, seed=st.integers(0, 9), number=st.integers(0, 9))
def test_seed_and_epoch_alone_decide(labels, seed, number):
    interrupted = IdentityBatches(labels, 1, 2, seed)
    for earlier in range(number):
        list(interrupted.epoch(earlier))
    assert epoch(interrupted, number) == epoch(IdentityBatches(labels, 1, 2, seed), number)
    if len(labels) > 1:
        shuffled = ShuffledBatches(labels, 2, seed)
        next(shuffled.epoch(number))  # an epoch broken off leaves no trace
        assert epoch(shuffled, number) == epoch(ShuffledBatches(labels, 2, seed), number)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: IdentityBatches(np.arange(60) // 3, 5, 3, seed),
        lambda seed: ShuffledBatches(np.arange(60), 20, seed),
    ],
)
def test_epochs_and_seeds_differ(make):
    assert len({str(epoch(make(0), number)) for number in range(20)}) == 20
    assert len({str(epoch(make(seed), 0)) for seed in range(20)}) == 20


def test_every_identity_comes_about_equally_often():
    labels = np.repeat(np.arange(17), np.arange(1, 18))  # one picture to seventeen
    batches = IdentityBatches(labels, 4, 2)
    shown = Counter()
    for number in range(200):
        for batch in batches.epoch(number):
            shown.update(set(labels[batch].tolist()))
    assert set(shown) == set(range(17))
    assert max(shown.values()) < 1.25 * min(shown.values())


def test_within_an_epoch_nobody_comes_again_before_everybody_came():
    labels = np.repeat(np.arange(12), 10)
    shown = [labels[i] for batch in epoch(IdentityBatches(labels, 4, 5)) for i in batch[::5]]
    assert len(shown) == 24
    assert sorted(shown[:12]) == sorted(shown[12:]) == list(range(12))


def test_every_picture_comes_over_epochs():
    labels = np.repeat(np.arange(5), 7)
    batches = IdentityBatches(labels, 2, 3)
    seen = {i for number in range(40) for batch in epoch(batches, number) for i in batch}
    assert seen == set(range(35))


def test_all_identities_in_every_batch():
    labels = np.array([3, 1, 2, 1])
    for batch in IdentityBatches(labels, 3, 1).epoch(0):
        assert sorted(labels[batch].tolist()) == [1, 2, 3]


def test_labels_beyond_float_precision_stay_apart():
    labels = np.array([2**53, 2**53 + 1, -(2**62)], np.int64)
    assert sorted(epoch(IdentityBatches(labels, 3, 1))[0]) == [0, 1, 2]


@pytest.mark.parametrize(("identities", "pictures"), [(4, 1), (0, 2), (2, 0), (-1, 2)])
def test_more_identities_than_there_are_or_none_are_refused(identities, pictures):
    with pytest.raises(DatasetError, match="asked of 3 identities; ask for at most 3"):
        IdentityBatches(np.array([0, 1, 2, 2]), identities, pictures)


def test_nobody_to_draw_from():
    with pytest.raises(DatasetError, match="asked of 0 identities"):
        IdentityBatches(np.empty(0, np.int64), 1, 1)


# ShuffledBatches


@quick
@given(n=st.integers(2, 80), size=st.integers(2, 30), number=st.integers(0, 9))
def test_each_picture_at_most_once_an_epoch(n, size, number):
    batches = ShuffledBatches(np.zeros(n, np.int64), size)
    found = epoch(batches, number)
    assert len(found) == len(batches)
    shown = [i for batch in found for i in batch]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(range(n))
    dropped = n - len(shown)
    assert dropped <= size / 2  # at most half a batch is left out,
    assert all(len(batch) == size for batch in found[:-1])
    assert len(found[-1]) > size / 2 or len(found) == 1  # and what is kept is more than half full
    assert len(found[-1]) >= 2  # batch normalisation cannot train on one


def test_every_picture_comes_over_shuffled_epochs():
    batches = ShuffledBatches(np.zeros(25, np.int64), 10)
    assert {i for number in range(20) for batch in epoch(batches, number) for i in batch} == set(range(25))


def test_a_set_smaller_than_a_batch_makes_one():
    assert [sorted(batch) for batch in epoch(ShuffledBatches(np.zeros(3, np.int64), 60))] == [[0, 1, 2]]


@pytest.mark.parametrize(("n", "size"), [(0, 8), (1, 8), (8, 1), (8, 0), (8, -3)])
def test_batches_that_cannot_be(n, size):
    with pytest.raises(DatasetError, match="at least 2 and 2 are needed"):
        ShuffledBatches(np.zeros(n, np.int64), size)


# BalancedBatches


def shares(labels, power, seed=0, number=0, size=16):
    """How many pictures of each class an epoch shows, and how many it should."""
    shown = [i for batch in epoch(BalancedBatches(labels, size, power, seed), number) for i in batch]
    sizes = np.unique(labels, return_counts=True)[1]
    weights = sizes.astype(float) ** power
    return Counter(labels[shown].tolist()), weights / weights.sum(), shown


@quick
@given(labels=labelled, power=st.floats(0, 1), seed=st.integers(0, 9), number=st.integers(0, 9))
def test_every_class_gets_its_share_of_the_epoch_to_within_one_picture(labels, power, seed, number):
    if len(labels) < 2:
        return
    shown, wanted, positions = shares(labels, power, seed, number, size=len(labels))  # one batch: nothing is dropped
    assert len(positions) == len(labels)
    for name, share in zip(np.unique(labels).tolist(), wanted, strict=True):
        assert abs(shown[name] - share * len(labels)) < 1 + 1e-6
    times = Counter(positions)
    for name in np.unique(labels):
        own = [times[i] for i in np.flatnonzero(labels == name).tolist()]
        assert max(own) - min(own) <= 1  # none again before all came


@quick
@given(n=st.integers(2, 80), size=st.integers(2, 30), number=st.integers(0, 9))
def test_balanced_batches_are_as_many_and_as_large_as_shuffled_ones(n, size, number):
    labels = np.arange(n) % 3
    sizes = [len(batch) for batch in epoch(ShuffledBatches(labels, size), number)]
    assert [len(batch) for batch in epoch(BalancedBatches(labels, size), number)] == sizes
    assert BalancedBatches(labels, size).batches_in(number) == len(BalancedBatches(labels, size)) == len(sizes)


def test_shares_are_right_on_average():
    labels = np.repeat(np.arange(4), [1, 4, 25, 100])
    total, wanted = Counter(), None
    for number in range(300):
        shown, wanted, _ = shares(labels, 0.5, number=number, size=len(labels))
        total.update(shown)
    assert [total[i] / total.total() for i in range(4)] == pytest.approx(wanted.tolist(), rel=0.02)


def test_power_one_is_a_shuffle():
    labels = np.repeat(np.arange(5), [1, 2, 3, 4, 30])
    for number in range(20):
        assert sorted(epoch(BalancedBatches(labels, 40, 1.0), number)[0]) == list(range(40))


def test_balanced_batches_follow_seed_and_epoch_alone():
    labels = np.repeat(np.arange(5), [1, 2, 3, 4, 30])
    batches = BalancedBatches(labels, 8)
    next(batches.epoch(3))
    assert epoch(batches, 3) == epoch(BalancedBatches(labels, 8), 3)
    assert len({str(epoch(batches, number)) for number in range(20)}) == 20
    assert epoch(BalancedBatches(labels, 8, seed=1), 3) != epoch(batches, 3)


def test_balanced_batches_that_cannot_be():
    with pytest.raises(DatasetError, match="at least 2 and 2 are needed"):
        BalancedBatches(np.zeros(1, np.int64), 8)
    for power in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="power is"):
            BalancedBatches(np.zeros(9, np.int64), 8, power)
