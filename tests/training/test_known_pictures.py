"""Pictures known by their contents: the same in any order and under any name; else it is said what is not."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import PictureSet
from lookalike.errors import ArtefactError
from lookalike.training.known_pictures import FILE_NAME, KnownPictures, picture_digest, picture_digests

#: Few contents and identities, so that copies of one picture, also under two identities, are common.
SETS = st.lists(st.tuples(st.sampled_from("pqrstu"), st.sampled_from(["ada", "bob", "cy"])), min_size=1, max_size=20)


def known(rows):
    return KnownPictures(tuple(digest for digest, _ in rows), tuple(identity for _, identity in rows))


def given_now(rows, folder="now"):
    pictures = PictureSet(
        tuple(Path(folder, f"{at}.png") for at in range(len(rows))), tuple(name for _, name in rows), ("a note",)
    )
    return pictures, [digest for digest, _ in rows]


@given(rows=SETS, seed=st.integers(0, 99))
def test_any_order_is_brought_into_the_first_one(rows, seed):
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    pictures, digests = given_now([rows[at] for at in order])
    again = known(rows).in_order(pictures, digests, Path("m"))
    digest_of = dict(zip(pictures.paths, digests, strict=True))
    assert [(digest_of[path], name) for path, name in zip(again.paths, again.identities, strict=True)] == rows
    assert sorted(again.paths) == sorted(pictures.paths)
    assert again.notes == pictures.notes


@given(rows=SETS, others=SETS)
def test_only_the_same_pictures_are_taken(rows, others):
    pictures, digests = given_now(others)
    if sorted(rows) == sorted(others):
        known(rows).in_order(pictures, digests, Path("m"))
        return
    with pytest.raises(ArtefactError, match="had other pictures"):
        known(rows).in_order(pictures, digests, Path("m"))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("pa qa rb sb", ["1 are new or changed, such as now/3.png of 'b'"]),
        ("pa qa", ["1 are missing or changed, such as one of 'b'"]),
        ("pa qa ra", ["1 have another identity, such as now/2.png, of 'b' before and of 'a' now"]),
        (
            "pa xa rb",
            ["1 are new or changed, such as now/1.png of 'a'", "1 are missing or changed, such as one of 'a'"],
        ),
        ("pa qa qa", ["1 are new or changed", "1 are missing or changed, such as one of 'b'"]),
        ("pb qb", ["2 have another identity, such as now/0.png", "1 are missing"]),
    ],
)
def test_what_changed_is_said(now, words):
    pictures, digests = given_now([tuple(row) for row in now.split()])
    with pytest.raises(ArtefactError) as told:
        known([("p", "a"), ("q", "a"), ("r", "b")]).in_order(pictures, digests, Path("m.training"))
    assert str(told.value).count(" are ") + str(told.value).count(" have ") == len(words)
    for word in (*words, "m.training had other pictures", "--restart"):
        assert word in str(told.value)


@given(rows=SETS)
def test_it_is_read_as_it_was_written(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("k")
    reference = known(rows).write(folder)
    assert KnownPictures.read(folder, reference) == known(rows)
    assert known(rows).write(folder) == reference


def test_damage_is_said(tmp_path):
    held = known([("p", "Zoë \udce9"), ("q", "b")])
    reference = held.write(tmp_path)
    assert KnownPictures.read(tmp_path, reference) == held
    (tmp_path / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes()[:-2])
    with pytest.raises(ArtefactError, match=r"pictures\.json is damaged; start over with --restart"):
        KnownPictures.read(tmp_path, reference)
    assert held.write(tmp_path) == reference  # it is mended by writing
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(ArtefactError, match=r"pictures\.json cannot be read: No such file"):
        KnownPictures.read(tmp_path, reference)


def test_digests_are_of_the_whole_contents(tmp_path):
    contents = [bytes(70_000) + bytes([last]) for last in range(3)] + [bytes(70_000) + b"\0", b""]
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(content)
    counts = []
    found = picture_digests([*paths, tmp_path / "missing.png"] * 60, counts.append)
    assert found[:5] == tuple(hashlib.blake2b(content, digest_size=16).hexdigest() for content in contents)
    assert found[0] == found[3]
    assert len(set(found[:5])) == 4
    assert found[5] == "" == picture_digest(tmp_path)
    assert found[6:] == found[:-6]
    assert sum(counts) == len(found)
