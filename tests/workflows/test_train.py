"""Training as one function: what comes back, who is held out, and that nothing is printed or decoded twice."""

from collections import Counter
from dataclasses import replace

import pytest

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.embedder import Preprocessing
from lookalike.errors import DatasetError, InputError, StorageError
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.progress import Reporter
from lookalike.training import prepared_pictures
from lookalike.workflows.held_out import hold_out
from lookalike.workflows.train import TrainOptions, train_and_calibrate
from lookalike.workflows.training_recipes import chosen_recipe

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def options(some_people, tiny_recipe, tmp_path):
    return TrainOptions(data=some_people(8, 3), output=tmp_path / "m", recipe=tiny_recipe, epochs=1)


@pytest.fixture
def decoded(monkeypatch):
    """How often each picture was decoded."""
    count, prepare = Counter(), Preprocessing.prepare

    def counting(self, picture):
        count[picture] += 1
        return prepare(self, picture)

    monkeypatch.setattr(Preprocessing, "prepare", counting)
    return count


def test_a_model_with_thresholds_and_nothing_printed(options, capsys):
    events = []
    made = train_and_calibrate(options, events.append)
    assert capsys.readouterr() == ("", "")
    embedder = Embedder.load(made.model)
    assert (made.model, made.fingerprint) == (options.output, embedder.fingerprint)
    assert (made.identities, made.pictures, made.held_out_identities) == (6, 18, 2)
    assert made.calibration == embedder.calibration
    # Six identities and one epoch: whatever such a network learned, what is said follows its thresholds.
    assert bool(made.weakness) == (made.calibration.point().fnmr > 0.5)
    learned = read_pictures(options.data).of(embedder_names(embedder, options.data))
    assert len(learned) == 18
    assert embedder.trained_on.knows_pictures(learned.paths).all()
    assert len(embedder.trained_on.pictures) == 18
    assert [entry["epoch"] for entry in made.history] == [1]
    assert list(dict.fromkeys(event.stage for event in events)) == [
        "Checking held-out pictures",
        "Reading pictures",
        "Training (arcface)",
        "Measuring thresholds",
    ]
    assert [event.warning for event in events if event.warning] == [*made.notes, *made.warnings]


def embedder_names(embedder, data):
    """Those that its folder says it was trained on."""
    names = read_pictures(data).names
    return [name for name, known in zip(names, embedder.trained_on.knows_names(names), strict=True) if known]


@pytest.mark.parametrize("limit", [prepared_pictures.MEMORY_LIMIT, 1000])
def test_every_picture_is_decoded_once_and_thresholds_are_those_of_its_file(options, decoded, monkeypatch, limit):
    monkeypatch.setattr(prepared_pictures, "MEMORY_LIMIT", limit)  # 1000: in temporary files
    made = train_and_calibrate(options)
    pictures = read_pictures(options.data)
    assert decoded == dict.fromkeys(pictures.paths, 1)
    _, held_out = hold_out(pictures, 0.2, 0, Reporter())
    embedder = Embedder.load(made.model)
    measured = verify_all_pairs(embedder.embed(held_out.paths), held_out.identities, embedder.metric)
    assert made.calibration.eer == pytest.approx(measured.eer)
    assert sorted(path.name for path in options.output.parent.iterdir()) == ["m", "photos"]


def test_what_is_refused_is_refused_before_a_picture_is_decoded(options, decoded, tmp_path):
    (tmp_path / "groups.csv").write_text("identity,group\ns01,north\n")
    for changes, error, said in (
        ({"resume": True, "restart": True}, InputError, "give one"),
        ({"recipe": "magic"}, InputError, "recipe 'magic' is unknown; choose small-faces, "),
        ({"loss": "magic"}, InputError, "loss 'magic' is unknown; choose adaface, "),
        ({"backbone": "magic"}, InputError, "backbone 'magic' is unknown"),
        ({"validation": 1.5}, InputError, "validation is 1.5; expected a share of the identities from 0 to 0.9"),
        ({"groups": tmp_path / "groups.csv", "validation": 0}, DatasetError, "gives no group to 7 of 8"),
        ({"output": options.data}, StorageError, r"holds no model\.toml"),
    ):
        with pytest.raises(error, match=said):
            train_and_calibrate(replace(options, **changes))
    assert decoded == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["groups.csv", "photos"]


def test_bad_pictures_are_left_out_on_both_sides_and_reported_once(options, some_people):
    _, held_out = hold_out(read_pictures(options.data), 0.2, 0, Reporter())
    held_out.paths[0].write_bytes(b"not a picture")
    (options.data / "s01" / "0.png").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match="2 of 24 pictures cannot be used"):
        train_and_calibrate(options)
    made = train_and_calibrate(replace(options, skip_bad=True))
    assert (made.pictures, made.calibration.pictures) == (17, 5)
    assert len(made.notes) == 2
    assert made.notes[0].startswith("held-out pictures: 1 of 6 pictures cannot be used and are left out; ")
    assert made.notes[1].startswith("1 of 18 pictures cannot be used and are left out; ")


def test_nobody_held_out_no_thresholds(options):
    made = train_and_calibrate(replace(options, validation=0))
    assert (made.identities, made.held_out_identities, made.calibration) == (8, 0, None)
    assert Embedder.load(made.model).calibration is None


def test_a_recipe_is_given_by_name_by_file_or_itself(tiny_recipe, tmp_path):
    options, file = {"epochs": 7, "loss": "softmax", "seed": None}, tmp_path / "mine.toml"
    file.write_text("embedding_size = 16\n")
    for given in (tiny_recipe, file, str(file), "face-crops", "landmarks"):
        recipe = chosen_recipe(given, options)
        assert (recipe.epochs, recipe.loss, recipe.margin, recipe.seed) == (7, "softmax", None, 0)
    assert chosen_recipe(tiny_recipe, {}) == tiny_recipe
    assert chosen_recipe(tiny_recipe, {}, cropped=True).preprocessing.cropped
