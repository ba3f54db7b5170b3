"""`lookalike identify`: a name, or nobody's."""

import csv
import io
import shutil

import pytest

from lookalike import Embedder, open_gallery


@pytest.fixture
def identify(lookalike, tiny_model, gallery):
    def run(*arguments):
        return lookalike("identify", *arguments, "--model", tiny_model, "--gallery", gallery)

    return run


def test_somebody_enrolled_and_nobody(identify, people_folder):
    known, stranger = people_folder / "s02" / "0.png", people_folder / "s08" / "0.png"
    # A unit vector's product with itself may round to a little under 1.
    said = identify(known, stranger, "--threshold", "0.00001", "--top", "2")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{known}: s02 (distance 0.0000 <= threshold 0.0000)")
    assert lines[1].split() == ["0.0000", "s02"]
    assert lines[3].startswith(f"{stranger}: nobody in the gallery (distance ")
    assert lines[-2:] == ["gallery: 3 people (6 templates)", "threshold: given by the user"]
    assert len(lines) == 8


def test_a_picture_that_is_not_enrolled_itself(identify, people_folder):
    known, stranger = people_folder / "s02" / "4.png", people_folder / "s08" / "0.png"
    first, second = identify(known, stranger, "--json").document["answers"]
    assert (first["decision"], first["identity"]) == ("match", "s02")
    assert first["distance"] < 0.05 < first["threshold"] < 0.67 < first["candidates"][1]["distance"]
    assert (second["decision"], second["identity"]) == ("unknown", None)
    assert 0.88 < second["distance"] < 1.13


def test_json(identify, people_folder, gallery):
    picture = people_folder / "s01" / "1.png"
    document = identify(picture, picture, "--json", "--top", "9").document
    assert (document["gallery"], document["identities"]) == (str(gallery), 3)
    first, second = document["answers"]
    assert first == second
    assert (first["picture"], first["identity"]) == (str(picture), "s01")
    assert {candidate["identity"] for candidate in first["candidates"]} == {"s01", "s02", "s03"}
    distances = [candidate["distance"] for candidate in first["candidates"]]
    assert distances == sorted(distances)


def test_an_empty_gallery_knows_nobody(identify, people_folder, gallery):
    with open_gallery(gallery) as opened:
        for name in ("s01", "s02", "s03"):
            opened.forget(name)
    answer = identify(people_folder / "s01" / "0.png", "--json").document["answers"][0]
    assert (answer["identity"], answer["distance"], answer["candidates"]) == (None, None, [])
    assert "nobody in the gallery" in identify(people_folder / "s01" / "0.png").out


def test_asking_changes_nothing(identify, people_folder, gallery):
    before = (gallery / "gallery.sqlite3").read_bytes()
    identify(people_folder / "s01" / "0.png")
    assert (gallery / "gallery.sqlite3").read_bytes() == before


@pytest.fixture(scope="module")
def promising_model(tiny_model, people_folder, tmp_path_factory):
    """The tiny model with a calibration on all eight people: enough pairs for a tail."""
    from lookalike.datasets import read_pictures
    from lookalike.progress import Reporter
    from lookalike.workflows.calibration import calibrate_on

    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("promising") / "model")
    calibration = calibrate_on(
        Embedder.load(folder), read_pictures(people_folder), Reporter(), source="eight people of ORL"
    )
    calibration.save(folder / "calibration.json")
    return folder


@pytest.fixture
def promise(lookalike, promising_model, gallery):
    def run(*arguments):
        return lookalike("identify", *arguments, "--model", promising_model, "--gallery", gallery)

    return run


