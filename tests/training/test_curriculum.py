"""Who takes part when: the CSV, the epochs of joining, and batches of those who have joined."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import PictureSet, ShuffledBatches
from lookalike.errors import DatasetError, InputError
from lookalike.training.curriculum import StagedBatches, first_epochs, read_curriculum


def pictures(identities):
    return PictureSet(tuple(Path(f"{i}.png") for i in range(len(identities))), tuple(identities))


def staged(data, groups, epochs=8, share=0.5, size=2, seed=0):
    return StagedBatches(data, groups, epochs, share, lambda labels: ShuffledBatches(labels, size, seed))


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "groups.csv"
        path.write_text(text, "utf-8")
        return path

    return write


def test_groups_come_in_the_order_of_the_file(csv):
    path = csv("group,identity,note\nEurope,eiffel,x\nAsia,taj,\nEurope,coeur,\nAfrica,giza,\nEurope,eiffel,again\n")
    assert read_curriculum(path, ["taj", "eiffel", "coeur"]) == (("eiffel", "coeur"), ("taj",))
    groups = read_curriculum(path, ["eiffel", "giza", "non-landmark"], from_the_start=["non-landmark"])
    assert groups == (("eiffel",), ("giza",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("identity,region\na,x\n", "expected a header with identity,group"),
        ("identity,group\na,x\na,y\n", r"line 3: a is in 'y' here and in 'x' above"),
        ("identity,group\na,\n", "line 2"),
        ("identity,group\na,x\n", r"gives no group to 1 of 2 identities, such as 'b'; add a row"),
        ("", "expected a header"),
    ],
)
def test_what_a_csv_may_not_say(csv, text, message):
    with pytest.raises(DatasetError, match=message):
        read_curriculum(csv(text), ["a", "b"])


def test_no_such_csv(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_curriculum(tmp_path / "no.csv", ["a"])


@given(groups=st.integers(1, 12), epochs=st.integers(1, 60), share=st.floats(0.01, 0.99))
def test_groups_join_evenly_the_last_when_the_share_is_over(groups, epochs, share):
    joins = first_epochs(groups, epochs, share)
    assert joins[0] == 0
    assert joins == sorted(joins)
    assert len(joins) == groups
    if groups > 1:
        assert joins[-1] == int(share * epochs)


@given(
    identities=st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=40),
    split=st.integers(1, 7),
    seed=st.integers(0, 9),
)
def test_an_epoch_is_once_through_those_who_have_joined(identities, split, seed):
    data = pictures(identities)
    groups = ["abcdefgh"[:split], "abcdefgh"[split:]]
    if len(set(identities) & set(groups[0])) < 2:
        with pytest.raises(DatasetError, match="at least 2 are needed to tell apart"):
            staged(data, groups)
        return
    batches = staged(data, groups, size=1000, seed=seed)
    for epoch in range(8):
        shown = np.concatenate(list(batches.epoch(epoch)))
        joined = set(groups[0]) | (set(groups[1]) if epoch >= 4 else set())
        assert sorted(shown.tolist()) == [i for i, name in enumerate(identities) if name in joined]
        again = np.concatenate(list(staged(data, groups, size=1000, seed=seed).epoch(epoch)))
        assert again.tolist() == shown.tolist()
        assert batches.batches_in(epoch) == len(list(batches.epoch(epoch)))


def test_whoever_is_in_no_group_is_there_from_the_start():
    data = pictures(["a", "n", "b", "n"])
    first = next(staged(data, [["a"], ["b", "nobody"]], size=10).epoch(0))
    assert {data.identities[i] for i in first} == {"a", "n"}


def test_one_group_is_no_curriculum():
    data = pictures("aabb")
    assert len(next(staged(data, ["ab"], epochs=1, size=10).epoch(0))) == 4


def test_too_few_epochs_for_all_to_join():
    with pytest.raises(InputError, match=r"3 groups cannot join one after another within 0\.5 of 3 epochs; give more"):
        staged(pictures("aabbcc"), ["ab", "c", "d"], epochs=3)


def test_identities_in_another_spelling(csv):
    path = csv("identity,group\nJose\u0301,a\nBo,b\nJosé,a\n")
    assert read_curriculum(path, ["José", "Bo"]) == (("José",), ("Bo",))
    made = staged(pictures(["José", "José", "Cy", "Di", "Bo", "Bo"]), [["Cy", "Di"], ["Jose\u0301"], ["Bo "]])
    assert [made.batches_in(epoch) for epoch in (0, 2, 4)] == [1, 2, 3]
