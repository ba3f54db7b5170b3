"""LFW's lists of pairs: the real one, and damaged ones."""

from collections import Counter

import numpy as np
import pytest

from lookalike.datasets.lfw import read_lfw_pairs
from lookalike.errors import DatasetError

TWO_FOLDS = [
    "2\t2",
    "Ada\t1\t2", "Bo\t3\t1", "Ada\t1\tBo\t1", "Bo\t12\tCy\t1",
    "Cy\t1\t2", "Cy\t2\t3", "Cy\t1\tAda\t1", "Di\t1\tAda\t2",
]  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(lines, end="\n"):
        path = tmp_path / "pairs.txt"
        path.write_bytes((end.join(lines) + end).encode("utf-8"))
        return path

    return write


def slow(pairs):
    return [
        (pairs.pictures[a], pairs.pictures[b], bool(same), int(fold))
        for (a, b), same, fold in zip(pairs.pairs, pairs.genuine, pairs.folds, strict=True)
    ]


def test_view_2_has_6000_pairs_in_10_folds(shared_data):
    path = shared_data / "lfw_pairs.txt"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    pairs = read_lfw_pairs(path)
    assert len(pairs) == 6000
    assert Counter(zip(pairs.folds.tolist(), pairs.genuine.tolist(), strict=True)) == {
        (fold, same): 300 for fold in range(10) for same in (True, False)
    }
    assert slow(pairs)[0] == ("Abel_Pacheco/Abel_Pacheco_0001.jpg", "Abel_Pacheco/Abel_Pacheco_0004.jpg", True, 0)
    names = np.array(pairs.identities)
    assert ((names[pairs.pairs[:, 0]] == names[pairs.pairs[:, 1]]) == pairs.genuine).all()
    assert len(set(pairs.pictures)) == len(pairs.pictures)
    # The folds of View 2 share no person, or a threshold would be chosen on people it is scored on.
    people = [set(names[pairs.pairs[pairs.folds == fold]].ravel()) for fold in range(10)]
    assert sum(len(fold) for fold in people) == len(set.union(*people))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_line_is_read_as_it_stands(written, end):
    pairs = read_lfw_pairs(written(TWO_FOLDS, end))
    assert slow(pairs) == [
        ("Ada/Ada_0001.jpg", "Ada/Ada_0002.jpg", True, 0),
        ("Bo/Bo_0003.jpg", "Bo/Bo_0001.jpg", True, 0),
        ("Ada/Ada_0001.jpg", "Bo/Bo_0001.jpg", False, 0),
        ("Bo/Bo_0012.jpg", "Cy/Cy_0001.jpg", False, 0),
        ("Cy/Cy_0001.jpg", "Cy/Cy_0002.jpg", True, 1),
        ("Cy/Cy_0002.jpg", "Cy/Cy_0003.jpg", True, 1),
        ("Cy/Cy_0001.jpg", "Ada/Ada_0001.jpg", False, 1),
        ("Di/Di_0001.jpg", "Ada/Ada_0002.jpg", False, 1),
    ]
    assert len(pairs.pictures) == 9
    assert [name.split("/")[0] for name in pairs.pictures] == list(pairs.identities)


def test_one_number_is_one_fold(written):
    pairs = read_lfw_pairs(written(["2", *TWO_FOLDS[1:5]]))
    assert (len(pairs), set(pairs.folds.tolist()), int(pairs.genuine.sum())) == (4, {0}, 2)


def test_pictures_are_found_below_a_folder(written, touch):
    pairs = read_lfw_pairs(written(["1", "Ada\t1\t2", "Ada\t2\tBo\t1"]))
    root = touch("Ada/Ada_0001.jpg", "Ada/Ada_0002.jpg")
    with pytest.raises(DatasetError, match=r"1 of 3 pictures do not exist, such as .*Bo_0001.jpg"):
        pairs.paths(root)
    touch("Bo/Bo_0001.jpg")
    assert [path.name for path in pairs.paths(root)] == ["Ada_0001.jpg", "Ada_0002.jpg", "Bo_0001.jpg"]


