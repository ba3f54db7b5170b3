"""The doctor finds what was broken on purpose, says so of the thing that is broken, and changes nothing."""

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lookalike.embedder import Embedder
from lookalike.gallery import open_gallery
from lookalike.workflows import doctor_machine
from lookalike.workflows.doctor import DoctorOptions, examine
from lookalike.workflows.doctor_machine import check_clock, check_disk, check_versions

pytestmark = pytest.mark.filterwarnings("ignore:pkg_resources")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A gallery of two people, of dlib's model, with random templates."""
    folder = tmp_path_factory.mktemp("made") / "people.gallery"
    model = Embedder.load("dlib")
    rows = np.random.default_rng(0).standard_normal((6, model.dimension)).astype(np.float32)
    with open_gallery(folder) as gallery:
        gallery.bind(model.fingerprint, model.name, model.metric, model.dimension)
        gallery.enroll("Ada", rows[:3])
        gallery.enroll("Bob", rows[3:])
    return folder


@pytest.fixture
def people(made, tmp_path):
    """A copy that a test may break."""
    return shutil.copytree(made, tmp_path / "people.gallery")


def found(gallery, **options):
    result = examine(DoctorOptions(gallery=str(gallery), **options))
    return {one.check: one for one in result.findings}, result


def test_a_sound_gallery_has_no_fault_and_is_not_changed(people, snapshot):
    before = snapshot(people)
    by_check, result = found(people)
    assert result.faults == 0
    looked_at = {"versions", "memory", "disk", "model", "gallery", "audit log", "search", "thresholds", "clock"}
    assert looked_at <= {*by_check}
    assert "2 people, 6 templates" in by_check["gallery"].said
    assert by_check["audit log"].said == "2 entries, as written"
    assert by_check["thresholds"].verdict == "warning"  # documented, not measured
    after = snapshot(people)
    for of_sqlite in ("gallery.sqlite3-wal", "gallery.sqlite3-shm"):  # come and go with whoever reads
        for files in (before, after):
            files.pop(next((path for path in files if path.name == of_sqlite), None), None)
    assert after == before


def test_each_check_is_told_before_it_is_made(people):
    told = []

    def last():
        told.append("looked")
        return []

    examine(DoctorOptions(gallery=str(people)), [("further", last)], lambda event: told.append(event.detail))
    assert told == ["versions", "memory", "disk", "model", "gallery", "clock", "further", "looked"]


def test_a_gallery_that_is_not_there_is_not_made(tmp_path):
    by_check, result = found(tmp_path / "none.gallery")
    assert (by_check["gallery"].verdict, result.faults) == ("warning", 0)
    assert not (tmp_path / "none.gallery").exists()


def test_a_changed_audit_log_is_found(people):
    with sqlite3.connect(people / "gallery.sqlite3") as file:
        file.execute("DROP TRIGGER audit_UPDATE")
        file.execute("UPDATE audit SET actor = 'somebody else' WHERE n = 1")
    by_check, result = found(people)
    assert (by_check["audit log"].verdict, result.faults) == ("fault", 1)
    assert "1" in by_check["audit log"].said


def test_a_damaged_file_is_found_and_the_rest_is_looked_at(people):
    with open_gallery(people) as gallery:  # empties the log into the file
        gallery.enroll("Eve", np.ones(128))
    file = people / "gallery.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    file.write_bytes(content)
    by_check, result = found(people)
    assert by_check["gallery"].verdict == "fault"
    assert result.faults >= 1
    assert by_check["model"].verdict == "ok"


def test_a_gallery_of_another_model_and_a_missing_model_are_faults(people):
    by_check, result = found(people, model="nowhere/model")
    assert (by_check["model"].verdict, by_check["gallery"].verdict, result.faults) == ("fault", "ok", 1)
    by_check, _ = found(people, model="efficientnet_lite0")
    assert by_check["thresholds"].verdict == "fault"
    assert "dlib" in by_check["thresholds"].said


def test_a_missing_calibration_and_an_unkeepable_promise_are_faults(people, tmp_path):
    by_check, _ = found(people, calibration=tmp_path / "calibration.json")
    assert by_check["thresholds"].verdict in ("fault", "warning")
    by_check, result = found(people, fpir=0.01)
    assert by_check["thresholds"].verdict == "fault"
    assert "lookalike evaluate" in by_check["thresholds"].advice
    assert result.faults == 1


def test_a_folder_open_to_others_is_told(people):
    people.chmod(0o755)
    by_check, _ = found(people)
    assert by_check["access"].verdict == "warning"
    assert "755" in by_check["access"].said


def test_a_clock_that_went_back_is_a_fault():
    now = datetime(2030, 1, 1, tzinfo=UTC)
    (back,) = check_clock(now, now + timedelta(hours=1))
    assert back.verdict == "fault"
    assert "gone back" in back.said
    (fine,) = check_clock(now, now - timedelta(days=1))
    assert fine.verdict in ("ok", "warning")
    assert "gone back" not in fine.said


def test_a_disk_that_is_full_remote_slow_or_passing_is_told(tmp_path, monkeypatch):
    (fine,) = check_disk("disk", tmp_path / "not" / "there")
    assert str(tmp_path) in fine.said
    for kind, verdict in (("nfs4", "fault"), ("tmpfs", "warning"), ("ext4", "ok")):
        monkeypatch.setattr(doctor_machine, "_file_system", lambda at, kind=kind: kind)
        monkeypatch.setattr(doctor_machine, "_sync_seconds", lambda at: 0.003)
        monkeypatch.setattr(doctor_machine.shutil, "disk_usage", lambda at: shutil._ntuple_diskusage(0, 0, 50 * 2**30))
        assert check_disk("disk", tmp_path)[0].verdict == verdict
    for seconds, holds, verdict in ((0.2, 0, "warning"), (1e-7, 0, "warning"), (0.003, 200 * 2**30, "warning")):
        monkeypatch.setattr(doctor_machine, "_sync_seconds", lambda at, seconds=seconds: seconds)
        assert check_disk("disk", tmp_path, holds)[0].verdict == verdict
    monkeypatch.setattr(doctor_machine.shutil, "disk_usage", lambda at: shutil._ntuple_diskusage(0, 0, 1000))
    assert check_disk("disk", tmp_path)[0].verdict == "fault"


def test_a_package_that_is_too_old_or_missing_is_named(monkeypatch):
    assert check_versions()[0].verdict == "ok"
    asked = ["numpy>=99", "nosuchpackage>=1", 'nosuchextra>=1; extra == "extra"', 'numpy>=99; extra == "extra"',
             'alsonot>=1; python_version < "3"']  # fmt: skip
    monkeypatch.setattr(doctor_machine, "requires", lambda name: asked)
    (wrong,) = check_versions()
    assert wrong.verdict == "fault"
    assert wrong.said.count("numpy") == 1
    assert "nosuchpackage is not installed" in wrong.said
    assert "nosuchextra" not in wrong.said
    assert "alsonot" not in wrong.said
