"""Verification as a function: the distance of two pictures, and what it means; nothing is printed."""

import math

import pytest

from lookalike.errors import ArtefactError, ImageError, InputError
from lookalike.workflows.verify import VerifyOptions, verify


@pytest.fixture
def ask(people_folder, tiny_model):
    def run(a, b, **more):
        return verify(VerifyOptions(a=people_folder / a, b=str(people_folder / b), model=tiny_model, **more))

    return run


def test_the_answer_is_a_verified(ask, capsys):
    same, other = ask("s01/0.png", "s01/1.png"), ask("s01/0.png", "s02/0.png", fmr=0.01)
    assert (same.match, same.decision, other.match, other.decision) == (True, "match", False, "unknown")
    assert same.distance < 0.05 < other.threshold < 0.88 < other.distance
    assert "at most 0.01 of impostor pairs match" in other.threshold_source
    assert ask("s01/0.png", "s02/0.png", threshold=2).threshold_source == "given by the user"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_threshold_that_is_no_distance(ask, refuses, value):
    refuses(InputError, lambda: ask("s01/0.png", "s01/1.png", threshold=value), f"threshold is {value}")


def test_what_is_refused(ask, refuses, tmp_path, bad_picture, people_folder, tiny_model):
    bad = bad_picture("truncated", tmp_path / "bad.png")
    good = people_folder / "s01" / "0.png"
    refuses(ImageError, lambda: verify(VerifyOptions(a=good, b=bad, model=tiny_model)), "bad.png", "damaged")
    refuses(ArtefactError, lambda: verify(VerifyOptions(a=good, b=good, model=tmp_path / "no")), "there is no model")
    refuses(InputError, lambda: ask("s01/0.png", "s01/1.png", fmr=0.1, threshold=1), "give one of them")
    refuses(ArtefactError, lambda: ask("s01/0.png", "s01/1.png", calibration=tmp_path / "no.json"), "does not exist")
