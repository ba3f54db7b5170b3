"""Answers as pictures: what was asked, and the enrolled photos that decided. Whole sections: see test_report."""

import math

import numpy as np
import pytest
from PIL import Image

from lookalike.answers import Identified
from lookalike.errors import ImageError, InputError
from lookalike.landmarks.answer_pictures import answer_pictures


@pytest.fixture
def answer(recognizer, town):
    return recognizer.identify(town.photo("church", 500, look=0))


def test_the_photo_comes_first_then_those_that_decided(answer, town):
    asked = town.photo("church", 500, look=0)
    shown = answer_pictures(asked, "asked: church", answer, good=True)
    names = [name for _, name in shown.pictures]
    assert names[0] == "asked: church"
    assert names[1:] == [f"Église Saint-Jean, {one.distance:.2f}" for one in answer.photos]
    assert all(uri.startswith("data:image/png") for uri, _ in shown.pictures)
    assert np.array_equal(shown.left, asked)
    assert np.array_equal(shown.right, np.asarray(Image.open(answer.photos[0].source)))
    assert shown.verdict == f"answer: Église Saint-Jean, confidence {answer.confidence:.2f}"


def test_a_refusal_says_so(recognizer, town):
    refused = recognizer.identify(town.other(900))
    assert refused.decision == "unknown"
    shown = answer_pictures(town.other(900), "asked: none", refused, good=True)
    assert shown.verdict.startswith("answer: no known landmark")


def test_an_answer_of_an_empty_gallery_shows_nothing(answer):
    nothing = Identified(None, math.inf, -math.inf, "", (), kind="landmarks")
    with pytest.raises(InputError, match="no enrolled photo decided"):
        answer_pictures(np.zeros((2, 2, 3), np.uint8), "asked", nothing, good=None)


def test_a_photo_that_is_gone(answer, tmp_path):
    with pytest.raises(ImageError, match=r"gone.jpg"):
        answer_pictures(tmp_path / "gone.jpg", "asked", answer, good=True)
