"""The job itself, on a gallery whose answers are known; nothing is printed. What it refuses: test_landmark_verbs.py."""

import json
import shutil

import pytest

from lookalike import Embedder, LandmarkRecognizer, open_gallery
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import Section
from lookalike.landmarks.evaluators import PLACE_EVALUATORS
from lookalike.workflows.evaluate_places import EvaluatePlacesOptions, evaluate_places

PLACES = ("s01", "s02", "s03")


@pytest.fixture
def options(people_folder, orl, tiny_model, tmp_path):
    """Three people as places, four pictures of each enrolled and two asked about."""
    others = orl.of(orl.names[9:29]).paths[::2][:100]
    enrolled = [people_folder / name / f"{number}.png" for name in PLACES for number in range(4)]
    with open_gallery(tmp_path / "places.gallery") as gallery:
        names = [path.parent.name for path in enrolled]
        LandmarkRecognizer(Embedder.load(tiny_model), gallery).enroll(enrolled, names, others, promise_fpr=0.1)
    for name in PLACES:
        (tmp_path / "asked" / name).mkdir(parents=True)
        for number in (4, 5):
            shutil.copy(people_folder / name / f"{number}.png", tmp_path / "asked" / name)
    return EvaluatePlacesOptions(
        data=tmp_path / "asked", model=tiny_model, gallery=tmp_path / "places.gallery", output=tmp_path / "e"
    )


class LongestName:
    """A toy evaluator."""

    def measure(self, context):
        longest = max((path.name for path in context.questions.paths), key=len)
        return Measurement(Section("Names of files", (longest,)), {"longest_name": longest})


def test_the_result_says_what_was_measured_and_written(options, capsys):
    events = []
    done = evaluate_places(options, events.append, evaluators=(*PLACE_EVALUATORS, LongestName()))
    assert done.recognition.top_1 == 1
    assert done.metrics["recognition"] == done.recognition.to_json()
    assert done.metrics["promise"]["promise"] == done.promised.promise == 0.1
    assert done.metrics["retrieval"]["mean_average_precision"] == done.retrieval.mean_average_precision == 1
    assert done.metrics["longest_name"] == "4.png"
    page, numbers = done.written
    assert (page, json.loads(numbers.read_text("utf-8"))) == (done.report, done.metrics)
    assert "Names of files" in page.read_text("utf-8")
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["Embedding", "Identifying"]
    assert (events[-1].done, events[-1].total, done.notes) == (6, 6, ())
    assert capsys.readouterr() == ("", "")