def test_pairs_whose_pictures_are_there(written, touch):
    pairs = read_lfw_pairs(written(TWO_FOLDS))
    root = touch("Bo/Bo_0003.jpg", "Bo/Bo_0001.jpg", "Cy/Cy_0001.jpg", "Cy/Cy_0002.jpg", "Ada/Ada_0001.jpg")
    found = pairs.existing(root)
    kept = [one for one in slow(pairs) if all((root / name).is_file() for name in one[:2])]
    assert slow(found) == kept
    assert [fold for *_, fold in kept] == [0, 0, 1, 1]
    assert found.identities == tuple(name.split("/")[0] for name in found.pictures)
    assert len(found.paths(root)) == 5
    with pytest.raises(DatasetError, match="none of 8 pairs has both pictures below"):
        pairs.existing(root / "none")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], "line 1: ''; expected the number of folds"),
        (["ten\t300"], "line 1: 'ten"),
        (["0\t300"], "line 1"),
        (["1\t2\t3"], "line 1"),
        (["²"], "line 1"),
        (["1" * 5000], "line 1"),
        (TWO_FOLDS[:-1], "is cut off: its first line promises 2 fold.* 9 lines with it; it has 8"),
        ([*TWO_FOLDS, "Cy\t1\t2"], "goes on too long"),
        (["1", "Ada\t1\t2", "Bo\t1\t2"], r"line 3: 'Bo\\t1\\t2'; expected name<tab>i<tab>name<tab>j"),
        (["1", "Ada\t1\tBo\t2", "Bo\t1\tAda\t2"], "line 2: .*expected name<tab>i<tab>j .a genuine"),
        (["1", "Ada 1 2", "Ada\t1\tBo\t1"], "line 2: .*separated by tabs"),
        (["1", "Ada\t1\t0", "Ada\t1\tBo\t1"], "line 2: .*from 1"),
        (["1", "Ada\t1\tx", "Ada\t1\tBo\t1"], "line 2"),
        (["1", "Ada\t2\t2", "Ada\t1\tBo\t1"], "line 2: .*compares a picture with itself"),
        (["1", "Ada\t1\t2", "Ada\t1\tAda\t2"], "line 3: .*names one person twice"),
        (["1", "../x\t1\t2", "Ada\t1\tBo\t2"], "line 2: '../x' is no name of a folder"),
        (["1", "Ada\t1\t2", "a/b\t1\tBo\t2"], "line 3: 'a/b' is no name"),
        (["1", "", "Ada\t1\tBo\t2"], "line 2: ''"),
    ],
)
def test_damaged_files(written, lines, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_lfw_pairs(written(lines))
    assert "pairs.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_lfw_pairs(tmp_path / "none.txt")
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff\xe0\x80")
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_lfw_pairs(tmp_path / "picture.txt")


def test_a_person_in_two_spellings_is_one(written, tmp_path):
    found = read_lfw_pairs(written(["2", "Jose\u0301\t1\t2", "Bo\t1\t2", "José\t1\tBo\t1", " José \t2\tBo\t1"]))
    assert found.pictures == ("José/José_0001.jpg", "José/José_0002.jpg", "Bo/Bo_0001.jpg", "Bo/Bo_0002.jpg")
    assert found.identities == ("José", "José", "Bo", "Bo")
    with pytest.raises(DatasetError, match=r"line 3: .* names one person twice"):
        read_lfw_pairs(written(["1", "Bo\t1\t2", "José\t1\tJose\u0301\t2"]))
    with pytest.raises(DatasetError, match=r"line 2: .* compares a picture with itself"):
        read_lfw_pairs(written(["1", "José\t1\t1", "José\t1\tBo\t2"]))


def test_pictures_are_found_however_the_disk_spells_them(written, tmp_path):
    found = read_lfw_pairs(written(["1", "José\t1\t2", "José\t1\tBo\t1"]))
    names = ["Jose\u0301/Jose\u0301_0001.jpg", "Jose\u0301/José_0002.jpg", "Bo/Bo_0001.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in found.paths(tmp_path)] == names
