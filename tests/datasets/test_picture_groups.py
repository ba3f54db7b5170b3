from pathlib import Path

import pytest

from lookalike.datasets import PictureSet
from lookalike.datasets.picture_groups import read_groups
from lookalike.errors import DatasetError


@pytest.fixture
def pictures(tmp_path):
    return PictureSet(tuple(tmp_path / f"{name}.png" for name in ("a1", "a2", "b1")), ("Ada", "Ada", "Bo"))


def written(tmp_path, content):
    path = tmp_path / "groups.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_of_identities_and_of_pictures(tmp_path, pictures):
    assert read_groups(written(tmp_path, "identity,group\nBo,m\nAda,f\nCy,m\n"), pictures) == ("f", "f", "m")
    by_picture = written(tmp_path, "﻿Path , GROUP,note\na1.png,day,x\na2.png,night,y\n./b1.png,day,z\n")
    assert read_groups(by_picture, pictures) == ("day", "night", "day")
    assert read_groups(written(tmp_path, f"path,group\n{tmp_path}/a1.png,x\na2.png,x\nb1.png,y\n"), pictures)[0] == "x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("who,group\n", r"columns \['who', 'group'\]"),
        ("identity\nAda\n", "expected a header"),
        ("", "expected a header"),
        ("identity,group\nAda,\n", "line 2: identity 'Ada', group ''"),
        ("identity,group\nAda,f\nAda,m\n", "line 3: Ada is in 'm' here and in 'f' above"),
        ("identity,group\nAda,f\n", "no group to 1 of 2 identit.*'Bo'"),
        (b"identity,group\n\xff\xfe,f\n", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, pictures, content, said):
    with pytest.raises(DatasetError, match=said):
        read_groups(written(tmp_path, content), pictures)


def test_a_file_that_is_not_there(tmp_path, pictures):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_groups(Path(tmp_path / "none.csv"), pictures)


def test_names_and_groups_in_another_spelling(tmp_path):
    for name in ("Jose\u0301.png", "b.png"):
        (tmp_path / name).touch()
    pictures = PictureSet((tmp_path / "Jose\u0301.png", tmp_path / "b.png"), ("Jose\u0301 ", "Bo"))
    by_name = written(tmp_path, "identity,group\nJosé,cafe\u0301\nJose\u0301,café\nBo,x\n")
    assert read_groups(by_name, pictures) == ("café", "x")
    assert read_groups(written(tmp_path, "path,group\nJosé.png,m\nb.png,x\n"), pictures) == ("m", "x")


def test_a_group_with_a_comma_that_is_not_quoted(tmp_path, pictures):
    with pytest.raises(DatasetError, match=r"line 2: 'Ada,a, b' has 3 fields, the header 2"):
        read_groups(written(tmp_path, "identity,group\nAda,a, b\nBo,a\n"), pictures)
