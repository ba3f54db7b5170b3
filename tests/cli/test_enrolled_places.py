"""Landmarks on the command line. The places are people, for the verbs do not know the difference.

With `tiny_model` photos of a place are at most 0.03 from its centroid and those of others at least 0.59; the thresholds
lie between.
"""

import re
import shutil

import pytest
from PIL import Image

from lookalike import open_gallery
from lookalike.datasets.landmark_solutions import read_recognition_submission

PLACES = ("s01", "s02", "s03")


@pytest.fixture(scope="module")
def others(orl, tmp_path_factory):
    """A hundred pictures of nobody among the places."""
    root = tmp_path_factory.mktemp("others")
    for number, path in enumerate(orl.of(orl.names[9:34]).paths[::2][:100]):
        with Image.open(path) as image:
            image.save(root / f"{number:03d}.png")
    return root


@pytest.fixture(scope="module")
def places(people_folder, tmp_path_factory):
    """A folder per place, four photos each."""
    root = tmp_path_factory.mktemp("places")
    for name in PLACES:
        (root / name).mkdir()
        for picture in sorted((people_folder / name).iterdir())[:4]:
            shutil.copy(picture, root / name)
    return root


@pytest.fixture
def path(tmp_path):
    return tmp_path / "places.gallery"


@pytest.fixture
def enroll(lookalike, tiny_model, path):
    def run(*arguments, recipe=("--recipe", "landmarks")):
        return lookalike("enroll", *arguments, *recipe, "--model", tiny_model, "--gallery", path)

    return run


@pytest.fixture
def identify(lookalike, tiny_model, path):
    def run(*arguments):
        return lookalike("identify", *arguments, "--model", tiny_model, "--gallery", path)

    return run


@pytest.fixture
def enrolled(enroll, places, others, tmp_path):
    facts = tmp_path / "facts.csv"
    facts.write_text("identity,name,latitude,longitude\ns01,Église [bold],48.5,2.25\n", "utf-8")
    said = enroll(places, "--non-landmarks", others, "--promise", "fpr=0.1", "--places", facts)
    assert said.code == 0, said.err
    return said


def test_enroll_says_what_it_did_and_what_it_promises(enrolled, path):
    assert f"enrolled 12 photos of 3 places (3 new); {path} knows 3 places, by " in enrolled.err
    assert "promise: at most 0.1 of photos without a landmark are accepted (95% confidence; 100 photos" in enrolled.err


