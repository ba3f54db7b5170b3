"""What every batch must hold, and what every epoch must show."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.datasets import IdentityBatches, ShuffledBatches
from lookalike.errors import DatasetError

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
