"""`lookalike demo landmarks`: everything once, on few buildings; what it is worth is measured elsewhere."""

import json
import re

import pytest

from lookalike import Embedder, LandmarkRecognizer, open_gallery
from lookalike.workflows.demo_landmarks import FOLDERS
from lookalike.workflows.demo_steps import usable_output

pytestmark = pytest.mark.network


@pytest.mark.slow
def test_the_demo_leaves_a_model_galleries_and_a_report_that_says_what_it_is(lookalike, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "demo"
    done = lookalike("demo", "landmarks", "--output", output, "--places", 3, "--epochs", 1, "--json")
    if done.code and "VTK" in done.err:  # or what it draws with
        pytest.skip(done.err.splitlines()[-1])
    assert done.code == 0, done.err
    assert "synthetic" in done.err
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["synthetic"] is True
    assert metrics["places"] == 3
    names = ["pretrained, one centroid", "pretrained, several", "center loss, one centroid", "center loss, several"]
    assert list(metrics["methods"]) == list(done.document["methods"]) == names
    for name, found in metrics["methods"].items():
        assert 0 <= found["top_1"] <= 1, name  # what so short a training learns is not the same on every processor
        assert found["promise"]["fpr"] == 0.05
        assert found["non_landmarks"] == metrics["photos"]["test_others"] == 60
    assert metrics["azimuth_gap"] >= 12

    page = (output / "report.html").read_text("utf-8")
    for heading in (
        "What each is worth", "Asking, as a user would", "The promise about photos without a landmark",
        "Centroids by viewing angle", "Accepted and rejected", "How this was measured",
    ):  # fmt: skip
        assert f"<h2>{heading}</h2>" in page
    assert "All pictures are synthetic" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # self-contained
    for found in metrics["methods"].values():
        assert f"{100 * found['top_1']:.1f}%" in page
    assert page.count("<svg") >= 5

    embedder = Embedder.load(output / "center")
    with open_gallery(output / "center-8.gallery", create=False) as gallery:
        assert gallery.model.fingerprint == embedder.fingerprint
        recognizer = LandmarkRecognizer(embedder, gallery)
        for question in metrics["answers"]["questions"]:
            answer = recognizer.identify(question["picture"])
            assert (answer.decision, answer.place) == (question["answer"]["decision"], question["answer"]["place"])
        assert question["truth"] is None
        assert len(gallery) == 3
    assert {path.name for path in output.iterdir()} == {
        "center", "center-1.gallery", "center-8.gallery", "efficientnet_lite0-1.gallery",
        "efficientnet_lite0-8.gallery", "metrics.json", "report.html",
    }  # fmt: skip
    # What it wrote, it may write again.
    usable_output(output, FOLDERS)


def test_a_demo_of_something_else(lookalike, refused):
    refused(lookalike("demo", "birds"), "no demo of 'birds'", "faces or landmarks")


def test_places_are_for_landmarks(lookalike, refused):
    refused(lookalike("demo", "--places", 6), "--places is for landmarks")


def test_an_output_with_somebody_elses_folders_is_left_alone(lookalike, refused, tmp_path):
    (tmp_path / "center-8.gallery").mkdir()
    (tmp_path / "center-8.gallery" / "holiday.txt").write_text("x")
    refused(lookalike("demo", "landmarks", "--output", tmp_path), "center-8.gallery", "holds no gallery.sqlite3")
    assert (tmp_path / "center-8.gallery" / "holiday.txt").read_text() == "x"
