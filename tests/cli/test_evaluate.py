"""`lookalike evaluate`: what it writes is what was measured."""

import json
import shutil

import pytest
from PIL import Image

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.embedder import Calibration
from lookalike.evaluation.verification.all_pairs import verify_all_pairs


@pytest.fixture
def evaluate(lookalike, tiny_model, tmp_path):
    def run(photos, *options, model=tiny_model):
        return lookalike("evaluate", photos, "--model", model, "--trials", "3", "--output", tmp_path / "e", *options)

    return run


def test_it_writes_what_it_measured(evaluate, people_folder, tiny_model, tmp_path):
    document = evaluate(people_folder, "--json").document
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [
        "calibration.json",
        "metrics.json",
        "report.html",
    ]
    embedder, pictures = Embedder.load(tiny_model), read_pictures(people_folder)
    measured = verify_all_pairs(embedder.embed(pictures.paths), pictures.identities, embedder.metric)
    metrics = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert metrics["methods"]["tiny"]["eer"] == pytest.approx(measured.eer)
    assert 0 < measured.eer < 0.05  # of 120 genuine pairs, five are with the hard picture
    assert document["methods"] == metrics["methods"]
    calibration = Calibration.load(tmp_path / "e" / "calibration.json")
    assert document["calibration"] == calibration.model_dump(mode="json")
    assert calibration.point(0.1).threshold == pytest.approx(measured.tar_at_far(0.1).threshold)
    page = (tmp_path / "e" / "report.html").read_text("utf-8")
    assert f"tiny on {people_folder}" in page
    assert "data:image/png;base64," in page


def test_what_it_says_to_people(evaluate, people_folder, tmp_path):
    said = evaluate(people_folder)
    assert "48 pictures of 8 people: 120 genuine pairs, 1,008 impostor pairs" in said.out
    assert "tiny" in said.out
    assert said.err.splitlines()[-1] == f"wrote {tmp_path / 'e' / 'report.html'}"


def test_two_people_with_two_pictures_are_enough(evaluate, some_people):
    evaluated = evaluate(some_people(2, 2))
    assert evaluated.code == 0
    assert "4 pictures of 2 people: 2 genuine pairs, 4 impostor pairs" in evaluated.out
    assert "too few impostor pairs (4) for any target" in evaluated.err


def test_people_with_one_picture_are_impostors_only(evaluate, refused, some_people, tmp_path):
    photos = some_people(4, 2)
    for name in ("s01", "s02", "s03"):
        (photos / name / "1.png").unlink()
    evaluated = evaluate(photos, "--json")
    assert "3 identities have one picture, such as 's01': impostors only" in evaluated.err
    assert evaluated.document["methods"]["tiny"]["genuine_pairs"] == 1
    (photos / "s04" / "1.png").unlink()
    shutil.rmtree(tmp_path / "e")
    refused(evaluate(photos), "each of 4 identities has one picture", "at least one needs 2")
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("people", "options", "said"),
    [(1, [], "all 6 pictures are of one identity"), (8, ["--enrolled", "6"], "at least one needs 7")],
)
def test_sets_that_cannot_be_measured_leave_an_older_report(
    evaluate, refused, some_people, tmp_path, people, options, said, snapshot
):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "report.html").write_text("older")
    photos = some_people(people, 6)
    before = snapshot(tmp_path)
    refused(evaluate(photos, *options), said)
    assert snapshot(tmp_path) == before


def test_calibrate_makes_the_thresholds_the_models(evaluate, refused, people_folder, tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "tiny")
    before = Embedder.load(model).threshold(0.1)
    evaluated = evaluate(people_folder, "--calibrate", model=model)
    assert "(now the model's)" in evaluated.err
    after = Embedder.load(model).threshold(0.1)
    # Of three people, two of whom look alike, a tenth of the impostor pairs are these; of eight, hardly any.
    assert before.distance < 0.67 < 0.88 < after.distance
    assert after.source.startswith("at most 0.1 of impostor pairs match (8 identities of ")
    refused(evaluate(people_folder, "--calibrate", model="dlib"), "dlib is no model folder", "leave out --calibrate")


