"""Thresholds are those of the pictures they are measured on; nothing is printed."""

import pytest

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.errors import DatasetError
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.progress import Reporter
from lookalike.workflows.calibration import calibrate_on


@pytest.fixture
def embedder(tiny_model):
    return Embedder.load(tiny_model)


def test_thresholds_are_those_of_the_pictures(embedder, people_folder, capsys):
    pictures, events = read_pictures(people_folder), []
    calibration = calibrate_on(embedder, pictures, Reporter(events.append), source="eight people")
    measured = verify_all_pairs(embedder.embed(pictures.paths), pictures.identities, embedder.metric)
    assert calibration.eer == pytest.approx(measured.eer)
    assert (calibration.source, calibration.fingerprint) == ("eight people", embedder.fingerprint)
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Measuring thresholds", 48, 48)
    assert capsys.readouterr() == ("", "")


def test_pictures_that_cannot_be_used_are_refused_or_left_out_with_a_remark(embedder, some_people):
    photos = some_people(3, 3)
    (photos / "s01" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="1 of 9 pictures"):
        calibrate_on(embedder, read_pictures(photos), Reporter(), source="three people")
    report = Reporter()
    calibration = calibrate_on(embedder, read_pictures(photos), report, source="three people", skip_bad=True)
    assert calibration.pictures == 8
    assert [line[:17] for line in report.remarks] == ["1 of 9 pictures c"]
