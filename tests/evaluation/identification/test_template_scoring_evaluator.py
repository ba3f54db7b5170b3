"""What `--template-scoring` writes: a section, figures, and thresholds of the rule."""

import numpy as np
import pytest

from lookalike.evaluation.calibration.thresholds_evaluator import calibration
from lookalike.evaluation.evaluator import measure_all
from lookalike.evaluation.identification.template_scoring_evaluator import TemplateScorings, answering_scoring
from lookalike.json_values import plain


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(80), 7)
    return rng.normal(size=(80, 16))[labels] + 0.9 * rng.normal(size=(560, 16)), labels


def test_nearest_measures_nothing_more(context_of, people):
    context = context_of(*people, enrolled=3)
    assert TemplateScorings().measure(context) is None
    assert calibration(context).of_identities is None


def test_auto_chooses_a_rule_and_measures_its_thresholds(context_of, people, page_of, rows_of):
    context = context_of(*people, enrolled=4, trials=2, template_scoring="auto", promise="fpir=0.05")
    found = TemplateScorings().measure(context)
    figures = plain(found.metrics)["template_scoring"]
    assert figures["asked"] == "auto"
    assert figures["answering"] == figures["chosen"] == "mean" == answering_scoring(context)
    assert [one["rule"] for one in figures["reported"]] == ["nearest", "mean", "set"]
    assert figures["fpir"] == 0.05
    assert set(rows_of(found.section)) == {"nearest", "mean", "set"}
    assert "mean has FNIR" in page_of(found.section)
    measured = calibration(context)
    own = measured.of_identities
    assert measured.template_scoring == "nearest"
    assert (own.template_scoring, own.templates_each, own.pictures) == ("mean", 4, 560)
    assert own.promise == measured.promise is not None
    assert "mean of 4 templates each" in own.source


def test_a_rule_asked_for_is_measured_though_it_gains_nothing(context_of, people):
    context = context_of(*people, enrolled=2, trials=1, template_scoring="set")
    (figures,) = measure_all([TemplateScorings()], context).metrics.values()
    assert (figures["answering"], calibration(context).of_identities.template_scoring) == ("set", "set")