def test_names_with_markup_are_shown_as_they_are(evaluate, some_people, tiny_model, tmp_path):
    photos = some_people(2, 2).rename(tmp_path / "[red]photos :smile:")
    model = shutil.copytree(tiny_model, tmp_path / "[bold]m")
    card = (model / "model.toml").read_text("utf-8")
    (model / "model.toml").write_text(card.replace('name = "tiny"', 'name = "[bold]net"'), "utf-8")
    evaluated = evaluate(photos, "--output", tmp_path / "[dim]e", model=model)
    assert "[bold]net" in evaluated.out
    assert f"wrote {tmp_path}/[dim]e/report.html" in evaluated.err
    assert "[red]photos :smile:" in (tmp_path / "[dim]e" / "report.html").read_text("utf-8")


def test_a_promise_is_told_for_every_gallery(evaluate, refused, people_folder, tmp_path):
    evaluated = evaluate(people_folder, "--promise", "fpir=0.1", "--json")
    promise = evaluated.document["promise"]
    assert (promise["kind"], promise["rate"]) == ("fpir", 0.1)
    calibration = Calibration.load(tmp_path / "e" / "calibration.json")
    assert promise["galleries"][0]["threshold"] == calibration.threshold_for(fpir=0.1, gallery=100)
    assert (calibration.promise.kind, calibration.promise.rate) == ("fpir", 0.1)
    assert evaluate(people_folder, "--json").document["calibration"]["promise"] is None
    assert "What is promised" in (tmp_path / "e" / "report.html").read_text("utf-8")
    assert [row["distractors"] for row in evaluated.document["distractors"]["curve"]] == [10, 24]
    refused(evaluate(people_folder, "--promise", "often"), "'often' is no promise", "fpir=RATE")


