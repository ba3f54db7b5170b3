"""`lookalike demo`: everything once, briefly; what it is worth at full length is measured elsewhere."""

import json

import pytest

from lookalike import Embedder, open_gallery

pytestmark = pytest.mark.network


@pytest.mark.slow
def test_the_demo_leaves_models_a_gallery_and_a_report(shell, tmp_path):
    done = shell("demo", "--output", tmp_path / "demo", "--epochs", "1", "--json")
    assert done.code == 0, done.err
    assert (
        json.loads((tmp_path / "demo" / "metrics.json").read_text())["methods"].keys()
        == done.document["methods"].keys()
        >= {"softmax", "ArcFace", "dlib (pretrained)"}
    )
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "Asking the gallery" in page
    embedder = Embedder.load(tmp_path / "demo" / "arcface")
    assert "ORL people that it never saw" in embedder.threshold().source
    with open_gallery(tmp_path / "demo" / "people.gallery", create=False) as gallery:
        assert gallery.model.fingerprint == embedder.fingerprint
        assert len(gallery) == done.document["answers"]["people"] == 30
    assert not list(tmp_path.glob("demo/*.training"))


def test_an_output_that_cannot_be_made(lookalike, refused, tmp_path):
    (tmp_path / "file").write_text("x")
    refused(lookalike("demo", "--output", tmp_path / "file"), "cannot be made", "--output")


def test_an_output_with_somebody_elses_folders_is_left_alone(lookalike, refused, tmp_path):
    (tmp_path / "people.gallery").mkdir()
    (tmp_path / "people.gallery" / "holiday.txt").write_text("x")
    refused(lookalike("demo", "--output", tmp_path), "people.gallery", "holds no gallery.sqlite3")
    assert (tmp_path / "people.gallery" / "holiday.txt").read_text() == "x"
