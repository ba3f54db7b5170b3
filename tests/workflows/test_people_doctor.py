"""A diagnosis as a job: the page, the file, and what decides."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from lookalike import open_gallery
from lookalike.errors import ArtefactError, FingerprintError, InputError
from lookalike.workflows.enroll import EnrollOptions, enroll
from lookalike.workflows.people_doctor import DoctorOptions, examine_people


@pytest.fixture
def doubled(tiny_model, people_folder, tmp_path):
    """A gallery of s01 to s08, where s01's last three pictures are under another name, and s02's last under s03.

    By `known_vectors`, pictures of one person are less than 0.05 apart, those of two more than 0.52.
    """
    root = tmp_path / "people"
    shutil.copytree(people_folder, root)
    (root / "s01 again").mkdir()
    for number in (3, 4, 5):
        (root / "s01" / f"{number}.png").rename(root / "s01 again" / f"{number}.png")
    (root / "s02" / "5.png").rename(root / "s03" / "moved.png")
    enroll(EnrollOptions(model=tiny_model, pictures=root, gallery=tmp_path / "g"))
    return tmp_path / "g"


@pytest.fixture
def options(doubled, tiny_model, tmp_path):
    return DoctorOptions(gallery=doubled, model=tiny_model, output=tmp_path / "doctor", fmr=0.01)


def test_what_was_done_wrong_is_found_and_shown(options, doubled, capsys):
    stages = []
    done = examine_people(options, lambda event: stages.append(event.stage))
    found = {one.id: one for one in done.diagnosis.findings}
    assert capsys.readouterr() == ("", "")
    assert "s01 again" in {name for one in found.values() for name in one.identities}
    assert done.by.threshold.distance == pytest.approx(0.09, abs=0.01)
    moved = next(one for one in found.values() if one.kind == "wrong-name" and "s03" in one.identities)
    assert moved.identities == ("s03", "s02")
    assert moved.proposal.into == "s02"
    page = done.report.read_text("utf-8")
    assert page.count("data:image/png") >= 2 * len([one for one in found.values() if one.kind == "wrong-name"])
    assert "moved.png" in page
    assert "http" not in page.split("</head>")[1]
    assert {"Reading templates", "Searching neighbours"} <= set(stages)
    document = json.loads(done.findings.read_text("utf-8"))
    assert document["totals"] == done.diagnosis.totals
    assert [one["id"] for one in document["findings"]] == list(found)
    assert all(one["confirm"] is False for one in document["findings"] if one["proposal"])
    assert all("confirm" not in one for one in document["findings"] if not one["proposal"])
    shown = next(one for one in document["findings"] if one["id"] == moved.id)["pictures"]
    assert shown[str(moved.templates[0])].endswith("moved.png")
    with open_gallery(doubled) as gallery:
        assert gallery.counts().change == done.diagnosis.change  # it was only read


def test_a_threshold_does_without_the_model_and_odds_come_from_the_gallery(options, doubled):
    done = examine_people(replace(options, model="", fmr=None, threshold=0.2))
    assert done.by.threshold.source == "given by the user"
    assert done.by.odds is None  # nine people are too few
    assert "too few people" in done.by.odds_source
    assert [one.identities for one in done.diagnosis.findings if one.kind == "one-person"] == [("s01", "s01 again")]
    assert done.diagnosis.totals["wrong-name"] >= 1


def test_a_picture_that_is_gone_is_said_to_be(options, doubled, tmp_path):
    shutil.rmtree(tmp_path / "people")
    told = []
    done = examine_people(options, lambda event: told.append(event.warning))
    assert any("cannot be read here" in one for one in done.notes)
    assert set(done.notes) <= set(told)
    assert "data:image/png" in done.report.read_text("utf-8")  # cards that say so


def test_what_is_refused_before_anything_is_written(options, doubled, tmp_path, refuses, tiny_model):
    with open_gallery(tmp_path / "empty"):
        pass
    with open_gallery(tmp_path / "places", kind="landmarks") as places:
        places.bind("f", "net", "cosine", 2)
    with open_gallery(tmp_path / "foreign") as foreign:
        foreign.bind("f", "net", "cosine", 32)
        foreign.enroll("a", np.ones(32))
    for changed, error, words in (
        ({"gallery": tmp_path / "none"}, ArtefactError, "is not there"),
        ({"gallery": tmp_path / "empty"}, InputError, "holds nobody yet"),
        ({"gallery": tmp_path / "places"}, InputError, "holds landmarks"),
        ({"gallery": tmp_path / "foreign"}, FingerprintError, "belongs to model"),
        ({"model": "", "fmr": None}, InputError, "give --model, or --threshold"),
        ({"model": "", "threshold": 0.2}, InputError, "--fmr is measured with the model"),
        ({"model": "", "threshold": 0.2, "fmr": None, "measure_quality": True}, InputError, "--measure-quality"),
        ({"measure_quality": True}, InputError, "does not look for faces"),
        ({"repeated_share": 0.0}, InputError, "repeated_share is 0.0"),
    ):
        refuses(error, lambda changed=changed: examine_people(replace(options, **changed)), words)


def test_a_calibration_of_another_model_is_refused(options, tiny_model, refuses, tmp_path):
    text = (tiny_model / "calibration.json").read_text("utf-8")
    other = tmp_path / "other.json"
    other.write_text(text.replace(json.loads(text)["fingerprint"], "0123456789abcdef"), "utf-8")
    changed = replace(options, model="", threshold=0.2, fmr=None, calibration=other)
    refuses(FingerprintError, lambda: examine_people(changed), "was measured with model 0123456789abcdef")
    own = replace(changed, calibration=tiny_model / "calibration.json")
    assert "measured on three people of ORL" in examine_people(own).by.odds_source


@pytest.mark.slow
@pytest.mark.network
def test_quality_is_measured_anew(people_folder, tmp_path):
    """Of dlib: the blurred face scores 0.13, all others above 0.85; the limit is 0.25."""
    from PIL import Image, ImageFilter

    for name in ("s01", "s02"):
        (tmp_path / "people" / name).mkdir(parents=True)
        for number in range(1, 4):
            shutil.copy(people_folder / name / f"{number}.png", tmp_path / "people" / name)
    with Image.open(people_folder / "s02" / "0.png") as image:
        image.filter(ImageFilter.GaussianBlur(3)).save(tmp_path / "people" / "s02" / "blurred.png")
    enroll(EnrollOptions(model="dlib", pictures=tmp_path / "people", gallery=tmp_path / "g", cropped=True))
    asked = DoctorOptions(gallery=tmp_path / "g", model="dlib", output=tmp_path / "doctor", measure_quality=True)
    done = examine_people(asked)
    poor = [one for one in done.diagnosis.findings if one.quality is not None and one.quality < 0.25]
    with open_gallery(tmp_path / "g") as gallery:
        blurred = [one.id for one in gallery.templates("s02") if one.source.endswith("blurred.png")]
    assert [list(one.templates) for one in poor] == [blurred]
    assert poor[0].proposal.act == "forget"
