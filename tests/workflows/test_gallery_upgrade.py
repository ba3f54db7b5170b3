"""A gallery changes its model: by kept pictures, by sources, by pictures that are given; resumed, switched, undone."""

import base64
import json
import shutil
import signal
import textwrap
from pathlib import Path

import numpy as np
import pytest

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.errors import DatasetError, FingerprintError, InputError
from lookalike.gallery.kept_pictures import encoded
from lookalike.workflows.enroll import EnrollOptions, enroll
from lookalike.workflows.gallery_upgrade import (
    UpgradedGallery,
    UpgradeOptions,
    discard_upgrade,
    roll_back_upgrade,
    switch_upgrade,
    upgrade_gallery,
    upgrade_status,
)


@pytest.fixture(scope="session")
def second_model(orl, known_vectors, linear_model, tmp_path_factory):
    """A model folder that puts the ORL faces elsewhere, in 40 dimensions, as far from each other as `tiny_model`."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(40, 40)))[0][:32]
    return linear_model(tmp_path_factory.mktemp("models") / "second", orl.paths, known_vectors @ turn, name="second")


@pytest.fixture
def upgrade(second_model, gallery):
    """Run the upgrade of `gallery` to `second_model`."""

    def run(**options):
        return upgrade_gallery(UpgradeOptions(model=second_model, gallery=gallery, **options))

    return run


def names(model, gallery, people_folder):
    """Whom each picture 5 of s01, s02 and s03 shows."""
    with Recognizer(Embedder.load(model), gallery, threshold=0.3) as recognizer:
        return [recognizer.identify(people_folder / name / "5.png").identity for name in ("s01", "s02", "s03")]


KNOWN = ["s01", "s02", "s03"]


def test_from_sources_and_back(upgrade, gallery, tiny_model, second_model, people_folder):
    done = upgrade(model_thresholds=True)
    assert (done.status.state, done.embedded, done.unusable) == ("ready", 6, ())
    assert any("6 pictures are read from where they came from" in line for line in done.notes)
    assert names(tiny_model, gallery, people_folder) == KNOWN
    assert upgrade_status(UpgradedGallery(gallery=gallery)).remaining == 0
    assert switch_upgrade(UpgradedGallery(gallery=gallery)).model.name == "second"
    assert names(second_model, gallery, people_folder) == KNOWN
    with pytest.raises(FingerprintError, match="was switched to model 'second'"):
        names(tiny_model, gallery, people_folder)
    assert roll_back_upgrade(UpgradedGallery(gallery=gallery)).model.name == "tiny"
    assert names(tiny_model, gallery, people_folder) == KNOWN
    assert discard_upgrade(UpgradedGallery(gallery=gallery)).vectors == 6
    assert names(tiny_model, gallery, people_folder) == KNOWN


def test_vectors_are_those_that_the_new_model_gives(upgrade, gallery, second_model, people_folder):
    assert upgrade(switch=True, model_thresholds=True).status.state == "replaced"
    with open_gallery(gallery) as held:
        for name in KNOWN:
            expected = Embedder.load(second_model).embed([people_folder / name / f"{n}.png" for n in (0, 1)])
            np.testing.assert_allclose([one.vector for one in held.templates(name)], expected, atol=1e-5)


def kept_gallery(tmp_path, some_people, tiny_model, keep=True):
    photos = some_people(3, 2)
    enroll(EnrollOptions(model=tiny_model, pictures=photos, gallery=tmp_path / "kept.gallery", keep_pictures=keep))
    shutil.rmtree(photos)
    return tmp_path / "kept.gallery"


def test_kept_pictures_need_no_files(tmp_path, some_people, tiny_model, second_model, people_folder):
    path = kept_gallery(tmp_path, some_people, tiny_model)
    done = upgrade_gallery(UpgradeOptions(model=second_model, gallery=path, switch=True, model_thresholds=True))
    assert (done.embedded, done.status.model.name, done.notes) == (6, "second", ())
    assert names(second_model, path, people_folder) == KNOWN


def test_without_pictures_it_is_refused_and_says_what_is_needed(
    tmp_path, some_people, tiny_model, second_model, people_folder, snapshot
):
    path = kept_gallery(tmp_path, some_people, tiny_model, keep=False)
    with open_gallery(path) as gallery:
        Recognizer(Embedder.load(tiny_model), gallery).enroll(
            "s04", people_folder / "s04" / "0.png", keep_pictures=True
        )
    before = snapshot(path)
    with pytest.raises(DatasetError, match=r"6 templates of 7 in .*no picture: of 's01', 's02', 's03'.*--pictures"):
        upgrade_gallery(UpgradeOptions(model=second_model, gallery=path))
    assert snapshot(path) == before
    assert upgrade_status(UpgradedGallery(gallery=path)).other is None
    done = upgrade_gallery(
        UpgradeOptions(model=second_model, gallery=path, pictures=people_folder, switch=True, model_thresholds=True)
    )
    assert done.embedded == 7
    assert names(second_model, path, people_folder) == KNOWN
    with open_gallery(path) as gallery:  # pictures are found by the file names of the sources
        expected = Embedder.load(second_model).embed([people_folder / "s02" / f"{n}.png" for n in (0, 1)])
        np.testing.assert_allclose([one.vector for one in gallery.templates("s02")], expected, atol=1e-5)


def test_given_pictures_of_other_names_are_taken_in_order(tmp_path, some_people, tiny_model, second_model, orl):
    path = kept_gallery(tmp_path, some_people, tiny_model, keep=False)
    for name in KNOWN:
        (tmp_path / "more" / name).mkdir(parents=True)
        for letter, picture in zip("ba", orl.of([name]).paths[2:4], strict=True):
            shutil.copy(picture, tmp_path / "more" / name / f"{letter}.pgm")
    upgrade_gallery(UpgradeOptions(model=second_model, gallery=path, pictures=tmp_path / "more", switch=True))
    with open_gallery(path) as gallery:
        expected = Embedder.load(second_model).embed([orl.of(["s03"]).paths[n] for n in (3, 2)])
        np.testing.assert_allclose([one.vector for one in gallery.templates("s03")], expected, atol=1e-5)
    shutil.rmtree(tmp_path / "more" / "s01")
    (tmp_path / "nobody").mkdir()
    shutil.copytree(tmp_path / "more" / "s02", tmp_path / "nobody" / "Grace")
    shutil.copytree(tmp_path / "more" / "s02", tmp_path / "nobody" / "Ida")
    roll_back_upgrade(UpgradedGallery(gallery=path))
    with pytest.raises(InputError, match="the gallery knows none of them"):
        upgrade_gallery(UpgradeOptions(model=second_model, gallery=path, pictures=tmp_path / "nobody"))


def test_a_source_that_shows_somebody_else_now(tmp_path, some_people, tiny_model, second_model, people_folder):
    photos = some_people(3, 2)
    path = tmp_path / "people.gallery"
    enroll(EnrollOptions(model=tiny_model, pictures=photos, gallery=path))
    shutil.copy(people_folder / "s05" / "0.png", photos / "s02" / "1.png")
    (photos / "s03" / "0.png").write_bytes(b"no picture")
    options = {"model": second_model, "gallery": path, "model_thresholds": True}
    done = upgrade_gallery(UpgradeOptions(check_sources=tiny_model, **options))
    assert done.embedded == 4
    assert [(one.identity, Path(one.picture).name) for one in done.unusable] == [("s02", "1.png"), ("s03", "0.png")]
    assert "is not the picture that was enrolled" in done.unusable[0].reason
    assert any("2 templates could not be embedded; the first is of 's02'" in line for line in done.notes)
    with pytest.raises(InputError, match="2 templates of 6 have no vector"):
        switch_upgrade(UpgradedGallery(gallery=path))
    # Other pictures of the same people take their place.
    done = upgrade_gallery(UpgradeOptions(pictures=people_folder, switch=True, **options))
    assert (done.embedded, done.unusable, done.status.state) == (2, (), "replaced")
    assert names(second_model, path, people_folder) == KNOWN


def test_a_model_that_is_not_the_present_one_checks_no_sources(upgrade, second_model):
    with pytest.raises(FingerprintError, match="belongs to model 'tiny'"):
        upgrade(check_sources=second_model)


def test_who_was_enrolled_since_the_switch_is_embedded_to_roll_back(
    upgrade, gallery, tiny_model, second_model, people_folder
):
    upgrade(switch=True, model_thresholds=True)
    with Recognizer(Embedder.load(second_model), gallery) as recognizer:
        recognizer.enroll("s04", people_folder / "s04" / "0.png", keep_pictures=True)
    with pytest.raises(InputError, match=r"1 template of 7 has no vector of model 'tiny'.*'s04'"):
        roll_back_upgrade(UpgradedGallery(gallery=gallery))
    done = upgrade_gallery(UpgradeOptions(model=tiny_model, gallery=gallery, switch=True))
    assert (done.embedded, done.status.state, done.compared) == (1, "replaced", None)
    assert any("roll back for that" in line for line in done.notes)
    roll_back_upgrade(UpgradedGallery(gallery=gallery))
    assert names(tiny_model, gallery, people_folder) == KNOWN


KILLED = """
    import os, signal
    from lookalike.gallery.model_upgrade import ModelUpgrade
    from lookalike.workflows import upgrade_job
    from lookalike.workflows.gallery_upgrade import UpgradeOptions, upgrade_gallery

    upgrade_job._BATCH, store, calls = 2, ModelUpgrade.store, []

    def killed(self, *given):
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(given)
        return store(self, *given)

    ModelUpgrade.store = killed
    upgrade_gallery(UpgradeOptions(model=MODEL, gallery=GALLERY))
