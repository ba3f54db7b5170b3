"""A folder in Google Landmarks' format from any pictures, read again by the readers."""

import errno
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets import NON_LANDMARK, GoogleLandmarks, PictureSet, place_pictures, split_non_landmarks
from lookalike.datasets.google_landmarks_folder import write_google_landmarks
from lookalike.datasets.landmark_solutions import read_recognition_solution, read_retrieval_solution
from lookalike.errors import DatasetError, ImageError, InputError, StorageError
from lookalike.images import read_picture


@pytest.fixture
def drawn(tmp_path):
    """Sets of pictures of one colour each, the colour telling which it was."""
    count = iter(range(200))

    def draw(*identities, ending="jpg"):
        paths = []
        for number in itertools.islice(count, len(identities)):
            path = tmp_path / "drawn" / f"{number}.{ending}"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8), (number, number // 2, 200)).save(path)
            paths.append(path)
        return PictureSet(tuple(paths), identities)

    return draw


def shown(pictures, names=None):
    """Colour and identity of every picture, the former told apart from its neighbours by JPEG's noise."""
    colours = [round(float(read_picture(path)[..., 0].mean())) for path in pictures.paths]
    return sorted(zip(colours, [(names or {}).get(i, i) for i in pictures.identities], strict=True))


def test_everything_comes_back(drawn, tmp_path):
    train = drawn("Château d'If", "a_b", "Château d'If", NON_LANDMARK, "a:b, c%")
    index = drawn("a_b", "only indexed", "a_b")
    test = drawn("a_b", NON_LANDMARK, "only indexed", "nowhere", "Château d'If")
    made = write_google_landmarks(tmp_path / "made", train, index, test)
    assert made == GoogleLandmarks(tmp_path / "made")
    assert GoogleLandmarks.is_one(made.folder)

    names = made.names()
    assert sorted(names.values()) == ["Château d'If", "a:b, c%", "a_b"]
    places, others = split_non_landmarks(place_pictures(made.folder))
    assert shown(places, names) == shown(split_non_landmarks(train)[0])
    assert shown(others) == shown(split_non_landmarks(train)[1])
    assert shown(made.train(clean=False)) == shown(made.train(clean=True))
    assert shown(made.index(), made.names("index")) == shown(index)

    asked = made.test()
    recognition = read_recognition_solution(made.csv("recognition_solution_v2.1.csv"))
    retrieval = read_retrieval_solution(made.csv("retrieval_solution_v2.1.csv"))
    assert asked.ids == tuple(recognition.right) == tuple(retrieval.right)
    assert [[names[n] for n in recognition.right[i]] for i in asked.ids] == [["a_b"], [], [], [], ["Château d'If"]]
    indexed = {
        path.stem: made.names("index")[i] for path, i in zip(made.index().paths, made.index().identities, strict=True)
    }
    assert [[indexed[n] for n in retrieval.right[i]] for i in asked.ids] == [["a_b"] * 2, [], ["only indexed"], [], []]
    assert [retrieval.usage[i] == "Ignored" for i in asked.ids] == [False, True, False, True, True]
    assert set(recognition.usage.values()) <= {"Public", "Private"}


def test_whole_numbers_stay_and_jpeg_is_not_encoded_again(drawn, tmp_path):
    train = drawn("138982", "7")
    made = write_google_landmarks(tmp_path / "made", train, drawn("7"), drawn("7"), public=1)
    assert made.train().identities == ("138982", "7") or made.train().identities == ("7", "138982")
    copies = {path.read_bytes() for path in made.train().paths}
    assert copies == {path.read_bytes() for path in train.paths}
    assert set(read_recognition_solution(made.csv("recognition_solution_v2.1.csv")).usage.values()) == {"Public"}


def test_the_same_pictures_make_the_same_folder(drawn, tmp_path):
    sets = drawn("a", "b", ending="png"), drawn("a", ending="bmp"), drawn("b")
    first, second = (write_google_landmarks(tmp_path / name, *sets).folder for name in ("x", "y"))
    contents = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (first, second)
    ]
    assert contents[0] == contents[1]
    assert all(path.read_bytes().startswith(b"\xff\xd8\xff") for path in first.rglob("*.jpg"))


