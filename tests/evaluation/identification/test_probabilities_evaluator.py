"""Probabilities of `identify` on people searched: true where the odds fit, too bold where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.decisions.odds import MatchOdds
from lookalike.evaluation.identification.probabilities_evaluator import StatedProbabilities


def test_halved_people_state_what_is_about_true(context_of, sixty_people, page_of):
    found = StatedProbabilities().measure(context_of(*sixty_people))
    figures = found.metrics["probabilities"]
    assert figures["odds"] == "of the other half"
    assert (figures["trials"], figures["mated_share"]) == (10, 0.5)
    whole, mated = figures["all_searches"], figures["mated_searches"]
    # Two halves of 30 people each, of which 15 are enrolled with one picture: 3 x 15 mated and 4 x 15 strangers.
    assert (mated["answers"], whole["answers"]) == (2 * 45, 2 * 105)
    assert mated["right"] > whole["right"]
    assert whole["error"] < 0.15
    assert "halved" in page_of(found.section)


def test_the_odds_of_the_model_are_used_and_bold_ones_are_found_out(context_of, sixty_people, sixty_calibration):
    context = context_of(*sixty_people)
    own = replace(context, model=replace(context.model, odds=sixty_calibration.odds))
    honest = StatedProbabilities().measure(own).metrics["probabilities"]
    assert honest["odds"] == "the model's"
    assert honest["all_searches"]["answers"] == 90 + 120
    bold = MatchOdds(distances=(0.0, 100.0), log_ratios=(60.0, 50.0), cllr=1.0)  # everybody is a match
    worse = StatedProbabilities().measure(replace(own, model=replace(own.model, odds=bold)))
    figures = worse.metrics["probabilities"]["all_searches"]
    assert figures["error"] > honest["all_searches"]["error"] + 0.1
    assert figures["log_loss"] > honest["all_searches"]["log_loss"]


@pytest.mark.parametrize("pictures", [2, 8])
def test_too_few_people_are_not_measured(context_of, sixty_people, pictures):
    vectors, labels = sixty_people
    assert StatedProbabilities().measure(context_of(vectors[:pictures], labels[:pictures])) is None


def test_it_is_the_recognizers_probability(context_of, sixty_people, sixty_calibration):
    """One search by hand: the nearest five identities share with all that are enrolled."""
    vectors, labels = sixty_people
    context = context_of(vectors[:24], labels[:24], trials=1)
    own = replace(context, model=replace(context.model, odds=sixty_calibration.odds))
    figures = StatedProbabilities().measure(own).metrics["probabilities"]
    from lookalike.evaluation.identification.enrolment_trials import enrolment_trials

    (trial,) = enrolment_trials(own.pictures.identities, trials=1)
    x = np.asarray(vectors, np.float32)
    stated = []
    for probe in trial.mated:
        far = sorted(float(np.linalg.norm(x[probe] - x[other])) for other in trial.gallery)
        stated.append(sixty_calibration.odds.among(far[:5], 3)[0])
    assert figures["mated_searches"]["stated"] == pytest.approx(np.mean(stated), abs=1e-4)
