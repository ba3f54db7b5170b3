"""The job itself: what it writes is what it returns, an evaluator is one class, and nothing is printed."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.onnx_files import linear_onnx, write_card

from lookalike import Embedder
from lookalike.decisions.calibration import Calibration
from lookalike.embedder.trained_pictures import TrainedPictures, content_digest
from lookalike.errors import DatasetError, InputError, LookalikeError, StorageError
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.evaluators import EVALUATORS
from lookalike.evaluation.identification.template_scoring_evaluator import TemplateScorings
from lookalike.evaluation.report.page import Section
from lookalike.workflows.enroll import EnrollOptions, enroll
from lookalike.workflows.evaluate import EvaluateOptions, evaluate
from lookalike.workflows.identify import IdentifyOptions, identify


@pytest.fixture
def options_for(tiny_model, tmp_path):
    def make(data, **options):
        asked = {"model": tiny_model, "output": tmp_path / "e", "trials": 2}
        return EvaluateOptions(data=data, **(asked | options))

    return make


class PictureCount:
    """A toy evaluator: how many pictures each person has."""

    def measure(self, context):
        counts = {name: len(mine) for name, mine in context.pictures.groups()}
        return Measurement(Section("Pictures of everybody", (f"{max(counts.values())} at most.",)), {"counts": counts})


def test_a_new_evaluator_is_one_class_and_one_line_in_the_list(options_for, some_people, tmp_path):
    done = evaluate(options_for(some_people(2, 3)), evaluators=(*EVALUATORS, PictureCount()))
    page = (tmp_path / "e" / "report.html").read_text("utf-8")
    assert "Pictures of everybody" in page.split("How this was measured")[1]
    assert "3 at most." in page
    written = json.loads((tmp_path / "e" / "metrics.json").read_text("utf-8"))
    assert written["counts"] == {"s01": 3, "s02": 3}
    assert written == done.metrics


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"template_scoring": "median", "enrolled": 3}, "'median' is unknown; choose one of nearest, mean, set, auto"),
        ({"template_scoring": "auto"}, "several templates of a person, and --enrolled is 1; give --enrolled 2 or more"),
    ],
)
def test_a_template_scoring_that_cannot_be_measured_is_refused_before_the_work(options_for, options, message):
    with pytest.raises(InputError, match=message):
        evaluate(options_for("no such folder", **options))


def test_identify_answers_by_the_rule_that_was_measured(options_for, people_folder, tiny_model, tmp_path):
    done = evaluate(options_for(people_folder, enrolled=2, template_scoring="mean"), evaluators=[TemplateScorings()])
    written = Calibration.load(tmp_path / "e" / "calibration.json")
    assert written == done.calibration
    assert written.answering_scoring == "mean"
    assert done.metrics["template_scoring"]["answering"] == "mean"
    assert any(note.startswith("template scoring: mean has FNIR") for note in done.notes)
    known = tmp_path / "g"
    enroll(EnrollOptions(pictures=[str(people_folder)], model=tiny_model, gallery=known))
    picture = sorted(people_folder.glob("s01/*"))[0]
    asked = IdentifyOptions(
        pictures=[picture], model=tiny_model, gallery=known, calibration=tmp_path / "e" / "calibration.json"
    )
    by_rule, by_nearest = (identify(replace(asked, template_scoring=rule)).answers[0] for rule in (None, "nearest"))
    assert by_rule.threshold == written.for_scoring("mean").threshold()
    assert by_nearest.threshold == written.threshold()
    assert by_nearest.distance < by_rule.distance, "the picture itself is enrolled, the mean lies elsewhere"
    with pytest.raises(InputError, match="measured with template scoring nearest and mean, and set was asked for"):
        identify(replace(asked, template_scoring="set"))


def test_the_result_says_what_was_written(options_for, some_people, tmp_path, capsys):
    events = []
    done = evaluate(options_for(some_people(3, 3)), events.append)
    assert [path.name for path in done.written] == ["report.html", "metrics.json", "calibration.json"]
    assert done.report == done.written[0]
    assert all(path.parent == tmp_path / "e" and path.is_file() for path in done.written)
    assert Calibration.load(done.written[2]) == done.calibration
    assert done.metrics["methods"]["tiny"]["eer"] == done.methods["tiny"].eer
    assert done.notes == tuple(event.warning for event in events if event.warning)
    assert done.notes, "nine pictures are too few for any promise, and that is told"
    assert events[0].stage == "Embedding"
    assert capsys.readouterr() == ("", "")


def test_pictures_that_the_model_was_trained_on_are_told_at_the_top(options_for, some_people, tiny_model, tmp_path):
    photos = some_people(3, 3)
    model = shutil.copytree(tiny_model, tmp_path / "trained")
    seen = [photos / "s01" / f"{number}.png" for number in range(2)]
    TrainedPictures.of([content_digest(path.read_bytes()) for path in seen], ["s01", "s02"]).write(model)
    done = evaluate(replace(options_for(photos), model=model))
    told = {row["kind"]: row for row in done.metrics["findings"]}
    text = told["picture trained on"]["text"]
    assert text.startswith("2 of 9 pictures trained tiny, of 1 identity")
    assert text in done.notes
    assert told["name trained on"]["severity"] == "note"
    page = done.report.read_text("utf-8")
    assert page.index('role="alert"') < page.index("2 of 9 pictures trained tiny") < page.index("<section>")
    older = evaluate(options_for(photos))
    assert "trained on" not in " ".join(row["kind"] for row in older.metrics["findings"])
    assert 'role="alert"' not in older.report.read_text("utf-8")


def test_what_is_left_out_is_in_the_notes(options_for, some_people):
    photos = some_people(3, 3)
    (photos / "s01" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError):
        evaluate(options_for(photos))
    done = evaluate(options_for(photos, skip_bad=True))
    assert done.methods["tiny"].pictures == 8
    assert done.notes[0].startswith("1 of 9 pictures cannot be used and are left out")


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"promise": "often"}, InputError, "'often' is no promise"),
        ({"model": "dlib", "calibrate": True, "cropped": True}, InputError, "dlib is no model folder"),
        ({"against": "nowhere"}, LookalikeError, "nowhere"),
        ({"groups": "no.csv"}, LookalikeError, "no.csv"),
        ({"scales": "big"}, InputError, "--scales is 'big'"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(options_for, people_folder, tmp_path, wrong, error, said):
    events = []
    with pytest.raises(error, match=said):
        evaluate(options_for(people_folder, **wrong), events.append)
    assert events == []
    assert not (tmp_path / "e").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(options_for, people_folder, tmp_path):
    (tmp_path / "file").write_text("x")
    events = []
    with pytest.raises(StorageError, match="cannot be made"):
        evaluate(options_for(people_folder, output=tmp_path / "file" / "e"), events.append)
    assert events == []


def test_the_thresholds_of_an_onnx_file_are_kept_beside_it(some_people, tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", np.random.default_rng(0).standard_normal((48, 8)))
    write_card(net, mean=127.5, std=127.5)
    photos = some_people(3, 3)
    options = EvaluateOptions(data=photos, model=net, output=tmp_path / "out", trials=2, calibrate=True)
    done = evaluate(options)
    assert tmp_path / "net.calibration.json" in done.written
    assert Embedder.load(net).calibration == done.calibration
    with pytest.raises(InputError, match="dlib is no model folder and no ONNX file, so thresholds cannot be stored"):
        evaluate(EvaluateOptions(data=photos, model="dlib", output=tmp_path / "other", calibrate=True))
