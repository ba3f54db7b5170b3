"""Copies with marks: named after their pictures, and no picture is ever replaced."""

import numpy as np
import pytest
from PIL import Image

from lookalike.embedder.face import FaceBox
from lookalike.errors import StorageError
from lookalike.face_drawing import Mark
from lookalike.progress import Reporter
from lookalike.workflows.drawn_pictures import check_drawings, draw_pictures

MARKS = [Mark(FaceBox(10, 30, 60, 80), "Ada", "match")]


@pytest.fixture
def photo(tmp_path):
    """Write a grey photo."""

    def write(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (500, 400), (128, 128, 128)).save(path)
        return str(path)

    return write


def names(paths, folder):
    assert all(path.startswith(f"{folder}/") for path in paths)
    return [path.removeprefix(f"{folder}/") for path in paths]


def test_copies_are_named_after_their_pictures(photo, tmp_path):
    pictures = [photo("a.jpg"), photo("b.JPEG"), photo("c.png"), photo("x/a.jpg"), photo("x/A.jpg")]
    out = tmp_path / "out"
    written = draw_pictures(out, [*pictures, pictures[0]], [*pictures, pictures[0]], [MARKS] * 6, Reporter())
    assert names(written, out) == [
        "a-faces.jpg", "b-faces.jpg", "c-faces.png", "a-faces-2.jpg", "A-faces-3.jpg", "a-faces-4.jpg",
    ]  # fmt: skip
    for path in written:
        with Image.open(path) as image:
            assert image.size == (500, 400)
            assert np.ptp(np.asarray(image)) > 50
            assert image.format == ("PNG" if path.endswith(".png") else "JPEG")


def test_pictures_in_memory(tmp_path):
    grey = np.full((400, 500, 3), 128, np.uint8)
    written = draw_pictures(tmp_path, [grey, grey], ["-", ""], [MARKS, []], Reporter())
    assert names(written, tmp_path) == ["stdin-faces.png", "stdin-faces-2.png"]
    assert (np.asarray(Image.open(written[1])) == 128).all()


def test_a_picture_is_never_replaced_but_an_older_copy_is(photo, tmp_path, snapshot):
    pictures = [photo("a.jpg"), photo("a-faces.jpg")]
    before = snapshot(tmp_path)
    written = draw_pictures(tmp_path, pictures, pictures, [MARKS, MARKS], Reporter())
    assert names(written, tmp_path) == ["a-faces-2.jpg", "a-faces-faces.jpg"]
    after = snapshot(tmp_path)
    assert {path: after[path] for path in before} == before
    assert draw_pictures(tmp_path, pictures, pictures, [[], []], Reporter()) == written
    again = snapshot(tmp_path)
    assert sorted(again) == sorted(after)
    assert again != after


def test_progress_and_letters_without_a_font(photo, tmp_path):
    events = []
    report = Reporter(events.append)
    marks = [Mark(FaceBox(10, 30, 60, 80), "Ada \U0010fffd", "match")]
    draw_pictures(tmp_path / "out", [photo("a.jpg")], ["a.jpg"], [marks], report)
    assert (events[0].stage, events[0].done, events[0].total) == ("Drawing", 1, 1)
    assert report.remarks[0].startswith("no font at hand has the letters \U0010fffd:")


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, snapshot):
    (tmp_path / "file").touch()
    before = snapshot(tmp_path)
    check_drawings(None)
    check_drawings(tmp_path / "new" / "folder")
    assert snapshot(tmp_path) == before
    with pytest.raises(StorageError, match="cannot be made: Not a directory; choose another with --draw"):
        check_drawings(tmp_path / "file" / "folder")
