"""Identification as a function, of people and of places: an answer for each picture, in one opening of the gallery."""

import csv
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.datasets.landmark_solutions import read_recognition_submission
from lookalike.errors import ArtefactError, DatasetError, FingerprintError, ImageError, InputError
from lookalike.workflows.enroll import EnrollOptions, enroll
from lookalike.workflows.identify import IdentifyOptions, identify, identify_with


@pytest.fixture
def ask(tiny_model, gallery):
    def job(*pictures, progress=None, **more):
        return identify(
            IdentifyOptions(pictures=pictures, **({"model": tiny_model, "gallery": gallery} | more)), progress
        )

    return job


# --- people -----------------------------------------------------------------------------------------------------------


def test_an_answer_for_each_picture(ask, people_folder, gallery, opened, capsys):
    known, stranger = people_folder / "s02" / "4.png", people_folder / "s08" / "0.png"
    events = []
    found = ask(known, str(stranger), progress=events.append, top=2)
    assert (found.kind, found.identities, found.notes) == ("people", 3, ())
    assert found.pictures == (str(known), str(stranger))
    assert [(one.decision, one.identity) for one in found.answers] == [("match", "s02"), ("unknown", None)]
    assert [len(one.candidates) for one in found.answers] == [2, 2]
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Identifying", 2, 2)
    assert opened == [gallery]
    assert capsys.readouterr() == ("", "")


def test_many_pictures_are_answered_in_batches_as_one_by_one(ask, people_folder, monkeypatch):
    sizes = []
    embed = Embedder.embed

    def counted(self, pictures, *arguments, **keywords):
        sizes.append(len(pictures))
        return embed(self, pictures, *arguments, **keywords)

    monkeypatch.setattr(Embedder, "embed", counted)
    found = ask(people_folder, people_folder / "s01", people_folder)  # folders stand for the pictures in them
    assert (len(found.answers), sizes) == (102, [64, 38])
    assert found.pictures[48] == str(people_folder / "s01" / "0.png")
    monkeypatch.undo()
    for at in (0, 50, 101):
        alone = ask(found.pictures[at]).answers[0]
        assert (alone.decision, alone.identity) == (found.answers[at].decision, found.answers[at].identity)
        assert alone.distance == pytest.approx(found.answers[at].distance, abs=1e-5)


def test_with_a_model_that_is_loaded_and_a_gallery_that_is_open(tiny_model, gallery, people_folder, opened):
    with open_gallery(gallery) as held:
        recognizer = Recognizer(Embedder.load(tiny_model), held, threshold=0.01)
        opened.clear()
        found = identify_with(recognizer, [(people_folder / "s01" / "1.png").read_bytes()], top=1)
        assert (found.pictures, found.answers[0].threshold_source) == (("",), "given by the user")
        assert found.answers[0].identity == "s01"
        with pytest.raises(InputError, match="no pictures were given"):
            identify_with(recognizer, [])
        with pytest.raises(ImageError, match="picture 2"):
            identify_with(recognizer, [people_folder / "s01" / "1.png", b"x"])
    assert opened == []


def test_what_is_refused_changes_nothing(ask, refuses, people_folder, bad_picture, gallery, tmp_path):
    picture = people_folder / "s01" / "0.png"
    bad = bad_picture("truncated", tmp_path / "bad.png")
    (tmp_path / "none").mkdir()
    for error, job, words in [
        (InputError, lambda: ask(), "no pictures were given"),
        (DatasetError, lambda: ask(tmp_path / "none"), "holds no pictures"),
        (ImageError, lambda: ask(picture, bad), "bad.png"),
        (InputError, lambda: ask(picture, threshold=math.nan), "threshold is nan"),
        (InputError, lambda: ask(picture, fmr=0.05), "choose one of 0.1, 0.01, 0.001"),
        (InputError, lambda: ask(picture, fpir=1), "below 1"),
        (InputError, lambda: ask(picture, fpir=math.nan), "fpir is nan"),
        (InputError, lambda: ask(picture, fmr=0.1, fpir=0.1), "give one of them"),
        (InputError, lambda: ask(picture, top=0), "k"),
        (InputError, lambda: ask(picture, rerank=True), "--rerank is for landmarks"),
        (InputError, lambda: ask(picture, submission=tmp_path / "s.csv"), "--submission is for landmarks"),
        (InputError, lambda: ask(picture, recipe="mountains"), "'mountains'"),
        (InputError, lambda: ask(picture, recipe="landmarks"), "holds people"),
        (ArtefactError, lambda: ask(picture, model=tmp_path / "no"), "there is no model"),
        (ArtefactError, lambda: ask(picture, gallery=tmp_path / "no"), "is not there"),
        (ArtefactError, lambda: ask(picture, calibration=tmp_path / "no.json"), "does not exist"),
        (FingerprintError, lambda: ask(picture, model="dlib"), "belongs to model 'tiny'"),
    ]:
        for below in (tmp_path, gallery):
            refuses(error, job, words, below=below)


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def places_gallery(people_folder, others, tiny_model, tmp_path_factory):
    """Three places named as in Google Landmarks, of four photos each."""
    root = tmp_path_factory.mktemp("places")
    for number, name in enumerate(("s01", "s02", "s03")):
        (root / "photos" / str(100 + number)).mkdir(parents=True)
        for picture in sorted((people_folder / name).iterdir())[:4]:
            shutil.copy(picture, root / "photos" / str(100 + number))
    options = EnrollOptions(
        pictures=root / "photos",
        model=tiny_model,
        gallery=root / "g",
        recipe="landmarks",
        non_landmarks=others,
        promise="fpr=0.1",
    )
    assert enroll(options).places == ("100", "101", "102")
    return root / "g"


