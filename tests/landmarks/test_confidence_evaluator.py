"""Whether places are as often right as stated: closed set, open set, and the open set as it is assumed to be."""

import numpy as np
import pytest

from lookalike.datasets.place_questions import PlaceQuestions
from lookalike.evaluation.report.page import Report, render
from lookalike.landmarks.confidence_evaluator import PlacesConfidence
from lookalike.landmarks.evaluation_context import PlacesContext, answers_worth
from lookalike.progress import Reporter


@pytest.fixture
def measured(recognizer, town, tmp_path):
    """Measures photos of the town's places, of a place it does not know, and of none."""

    def measure(places=12, unknown=0, none=0):
        photos = [(town.photo(place, 400 + n), (place,)) for place in town.LOOKS for n in range(places // 3)]
        photos += [(town.other(3000 + n), ("castle",)) for n in range(unknown)]
        photos += [(town.other(4000 + n), ()) for n in range(none)]
        pictures = [picture for picture, _ in photos]
        questions = PlaceQuestions(
            tuple(tmp_path / f"{n}.png" for n in range(len(photos))), tuple(truth for _, truth in photos)
        )
        vectors = recognizer.embedder.embed(pictures)
        answers = tuple(recognizer.identify_vectors(vectors))
        context = PlacesContext(recognizer.atlas, "cosine", vectors, questions, recognizer.odds, answers, Reporter())
        return PlacesConfidence().measure(context), context

    return measure


def test_closed_and_open_set(measured):
    found, context = measured(12, 8, 20)
    figures = found.metrics["confidence"]
    assert figures["asked"] == {"enrolled_places": 12, "unknown_places": 8, "non_landmarks": 20}
    assert figures["odds"]["places"] == 3
    worth = answers_worth(context)
    assert figures["closed_set"]["answers"] == 12
    assert figures["closed_set"]["right"] == worth.guessed[:12].mean()
    assert figures["open_set"]["answers"] == 40
    assert figures["open_set"]["stated"] == pytest.approx(worth.confidences.mean())
    assert figures["open_set"]["brier"] == pytest.approx(((worth.confidences - worth.guessed) ** 2).mean())
    expected = [worth.confidences[part].mean() for part in (slice(12), slice(12, 20), slice(20, 40))]
    assumed = figures["open_set_as_assumed"]["stated"]
    assert assumed == pytest.approx(np.average(expected, weights=[0.5, 0.25, 0.25]))
    page = render(Report("t", sections=(found.section,)))
    for said in ("8 and 20 of 40", "closed set", "open set, as assumed", "reliability diagram"):
        assert said in page


def test_what_was_not_asked_is_said(measured):
    found, _ = measured(12)
    assert set(found.metrics["confidence"]) == {"asked", "odds", "closed_set"}
    assert "No photo shows a place that is not enrolled" in found.section.prose[1]
    strangers, _ = measured(0, 3, 3)
    assert set(strangers.metrics["confidence"]) == {"asked", "odds", "open_set"}
    assert len(strangers.section.prose) == 1


def test_one_kind_of_stranger_stands_for_both(measured):
    found, context = measured(12, 0, 6)
    worth = answers_worth(context)
    expected = [worth.confidences[:12].mean(), worth.confidences[12:].mean()]
    assert found.metrics["confidence"]["open_set_as_assumed"]["stated"] == pytest.approx(np.mean(expected))