def test_a_promise_per_search_and_what_it_costs(promise, promising_model, people_folder):
    calibration = Embedder.load(promising_model).calibration
    picture = people_folder / "s01" / "1.png"
    answer = promise(picture, "--fpir", "0.2", "--json").document["answers"][0]
    assert answer["threshold"] == calibration.threshold_for(fpir=0.2, gallery=6)
    assert (answer["identities"], answer["templates"]) == (3, 6)
    assert answer["promised"]["promise"] == {"kind": "fpir", "rate": 0.2}
    assert (answer["decision"], answer["identity"]) == ("match", "s01")
    assert 0 < answer["probability"] < 1
    lines = promise(picture, "--fpir", "0.2").out.splitlines()
    assert ", probability 0." in lines[0]
    assert lines[-2].startswith("gallery: 3 people (6 templates); at this threshold ")
    assert lines[-1].startswith("threshold: at most 0.2 of strangers' searches among 6 templates name anybody")


def test_without_a_promise_it_says_what_the_threshold_means_here(promise, promising_model, people_folder):
    said = promise(people_folder / "s01" / "1.png").out.splitlines()
    tail, default = (lambda c: (c.tail, c.threshold()))(Embedder.load(promising_model).calibration)
    bound = tail.upper_fpir(default, 6)
    assert f"of strangers' searches up to {bound:.1%} may be named: see --fpir" in said[-2]
    assert "of impostor pairs match (eight people of ORL)" in said[-1]


def test_one_person_under_two_names_is_said_to_be_ambiguous(
    promise, lookalike, promising_model, people_folder, gallery
):
    picture = people_folder / "s01" / "1.png"
    lookalike("enroll", picture, "--name", "again", "--model", promising_model, "--gallery", gallery)
    answer = promise(picture, "--json").document["answers"][0]
    assert (answer["decision"], answer["identity"]) == ("ambiguous", None)
    assert answer["margin"] == pytest.approx(0, abs=1e-6)
    assert "ambiguous, " in promise(picture).out.splitlines()[0]


def test_a_promise_that_cannot_be_kept(promise, identify, people_folder):
    picture = people_folder / "s01" / "1.png"
    beyond = promise(picture, "--fpir", "1e-9")
    assert (beyond.code, beyond.out) == (2, "")
    assert "calibrate on more identities" in beyond.err
    assert "too few to fit a tail" in identify(picture, "--fpir", "0.1").err
    assert "below 1" in identify(picture, "--fpir", "1").err


def test_enrolling_says_what_the_threshold_means_in_a_gallery_so_large(
    lookalike, promising_model, people_folder, tmp_path
):
    arguments = ("enroll", people_folder, "--model", promising_model, "--gallery", tmp_path / "g")
    document = lookalike(*arguments, "--json").document
    calibration = Embedder.load(promising_model).calibration
    assert document["fpir_bound"] == calibration.tail.upper_fpir(calibration.threshold(), 48)
    assert f"among 48 templates up to {document['fpir_bound']:.2g} of strangers' searches" in lookalike(*arguments).err


def test_a_calibration_that_lies_elsewhere(
    identify, lookalike, refused, people_folder, tiny_model, promising_model, tmp_path
):
    picture = people_folder / "s01" / "0.png"
    file = shutil.copy(promising_model / "calibration.json", tmp_path / "elsewhere.json")
    answer = identify(picture, "--fpir", "0.1", "--calibration", file, "--json").document["answers"][0]
    assert answer["promised"]["promise"] == {"kind": "fpir", "rate": 0.1}
    assert "(eight people of ORL)" not in identify(picture, "--json").document["answers"][0]["threshold_source"]
    verified = lookalike("verify", picture, picture, "--model", tiny_model, "--calibration", file, "--json").document
    assert "(eight people of ORL)" in verified["threshold_source"]
    fingerprint = Embedder.load(tiny_model).fingerprint
    file.write_text(file.read_text("utf-8").replace(fingerprint, "another"), "utf-8")
    refused(identify(picture, "--calibration", file), "was measured with model another", fingerprint)
    refused(identify(picture, "--calibration", tmp_path / "none.json"), "does not exist")


# --- faces, tables and copies -----------------------------------------------------------------------------------------


@pytest.fixture
def ask_friends(lookalike, friends):
    def run(*arguments):
        return lookalike("identify", *arguments, "--model", "dlib", "--gallery", friends, "--threshold", "0.5")

    return run


