import errno
import json
import os

import pytest

from lookalike.decisions.calibration import FORMAT_VERSION, Calibration, OperatingPoint
from lookalike.decisions.misses import MissCurve
from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.promise import Promise
from lookalike.decisions.tail import ImpostorTail
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


def test_too_few_pairs_are_an_aim_and_what_they_carry(calibration):
    enough = calibration.points[0].model_copy(update={"sufficient": True})
    assert (
        calibration.in_words(enough) == f"at most {enough.target_fmr:g} of impostor pairs match ({calibration.source})"
    )
    few = enough.model_copy(update={"sufficient": False, "fmr": 0.0})
    people = calibration.model_copy(update={"identities": 21})  # 210 pairs of people: Wilson's bound is 1.3%
    assert people.in_words(few) == (
        f"aimed at: at most {few.target_fmr:g} of impostor pairs match; measured on too few pairs of "
        f"{calibration.source} to promise it (at most 1.3% with 95% confidence)"
    )
    alone = calibration.model_copy(update={"identities": 1})
    assert "at most 73% with" in alone.in_words(few)


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


@pytest.fixture
def promising(calibration):
    """A calibration with a tail: a factor of ten per 0.1 of distance, its bound twice the rate."""
    distances = tuple(round(0.05 * step, 2) for step in range(1, 13))
    tail = ImpostorTail(
        start=0.3,
        start_rate=1e-2,
        logarithmic=True,
        scale=0.1,
        shape=-0.01,
        exceedances=100,
        identity_pairs=60,
        impostor_pairs=10_000,
        dispersion=1.5,
        distances=distances,
        rates=tuple(10 ** (10 * d - 7) for d in distances),
        upper=tuple(2 * 10 ** (10 * d - 7) for d in distances),
    )
    return calibration.model_copy(
        update={
            "tail": tail,
            "misses": MissCurve(distances=(0.1, 0.5), fnmr=(0.9, 0.1), low=(0.8, 0.0), high=(1.0, 0.2)),
            "odds": MatchOdds(distances=(0.1, 0.5), log_ratios=(3.0, -3.0), cllr=0.3),
        }
    )


def test_everything_is_loaded_again_to_the_last_bit(promising, tmp_path):
    promising.save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json") == promising
    assert (tmp_path / "c.json").stat().st_size < 20_000


def test_its_own_promise_is_loaded_again(promising, tmp_path):
    promising.model_copy(update={"promise": Promise("fpir", 0.001)}).save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json").promise == Promise("fpir", 0.001)
    damaged = (tmp_path / "c.json").read_text("utf-8").replace('"rate": 0.001\n', '"rate": 7\n')
    (tmp_path / "c.json").write_text(damaged, "utf-8")
    with pytest.raises(ArtefactError, match="damaged at promise"):
        Calibration.load(tmp_path / "c.json")


def test_a_threshold_for_any_rate_and_gallery(promising):
    assert promising.threshold_for(fmr=2e-4) == pytest.approx(0.3)
    # Half of FPIR 2% among 100, the bound being twice the rate: about 1e-4 per comparison.
    assert promising.threshold_for(fpir=0.02, gallery=100) == pytest.approx(0.3, abs=0.001)
    assert promising.threshold_for(fpir=0.02, gallery=1000) == pytest.approx(0.2, abs=0.001)
    assert promising.threshold_for(fpir=0.02, gallery=0) == promising.threshold_for(fpir=0.02, gallery=1)
    found = promising.promised(Promise("fpir", 0.02), 100)
    assert found.bound == pytest.approx(0.02)
    assert found.expected == pytest.approx(0.01, rel=0.02)
    assert (found.fnmr, found.fnmr_low, found.fnmr_high) == pytest.approx((0.5, 0.4, 0.6), abs=0.01)
    assert found.extrapolation == pytest.approx(0.5, rel=0.02)