def test_groups_of_people(evaluate, refused, people_folder, tmp_path):
    names = sorted(path.name for path in people_folder.iterdir())
    table = tmp_path / "groups.csv"
    table.write_text("identity,group\n" + "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(names)))
    groups = evaluate(people_folder, "--groups", table, "--json").document["groups"]
    assert set(groups["groups"]) == {"a", "b"}
    assert groups["groups"]["a"]["fmr"]["pairs"] == 6 * 36
    assert groups["groups"]["a"]["fmr_with"]["b"] == groups["groups"]["b"]["fmr_with"]["a"]
    table.write_text("identity,group\n" + "".join(f"{name},a\n" for name in names[1:]))
    refused(evaluate(people_folder, "--groups", table), f"no group to 1 of 8 identities, such as '{names[0]}'")


def test_against_itself_nothing_differs(evaluate, people_folder, tiny_model, tmp_path):
    document = evaluate(people_folder, "--against", tiny_model, "--json").document
    assert document["against"]["model"] == "tiny"
    assert document["against"]["eer"]["difference"] == 0
    assert document["against"]["eer"]["a_better"] == 0.5


def test_distractors_are_pictures_or_vectors_of_this_model(
    evaluate, lookalike, refused, people_folder, orl, tiny_model, tmp_path
):
    # Other people: a copy of a probe's mate among the distractors would tie with it, but for rounding.
    strangers = tmp_path / "strangers"
    for name in orl.names[20:24]:
        (strangers / name).mkdir(parents=True)
        for number, path in enumerate(orl.of([name]).paths[:3]):
            with Image.open(path) as image:
                image.save(strangers / name / f"{number}.png")
    by_pictures = evaluate(people_folder, "--distractors", strangers, "--json").document["distractors"]
    assert lookalike("embed", strangers, "--model", tiny_model, "--output", tmp_path / "v").code == 0
    by_vectors = evaluate(people_folder, "--distractors", tmp_path / "v", "--json").document["distractors"]
    assert by_vectors["curve"] == by_pictures["curve"]
    assert [row["distractors"] for row in by_vectors["curve"]] == [10, 12]
    card = (tmp_path / "v" / "vectors.toml").read_text("utf-8")
    fingerprint = Embedder.load(tiny_model).fingerprint
    (tmp_path / "v" / "vectors.toml").write_text(card.replace(fingerprint, "another"), "utf-8")
    refused(evaluate(people_folder, "--distractors", tmp_path / "v"), "was embedded by model another", fingerprint)


def test_what_is_wrong_with_the_data_is_said(evaluate, some_people, tmp_path):
    photos = some_people(4, 3)
    shutil.copy(photos / "s01" / "0.png", photos / "s02" / "9.png")
    evaluated = evaluate(photos, "--trained-on", photos, "--json")
    kinds = {finding["kind"] for finding in evaluated.document["findings"]}
    assert "duplicate across identities" in kinds
    assert any("train" in kind for kind in kinds)
    assert "The data" in (tmp_path / "e" / "report.html").read_text("utf-8")


def test_pairs_in_folds(evaluate, refused, some_people, tmp_path):
    photos = some_people(4, 3)
    listed = tmp_path / "lfw"
    for person in sorted(photos.iterdir()):
        (listed / person.name).mkdir(parents=True)
        for number, picture in enumerate(sorted(person.iterdir()), 1):
            shutil.copy(picture, listed / person.name / f"{person.name}_{number:04d}.jpg")
    names = sorted(path.name for path in listed.iterdir())
    lines = ["2\t2"]
    for fold in range(2):
        a, b = names[2 * fold], names[2 * fold + 1]
        lines += [f"{a}\t1\t2", f"{b}\t1\t3", f"{a}\t1\t{b}\t1", f"{a}\t2\t{b}\t2"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    found = evaluate(listed, "--pairs", tmp_path / "pairs.txt", "--json").document["listed_pairs"]
    assert found["pairs"] == 8
    assert len(found["accuracies"]) == 2
    assert 0 <= found["accuracy"] <= 1
    one = listed / lines[1].split("\t")[0]
    sorted(one.iterdir())[0].unlink()
    refused(evaluate(listed, "--pairs", tmp_path / "pairs.txt"), "do not exist", "--existing-pairs")
    some = evaluate(listed, "--pairs", tmp_path / "pairs.txt", "--existing-pairs", "--json")
    counts = some.document["listed_pairs"]
    assert counts["pairs"] + counts["pairs_left_out"] == 8
    assert counts["pairs_left_out"] > 0
    assert f"{counts['pairs_left_out']} of 8 listed pairs are left out: their pictures are not there" in some.err
    (tmp_path / "pairs.txt").write_text("2\t2\n")
    refused(evaluate(listed, "--pairs", tmp_path / "pairs.txt"), "pairs.txt")


def test_a_large_set_is_sampled_for_its_figures_and_counted_whole(evaluate, people_folder, monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.sample.SAMPLE", 30)
    document = evaluate(people_folder, "--json").document
    assert document["methods"]["tiny"]["pictures"] == 30  # five people of six pictures
    assert document["methods"]["tiny"]["identities"] == 5
    assert document["all_pairs"]["genuine_pairs"] == 120
    assert document["all_pairs"]["impostor_pairs"] == 1008
    assert (document["calibration"]["identities"], document["calibration"]["impostor_pairs"]) == (8, 1008)
    whole = evaluate(people_folder, "--json").document
    assert whole["methods"]["tiny"] == document["methods"]["tiny"], "the same seed draws the same people"


def test_the_spellings_of_a_name_are_one_person(evaluate, some_people):
    """A person whose pictures lie in two folders, as a Mac's archive and a server spell the name, is measured once."""
    photos = some_people(3, 4)
    once = evaluate(photos, "--json").document["methods"]["tiny"]
    for name, spelled, (first, second) in (
        ("s01", "Jose\u0301", ("2.png", "3.png")),
        ("s02", "s02 ", ("0.png", "1.png")),
    ):
        (photos / spelled).mkdir()
        for picture in (first, second):
            (photos / name / picture).rename(photos / spelled / picture)
    (photos / "s01").rename(photos / "José")
    if len(list(photos.iterdir())) < 5:
        pytest.skip("this file system takes the names for one")
    said = evaluate(photos, "--json")
    assert said.document["methods"]["tiny"]["eer"] == pytest.approx(once["eer"])
    assert said.document["methods"]["tiny"]["genuine_pairs"] == once["genuine_pairs"]
    assert "note: 2 identities are spelled in several ways, such as " in said.err


def test_a_table_in_which_a_comma_is_not_quoted_is_not_measured(evaluate, refused, some_people, tmp_path):
    photos = some_people(2, 2)
    rows = [f"{photos.name}/s0{n}/{k}.png,Smith, {name}" for n, name in ((1, "John"), (2, "Jane")) for k in (0, 1)]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(["path,identity", *rows]))
    refused(evaluate(table), "list.csv, line 2: ", "has 3 fields, the header 2; put a field that holds a comma")
    assert not (tmp_path / "e" / "metrics.json").exists()
    table.write_text("\n".join(["path,identity", *rows]).replace(",", ";"), "utf-8")
    refused(evaluate(table), "'path;identity', fields separated by semicolons; separate them by commas")
