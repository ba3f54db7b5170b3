"""What is asked, and what is right: from a folder, a CSV, or Google's solution."""

import shutil

import pytest
from PIL import Image

from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.datasets.google_landmarks_folder import write_google_landmarks
from lookalike.datasets.landmark_solutions import Solution, read_recognition_solution, write_solution
from lookalike.datasets.place_questions import is_google_test, read_questions
from lookalike.errors import DatasetError


def draw(folder, *names):
    """Pictures, each of another colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        colour = (sum(name.encode()) % 256, len(name), sum(folder.name.encode()) % 256)
        Image.new("RGB", (8, 8), colour).save(folder / name)
    return folder


@pytest.fixture
def places(tmp_path):
    draw(tmp_path / "places" / "church", "1.png", "2.png")
    draw(tmp_path / "places" / "non-landmark", "3.png")
    return tmp_path / "places"


@pytest.fixture
def google(tmp_path):
    """Three test pictures: of two places, and of none."""
    draw(tmp_path / "p", *(f"{i}.jpg" for i in range(7)))
    path = [tmp_path / "p" / f"{i}.jpg" for i in range(7)]
    train = PictureSet(tuple(path[:2]), ("a", "b"))
    index = PictureSet(tuple(path[2:4]), ("a", "b"))
    test = PictureSet(tuple(path[4:]), ("a", "b", NON_LANDMARK))
    return write_google_landmarks(tmp_path / "gldv2", train, index, test)


def test_a_folder_per_place_and_further_pictures(places, tmp_path):
    draw(tmp_path / "more", "4.png")
    asked = read_questions(places, tmp_path / "more")
    assert [path.name for path in asked.paths] == ["1.png", "2.png", "3.png", "4.png"]
    assert asked.truth == (("church",), ("church",), (), ())
    assert asked.pictures.identities == ("church", "church", NON_LANDMARK, NON_LANDMARK)
    assert len(asked) == 4
    assert asked.of([asked.paths[3], asked.paths[1]]).truth == (("church",), ())


def test_a_csv(places, tmp_path):
    (tmp_path / "list.csv").write_text("path,identity\nplaces/church/2.png,church\n")
    assert read_questions(tmp_path / "list.csv").truth == (("church",),)


def test_google_is_asked_about_what_counts(google, tmp_path):
    path = google.csv("recognition_solution_v2.1.csv")
    whole = read_recognition_solution(path)
    assert read_questions(google.folder).truth == (("0",), ("1",), ())
    one, two, none = whole.usage
    usage = dict(whole.usage) | {two: "Ignored"}
    write_solution(path, Solution(dict(whole.right) | {one: ("0", "1")}, usage), "landmarks")
    draw(tmp_path / "more", "4.png")
    asked = read_questions(google.folder, tmp_path / "more")
    assert asked.truth == (("0", "1"), (), ())
    assert [p.stem for p in asked.paths] == [one, none, "4"]
    assert asked.notes == (f"1 picture is ignored by {path.name} and left out",)
    google.picture("test", none).unlink()
    assert "1 of 2 pictures of" in read_questions(google.folder).notes[0]


def test_test_pictures_and_their_solution_are_enough(google):
    shutil.rmtree(google.folder / "train")
    assert is_google_test(google.folder)
    assert len(read_questions(google.folder)) == 3


def test_what_cannot_be_asked(google, places, tmp_path):
    for picture in google.folder.glob("test/**/*.jpg"):
        picture.unlink()
    with pytest.raises(DatasetError, match="none of the 3 pictures that count"):
        read_questions(google.folder)
    google.csv("recognition_solution_v2.1.csv").unlink()
    with pytest.raises(DatasetError, match="holds no recognition_solution"):
        read_questions(google.folder)
    shutil.rmtree(places / "church")
    with pytest.raises(DatasetError, match="none of 1 picture"):
        read_questions(places)
    with pytest.raises(DatasetError, match="is no folder"):
        read_questions(places, tmp_path / "no")