def test_identify_names_the_place_and_shows_why(enrolled, identify, places):
    photo = places / "s01" / "0.png"
    # With and without --recipe: the gallery says what it holds.
    said = identify(photo)
    assert said.out == identify(photo, "--recipe", "landmarks").out
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{photo}: Église [bold] (s01) (distance 0.00")
    assert " <= threshold " in lines[0]
    assert re.search(r", confidence 0\.\d{3}$", lines[0])
    assert lines[1].startswith("    48.50000, 2.25000  https://www.openstreetmap.org/?mlat=48.500000&mlon=2.250000")
    examples = [line for line in lines if line.startswith("    like ")]
    assert examples
    assert examples[0].startswith(f"    like {photo} (distance 0.0000)")
    assert lines[-2] == "gallery: 3 places"
    assert lines[-1].startswith("promise: at most 0.1 of photos without a landmark")


def test_identify_json(enrolled, identify, places, others, path):
    document = identify(places / "s02" / "1.png", others / "000.png", "--json", "--top", "2", "--no-rerank").document
    assert (document["gallery"], document["places"]) == (str(path), 3)
    first, second = document["answers"]
    assert (first["decision"], first["place"]) == ("match", "s02")
    assert len(first["candidates"]) == 2
    assert first["candidates"][0]["place"] == "s02"
    assert 0.5 < first["confidence"] < 1
    assert first["promised"]["promise"] == 0.1
    assert first["seconds_embedding"] > 0
    assert first["seconds_search"] > 0
    assert second["picture"] == str(others / "000.png")
    assert (second["decision"], second["place"]) == ("unknown", None)
    assert 0 <= second["confidence"] < 0.5


def test_people_and_forget_work_on_places(enrolled, lookalike, identify, places, path):
    people = lookalike("people", "--gallery", path, "--json").document["people"]
    assert [one["name"] for one in people] == list(PLACES)
    with open_gallery(path) as gallery:
        gone = gallery.annex().kept["s01"].rows["photos"].copy()
    assert lookalike("forget", "s01", "--gallery", path).code == 0
    answer = identify(places / "s01" / "0.png", "--json", "--top", "9").document["answers"][0]
    assert {candidate["place"] for candidate in answer["candidates"]} == {"s02", "s03"}
    for file in path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(row.tobytes() in content for row in gone)
            assert "Église".encode() not in content
            assert b"/s01/" not in content


def test_more_photos_another_place_and_another_promise(enrolled, enroll, people_folder, path):
    more = sorted((people_folder / "s04").iterdir())[:3]
    document = enroll(*more, "--name", "s04", "--json", recipe=()).document  # the gallery says what it holds
    assert (document["new"], document["photos"], document["places"]) == (["s04"], 15, [*PLACES, "s04"])
    loose = document["promised"]
    assert loose["promise"] == 0.1
    strict = enroll("--promise", "fpr=0.05", "--json").document["promised"]
    assert strict["promise"] == 0.05
    assert strict["threshold"] <= loose["threshold"]
    assert enroll("--json").document["promised"] == strict  # it is kept


def test_the_folder_itself_may_hold_the_non_landmarks(enroll, places, others, tmp_path):
    shutil.copytree(places, tmp_path / "data")
    shutil.copytree(others, tmp_path / "data" / "non-landmark")
    document = enroll(tmp_path / "data", "--promise", "fpr=0.1", "--json").document
    assert (document["places"], document["non_landmarks"]) == (list(PLACES), 100)


def test_a_submission(enroll, identify, refused, places, others, tmp_path):
    for number, name in enumerate(PLACES):
        shutil.copytree(places / name, tmp_path / "data" / str(number + 100))
    assert enroll(tmp_path / "data", "--non-landmarks", others, "--promise", "fpr=0.1").code == 0
    test = tmp_path / "test" / "0" / "1" / "2"
    test.mkdir(parents=True)
    for number in range(3):
        shutil.copy(places / PLACES[number] / "0.png", test / f"012000000000000{number}.png")
    out = tmp_path / "submission.csv"
    said = identify(tmp_path / "test", "--submission", out)
    assert (said.code, said.out) == (0, "")
    found = read_recognition_submission(out)
    assert list(found) == [f"012000000000000{number}" for number in range(3)]
    assert all(row is not None and 0 <= row[1] <= 1 for row in found.values())
    assert [row[0] for row in found.values()] == ["100", "101", "102"]
    refused(identify(places / "s01" / "0.png", "--submission", out), "16")
    refused(identify(tmp_path / "test", test, "--submission", out), "given twice")


def test_bad_input_is_one_line_and_leaves_no_gallery(enroll, refused, places, others, path, tmp_path):
    (tmp_path / "few").mkdir()
    shutil.copy(others / "000.png", tmp_path / "few")
    (tmp_path / "none").mkdir()
    with_others = ("--non-landmarks", others)
    for arguments, words in [
        ((places,), "--non-landmarks"),
        ((places, "--non-landmarks", tmp_path / "few"), "cannot carry a false-positive rate"),
        ((places, "--non-landmarks", tmp_path / "none"), "holds no pictures"),
        ((places, *with_others), "cannot carry a false-positive rate of 0.01"),
        ((places, *with_others, "--promise", "fpir=0.1"), "fpr=RATE"),
        ((places, *with_others, "--promise", "fpr=much"), "fpr=RATE"),
        ((places, *with_others, "--promise", "fpr=0.1", "--scales", "big"), "0.7,1,1.4"),
        ((places, *with_others, "--places", tmp_path / "no.csv"), "no.csv"),
        ((*with_others, "--promise", "fpr=0.1"), "holds no place and no photos were given"),
        (("--name", "x", *with_others), "no pictures were given"),
        ((places, places, *with_others), "without --name"),
    ]:
        refused(enroll(*arguments), words)
        assert not path.exists()
    refused(enroll(places, recipe=("--recipe", "mountains")), "'mountains'")
    refused(enroll(places, *with_others, recipe=()), "give --recipe landmarks")
    refused(enroll(recipe=()), "no pictures were given")


def test_options_of_people_are_refused(enrolled, identify, lookalike, refused, places, gallery, tiny_model, tmp_path):
    photo = places / "s01" / "0.png"
    for option in (("--threshold", "0.5"), ("--fmr", "0.01"), ("--fpir", "0.01")):
        refused(identify(photo, *option), option[0], "is for people")
    people = ("--model", tiny_model, "--gallery", gallery)
    refused(lookalike("identify", photo, "--submission", tmp_path / "s.csv", *people), "is for landmarks")
    refused(
        lookalike("identify", photo, "--recipe", "landmarks", *people), "holds people, and landmarks were asked for"
    )
    refused(identify(tmp_path / "no.png"), "no.png")


def test_a_damaged_atlas_and_another_model(enrolled, identify, refused, lookalike, places, path):
    refused(lookalike("identify", places / "s01" / "0.png", "--model", "dlib", "--gallery", path), "belongs to model")
    (file,) = (path / "landmarks").iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    refused(identify(places / "s01" / "0.png"), "is damaged")
