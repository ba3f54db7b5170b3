"""`lookalike train`: the model and its thresholds, who is held out, and what is refused before the work."""

import json
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tomli_w
from PIL import Image

from lookalike import Embedder
from lookalike.datasets import read_pictures, split_identities
from lookalike.embedder import Calibration
from lookalike.errors import MissingDependencyError, StorageError
from lookalike.evaluation.verification.all_pairs import verify_all_pairs

pytestmark = pytest.mark.network


@pytest.fixture
def train(lookalike, tiny_toml, tmp_path):
    def run(photos, *options, output="m"):
        return lookalike("train", photos, "--recipe", tiny_toml, "--output", tmp_path / output, *options)

    return run


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_model_with_thresholds_of_people_it_never_saw(train, people_folder, tmp_path):
    document = train(people_folder, "--json").document
    assert left_in(tmp_path) == ["m"]
    embedder = Embedder.load(tmp_path / "m")
    assert document["fingerprint"] == embedder.fingerprint
    assert (document["identities"], document["held_out_identities"], document["pictures"]) == (6, 2, 36)
    _, held_out = split_identities(read_pictures(people_folder), 2, 0)
    measured = verify_all_pairs(embedder.embed(held_out.paths), held_out.identities, embedder.metric)
    assert embedder.calibration.eer == pytest.approx(measured.eer)
    assert embedder.calibration.genuine_pairs == len(measured.genuine) == 30
    assert document["calibration"] == embedder.calibration.model_dump(mode="json")


def test_a_linear_network_in_the_place_of_the_recipes(lookalike, some_people, tmp_path):
    trained = lookalike(
        "train", some_people(6, 3), "--recipe", "face-crops", "--backbone", "linear", "--epochs", "1",
        "--output", tmp_path / "m", "--json",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    card = Embedder.load(tmp_path / "m").card
    assert (card.backbone, card.backbone_options) == ("linear", {})
    assert trained.document["calibration"]["genuine_pairs"] == 6


def test_what_it_says_to_people(train, people_folder, tmp_path):
    said = train(people_folder)
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0].startswith(f"trained {tmp_path / 'm'} on 36 pictures of 6 identities")
    assert lines[1].startswith("note: too few impostor pairs (36) for any target")
    assert lines[2].startswith("on 2 identities it never saw: EER ")
    assert len(lines) == 3  # and no bar, for stderr is no terminal


@pytest.mark.parametrize(
    ("people", "share", "learned", "held_out"),
    [(5, "0.2", 3, 2), (7, "0.2", 5, 2), (8, "0.5", 4, 4), (5, "0.9", 2, 3), (8, "0.01", 6, 2), (8, "0", 8, 0)],
)
def test_at_least_two_are_held_out_and_at_least_two_learned(train, some_people, people, share, learned, held_out):
    document = train(some_people(people, 2), "--validation", share, "--json").document
    assert (document["identities"], document["held_out_identities"]) == (learned, held_out)
    assert (document["calibration"] is None) == (held_out == 0)


def test_too_few_to_hold_out_is_said(train, some_people, tmp_path):
    trained = train(some_people(4, 2))
    assert trained.code == 0
    assert "4 identities with two or more pictures are too few to hold some out" in trained.err
    assert not (tmp_path / "m" / "calibration.json").exists()


def test_identities_with_one_picture_are_learned_and_never_held_out(train, some_people):
    photos = some_people(8, 3)
    for name in ("s01", "s02", "s03"):
        for picture in sorted((photos / name).iterdir())[1:]:
            picture.unlink()
    trained = train(photos, "--json")
    assert "3 identities have one picture, such as 's01'; kept all the same" in trained.document["notes"][0]
    assert (trained.document["identities"], trained.document["calibration"]["genuine_pairs"]) == (6, 6)


def test_bad_held_out_pictures_are_found_before_training(train, refused, some_people, tmp_path):
    photos = some_people(8, 2)
    _, held_out = split_identities(read_pictures(photos), 2, 0)
    held_out.paths[0].write_bytes(b"not a picture")
    refused(train(photos), str(held_out.paths[0]), "1 of 16 pictures", "--skip-bad")
    assert left_in(tmp_path) == ["photos"]
    trained = train(photos, "--skip-bad", "--json")
    assert trained.document["calibration"]["pictures"] == 3
    assert "1 of 4 pictures cannot be used and are left out" in trained.err


def test_too_few_usable_held_out_pictures_is_said(train, some_people):
    photos = some_people(8, 2)
    _, held_out = split_identities(read_pictures(photos), 2, 0)
    for path in held_out.of(held_out.names[:1]).paths:
        path.write_bytes(b"not a picture")
    trained = train(photos, "--skip-bad", "--json")
    assert trained.document["calibration"] is None
    assert "too few held-out pictures can be used: no thresholds are measured" in trained.err


