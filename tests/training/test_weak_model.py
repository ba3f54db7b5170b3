"""What is said of a model that misses most genuine pairs: only then, and by its cause."""

import pytest

from lookalike.decisions.calibration import Calibration, OperatingPoint
from lookalike.training.recipe import Recipe
from lookalike.training.weak_model import TOO_MANY_MISSED, weakness


def measured(fnmr):
    point = OperatingPoint(
        target_fmr=0.01, threshold=0.4, fmr=0.01, fnmr=fnmr, fnmr_low=fnmr, fnmr_high=fnmr, impostor_pairs=4500,
        sufficient=True,
    )  # fmt: skip
    return Calibration(
        fingerprint="f", metric="cosine", source="s", identities=8, pictures=80, genuine_pairs=360, impostor_pairs=4500,
        eer=0.2, eer_threshold=0.4, points=(point,), default_target_fmr=0.01,
    )  # fmt: skip


def said(fnmr=0.67, identities=500, pictures=10_000, losses=(5.0, 1.0, 1.0, 1.0, 1.0, 1.0), **recipe):
    history = [{"epoch": number, "loss": loss} for number, loss in enumerate(losses)]
    chosen = Recipe(**recipe)
    return weakness(measured(fnmr), identities=identities, pictures=pictures, recipe=chosen, history=history)


def test_only_a_model_that_misses_more_than_half_is_weak():
    assert said(TOO_MANY_MISSED, identities=30) == ""
    text = said(TOO_MANY_MISSED + 0.01)
    assert text.startswith("the model misses 51% of genuine pairs at a false match rate of 0.01, on 8 identities")
    assert "wrong labels" in text  # no other cause


@pytest.mark.parametrize(("given", "cause", "advice"), [
    ({"identities": 30}, "30 identities are too few", "`--model dlib`"),
    ({"identities": 30, "backbone": "efficientnet_lite0", "pretrained": True}, "30 identities are few", "give more"),
    ({"pictures": 1000}, "2.0 pictures of each identity are few", "give 5"),
    ({"epochs": 3}, "the training was short", "`--epochs 20`"),
    ({"losses": (9.0, 7.0, 5.0, 4.0, 3.0, 2.0)}, "the training was short", "`--epochs 80`"),
])  # fmt: skip
def test_the_advice_follows_the_cause(given, cause, advice):
    text = said(**given)
    assert cause in text
    assert advice in text
    assert "wrong labels" not in text


def test_several_causes_are_all_told():
    text = said(identities=30, pictures=60, epochs=2)
    assert all(part in text for part in ("30 identities", "2.0 pictures", "`--epochs 20`"))
