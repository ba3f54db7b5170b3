import errno
import json
import os

import pytest

from lookalike.embedder.calibration import FORMAT_VERSION, Calibration, OperatingPoint
from lookalike.errors import ArtefactError, InputError, StorageError


def point(target, threshold):
    return OperatingPoint(
        target_fmr=target,
        threshold=threshold,
        fmr=target / 2,
        fnmr=0.1,
        fnmr_low=0.05,
        fnmr_high=0.2,
        impostor_pairs=4500,
        sufficient=target >= 0.01,
    )


@pytest.fixture
def calibration():
    return Calibration(
        fingerprint="f00d",
        metric="cosine",
        source="10 people, 100 pictures",
        identities=10,
        pictures=100,
        genuine_pairs=450,
        impostor_pairs=4500,
        eer=0.04,
        eer_threshold=0.51,
        points=(point(0.1, 0.6), point(0.01, 1 / 3), point(0.001, -0.2)),
        default_target_fmr=0.01,
    )


def test_what_is_saved_is_loaded_to_the_last_bit(calibration, tmp_path):
    calibration.save(tmp_path / "calibration.json")
    again = Calibration.load(tmp_path / "calibration.json")
    assert again == calibration
    assert again.threshold(0.01) == 1 / 3
    assert [p.name for p in tmp_path.iterdir()] == ["calibration.json"]


def test_threshold_by_target_and_by_default(calibration):
    assert calibration.threshold() == 1 / 3
    assert calibration.threshold(0.1) == 0.6
    assert calibration.threshold(0.1 * 0.1) == 1 / 3, "a target computed in floats is still the same target"


def test_an_unknown_target_lists_those_there_are(calibration):
    with pytest.raises(InputError, match=r"0\.05; choose one of 0\.1, 0\.01, 0\.001"):
        calibration.threshold(0.05)


def test_it_cannot_be_changed_or_made_inconsistent(calibration):
    with pytest.raises(ValueError, match="frozen"):
        calibration.eer = 0.5
    with pytest.raises(ValueError, match="not the target of any point"):
        Calibration.model_validate({**calibration.model_dump(), "default_target_fmr": 0.5})
    with pytest.raises(ValueError, match="finite"):
        point(0.1, float("nan"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "format version None"),
        (b'{"format_version": 99}', "format version 99"),
        (b'{"format_version": 1, "fingerprint": "x"}', "damaged at metric"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, content, message):
    (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(ArtefactError, match=message) as caught:
        Calibration.load(tmp_path / "calibration.json")
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ArtefactError, match="lookalike evaluate"):
        Calibration.load(tmp_path / "calibration.json")


def test_rates_outside_0_to_1_are_damage(calibration, tmp_path):
    content = json.loads(calibration.model_dump_json())
    content["points"][1]["fmr"] = 1.5
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match=r"points\.1\.fmr"):
        Calibration.load(tmp_path / "c.json")


def test_a_full_disk_leaves_the_old_file(calibration, tmp_path, monkeypatch):
    path = tmp_path / "calibration.json"
    calibration.save(path)
    before = path.read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        calibration.model_copy(update={"eer": 0.5}).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["calibration.json"], "nothing half-written stays"


def test_a_missing_folder_is_a_storage_error(calibration, tmp_path):
    with pytest.raises(StorageError, match="No such file"):
        calibration.save(tmp_path / "nowhere" / "calibration.json")


def test_the_file_is_readable_by_others_as_any_new_file(calibration, tmp_path):
    calibration.save(tmp_path / "calibration.json")
    (tmp_path / "plain").touch()
    assert (tmp_path / "calibration.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_version_is_written(calibration, tmp_path):
    calibration.save(tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["format_version"] == FORMAT_VERSION