def test_every_face_of_a_group(ask_friends, group_photo, tmp_path):
    said = ask_friends(group_photo, "--all-faces", "--draw", tmp_path / "out")
    lines = said.out.splitlines()
    assert len(lines) == 7
    for number, line in enumerate(lines[:5], 1):
        assert line.startswith(f"{group_photo}, face {number} (")
    named = sorted(line.split("): ")[1].split(" (")[0] for line in lines[:5])
    assert named == ["nobody in the gallery", "s01", "s02", "s03", "s04"]
    assert lines[5:] == ["gallery: 4 people (8 templates)", "threshold: given by the user"]
    assert said.said == f"wrote 1 picture with boxes to {tmp_path / 'out'}\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["group-faces.png"]


def test_every_face_as_json(ask_friends, group_photo, friends):
    document = ask_friends(group_photo, "--all-faces", "--json").document
    assert list(document) == ["gallery", "identities", "pictures", "unusable", "drawn"]
    (picture,) = document["pictures"]
    assert picture["picture"] == str(group_photo)
    assert sorted(str(face["identity"]) for face in picture["faces"]) == ["None", "s01", "s02", "s03", "s04"]
    face = picture["faces"][0]
    assert set(face["box"]) == {"left", "top", "right", "bottom"}
    assert set(face) >= {"score", "landmarks", "quality", "cut_off", "decision", "distance", "threshold", "candidates"}
    assert "face" not in face


def test_the_face_that_was_chosen_is_in_the_json(ask_friends, identify, group_photo, people_folder):
    said = ask_friends(group_photo, "--json")
    (answer,) = said.document["answers"]
    assert set(answer["face"]["box"]) == {"left", "top", "right", "bottom"}
    assert "5 faces were found" in answer["notes"][0]
    assert identify(people_folder / "s01" / "0.png", "--json").document["answers"][0]["face"] is None


def test_csv_of_people(identify, refused, people_folder, tmp_path):
    pictures = (people_folder / "s02" / "4.png", people_folder / "s08" / "0.png")
    on_stdout = identify(*pictures, "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(on_stdout.out)))
    assert [(row["picture"], row["decision"], row["identity"]) for row in rows] == [
        (str(pictures[0]), "match", "s02"),
        (str(pictures[1]), "unknown", ""),
    ]
    in_file = identify(*pictures, "--csv", tmp_path / "a.csv")
    assert (in_file.out, in_file.err) == ("", f"wrote 2 answers to {tmp_path / 'a.csv'}\n")
    assert (tmp_path / "a.csv").read_text("utf-8").splitlines() == on_stdout.out.splitlines()
    both = identify(*pictures, "--csv", tmp_path / "a.csv", "--json")
    assert len(both.document["answers"]) == 2
    refused(identify(*pictures, "--csv", "-", "--json"), "both print on stdout")


def test_bad_pictures_among_good_ones(identify, refused, people_folder, bad_picture, tmp_path):
    good, bad = people_folder / "s02" / "4.png", bad_picture("truncated", tmp_path / "bad.png")
    refused(identify(good, bad), "bad.png", "--skip-bad")
    said = identify(bad, good, "--skip-bad", "--json")
    assert [answer["identity"] for answer in said.document["answers"]] == ["s02"]
    assert [one["picture"] for one in said.document["unusable"]] == [str(bad)]
    assert "note: 1 of 2 pictures cannot be used and are left out; " in said.err


def test_patterns_and_names_that_are_markup(identify, lookalike, tiny_model, gallery, people_folder, tmp_path):
    shutil.copy(people_folder / "s08" / "0.png", tmp_path / "[bold]x.png")
    said = identify(f"{tmp_path}/*bold*.png", "--draw", tmp_path / "[red]")
    assert said.out.startswith(f"{tmp_path}/[bold]x.png: nobody")
    assert f"to {tmp_path}/[red]" in said.err