def test_senseless_questions(promising, calibration):
    for rates in ({}, {"fmr": 0.1, "fpir": 0.1}):
        with pytest.raises(InputError, match="either fmr or fpir"):
            promising.threshold_for(**rates)
    for templates in (-1, 1.5, True):
        with pytest.raises(InputError, match="templates is"):
            promising.threshold_for(fpir=0.1, gallery=templates)
    with pytest.raises(InputError, match="measured by an earlier version; measure it again"):
        calibration.threshold_for(fpir=0.1)


def test_a_file_of_version_1_is_read_and_written_again_as_2(calibration, tmp_path):
    content = json.loads(calibration.model_dump_json(exclude={"tail", "no_tail", "misses", "odds"}))
    (tmp_path / "c.json").write_text(json.dumps(content | {"format_version": 1}))
    older = Calibration.load(tmp_path / "c.json")
    assert older == calibration
    assert older.threshold(0.01) == 1 / 3
    older.save(tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text())["format_version"] == FORMAT_VERSION == 2


def test_a_tail_that_cannot_be_is_damage(promising, tmp_path):
    content = json.loads(promising.model_dump_json())
    content["tail"]["rates"].reverse()
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match=r"damaged at tail.*falls"):
        Calibration.load(tmp_path / "c.json")


# --- several templates of a person ---------------------------------------------------------------------------


@pytest.fixture
def of_identities(calibration):
    """With thresholds of the rule `mean`, which differ from those of pairs."""
    mean = calibration.model_copy(
        update={"template_scoring": "mean", "templates_each": 5, "points": (point(0.01, 0.2),), "source": "by mean"}
    )
    return calibration.model_copy(update={"of_identities": mean})


def test_thresholds_of_identities_are_saved_and_loaded(of_identities, calibration, tmp_path):
    of_identities.save(tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["format_version"] == 3, "an earlier Lookalike refuses it by its version"
    assert Calibration.load(tmp_path / "c.json") == of_identities
    calibration.save(tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["format_version"] == 2
    assert not {"template_scoring", "templates_each", "of_identities"} & set(content), "as earlier versions read it"


def test_a_threshold_is_of_the_rule_that_it_was_measured_with(of_identities, calibration):
    assert calibration.answering_scoring == calibration.template_scoring == "nearest"
    assert calibration.for_scoring() is calibration
    assert of_identities.answering_scoring == "mean"
    assert of_identities.for_scoring() is of_identities.for_scoring("mean") is of_identities.of_identities
    assert of_identities.for_scoring("mean").threshold() == 0.2
    assert of_identities.for_scoring("nearest").threshold() == of_identities.threshold() == 1 / 3
    with pytest.raises(InputError, match="with template scoring nearest, and mean was asked for; measure them with"):
        calibration.for_scoring("mean")
    with pytest.raises(InputError, match="nearest and mean, and set was asked for"):
        of_identities.for_scoring("set")
    with pytest.raises(InputError, match="'median' is unknown"):
        calibration.for_scoring("median")


@pytest.mark.parametrize("wrong", [{"template_scoring": "nearest"}, {"fingerprint": "other"}, {"metric": "euclidean"}])
def test_thresholds_of_identities_are_of_the_same_model_and_another_rule(of_identities, wrong, tmp_path):
    content = json.loads(of_identities.model_dump_json()) | {"format_version": 3}
    content["of_identities"] |= wrong
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="of_identities"):
        Calibration.load(tmp_path / "c.json")


def test_a_promise_of_mean_counts_identities(promising):
    mean = promising.model_copy(update={"template_scoring": "mean"})
    asked = Promise("fpir", 0.01)
    own, pairs = mean.promised(asked, 20), promising.promised(asked, 20)
    assert own.threshold == pairs.threshold
    assert "among 20 identities name anybody" in own.source
    assert "among 20 templates name anybody" in pairs.source
    with pytest.raises(InputError, match="identities needs a false match rate"):
        mean.promised(Promise("fpir", 1e-9), 10**9)
