"""`lookalike evaluate`: what it writes is what was measured."""

import json
import shutil

import pytest

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.embedder import Calibration
from lookalike.evaluation.verification import verify_all_pairs


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
    assert "3 identity(ies) have one picture, such as 's01': impostors only" in evaluated.err
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
    assert after.distance != before.distance
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
