"""The verbs of landmarks as a whole: what evaluate measures, and what a user may get wrong on the way.

The places are people, and the model is `tiny_model`, as in `test_enrolled_places`: photos of a place are at most 0.03
from its centroid, all others at least 0.7 from every one, and the thresholds lie between, 0.14 or more from either.
"""

import json
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets.landmark_solutions import (
    Solution,
    write_recognition_submission,
    write_retrieval_submission,
    write_solution,
)
from lookalike.embedder.seen_pictures import FILE_NAME, digests
from lookalike.evaluation.retrieval.landmark_submissions import recognition_from_submission
from lookalike.evaluation.retrieval.ranked_retrieval import global_average_precision

PLACES = ("s01", "s02", "s03")
IDS = [f"{number:016x}" for number in range(9)]


def pictures_of(orl, first, count, folder):
    """Every other picture of people who are no places, as PNG."""
    folder.mkdir()
    for number, path in enumerate(orl.of(orl.names[9:29]).paths[first::2][:count]):
        with Image.open(path) as image:
            image.save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def others(orl, tmp_path_factory):
    """A hundred pictures that show no place."""
    return pictures_of(orl, 0, 100, tmp_path_factory.mktemp("some") / "others")


@pytest.fixture(scope="module")
def unseen_others(orl, tmp_path_factory):
    """Forty more, of the same kind: what was promised holds of pictures like those it was measured on."""
    return pictures_of(orl, 1, 40, tmp_path_factory.mktemp("some") / "unseen")


def copied(people_folder, root, pictures):
    for name in PLACES:
        (root / name).mkdir(parents=True)
        for number in pictures:
            shutil.copy(people_folder / name / f"{number}.png", root / name)
    return root


@pytest.fixture(scope="module")
def places(people_folder, tmp_path_factory):
    return copied(people_folder, tmp_path_factory.mktemp("places") / "places", range(4))