def test_a_picture_given_twice_gets_two_ids(drawn, tmp_path):
    one = drawn("a")
    train = PictureSet(one.paths * 3, ("a", "a", "b"))
    made = write_google_landmarks(tmp_path / "made", train, one, one)
    assert len(made.train()) == 3
    assert len({path.stem for path in (*made.train().paths, *made.index().paths, *made.test().paths)}) == 5


def test_nothing_is_written_where_a_picture_is_damaged(drawn, tmp_path):
    train, index, test = drawn("a"), drawn("a"), drawn("a")
    data = test.paths[0].read_bytes()
    test.paths[0].write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=test.paths[0].name):
        write_google_landmarks(tmp_path / "made", train, index, test)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn"]


def test_a_full_disk_leaves_nothing_behind(drawn, tmp_path, monkeypatch):
    sets, writing, left = (drawn("a", "b"), drawn("a"), drawn("b")), Path.write_bytes, iter(range(3))

    def full(path, content):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return writing(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="made could not be written: No space left on device"):
        write_google_landmarks(tmp_path / "made", *sets)
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


def test_only_a_folder_of_ours_is_replaced_and_only_when_told(drawn, tmp_path):
    sets = drawn("a"), drawn("a"), drawn("a")
    made = write_google_landmarks(tmp_path / "made", *sets)
    with pytest.raises(StorageError, match="say that it may be replaced"):
        write_google_landmarks(made.folder, *sets)
    other = drawn("b"), drawn("b"), drawn("b")
    assert set(write_google_landmarks(made.folder, *other, replace=True).names().values()) == {"b"}
    with pytest.raises(StorageError, match="holds no metadata"):
        write_google_landmarks(tmp_path / "drawn", *sets, replace=True)


def test_sets_that_cannot_be_asked(drawn, tmp_path):
    none = PictureSet((), ())
    a, b, other = drawn("a"), drawn("b"), drawn(NON_LANDMARK)
    for train, index in ((none, a), (other, a), (a, none), (a, other)):
        with pytest.raises(DatasetError, match="both need photos of places"):
            write_google_landmarks(tmp_path / "made", train, index, a)
    for test in (none, b, other):
        with pytest.raises(DatasetError, match="shows a place of the train set"):
            write_google_landmarks(tmp_path / "made", a, a, test)
    with pytest.raises(InputError, match="public is 2"):
        write_google_landmarks(tmp_path / "made", a, a, a, public=2)


def test_real_photos(shared_data, tmp_path):
    """Sacré-Cœur among the sample of the data set itself, whose files are named by its ids."""
    folder = shared_data / "landmarks"
    church, sample = (sorted((folder / name).glob("*.jpg")) for name in ("sacre_coeur", "gldv2_sample"))
    if not church or not sample:
        pytest.skip(f"{folder} is absent or empty")

    def some(paths, name):
        return PictureSet(tuple(paths), (name,) * len(paths))

    asked = PictureSet((*church[6:], *sample[:3]), ("Sacré-Cœur",) * len(church[6:]) + (NON_LANDMARK,) * 3)
    made = write_google_landmarks(
        tmp_path / "made", some(church[:4], "Sacré-Cœur"), some(church[4:6], "Sacré-Cœur"), asked
    )
    assert set(made.names().values()) == {"Sacré-Cœur"}
    found = {Path(path).read_bytes() for path in made.test().paths}
    assert found == {path.read_bytes() for path in (*church[6:], *sample[:3])}
    assert np.array([read_picture(path).shape[2] for path in made.train().paths]).tolist() == [3] * 4
    for path in sample:
        assert GoogleLandmarks(folder).picture("train", path.stem).name == path.name
