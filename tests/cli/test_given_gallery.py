"""What a gallery holds: people, places, nothing yet; or it is damaged, and that is said instead of being guessed."""

import sqlite3

import numpy as np
import pytest
from PIL import Image

from lookalike import open_gallery
from lookalike.errors import ArtefactError
from lookalike.gallery import AnnexUpdate, Kept
from lookalike.workflows.gallery_kind import asked_about_places


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.gallery"


def make_empty(path):
    with open_gallery(path) as gallery:
        gallery.bind("f", "net", "cosine", 2)


def make_people(path):
    make_empty(path)
    with open_gallery(path) as gallery:
        gallery.enroll("Ada", [1.0, 0.0])


def make_places(path):
    make_empty(path)
    photos = np.ones((1, 2), np.float32)
    update = AnnexUpdate({"church": Kept({}, {"photos": photos}, ["a.jpg"])}, {"non_landmarks": photos})
    with open_gallery(path) as gallery:
        gallery.enroll_with_annex([("church", photos, None)], lambda ids: update)


def cut_database(path):
    make_people(path)
    with (path / "gallery.sqlite3").open("r+b") as file:
        file.truncate(5000)


def overwrite_database(path):
    make_people(path)
    (path / "gallery.sqlite3").write_bytes(b"x" * 8192)


def newer_database(path):
    make_places(path)
    with sqlite3.connect(path / "gallery.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()


def record_file(path):
    (file,) = (path / "landmarks").iterdir()
    return file


def cut_annex(path):
    make_places(path)
    with record_file(path).open("r+b") as file:
        file.truncate(64)


def annex_without_photos(path):
    make_places(path)
    record_file(path).unlink()


def newer_annex(path):
    make_places(path)
    with sqlite3.connect(path / "gallery.sqlite3") as connection:
        connection.execute("UPDATE annex_state SET version = 9")
    connection.close()


def folder_per_person(path):
    (path / "s01").mkdir(parents=True)
    (path / "s01" / "0.png").write_bytes(b"a picture")


def plain_file(path):
    path.write_bytes(b"a file")


#: What is wrong, and words of the message that says so.
BROKEN = {
    cut_database: "is damaged (cut short)",
    overwrite_database: "gallery.sqlite3",
    newer_database: "has format version 9",
    cut_annex: "is damaged",
    annex_without_photos: "is damaged",
    newer_annex: "has format version 9",
    folder_per_person: "it is no gallery, or a damaged one",
    plain_file: "is a file; a gallery is a directory",
}
each_broken = pytest.mark.parametrize(("spoil", "words"), BROKEN.items(), ids=[spoil.__name__ for spoil in BROKEN])


def holds(path):
    return asked_about_places(None, path)


def test_people_places_and_neither(path):
    for make, expected in ((make_empty, False), (make_people, False), (make_places, True)):
        own = path.with_name(make.__name__)
        assert not holds(own)
        make(own)
        assert holds(own) is expected


@each_broken
def test_what_cannot_be_used_is_said(path, spoil, words):
    spoil(path)
    with pytest.raises(ArtefactError) as told:
        holds(path)
    assert words in str(told.value)


# --- what the verbs do with it: no model is loaded before ------------------------------------------------------------

NO_MODEL = ("--model", "no-such-model")
VERBS = {
    "identify": ("identify", "a.png"),
    "enroll": ("enroll", "a.png", "--name", "Ada"),
    "evaluate": ("evaluate", "photos"),
}


@each_broken
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_that_the_gallery_cannot_be_used(lookalike, refused, path, spoil, words, verb):
    spoil(path)
    refused(lookalike(*VERBS[verb], *NO_MODEL, "--gallery", path), words)


def a_picture(path):
    """One that can be read: others are refused before the model is looked for."""
    Image.new("L", (32, 32)).save(path)


@pytest.mark.parametrize("make", [make_empty, make_people])
def test_a_gallery_of_people_goes_on_to_the_model(lookalike, refused, path, make, tmp_path, monkeypatch):
    make(path)
    monkeypatch.chdir(tmp_path)
    a_picture(tmp_path / "a.png")
    for verb in ("identify", "enroll"):
        refused(lookalike(*VERBS[verb], *NO_MODEL, "--gallery", path), "no-such-model")
    refused(lookalike(*VERBS["identify"], *NO_MODEL, "--gallery", path, "--submission", "s.csv"), "holds none")
    refused(lookalike(*VERBS["evaluate"], *NO_MODEL, "--gallery", path), "--gallery is for landmarks", "holds none")


def test_where_there_is_none_only_enroll_goes_on(lookalike, refused, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_picture(tmp_path / "a.png")
    run = (*NO_MODEL, "--gallery", path)
    refused(lookalike(*VERBS["enroll"], *run), "no-such-model")
    for verb in ("identify", "evaluate"):
        refused(lookalike(*VERBS[verb], *run), "is not there")
    refused(lookalike(*VERBS["identify"], *run, "--submission", "s.csv"), "is not there")
    assert not path.exists()


def test_a_gallery_in_the_environment_is_no_question_about_places(lookalike, refused, path, monkeypatch, people_folder):
    monkeypatch.setenv("LOOKALIKE_GALLERY", str(path))
    run = ("evaluate", people_folder, *NO_MODEL)
    refused(lookalike(*run), "no-such-model")
    make_people(path)
    refused(lookalike(*run), "no-such-model")


@pytest.mark.slow
def test_every_verb_takes_one_on_a_server(lookalike, refused, milvus, tiny_model, people_folder, tmp_path):
    address = milvus.address()
    asked = ("--model", tiny_model, "--gallery", address)
    refused(lookalike("people", "--gallery", address), "there is no gallery at milvus://")
    refused(lookalike("enroll", people_folder, *asked, "--recipe", "landmarks"), "galleries on Milvus hold people only")
    pictures = sorted((people_folder / "s01").iterdir())
    done = lookalike("enroll", *pictures[:2], "--name", "Ada", *asked, "--json").document
    assert (done["gallery"], done["enrolled"], done["templates"]) == (address, ["Ada"], 2)
    lookalike("enroll", *sorted((people_folder / "s02").iterdir())[:2], "--name", "Bob", *asked)
    found = lookalike("identify", pictures[0], *asked, "--json").document["answers"][0]
    assert (found["decision"], found["identity"]) == ("match", "Ada")
    assert [one["name"] for one in lookalike("people", "--gallery", address, "--json").document["people"]] == [
        "Ada", "Bob"
    ]  # fmt: skip
    assert lookalike("people", "rename", "Bob", "Rob", "--gallery", address).code == 0
    assert lookalike("gallery", "stats", address, "--json").document["identities"] == 2
    there = lookalike("gallery", "migrate", address, tmp_path / "here", "--json").document
    back = lookalike("gallery", "migrate", tmp_path / "here", milvus.address(), "--json").document
    assert there["verified"] == back["verified"]
    refused(lookalike("gallery", "backup", address, tmp_path / "copy"), "has backups of its own")
    assert lookalike("forget", "Ada", "--gallery", address, "--json").document["templates"] == 2
    assert "Rob" in lookalike("people", "--gallery", address).out


def test_no_server_is_one_clear_line(lookalike, refused):
    address = "milvus://127.0.0.1:9/people"
    refused(lookalike("people", "--gallery", address), "no Milvus server answers at 127.0.0.1:9; start it")
    refused(lookalike("people", "--gallery", "milvus://host/no-name"), "no address of a gallery on Milvus")
    refused(lookalike("people", "--gallery", "ftp://host/name"), "there are no galleries at ftp://")
