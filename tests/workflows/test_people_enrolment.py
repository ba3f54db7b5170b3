"""People into a gallery that is open: pictures in memory too, and what happens when it is interrupted."""

from pathlib import Path

import pytest

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.errors import DatasetError, InputError, StorageError
from lookalike.workflows.people_enrolment import enroll_people


@pytest.fixture
def recognizer(tiny_model, tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        yield Recognizer(Embedder.load(tiny_model), gallery)


def pictures_of(folder, *names, count=2):
    return [path for name in names for path in sorted((folder / name).iterdir())[:count]]


def held(recognizer):
    return {one.name: one.templates for one in recognizer.gallery.people()}


def test_pictures_on_the_disk_and_in_memory(recognizer, people_folder, capsys):
    a, b, c = pictures_of(people_folder, "s01", count=3)
    done = enroll_people(recognizer, [a, b.read_bytes(), str(c)], [" Ada", "Ada", "Bob"])
    assert (done.enrolled, done.new, done.pictures, done.left_out) == (("Ada", "Bob"), ("Ada", "Bob"), 3, 0)
    assert (done.identities, done.templates, done.fpir_bound, done.notes) == (2, 3, None, ())
    assert held(recognizer) == {"Ada": 2, "Bob": 1}
    assert [one.source for one in recognizer.gallery.templates()] == [str(a), "", str(c)]
    again = enroll_people(recognizer, [a, b.read_bytes(), str(c)], [" Ada", "Ada", "Bob"])
    assert (again.new, again.templates) == ((), 3)
    assert capsys.readouterr() == ("", "")


def test_who_is_enrolled_is_told_as_it_happens(recognizer, people_folder):
    events = []
    enroll_people(
        recognizer, pictures_of(people_folder, "s01", "s02"), ["Ada", "Ada", "Ada ", "Bob"], progress=events.append
    )
    assert [(one.stage, one.done, one.total) for one in events] == [
        ("Embedding", 0, 4),
        ("Embedding", 4, 4),
        ("Enrolling", 1, 2),
        ("Enrolling", 2, 2),
    ]


def test_a_name_that_looks_like_another_is_in_the_notes(recognizer, people_folder):
    a, b = pictures_of(people_folder, "s01")
    enroll_people(recognizer, [a], ["Ada"])
    (note,) = enroll_people(recognizer, [b], ["Ada\u200b"]).notes
    assert note.startswith("1 group of names look the same and count as different identities")


def test_what_is_refused_enrolls_nobody(recognizer, people_folder, bad_picture, refuses, tmp_path):
    pictures = pictures_of(people_folder, "s01", "s02")
    bad = bad_picture("text", tmp_path / "bad.png").read_bytes()
    for error, given, names, words in [
        (InputError, [], [], "no pictures were given"),
        (InputError, pictures, ["Ada"], "1 name came with 4 pictures"),
        (InputError, pictures, "Adas", "one text came with"),
        (InputError, pictures, ["Ada", "Bob", "Eve", "x" * 201], "at most 200"),
        (InputError, pictures, ["Ada", "Bob", "Eve", None], "give its name as text"),
        (DatasetError, [*pictures, bad], ["Ada"] * 5, "1 of 5 pictures cannot be used"),
        (DatasetError, [Path("none.png")], ["Ada"], "none.png"),
    ]:
        refuses(error, lambda given=given, names=names: enroll_people(recognizer, given, names), words)
    done = enroll_people(recognizer, [bad, *pictures], ["Ada", "Bob", "Bob", "Eve", "Eve"], skip_bad=True)
    assert (done.enrolled, done.left_out) == (("Bob", "Eve"), 1)
    assert done.notes[0].startswith("1 of 5 pictures cannot be used and are left out; picture 1: ")
    refuses(InputError, lambda: enroll_people(Recognizer(recognizer.embedder), pictures, ["Ada"] * 4), "no gallery")


@pytest.mark.parametrize("error", [StorageError("the disk is full"), KeyboardInterrupt()])
def test_an_interrupted_enrolment_says_how_many_are_enrolled(recognizer, people_folder, error):
    told = []

    def sink(event):
        told.append(event.warning)
        if (event.stage, event.done) == ("Enrolling", 2) and not event.warning:
            raise error

    names = ["s01", "s02", "s03"]
    with pytest.raises(type(error)) as raised:
        enroll_people(recognizer, pictures_of(people_folder, *names, count=1), names, progress=sink)
    assert "2 of 3 people are enrolled: the same command goes on" in f"{raised.value} {told[-1]}"
    assert held(recognizer) == {"s01": 1, "s02": 1}
    done = enroll_people(recognizer, pictures_of(people_folder, *names, count=1), names)
    assert (done.new, done.templates) == (("s03",), 3)