"""


def test_a_killed_run_goes_on_where_it_was(upgrade, gallery, second_model, forking_interpreter):
    program = f"MODEL, GALLERY = {str(second_model)!r}, {str(gallery)!r}\n" + textwrap.dedent(KILLED)
    child = forking_interpreter.run(program)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert upgrade_status(UpgradedGallery(gallery=gallery)).embedded == 4
    done = upgrade(model_thresholds=True)
    assert (done.embedded, done.status.state) == (2, "ready")


def test_progress_and_who_enrolls_and_forgets_meanwhile(second_model, gallery, tiny_model, people_folder, monkeypatch):
    monkeypatch.setattr("lookalike.workflows.upgrade_job._BATCH", 2)
    events = []
    with open_gallery(gallery) as other:
        recognizer = Recognizer(Embedder.load(tiny_model), other)

        def sink(event):
            if event.stage == "Embedding again":
                events.append((event.done, event.total))
                if event.done == 2:
                    other.forget("s03")
                    recognizer.enroll("s05", [people_folder / "s05" / f"{n}.png" for n in (0, 1)], keep_pictures=True)

        options = UpgradeOptions(model=second_model, gallery=gallery, switch=True, model_thresholds=True)
        done = upgrade_gallery(options, sink)
    assert events == [(0, 6), (2, 6), (4, 6), (6, 6)]
    assert (done.embedded, done.status.state, done.status.templates) == (6, "replaced", 6)
    with Recognizer(Embedder.load(second_model), gallery, threshold=0.3) as recognizer:
        found = [recognizer.identify(people_folder / name / "5.png").identity for name in ("s01", "s03", "s05")]
    assert found == ["s01", None, "s05"]


def test_thresholds_are_derived_again_and_used_after_the_switch(
    tmp_path, tiny_model, second_model, people_folder, known_vectors
):
    path = tmp_path / "eight.gallery"
    enroll(EnrollOptions(model=tiny_model, pictures=people_folder, gallery=path, keep_pictures=True))
    done = upgrade_gallery(UpgradeOptions(model=second_model, gallery=path, output=tmp_path / "report"))
    compared = done.compared
    assert compared is not None
    assert (compared.people, compared.templates) == (8, 48)
    # The second model turns the first one's space: all distances are as before, and so are the thresholds.
    for one, two in zip(compared.present.calibration.points, compared.other.calibration.points, strict=True):
        assert two.threshold == pytest.approx(one.threshold, abs=1e-4)
        assert two.fnmr == pytest.approx(one.fnmr, abs=1e-9)
    assert done.thresholds == compared.other.calibration
    assert done.thresholds.fingerprint == Embedder.load(second_model).fingerprint
    assert [one.name for one in done.written] == ["report.html", "metrics.json", "calibration.json"]
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["models"]["other"]["name"] == "second"
    assert metrics["points"][0]["present"]["threshold"] == pytest.approx(
        metrics["points"][0]["other"]["threshold"], 1e-3
    )
    assert "receiver operating characteristic of both models" in (tmp_path / "report" / "report.html").read_text()

    embedder = Embedder.load(second_model)
    assert embedder.calibration is None
    switch_upgrade(UpgradedGallery(gallery=path))
    assert upgrade_status(UpgradedGallery(gallery=path)).calibrated == ("second",)
    with Recognizer(embedder, path) as recognizer:
        assert recognizer.calibration == done.thresholds
        assert recognizer.threshold.distance == done.thresholds.threshold()
        assert "8 people of the gallery" in recognizer.threshold.source
        assert recognizer.identify(people_folder / "s01" / "1.png").identity == "s01"
    chosen = Embedder.load(second_model)
    (tmp_path / "mine.json").write_text(done.thresholds.model_copy(update={"source": "my own"}).to_json())
    chosen.use_calibration(tmp_path / "mine.json")
    with Recognizer(chosen, path) as recognizer:
        assert recognizer.calibration.source == "my own"
    roll_back_upgrade(UpgradedGallery(gallery=path))
    with Recognizer(Embedder.load(tiny_model), path) as recognizer:
        assert "three people of ORL" in recognizer.threshold.source
    discard_upgrade(UpgradedGallery(gallery=path))
    assert upgrade_status(UpgradedGallery(gallery=path)).calibrated == ()


def test_thresholds_on_others_and_a_promise(upgrade, gallery, people_folder, second_model):
    done = upgrade(calibrate_on=people_folder, promise="fmr=0.1", switch=True)
    assert done.thresholds.source == f"people of {people_folder}"
    assert str(done.thresholds.promise) == "FMR 0.1"
    with Recognizer(Embedder.load(second_model), gallery) as recognizer:
        assert recognizer.calibration == done.thresholds


def test_too_few_people_leave_the_model_its_own_thresholds(gallery, second_model, people_folder, tmp_path):
    own = shutil.copytree(second_model, tmp_path / "calibrated")
    from lookalike.datasets import read_pictures
    from lookalike.progress import Reporter
    from lookalike.workflows.calibration import calibrate_on

    calibrate_on(Embedder.load(own), read_pictures(people_folder), Reporter(), source="eight").save(
        own / "calibration.json"
    )
    done = upgrade_gallery(UpgradeOptions(model=own, gallery=gallery, switch=True))
    assert done.thresholds is None
    assert any("too few to measure thresholds on" in line for line in done.notes)
    with Recognizer(Embedder.load(own), gallery) as recognizer:
        assert "eight" in recognizer.threshold.source


def test_kept_pictures_are_erased_with_their_person(tmp_path, some_people, tiny_model, people_folder):
    path = kept_gallery(tmp_path, some_people, tiny_model)
    kept = encoded(people_folder / "s02" / "0.png")
    middle = kept[len(kept) // 2 :][:64]  # a page of the database may end within

    def holds():
        return [one.name for one in path.rglob("*") if one.is_file() and middle in one.read_bytes()]

    assert holds()
    with open_gallery(path) as gallery:
        gallery.forget("s02")
        assert not holds()
        gallery.enroll_many([("s01", gallery.templates("s01")[0].vector, None)], replace=True)
        assert gallery.upgrade.picture(1) is not None
        assert gallery.upgrade.picture(2) is None


def test_galleries_of_places_keep_no_pictures(tmp_path, tiny_model, people_folder):
    with pytest.raises(InputError, match="--keep-pictures is for people"):
        enroll(
            EnrollOptions(
                model=tiny_model, pictures=people_folder, recipe="landmarks", gallery=tmp_path / "g", keep_pictures=True
            )
        )


def test_copies_take_the_pictures_along(tmp_path, some_people, tiny_model, second_model, people_folder, monkeypatch):
    from lookalike.gallery.master_key import KEY_VARIABLE
    from lookalike.workflows.gallery_encryption import EncryptOptions, encrypt_gallery
    from lookalike.workflows.gallery_migrate import GalleryMigrateOptions, migrate_gallery

    path = kept_gallery(tmp_path, some_people, tiny_model)
    migrate_gallery(GalleryMigrateOptions(source=path, target=tmp_path / "migrated.gallery"))
    upgrade_gallery(
        UpgradeOptions(model=second_model, gallery=tmp_path / "migrated.gallery", switch=True, model_thresholds=True)
    )
    assert names(second_model, tmp_path / "migrated.gallery", people_folder) == KNOWN
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "key").chmod(0o600)
    encrypted = tmp_path / "encrypted.gallery"
    encrypt_gallery(EncryptOptions(source=path, target=encrypted, key=tmp_path / "key"))
    monkeypatch.setenv(KEY_VARIABLE, base64.b64encode(bytes(range(32))).decode("ascii"))
    done = upgrade_gallery(UpgradeOptions(model=second_model, gallery=encrypted, switch=True, model_thresholds=True))
    assert (done.embedded, done.notes) == (6, ())
    assert names(second_model, encrypted, people_folder) == KNOWN
