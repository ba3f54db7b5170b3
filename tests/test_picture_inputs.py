"""What a user gives for pictures becomes pictures, in order, or one clear line."""

import io
from pathlib import Path

import pytest

from lookalike.errors import DatasetError, ImageError, InputError
from lookalike.picture_inputs import given_pictures

ALL = [f"photos/{name}" for name in ("[1].jpg", "a.PNG", "b.jpg", "more/c.jpg", "more/deep/d.webp")]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder with files by name, and nothing in them: nothing is decoded."""
    for name in ("b.jpg", "a.PNG", "notes.txt", "more/c.jpg", "more/deep/d.webp", "[1].jpg", ".hidden.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


class Stdin(io.TextIOWrapper):
    """Standard input with these bytes; a terminal, if asked to be one."""

    def __init__(self, content, terminal=False):
        super().__init__(io.BytesIO(content))
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("photos/b.jpg", ["photos/b.jpg"]),
        (Path("photos/b.jpg"), ["photos/b.jpg"]),
        (["photos/notes.txt"], ["photos/notes.txt"]),  # who names a file is taken at his word
        (["photos/b.jpg", "photos/a.PNG", "photos/b.jpg"], ["photos/b.jpg", "photos/a.PNG", "photos/b.jpg"]),
        ("photos", ALL),
        ("photos/*.jpg", ["photos/[1].jpg", "photos/b.jpg"]),
        ("photos/[1].jpg", ["photos/[1].jpg"]),  # a file of that name comes before the pattern
        ("photos/[ab].*", ["photos/a.PNG", "photos/b.jpg"]),
        ("photos/mor?", ["photos/more/c.jpg", "photos/more/deep/d.webp"]),
        ("photos/b*", ["photos/b.jpg"]),
        ("photos/n*", None),
        ("photos/**/*.webp", ["photos/more/deep/d.webp"]),
        ("photos/**", ALL),
        (["photos/more/*", "photos/*.PNG", "photos/more"], [*ALL[3:], ALL[1], *ALL[3:]]),
    ],
)  # fmt: skip
def test_files_folders_and_patterns_in_the_order_given(photos, given, names):
    if names is None:
        with pytest.raises(DatasetError, match=r"matches no picture, only others such as photos/notes.txt; .*\.jpg"):
            given_pictures(given)
        return
    found = given_pictures(given)
    assert list(found.names) == names
    assert found.pictures == found.names


def test_pictures_that_are_passed_over_are_said(photos):
    assert given_pictures("photos").notes == ()
    Path("photos/raw.cr2").touch()
    assert given_pictures(["photos/b.jpg"]).notes == ()
    for given in ("photos", "photo*"):
        assert "(.cr2) is passed over, such as photos/raw.cr2" in given_pictures(given).notes[0]


def test_an_absolute_pattern(photos):
    assert given_pictures(f"{photos}/*.PNG").names == (f"{photos}/a.PNG",)


def test_standard_input_is_read_once_and_may_be_given_twice(photos, monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(b"encoded"))
    found = given_pictures(["-", "photos/b.jpg", "-"])
    assert found.names == ("-", "photos/b.jpg", "-")
    assert found.pictures == (b"encoded", "photos/b.jpg", b"encoded")


def test_a_file_that_is_called_as_standard_input(photos, monkeypatch):
    Path("-").touch()
    monkeypatch.setattr("sys.stdin", Stdin(b""))
    assert given_pictures(["./-", Path("-")]).names == ("./-", "-")


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (Stdin(b""), "is empty"),
        (Stdin(b"x", terminal=True), "is a terminal"),
        (None, "is a terminal"),
        (Stdin(b"x" * 11), "more than 10 bytes"),
    ],
)
def test_standard_input_that_cannot_be_used(monkeypatch, stdin, words):
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("lookalike.picture_inputs.MAX_BYTES", 10)
    with pytest.raises(InputError, match=words):
        given_pictures("-")


def test_what_is_refused(photos, tmp_path):
    (tmp_path / "empty").mkdir()
    for error, given, words in [
        (InputError, [], "no pictures were given"),
        (ImageError, "no.jpg", "no.jpg does not exist; expected a picture file, a folder, or a pattern"),
        (ImageError, ["photos/b.jpg", "no.jpg"], "no.jpg does not exist"),
        (DatasetError, "*.jpg", "nothing matches"),
        (DatasetError, "empty", "empty holds no pictures"),
        (DatasetError, "emp*", "matches no picture, only others such as empty"),
    ]:
        with pytest.raises(error) as told:
            given_pictures(given)
        assert words in str(told.value)
        assert "\n" not in str(told.value)


def test_a_missing_file_is_left_to_whoever_lists_what_cannot_be_used(photos):
    assert given_pictures(["no.jpg", "photos/b.jpg"], skip_missing=True).names == ("no.jpg", "photos/b.jpg")


def test_a_folder_that_may_not_be_read(photos, nobody):
    (photos / "more").chmod(0)
    try:
        with nobody(photos.parent), pytest.raises(DatasetError, match="cannot be read: Permission denied"):
            given_pictures("photos")
    finally:
        (photos / "more").chmod(0o755)