@pytest.mark.parametrize("error", [StorageError("the disk is full"), KeyboardInterrupt()])
def test_a_model_left_without_thresholds_is_said(train, some_people, tmp_path, monkeypatch, error):
    # No real disk fills up between the model and its thresholds at a test's wish.
    def failing(self, path):
        raise error

    monkeypatch.setattr(Calibration, "save", failing)
    outcome = train(some_people(5, 2), "--json")
    assert outcome.code == (130 if isinstance(error, KeyboardInterrupt) else 2)
    assert f"m is trained and whole, but has no thresholds: {error or 'measuring'}" in outcome.document["message"]
    assert f"lookalike evaluate DATA --model {tmp_path / 'm'} --calibrate" in outcome.err
    assert Embedder.load(tmp_path / "m").calibration is None


def test_the_seed_of_the_recipe_counts_unless_another_is_given(lookalike, some_people, tiny_recipe, tmp_path):
    photos = some_people(3, 2)

    def fingerprint(name, seed, *options):
        content = tiny_recipe.model_dump(mode="json", exclude_none=True) | {"epochs": 1, "seed": seed}
        (tmp_path / "r.toml").write_text(tomli_w.dumps(content))
        verb = ["train", photos, "--recipe", tmp_path / "r.toml", "--output", tmp_path / name, "--json"]
        return lookalike(*verb, *options).document["fingerprint"]

    three = fingerprint("a", 3)
    assert fingerprint("b", 0, "--seed", "3") == three
    assert fingerprint("c", 0) != three


def test_choices_that_are_none(lookalike, refused, some_people, tmp_path):
    photos = some_people(3, 2)
    (tmp_path / "bad.toml").write_text("epochs = 'many'\n")
    (tmp_path / "broken.toml").write_text("epochs =")
    for options, said in (
        (["--loss", "magic"], "loss 'magic' is unknown; choose adaface, arcface, "),
        (["--recipe", "magic"], "choose small-faces, face-crops, faces, landmarks, landmarks-large or the path of a"),
        (["--recipe", tmp_path / "none.toml"], "cannot be read: No such file"),
        (["--recipe", tmp_path / "bad.toml"], "bad.toml: epochs: "),
        (["--recipe", tmp_path / "broken.toml"], "is not a TOML recipe"),
        (["--backbone", "magic"], "backbone 'magic' is unknown; choose mobilefacenet, "),
        (["--learning-rate", "nan"], "learning_rate: "),
        (["--learning-rate", "-1"], "learning_rate: "),
        (["--resume", "--restart"], "give one"),
        (["--validation", "1.5"], "'--validation'"),
    ):
        refused(lookalike("train", photos, "--output", tmp_path / "m", *options), said)
    assert left_in(tmp_path) == ["bad.toml", "broken.toml", "photos"]


def test_one_identity_and_no_name_for_the_model(train, refused, some_people, tmp_path, monkeypatch):
    refused(train(some_people(1, 2)), "of 1 identity", "at least 2")
    assert left_in(tmp_path) == ["photos"]
    monkeypatch.chdir(tmp_path)
    refused(train(some_people(3, 2, "more"), output="."), "exists and holds no model.toml")


def test_an_older_model_stays_until_it_is_to_be_replaced(train, refused, some_people, tiny_model, tmp_path, snapshot):
    photos = some_people(3, 2)
    shutil.copytree(tiny_model, tmp_path / "m")
    before = snapshot(tmp_path)
    refused(train(photos), "exists", "--replace")
    (photos / "s01" / "x.png").write_bytes(b"")
    refused(train(photos, "--replace"), "is empty")
    (photos / "s01" / "x.png").unlink()
    assert snapshot(tmp_path) == before
    assert train(photos, "--replace").code == 0
    assert Embedder.load(tmp_path / "m").fingerprint != Embedder.load(tiny_model).fingerprint


def test_photos_where_checkpoints_would_go_are_not_deleted(train, refused, some_people, tmp_path, snapshot):
    photos = some_people(3, 2, "faces.training")
    before = snapshot(tmp_path)
    for option in ([], ["--restart"], ["--resume"]):
        refused(train(photos, *option, output="faces"), "faces.training is where checkpoints go, but s01 is in it")
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_ctrl_c_then_resume_gives_the_model_of_an_uninterrupted_training(
    lookalike, child_environment, people_folder, tiny_recipe, tmp_path
):
    recipe = tmp_path / "long.toml"
    recipe.write_text(tomli_w.dumps(tiny_recipe.model_dump(mode="json", exclude_none=True) | {"epochs": 40}))
    photos = shutil.copytree(people_folder, tmp_path / "photos")
    verb = ["train", str(photos), "--recipe", str(recipe), "--json", "--output"]
    whole = lookalike(*verb, tmp_path / "whole")
    assert whole.code == 0, whole.err

    # With bars, to see when training has begun.
    running = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *verb, str(tmp_path / "m")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={k: v for k, v in child_environment.items() if k != "NO_COLOR"} | {"FORCE_COLOR": "1", "TERM": "xterm"},
    )
    seen = b""
    while b"loss " not in seen and (more := running.stderr.read1()):
        seen += more
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=100)
    assert running.returncode == 130
    said = json.loads(out)
    assert said["error"] == "TrainingInterrupted"
    assert re.fullmatch(
        r"training was interrupted at step \d+ of 80; run the same command with --resume to go on", said["message"]
    )
    assert err.decode().count("lookalike: ") == 1
    assert left_in(tmp_path) == ["long.toml", "m.training", "photos", "whole"]

    again = lookalike(*verb, tmp_path / "m")
    assert (again.code, again.document["error"]) == (2, "ArtefactError")
    verb[1] = str(photos.rename(tmp_path / "moved"))
    resumed = lookalike(*verb, tmp_path / "m", "--resume")
    assert resumed.code == 0, resumed.err
    assert resumed.document["fingerprint"] == whole.document["fingerprint"]
    assert left_in(tmp_path) == ["long.toml", "m", "moved", "whole"]