def test_places_are_named_with_what_decided(ask, places_gallery, people_folder, others, opened, capsys):
    photos = (people_folder / "s02" / "0.png", others / "000.png")
    found = ask(*photos, gallery=places_gallery)  # the gallery says what it holds
    assert (found.kind, found.identities) == ("landmarks", 3)
    assert [(one.decision, one.place) for one in found.answers] == [("match", "101"), ("unknown", None)]
    assert found.answers[0].photos[0].source.endswith("101/0.png")
    assert opened == [places_gallery]
    by_centroids = ask(*photos, gallery=places_gallery, recipe="landmarks", rerank=False)
    assert by_centroids.answers[0].candidates[0].ranking != found.answers[0].candidates[0].ranking
    assert capsys.readouterr() == ("", "")


def test_a_submission_is_written(ask, places_gallery, people_folder, tmp_path):
    photos = []
    for number in range(2):
        photos.append(tmp_path / f"012000000000000{number}.png")
        shutil.copy(people_folder / f"s0{number + 1}" / "0.png", photos[-1])
    ask(tmp_path, gallery=places_gallery, submission=tmp_path / "s.csv")
    found = read_recognition_submission(tmp_path / "s.csv")
    assert {name: row[0] for name, row in found.items()} == {"0120000000000000": "100", "0120000000000001": "101"}


def test_what_is_refused_of_places(ask, refuses, places_gallery, people_folder, bad_picture, tmp_path):
    photo = people_folder / "s01" / "0.png"
    bad = bad_picture("text", tmp_path / "0120000000000000.png")
    out = tmp_path / "s.csv"
    for error, job, words in [
        (InputError, lambda **more: ask(photo, threshold=0.5, **more), "--threshold is for people"),
        (InputError, lambda **more: ask(photo, fmr=0.1, **more), "--fmr is for people"),
        (InputError, lambda **more: ask(photo, fpir=0.1, **more), "--fpir is for people"),
        (InputError, lambda **more: ask(photo, calibration=out, **more), "--calibration is for people"),
        (DatasetError, lambda **more: ask(photo, submission=out, **more), "16"),
        (DatasetError, lambda **more: ask(bad, bad, submission=out, **more), "given twice"),
        (ImageError, lambda **more: ask(bad, submission=out, **more), "is not a picture"),
    ]:
        for below in (tmp_path, places_gallery):
            refuses(error, lambda job=job: job(gallery=places_gallery), words, below=below)


# --- faces ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask_friends(friends):
    def job(*pictures, progress=None, **more):
        return identify(
            IdentifyOptions(pictures=pictures, model="dlib", gallery=friends, **({"threshold": 0.5} | more)), progress
        )

    return job


def cell(face):
    """Which person of `group_photo` a face is, from 0."""
    return (face.box.left + face.box.right) // 2 // 366 + 2 * ((face.box.top + face.box.bottom) // 2 // 416)


PEOPLE = {0: "s01", 1: "s02", 2: "s03", 3: "s04", 4: None}


def test_every_face_of_a_group_is_named(ask_friends, group_photo, orl, tmp_path):
    one = str(orl.of(["s02"]).paths[4])
    events = []
    found = ask_friends(group_photo, one, all_faces=True, csv=tmp_path / "a.csv", draw=tmp_path, progress=events.append)
    assert (found.kind, found.identities, found.answers) == ("people", 4, ())
    assert found.pictures == (str(group_photo), one)
    group, single = found.faces
    assert {cell(face.face): face.answer.identity for face in group} == PEOPLE
    assert [face.answer.identity for face in single] == ["s02"]
    assert [event.stage for event in events if event.done == 2] == ["Identifying", "Drawing"]
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["identity"] or None for row in rows] == [face.answer.identity for face in (*group, *single)]
    drawn = np.asarray(Image.open(found.drawn[0]))
    for face in group:
        colour = (0xD5, 0x5E, 0x00) if face.answer.identity is None else (0x00, 0x72, 0xB2)
        assert tuple(drawn[face.face.box.top, face.face.box.left]) == colour
        assert tuple(drawn[face.face.box.bottom, face.face.box.right]) == colour


