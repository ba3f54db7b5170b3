import numpy as np
import pytest

from lookalike.embedder.calibration import Calibration
from lookalike.errors import InputError
from lookalike.evaluation.thresholds import calibrate
from lookalike.evaluation.verification import from_scores, verify_all_pairs


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 10)
    return verify_all_pairs(rng.normal(size=(10, 8))[labels] + 0.8 * rng.normal(size=(100, 8)), labels, "cosine")


def test_thresholds_keep_their_promise_on_the_measured_pairs(result, tmp_path):
    calibration = calibrate(result, fingerprint="f", metric="cosine", source="10 people", targets=(0.001, 0.1, 0.01))
    assert [point.target_fmr for point in calibration.points] == [0.1, 0.01, 0.001]
    for point in calibration.points:
        assert np.mean(result.impostor <= point.threshold) == point.fmr <= point.target_fmr
        assert np.mean(result.genuine > point.threshold) == pytest.approx(point.fnmr)
        assert point.fnmr_low <= point.fnmr <= point.fnmr_high
        assert point.impostor_pairs == 4500
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration


def test_the_default_is_the_strictest_target_with_enough_pairs(result):
    calibration = calibrate(result, fingerprint="f", metric="cosine", source="10 people")
    assert [point.sufficient for point in calibration.points] == [True, True, False]
    assert calibration.default_target_fmr == 0.01
    assert calibration.threshold() == result.tar_at_far(0.01).threshold
    assert calibration.note == ""
    assert (calibration.identities, calibration.pictures, calibration.genuine_pairs) == (10, 100, 450)
    assert (calibration.eer, calibration.eer_threshold) == (result.eer, result.eer_threshold)


def test_with_too_few_pairs_the_loosest_target_and_a_warning(result):
    calibration = calibrate(result, fingerprint="f", metric="cosine", source="s", targets=(0.001, 0.002))
    assert calibration.default_target_fmr == 0.002
    assert "4,500" in calibration.note
    assert "a guess" in calibration.note


def test_the_same_seed_gives_the_same_file(result):
    first, second = (
        calibrate(result, fingerprint="f", metric="cosine", source="s", replicates=50, seed=3) for _ in range(2)
    )
    assert first.model_dump_json() == second.model_dump_json()


@pytest.mark.parametrize(("targets", "message"), [((), "no target"), ((0.0,), "target rate"), ((2,), "target rate")])
def test_bad_targets(result, targets, message):
    with pytest.raises(InputError, match=message):
        calibrate(result, fingerprint="f", metric="cosine", source="s", targets=targets)


def test_scores_alone_cannot_be_calibrated():
    with pytest.raises(InputError, match="resample identities"):
        calibrate(from_scores([0.1, 0.2], [True, False]), fingerprint="f", metric="cosine", source="s")