@pytest.fixture
def some_scenes(tmp_path):
    """Three places of three pictures that differ in colour and grain, and pictures that show none of them."""

    def write(folder, colour, seed):
        folder.mkdir(parents=True)
        random = np.random.default_rng(seed)
        for number in range(3):
            grain = random.normal(0, 25, (24, 36, 3)) + colour
            Image.fromarray(grain.clip(0, 255).astype(np.uint8)).resize((144, 96)).save(folder / f"{number}.jpg")

    for seed, (name, colour) in enumerate(
        (("bridge", (200, 60, 60)), ("gate", (60, 60, 200)), ("tower", (60, 180, 60)))
    ):
        write(tmp_path / "places" / name, colour, seed)
    write(tmp_path / "others" / "food", (128, 128, 128), 9)
    return tmp_path


@pytest.mark.slow
def test_places_and_one_class_of_non_landmarks(lookalike, some_scenes):
    try:
        Embedder.load("efficientnet_lite0")
    except MissingDependencyError as error:
        pytest.skip(str(error))
    (some_scenes / "regions.csv").write_text("identity,group\ngate,north\ntower,north\nbridge,south\n")
    options = ["--non-landmarks", some_scenes / "others", "--groups", some_scenes / "regions.csv"]
    verb = ["train", some_scenes / "places", "--recipe", "landmarks", "--epochs", "2", "--batch-size", "8", "--json"]
    trained = lookalike(*verb, *options, "--output", some_scenes / "m")
    assert trained.code == 0, trained.err
    document = trained.document
    # Nothing is held out: places are a closed set.
    assert (document["identities"], document["pictures"]) == (4, 12)
    assert (document["held_out_identities"], document["calibration"]) == (0, None)
    embedder = Embedder.load(some_scenes / "m")
    card = embedder.card
    assert (card.backbone, card.backbone_options) == ("tf_efficientnet_lite0", {"pooling": "gem"})
    assert card.training["recipe"]["curriculum"] == [["gate", "tower"], ["bridge"]]
    assert embedder.embed(sorted((some_scenes / "others").rglob("*.jpg"))).shape == (3, card.embedding_size)

    without = lookalike(*verb, "--loss", "subcenter_arcface", "--epochs", "1", "--output", some_scenes / "s")
    assert without.document["identities"] == 3
    assert "note: no picture shows a non-landmark (--non-landmarks FOLDER)" in without.err


def test_non_landmarks_are_never_held_out_and_need_no_group(train, some_people, tmp_path):
    photos, others = some_people(6, 2), some_people(2, 2, "others")
    groups = tmp_path / "groups.csv"
    groups.write_text("identity,group\n" + "".join(f"{name},g{i // 4}\n" for i, name in enumerate(left_in(photos))))
    document = train(photos, "--non-landmarks", others, "--groups", groups, "--validation", "0.9", "--json").document
    assert (document["identities"], document["held_out_identities"]) == (2, 5)
    whole = train(photos, "--non-landmarks", others, "--validation", "0", "--json", output="n").document
    assert (whole["identities"], whole["pictures"]) == (7, 16)


def test_groups_and_non_landmarks_that_are_none(train, refused, some_people, tmp_path):
    photos = some_people(6, 2)
    (tmp_path / "groups.csv").write_text("identity,group\ns01,north\n")
    (tmp_path / "many.csv").write_text("identity,group\n" + "".join(f"{name},{name}\n" for name in left_in(photos)))
    (tmp_path / "empty").mkdir()
    for options, said in (
        (
            ["--groups", tmp_path / "groups.csv", "--validation", "0"],
            "gives no group to 5 of 6 identities, such as 's02'",
        ),
        (["--groups", tmp_path / "many.csv", "--validation", "0"], "6 groups cannot join one after another"),
        (["--groups", tmp_path / "no.csv"], "cannot be read: No such file"),
        (["--non-landmarks", tmp_path / "no"], "is no folder"),
        (["--non-landmarks", tmp_path / "empty"], "holds no pictures"),
    ):
        refused(train(photos, *options), said)
    assert "m" not in left_in(tmp_path)