def test_one_face_of_a_group_is_chosen_and_said(ask_friends, group_photo, tmp_path):
    found = ask_friends(group_photo, draw=tmp_path)
    answer = found.answers[0]
    assert answer.identity == PEOPLE[cell(answer.face)]
    assert len(answer.faces) == 5
    assert found.notes[0].startswith(f"{group_photo}: 5 faces were found; ")
    assert str(answer.face.box) in found.notes[0]
    drawn = np.asarray(Image.open(found.drawn[0]))
    colours = [tuple(drawn[face.box.top, face.box.left]) for face in answer.faces]
    assert colours[1:] == [(0x99, 0x99, 0x99)] * 4
    assert colours[0] != colours[1]


def test_a_person_who_is_there_twice_is_said(ask_friends, group_photo, tmp_path):
    with Image.open(group_photo) as photo:
        twice = Image.new("L", (672, 400), 128)
        for left in (0, 336):
            twice.paste(photo.crop((30, 30, 366, 426)), (left, 0))
    twice.save(tmp_path / "twice.png")
    found = ask_friends(tmp_path / "twice.png", all_faces=True)
    assert [face.answer.identity for face in found.faces[0]] == ["s01", "s01"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith(f"{tmp_path / 'twice.png'}: faces 1 and 2 are answered with s01; face ")


def test_all_faces_are_asked_of_people_by_models_that_find_faces(
    ask, ask_friends, refuses, people_folder, places_gallery, group_photo, tmp_path
):
    picture = people_folder / "s01" / "0.png"
    for job, words in [
        (lambda: ask(picture, all_faces=True), "looks for no faces"),
        (lambda: ask(picture, all_faces=True, gallery=places_gallery), "--all-faces is for people"),
        (lambda: ask_friends(group_photo, all_faces=True, csv=tmp_path / "no" / "a.csv"), "there is no folder"),
    ]:
        refuses(InputError, job, words)


# --- what is given, and what is written -------------------------------------------------------------------------------


def test_pictures_that_cannot_be_used_do_not_cost_the_other_answers(ask, people_folder, bad_picture, tmp_path):
    known = people_folder / "s02" / "4.png"
    bad = bad_picture("text", tmp_path / "bad.png")
    with pytest.raises(ImageError, match=r"bad.png is not a picture .*\(--skip-bad leaves such pictures out\)"):
        ask(known, bad)
    found = ask(bad, known, tmp_path / "none.png", known, skip_bad=True, csv=tmp_path / "a.csv")
    assert found.pictures == (str(known), str(known))
    assert [answer.identity for answer in found.answers] == ["s02", "s02"]
    assert [one.picture for one in found.unusable] == [str(bad), str(tmp_path / "none.png")]
    assert found.notes[0].startswith("2 of 4 pictures cannot be used and are left out; ")
    assert "none.png,,,,,,,,,,,,,,,,,,," in (tmp_path / "a.csv").read_text("utf-8").replace("\r", "")
    with pytest.raises(DatasetError, match="2 of 2 pictures cannot be used"):
        ask(bad, bad, skip_bad=True)


def test_patterns(ask, people_folder):
    found = ask(f"{people_folder}/s0[12]/3.png", f"{people_folder}/s02/*")
    assert [answer.identity for answer in found.answers] == ["s01"] + ["s02"] * 7


def test_a_picture_without_a_face_to_look_for_is_drawn_with_its_name(ask, people_folder, tmp_path):
    found = ask(people_folder / "s02" / "4.png", draw=tmp_path)
    with Image.open(found.drawn[0]) as drawn:
        assert drawn.size == (460, 560)
        assert drawn.convert("RGB").getpixel((0, 300)) == (0x00, 0x72, 0xB2)


def test_a_submission_has_a_row_for_what_cannot_be_used(ask, places_gallery, people_folder, bad_picture, tmp_path):
    good = shutil.copy(people_folder / "s01" / "0.png", tmp_path / "0120000000000000.png")
    bad = bad_picture("text", tmp_path / "0120000000000001.png")
    out = tmp_path / "s.csv"
    ask(bad, good, gallery=places_gallery, submission=out, skip_bad=True)
    assert [row.split(" ")[0] for row in out.read_text().splitlines()] == [
        "id,landmarks", "0120000000000001,", "0120000000000000,100",
    ]  # fmt: skip