@pytest.fixture(scope="module")
def unseen(people_folder, tmp_path_factory):
    """Photos of the places that are not enrolled."""
    return copied(people_folder, tmp_path_factory.mktemp("places") / "unseen", (4, 5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "places.gallery"


@pytest.fixture
def enroll(lookalike, tiny_model, path):
    def run(*arguments):
        return lookalike("enroll", *arguments, "--recipe", "landmarks", "--model", tiny_model, "--gallery", path)

    return run


@pytest.fixture
def evaluate(lookalike, tiny_model, path, tmp_path):
    def run(*arguments, model=tiny_model):
        return lookalike("evaluate", *arguments, "--model", model, "--gallery", path, "--output", tmp_path / "e")

    return run


@pytest.fixture
def enrolled(enroll, places, others):
    said = enroll(places, "--non-landmarks", others, "--promise", "fpr=0.1")
    assert said.code == 0, said.err


# --- evaluate ---------------------------------------------------------------------------------------------------------


def test_evaluate_measures_what_identify_answers(
    enrolled, evaluate, lookalike, tiny_model, people_folder, unseen, unseen_others, path, tmp_path
):
    photos = shutil.copytree(unseen, tmp_path / "photos")
    strangers = shutil.copytree(unseen_others, tmp_path / "strangers")
    # A wrong label, and a photo of a place among those that show none: figures that are all right show little.
    shutil.copy(people_folder / "s02" / "4.png", photos / "s01" / "wrong.png")
    shutil.copy(people_folder / "s03" / "4.png", strangers / "wrong.png")
    document = evaluate(photos, "--non-landmarks", strangers, "--recipe", "landmarks", "--json").document
    metrics = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert metrics == {key: value for key, value in document.items() if key != "report"}

    asked = lookalike("identify", photos, strangers, "--model", tiny_model, "--gallery", path, "--json").document
    truth = [Path(one["picture"]).parent.name for one in asked["answers"][:7]] + [None] * 41
    guesses = [one["candidates"][0]["place"] for one in asked["answers"]]
    whole = global_average_precision(guesses, [one["confidence"] for one in asked["answers"]], truth)
    assert 0.5 < whole.gap < 1
    found = metrics["recognition"]
    assert found["gap"] == pytest.approx(whole.gap)
    assert (
        found["top_1"] == sum(guess == place for guess, place in zip(guesses[:7], truth[:7], strict=True)) / 7 == 6 / 7
    )
    accepted = sum(one["decision"] != "unknown" for one in asked["answers"][7:])
    assert found["false_positives"]["value"] == accepted / 41 == 1 / 41
    assert metrics["outcomes"] == {"right": 6, "wrong place": 1, "missed": 0, "refused": 40, "falsely accepted": 1}
    assert metrics["promise"]["promise"] == 0.1
    # The mislabelled photo finds the two others' four enrolled photos before its own place's: 12 enrolled, 4 right.
    low, high = ((sum(k / (m + k) for k in range(1, 5)) / 4 + 6) / 7 for m in (8, 4))
    assert low <= metrics["retrieval"]["mean_average_precision"] <= high
    assert metrics["enrolled_themselves"] == 0

    page = (tmp_path / "e" / "report.html").read_text("utf-8")
    assert "GAP" in page
    assert "promised: at most 10%" in page
    assert page.count("data:image/png;base64,") >= 12


def test_what_evaluate_says_to_people(enrolled, evaluate, unseen, unseen_others, tmp_path):
    said = evaluate(unseen, "--non-landmarks", unseen_others)  # the gallery says what it holds
    assert said.code == 0, said.err
    for words in ("6 photos of 3 places, 40 pictures without a place", "GAP", "promised: at most 0.1", "mAP@100"):
        assert words in said.out
    assert said.err.splitlines()[-1] == f"wrote {tmp_path / 'e' / 'report.html'}"


def test_without_non_landmarks_nothing_is_said_of_the_promise(enrolled, evaluate, unseen, tmp_path):
    metrics = evaluate(unseen, "--json").document
    assert metrics["recognition"]["false_positives"] is None
    assert "nothing is said of whether it is kept" in (tmp_path / "e" / "report.html").read_text("utf-8")


def test_photos_that_are_enrolled_and_places_that_are_not(enrolled, evaluate, people_folder, places, others):
    said = evaluate(places, "--non-landmarks", others, "--json")
    assert said.document["enrolled_themselves"] == 12 + 100
    assert "112 of 112 pictures are enrolled themselves" in said.err
    said = evaluate(people_folder, "--json")
    assert "5 of 8 places are not in" in said.err
    assert said.document["recognition"]["landmarks"] == 48


def test_enrolled_photos_that_moved_are_not_shown(enroll, evaluate, places, others, unseen, tmp_path):
    shutil.copytree(places, tmp_path / "mine")
    assert enroll(tmp_path / "mine", "--non-landmarks", others, "--promise", "fpr=0.1").code == 0
    shutil.rmtree(tmp_path / "mine" / "s01")
    assert evaluate(unseen, "--json").code == 0
    assert "no longer where they were" in (tmp_path / "e" / "report.html").read_text("utf-8")


def test_evaluate_refuses_in_one_line_and_leaves_nothing(
    enrolled, evaluate, lookalike, refused, unseen, places, gallery, tiny_model, tmp_path, snapshot
):
    elsewhere = shutil.copytree(unseen, tmp_path / "elsewhere")
    for name in PLACES:
        (elsewhere / name).rename(elsewhere / f"x{name}")
    (tmp_path / "none").mkdir()
    (tmp_path / "only" / "non-landmark").mkdir(parents=True)
    shutil.copy(unseen / "s01" / "4.png", tmp_path / "only" / "non-landmark")
    before = snapshot(tmp_path)
    for arguments, words in [
        ((elsewhere,), ("knows none of the 3 places", "xs01")),
        ((unseen, "--non-landmarks", tmp_path / "none"), ("holds no pictures",)),
        ((unseen, "--non-landmarks", tmp_path / "no"), ("is no folder",)),
        ((tmp_path / "none",), ("no subfolder with pictures",)),
        ((tmp_path / "only",), ("none of 1 picture", "shows a place")),
        ((unseen, "--promise", "fpr=0.1"), ("--promise is for people",)),
        ((unseen, "--trials", "3"), ("--trials is for people",)),
        ((unseen, "--recipe", "mountains"), ("'mountains'",)),
    ]:
        refused(evaluate(*arguments), *words)
        assert snapshot(tmp_path) == before
    refused(evaluate(unseen, model="dlib"), "belongs to model")
    run = ("evaluate", unseen, "--recipe", "landmarks", "--output", tmp_path / "e")
    refused(lookalike(*run), "no model was given")
    refused(lookalike(*run, "--model", tiny_model), "no gallery was given")
    refused(lookalike(*run, "--model", tiny_model, "--gallery", gallery), "holds people, and landmarks")
    refused(lookalike(*run, "--model", tiny_model, "--gallery", tmp_path / "no"), "is not there")
    refused(lookalike("evaluate", unseen, "--model", tiny_model, "--non-landmarks", places), "--recipe landmarks")
    assert snapshot(tmp_path) == before


def test_a_bad_photo_among_those_asked_about(enrolled, evaluate, refused, bad_picture, unseen, tmp_path):
    shutil.copytree(unseen, tmp_path / "asked")
    bad_picture("truncated", tmp_path / "asked" / "s02" / "bad.png")
    refused(evaluate(tmp_path / "asked"), "1 of 7 pictures", "damaged or truncated", "--skip-bad")
    assert evaluate(tmp_path / "asked", "--skip-bad", "--json").document["recognition"]["landmarks"] == 6


# --- submissions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def solution(tmp_path):
    """A folder of Google Landmarks with solutions alone: nothing but these is needed to score."""
    right = dict(zip(IDS, [("1",), ("1", "2"), (), ("2",), ("3",)], strict=False))
    usage = dict(zip(right, ["Public", "Private", "Public", "Ignored", "Private"], strict=True))
    (tmp_path / "gldv2").mkdir()
    write_solution(tmp_path / "gldv2" / "recognition_solution_v2.1.csv", Solution(right, usage), "landmarks")
    images = {IDS[0]: (IDS[5], IDS[6]), IDS[1]: (IDS[7],)}
    write_solution(
        tmp_path / "gldv2" / "retrieval_solution_v2.1.csv", Solution(images, dict.fromkeys(images, "Public")), "images"
    )
    return tmp_path / "gldv2"


def test_a_submission_is_scored_without_a_model(lookalike, solution, tmp_path):
    said = {IDS[0]: ("1", 0.9), IDS[1]: ("2", 0.4), IDS[2]: ("3", 0.6), IDS[3]: ("9", 0.99), IDS[4]: None}
    write_recognition_submission(tmp_path / "s.csv", said)
    run = ("--submission", tmp_path / "s.csv")
    document = lookalike("evaluate", solution, *run, "--json").document
    # By hand: of three landmark pictures, the first is right at rank 1, the second at rank 3 with one wrong before.
    assert document["recognition"]["gap"] == pytest.approx((1 + 2 / 3) / 3)
    file = solution / "recognition_solution_v2.1.csv"
    assert document["recognition"]["gap"] == recognition_from_submission(file, tmp_path / "s.csv").gap
    assert lookalike("evaluate", file, *run, "--json").document == document
    told = lookalike("evaluate", solution, *run)
    assert "GAP" in told.out
    assert "0.556" in told.out
    assert "right answers" not in told.out


def test_a_retrieval_submission_too(lookalike, solution, tmp_path):
    write_retrieval_submission(tmp_path / "s.csv", {IDS[0]: [IDS[5], IDS[8], IDS[6]], IDS[1]: [IDS[8]]})
    run = ("evaluate", solution, "--submission", tmp_path / "s.csv")
    value = lookalike(*run, "--json").document["retrieval"]["mean_average_precision"]
    assert value == pytest.approx(((1 + 2 / 3) / 2 + 0) / 2)
    assert "mAP@100" in lookalike(*run).out


def test_submissions_that_are_none(lookalike, refused, solution, tmp_path):
    (tmp_path / "s.csv").write_text("picture,place\nx,y\n")
    (tmp_path / "bare").mkdir()
    run = ("evaluate", solution, "--submission")
    refused(lookalike(*run, tmp_path / "s.csv"), "id,landmarks (recognition) or id,images")
    refused(lookalike(*run, tmp_path / "no.csv"), "no.csv")
    (tmp_path / "s.csv").write_text(f"id,landmarks\n{IDS[8]},1 0.5\n")
    refused(lookalike(*run, tmp_path / "s.csv"), "the solution does not know")
    refused(lookalike("evaluate", tmp_path / "bare", "--submission", tmp_path / "s.csv"), "recognition_solution_v2.1")


# --- what a user may get wrong ----------------------------------------------------------------------------------------


def test_one_photo_a_place_and_the_same_photo_again_and_again(enroll, places, others, tmp_path):
    for number, name in enumerate(PLACES):
        (tmp_path / "single" / name).mkdir(parents=True)
        (tmp_path / "same" / name).mkdir(parents=True)
        shutil.copy(places / name / "0.png", tmp_path / "single" / name)
        for copy in range(5):
            shutil.copy(places / PLACES[number] / "1.png", tmp_path / "same" / name / f"{copy}.png")
    more = ("--non-landmarks", others, "--promise", "fpr=0.1", "--json")
    single = enroll(tmp_path / "single", *more).document
    assert (single["photos"], single["centroids"], len(single["places"])) == (3, 3, 3)
    same = enroll(tmp_path / "same", *more).document
    assert same["photos"] == 6  # a photo given again is the same photo
    assert same["new"] == []


def test_the_same_photos_under_two_names(enroll, lookalike, tiny_model, places, others, path, tmp_path):
    for name in ("here", "there"):
        shutil.copytree(places / "s01", tmp_path / "twins" / name)
    assert enroll(tmp_path / "twins", "--non-landmarks", others, "--promise", "fpr=0.1").code == 0
    photo = places / "s01" / "0.png"
    answer = lookalike("identify", photo, "--model", tiny_model, "--gallery", path, "--json").document["answers"][0]
    assert (answer["decision"], answer["place"]) == ("ambiguous", None)  # never one of two that nothing tells apart
    here, there = answer["candidates"]
    assert here["distance"] == pytest.approx(there["distance"], abs=1e-5)


def test_a_truncated_photo_of_a_place_or_of_none(enroll, refused, bad_picture, places, others, path, tmp_path):
    shutil.copytree(places, tmp_path / "p")
    shutil.copytree(others, tmp_path / "o")
    more = ("--promise", "fpr=0.1", "--non-landmarks")
    for folder, arguments in (
        (tmp_path / "p" / "s02", (tmp_path / "p", *more, others)),
        (tmp_path / "o", (places, *more, tmp_path / "o")),
    ):
        bad = bad_picture("truncated", folder / "bad.png")
        refused(enroll(*arguments), "bad.png", "damaged or truncated", "--skip-bad")
        assert not path.exists()
        bad.unlink()
    bad_picture("truncated", tmp_path / "p" / "s02" / "bad.png")
    said = enroll(tmp_path / "p", *more, others, "--skip-bad", "--json").document
    assert (said["photos"], said["left_out_unusable"]) == (12, 1)


def test_no_threshold_is_set_on_what_trained_the_network(
    lookalike, refused, tiny_model, places, others, path, tmp_path
):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    pictures = sorted(others.iterdir())

    def enroll(seen):
        np.save(model / FILE_NAME, digests(seen))
        more = ("--recipe", "landmarks", "--non-landmarks", others, "--promise", "fpr=0.1", "--json")
        return lookalike("enroll", places, *more, "--model", model, "--gallery", path)

    refused(enroll(pictures), "all 100 photos without a landmark trained model")
    assert not path.exists()
    said = enroll(pictures[:30])
    assert "30 of 100" in said.err
    assert said.document["non_landmarks"] == 70


def test_no_place_is_called_non_landmark(enroll, refused, places, others, path):
    photo = places / "s01" / "0.png"
    more = ("--non-landmarks", others, "--promise", "fpr=0.1")
    refused(enroll(photo, "--name", "non-landmark", *more), "non-landmark")
    assert not path.exists()


def test_names_in_any_script_and_form(enroll, evaluate, lookalike, places, others, unseen, path, tmp_path):
    apart = unicodedata.normalize("NFD", "Sacré-Cœur de Montmartre")
    names = {"s01": apart, "s02": "東京タワー", "s03": "a [bold] b"}
    for old, new in names.items():
        shutil.copytree(places / old, tmp_path / "p" / new)
        shutil.copytree(unseen / old, tmp_path / "u" / new)
    assert enroll(tmp_path / "p", "--non-landmarks", others, "--promise", "fpr=0.1").code == 0
    known = {one["name"] for one in lookalike("people", "--gallery", path, "--json").document["people"]}
    assert known == {unicodedata.normalize("NFC", name) for name in names.values()}
    said = evaluate(tmp_path / "u", "--json")
    assert "are not in" not in said.err
    assert said.document["recognition"]["top_1"] == 1
    assert lookalike("forget", apart, "--gallery", path).code == 0


@pytest.mark.parametrize("folder", ["landmarks", "."])
def test_a_gallery_that_lost_files_says_so(enrolled, evaluate, refused, unseen, path, folder):
    shutil.rmtree(path / folder)
    refused(evaluate(unseen, "--recipe", "landmarks"))


def test_train_refuses_in_one_line(lookalike, refused, places, tmp_path, snapshot):
    (tmp_path / "none").mkdir()
    (tmp_path / "one" / "s01").mkdir(parents=True)
    shutil.copy(places / "s01" / "0.png", tmp_path / "one" / "s01")
    (tmp_path / "regions.csv").write_text("identity,group\ns01,Europe\n")
    before = snapshot(tmp_path)
    run = ("--recipe", "landmarks", "--output", tmp_path / "m")
    for data, more, words in [
        (tmp_path / "none", (), ("no subfolder with pictures",)),
        (tmp_path / "one", (), ("training needs at least 2",)),
        (places, ("--non-landmarks", tmp_path / "none"), ("holds no pictures",)),
        (places, ("--groups", tmp_path / "regions.csv"), ("gives no group to 2 of 3",)),
        (places, ("--non-landmarks", places / "s01"), ("it is one or other",)),
    ]:
        refused(lookalike("train", data, *run, *more), *words)
        assert snapshot(tmp_path) == before


def test_a_full_disk_keeps_the_older_state(
    small_disk, lookalike, refused, tiny_model, places, others, people_folder, unseen
):
    disk = small_disk(4096)
    run = ("--recipe", "landmarks", "--model", tiny_model, "--gallery", disk / "g")
    more = ("--non-landmarks", others, "--promise", "fpr=0.1")
    assert lookalike("enroll", places, *more, *run).code == 0
    question = ("identify", unseen, "--model", tiny_model, "--gallery", disk / "g", "--json")
    before = lookalike(*question).document
    with (disk / "mine").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            pass
    refused(lookalike("enroll", people_folder, *run), "safe")
    refused(lookalike("evaluate", unseen, *run, "--output", disk / "e"), "free or repair the disk")
    (disk / "mine").unlink()
    after = lookalike(*question).document
    assert [one["place"] for one in after["answers"]] == [one["place"] for one in before["answers"]]
    assert after["places"] == 3
    assert lookalike("enroll", people_folder, *run, "--json").document["photos"] == 48


@pytest.mark.slow
def test_an_enrolment_killed_while_it_writes(
    enrolled, lookalike, tiny_model, people_folder, unseen, path, child_environment
):
    question = ("identify", unseen, "--model", tiny_model, "--gallery", path, "--json")
    before = lookalike(*question).document
    assert before["places"] == 3
    command = [sys.executable, "-m", "lookalike", "enroll", people_folder, "--model", tiny_model, "--gallery", path]
    for wait in (0, 0.002, 0.01):
        versions = set((path / "landmarks").iterdir())
        with subprocess.Popen(command, env=child_environment, stderr=subprocess.DEVNULL) as child:
            while child.poll() is None and set((path / "landmarks").iterdir()) == versions:
                time.sleep(0.0005)
            time.sleep(wait)
            child.kill()
        # All of it or nothing: the same places as before or all eight, and in both cases answers that fit them.
        after = lookalike(*question)
        assert after.code == 0, after.err
        assert after.document["places"] in (3, 8)
        if after.document["places"] == 3:
            assert [a["place"] for a in after.document["answers"]] == [a["place"] for a in before["answers"]]
    enrolled_again = lookalike("enroll", people_folder, "--model", tiny_model, "--gallery", path, "--json").document
    assert enrolled_again["photos"] == 48
    assert len(list((path / "landmarks").iterdir())) == 1  # what the killed ones left was swept away
