import numpy as np
import pytest

from lookalike.decisions.calibration import Calibration
from lookalike.decisions.promise import Promise, PromisedThreshold
from lookalike.errors import InputError
from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_large, calibrate_sets, promise, promises
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs
from lookalike.evaluation.verification.template_sets import verify_sets


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


@pytest.fixture(scope="module")
def calibration(result):
    return calibrate(result, fingerprint="f", metric="cosine", source="10 people")


def test_misses_are_those_of_the_measured_pairs_with_the_intervals_of_the_bootstrap(result, calibration):
    for distance in calibration.misses.distances[::20]:
        fnmr, low, high = calibration.misses.at(distance)
        assert fnmr == pytest.approx(np.mean(result.genuine > distance))
        slow = result.intervals((), (distance,), replicates=1000).fnmr_at[distance]
        assert (low, high) == pytest.approx((slow.low, slow.high), abs=0.03)
        assert low <= fnmr <= high
    for point in calibration.points:
        slow = result.intervals((), (point.threshold,), replicates=1000).fnmr_at[point.threshold]
        assert (point.fnmr_low, point.fnmr_high) == pytest.approx((slow.low, slow.high), abs=0.03)


def test_a_promise_gives_a_threshold_and_what_is_missed_there(result, calibration):
    found = promise(calibration, fpir=0.1, templates=10)
    assert found.threshold == calibration.threshold_for(fpir=0.1, gallery=10)
    assert result.fmr(found.threshold) <= 0.1 / 10
    assert found.fnmr == pytest.approx(result.fnmr(found.threshold), abs=0.03)
    assert found.fnmr_low <= found.fnmr <= found.fnmr_high
    assert found.expected <= found.bound <= 0.1 * (1 + 1e-9)
    assert found.likely >= found.threshold
    assert promise(calibration, fmr=0.01).threshold <= calibration.threshold(0.01)
    for rates in ({}, {"fmr": 0.1, "fpir": 0.1}):
        with pytest.raises(InputError, match="either fmr or fpir"):
            promise(calibration, **rates)


def test_what_it_means_as_the_gallery_grows_and_where_it_ends(calibration):
    answers = promises(calibration, fpir=(0.1,), templates=(1, 10, 100, 10_000_000))
    thresholds = [answer.threshold for answer in answers[:3] if isinstance(answer, PromisedThreshold)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == 3
    assert "times beyond 4,500 impostor pairs" in answers[3]
    assert "on more identities" in answers[3]


def test_ten_people_carry_no_promise_far_beyond_what_was_counted(calibration):
    """45 pairs of identities, however many pictures: the tail's shape is a guess."""
    assert calibration.tail.identity_pairs <= 45
    assert promise(calibration, fmr=0.01).sufficient
    far = promise(calibration, fmr=1e-4)
    assert not far.sufficient
    assert far.extrapolation == pytest.approx(1 / 0.45)
    assert "too few pairs to promise it" in far.source


def test_without_a_tail_the_reason_is_kept():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 3)
    small = calibrate(
        verify_all_pairs(rng.normal(size=(15, 4)), labels), fingerprint="f", metric="cosine", source="5 people"
    )
    assert small.tail is None
    with pytest.raises(InputError, match=r"5 people.*90 impostor pairs are too few.*measure it again"):
        small.threshold_for(fpir=0.1, gallery=10)
    equal = calibrate(verify_all_pairs(np.ones((60, 3)), np.repeat(np.arange(30), 2)), fingerprint="f",
                      metric="cosine", source="one vector")  # fmt: skip
    assert "at one distance" in equal.no_tail
    assert equal.odds.probability(0.0) == pytest.approx(0.5, abs=0.1), "equal vectors say nothing"


def test_pairs_counted_are_calibrated_as_pairs_kept():
    rng = np.random.default_rng(1)
    labels = np.repeat([f"p{i}" for i in range(120)], 2)
    centres = rng.normal(size=(120, 16)) * np.exp(-np.arange(16) / 8)
    vectors = (np.repeat(centres, 2, axis=0) + 0.2 * rng.normal(size=(240, 16))).astype(np.float32)
    described = {"fingerprint": "f", "metric": "cosine", "source": "120 people"}
    targets = (0.1, 0.01, 0.001)
    kept = calibrate(verify_all_pairs(vectors, labels), targets=targets, **described)
    counted = calibrate_large(vectors, labels, targets=targets, **described)
    for name in ("identities", "pictures", "genuine_pairs", "impostor_pairs", "default_target_fmr", "note", "no_tail"):
        assert getattr(counted, name) == getattr(kept, name)
    for one, other in zip(counted.points, kept.points, strict=True):
        assert one.threshold == pytest.approx(other.threshold, rel=1e-3)
        assert (one.fmr, one.fnmr, one.fnmr_low) == pytest.approx((other.fmr, other.fnmr, other.fnmr_low), abs=0.01)
    for size in (1, 100, 10_000):
        found, slow = (promise(one, fpir=0.01, templates=size) for one in (counted, kept))
        assert found.threshold == pytest.approx(slow.threshold, rel=0.03)
        assert found.fnmr == pytest.approx(slow.fnmr, abs=0.05)
    for distance in (0.02, 0.1, 0.3, 0.6):
        assert counted.odds.log_ratio(distance) == pytest.approx(kept.odds.log_ratio(distance), abs=0.7)
    assert counted.odds.cllr == pytest.approx(kept.odds.cllr, abs=0.03)


def test_thresholds_of_sets_are_of_distances_to_sets():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(30), 6)
    vectors = rng.normal(size=(30, 8))[labels] + 0.8 * rng.normal(size=(180, 8))
    sets = verify_sets(vectors, labels, "euclidean", "mean", 3)
    found = calibrate_sets(sets, fingerprint="f", metric="euclidean", source="30 people", replicates=100)
    assert (found.template_scoring, found.templates_each, found.pictures, found.identities) == ("mean", 3, 180, 30)
    assert found.impostor_pairs == 180 * 60 - 30 * 12
    for point in found.points:
        assert np.mean(sets.result.impostor <= point.threshold) == point.fmr <= point.target_fmr
    assert found.promised(Promise("fpir", 0.1), 20).threshold < found.threshold(0.1)


def test_unequal_rates_are_counted_over_pictures_not_over_sets():
    """All pictures are alike; that there are fewer sets, each compared more often, is no difference of probes."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(60), 10)
    directions = rng.normal(size=(600, 40))
    of_sets = calibrate_sets(
        verify_sets(directions, labels, "cosine", "mean", 5),
        fingerprint="f",
        metric="cosine",
        source="s",
        replicates=50,
    )
    of_pairs = calibrate(
        verify_all_pairs(directions, labels), fingerprint="f", metric="cosine", source="s", replicates=50
    )
    assert abs(of_sets.tail.dispersion - of_pairs.tail.dispersion) < 0.3
