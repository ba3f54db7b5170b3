"""Places into a gallery that is open: pictures in memory too, and all of it or nothing."""

import math

import pytest

from lookalike import Embedder, LandmarkRecognizer, Recognizer, open_gallery
from lookalike.embedder.seen_pictures import digests
from lookalike.errors import DatasetError, InputError
from lookalike.landmarks.place import Place
from lookalike.workflows.enroll import enroll_people, enroll_places
from lookalike.workflows.identify import identify_with
from lookalike.workflows.place_enrolment import fpr_of
from lookalike.workflows.place_pictures import PlacePictures


@pytest.fixture
def recognizer(tiny_model, tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        yield LandmarkRecognizer(Embedder.load(tiny_model), gallery)


@pytest.fixture
def given(people_folder, others):
    """Two places: one in memory, one on the disk."""
    photos = [*sorted((people_folder / "s01").iterdir())[:3], *sorted((people_folder / "s02").iterdir())[:3]]
    in_memory = [photo.read_bytes() for photo in photos[:3]]

    def make(**changes):
        options = {
            "photos": [*in_memory, *photos[3:]],
            "places": ["church"] * 3 + ["bridge "] * 3,
            "non_landmarks": sorted(others.iterdir()),
            "facts": {"church": Place("church", "Sacré-Cœur", 48.8867, 2.3431)},
        }
        return PlacePictures(**options | changes)

    return make


def test_pictures_on_the_disk_and_in_memory(recognizer, given, people_folder, capsys):
    done = enroll_places(recognizer, given(), promise_fpr=0.1)
    assert (done.enrolled, done.new, done.pictures, done.photos) == (("bridge", "church"),) * 2 + (6, 6)
    answers = identify_with(recognizer, [people_folder / "s01" / "0.png", people_folder / "s02" / "0.png"]).answers
    assert [(one.place, one.name) for one in answers] == [("church", "Sacré-Cœur"), ("bridge", "bridge")]
    assert answers[0].photos[0].source == ""
    assert answers[1].photos[0].source == str(people_folder / "s02" / "0.png")
    assert enroll_places(recognizer, PlacePictures(), promise_fpr=0.2).promised.promise == 0.2
    with pytest.raises(InputError, match="fpr is 1"):  # before the work
        enroll_places(recognizer, given(photos=[b"x"] * 6), promise_fpr=1)
    assert capsys.readouterr() == ("", "")


def test_what_trained_the_network_is_not_counted(recognizer, given, refuses, others):
    recognizer.embedder.seen_non_landmarks = digests(sorted(others.iterdir())[:30])
    done = enroll_places(recognizer, given(), promise_fpr=0.1)
    assert done.non_landmarks == 70
    assert "30 of 100 photos without a landmark trained this model" in done.notes[0]
    recognizer.embedder.seen_non_landmarks = digests(sorted(others.iterdir()))
    refuses(DatasetError, lambda: enroll_places(recognizer, given()), "all 100 photos without a landmark trained")


def test_what_is_refused_changes_nothing(recognizer, given, refuses, tiny_model, gallery):
    for error, job, words in [
        (InputError, lambda: given(places=["church"]), "1 place came with 6 photos"),
        (InputError, lambda: given(places="church"), "one text came with"),
        (InputError, lambda: given(places=[""] * 6), "empty name"),
        (InputError, lambda: enroll_places(recognizer, PlacePictures()), "holds no place and no photos were given"),
        (InputError, lambda: enroll_places(recognizer, given(non_landmarks=[])), "no photos without a landmark"),
        (InputError, lambda: enroll_places(recognizer, given()), "cannot carry a false-positive rate of 0.01"),
        (InputError, lambda: enroll_places(recognizer, given(), promise_fpr=math.nan), "fpr is nan"),
        (DatasetError, lambda: enroll_places(recognizer, given(photos=[b"x"] * 6), promise_fpr=0.1), "picture 1"),
    ]:
        refuses(error, job, words)
    with open_gallery(gallery) as people:
        embedder = Embedder.load(tiny_model)
        refuses(InputError, lambda: LandmarkRecognizer(embedder, people), "holds people", below=gallery)


def test_people_are_not_enrolled_among_places(recognizer, given, people_folder, refuses):
    enroll_places(recognizer, given(), promise_fpr=0.1)
    of_places = Recognizer(recognizer.embedder, recognizer.gallery)
    picture = people_folder / "s03" / "0.png"
    refuses(InputError, lambda: enroll_people(of_places, [picture], ["Ada"]), "the gallery holds landmarks")


def test_a_promise_about_photos_without_a_landmark():
    assert fpr_of("fpr=0.01") == 0.01
    for text in ("fpir=0.01", "fpr=much", "fpr=0", "fpr=nan", "0.01", ""):
        with pytest.raises(InputError, match="give fpr=RATE"):
            fpr_of(text)
