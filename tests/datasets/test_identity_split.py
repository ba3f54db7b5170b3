"""Nobody who is trained on is ever tested on, whatever the set looks like."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import PictureSet, split_identities
from lookalike.errors import DatasetError


def pictures(identities):
    return PictureSet(tuple(Path(f"{i}.png") for i in range(len(identities))), tuple(identities))


people = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=30).filter(lambda ids: len(set(ids)) > 1)


@given(people, st.data(), st.integers(0, 2**40))
def test_disjoint_complete_and_as_many_as_asked(identities, data, seed):
    count = data.draw(st.integers(1, len(set(identities)) - 1))
    whole = pictures(identities)
    rest, held_out = split_identities(whole, count, seed)
    assert not set(rest.names) & set(held_out.names)
    assert len(held_out.names) == count
    assert sorted(rest.paths + held_out.paths) == sorted(whole.paths)
    for part in (rest, held_out):  # each picture keeps its identity, and the set its order
        assert [whole.identities[whole.paths.index(path)] for path in part.paths] == list(part.identities)
        assert [whole.paths.index(path) for path in part.paths] == sorted(
            whole.paths.index(path) for path in part.paths
        )


@given(people, st.randoms(use_true_random=False), st.integers(0, 2**40))
def test_neither_the_order_nor_the_number_of_pictures_matters(identities, random, seed):
    rest, held_out = split_identities(pictures(identities), 1, seed)
    other = [*identities, *random.choices(identities, k=3)]
    random.shuffle(other)
    other_rest, other_held_out = split_identities(pictures(other), 1, seed)
    assert (rest.names, held_out.names) == (other_rest.names, other_held_out.names)


def test_the_same_seed_gives_the_same_split_and_others_others():
    whole = pictures([f"{i:02d}" for i in range(40)])
    assert split_identities(whole, 10, 7) == split_identities(whole, 10, 7)
    assert len({split_identities(whole, 10, seed)[1].names for seed in range(20)}) == 20
    drawn = np.bincount(
        [int(n) for seed in range(400) for n in split_identities(whole, 10, seed)[1].names], minlength=40
    )
    assert drawn.min() > 60  # 100 expected of each: no identity is favoured
    assert drawn.max() < 140


@pytest.mark.parametrize(("share", "count"), [(0.25, 10), (0.5, 20), (0.01, 1), (0.24, 10), (0.99, None)])
def test_a_share(share, count):
    whole = pictures([f"{i:02d}" for i in range(40)])
    if count is None:
        with pytest.raises(DatasetError, match=r"0\.99 of 40 identities"):
            split_identities(whole, share)
    else:
        assert len(split_identities(whole, share)[1].names) == count


def test_counts_from_numpy_are_counts():
    assert len(split_identities(pictures("abcde"), np.int64(3))[1].names) == 3


@pytest.mark.parametrize("held_out", [0, -1, 3, 4, 0.0, -0.5, 1.0, 2.0, float("nan"), float("inf")])
def test_a_part_without_an_identity_is_refused(held_out):
    with pytest.raises(DatasetError, match="of 3 identities were to be held out; both parts need at least one"):
        split_identities(pictures("aabc"), held_out)


@pytest.mark.parametrize("identities", ["", "a", "aaa"])
def test_fewer_than_two_identities_cannot_be_split(identities):
    with pytest.raises(DatasetError, match="both parts need at least one identity"):
        split_identities(pictures(identities), 0.5)
