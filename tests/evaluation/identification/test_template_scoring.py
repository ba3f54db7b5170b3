"""The template scorings compared: by hand, and by what must come out."""

import numpy as np
import pytest

from lookalike.decisions.scoring_rule import SCORINGS
from lookalike.decisions.template_scoring import scored
from lookalike.errors import InputError
from lookalike.evaluation.identification.enrolment_trials import enrolment_trials
from lookalike.evaluation.identification.template_scoring import compare_scorings


def people(identities, pictures, spread, dimension=16, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    centres = rng.normal(size=(identities, dimension))[labels]
    return centres + spread * rng.normal(size=(len(labels), dimension)), labels


def fnir_by_hand(vectors, labels, enrolled, trials, fpir, rule):
    """The largest threshold at which few enough strangers are named, in loops."""
    rates = []
    for trial in enrolment_trials(labels, enrolled, trials):

        def search(probe, trial=trial):
            of_each = {}
            for at in trial.gallery:
                of_each.setdefault(labels[at], []).append(vectors[at])
            return min((scored(vectors[probe], own, None, "euclidean", rule), name) for name, own in of_each.items())

        strangers = sorted(search(probe)[0] for probe in trial.non_mated)
        limit = strangers[int(fpir * len(strangers) + 1e-9)]  # nearer than the first stranger too many
        named = [search(probe) for probe in trial.mated]
        right = [d < limit and name == labels[at] for (d, name), at in zip(named, trial.mated, strict=True)]
        rates.append(1 - np.mean(right))
    return float(np.mean(rates))


def test_rates_are_those_of_searches_by_hand():
    vectors, labels = people(16, 5, 0.8)
    found = compare_scorings(vectors, labels, "euclidean", 2, trials=2, fpir=0.1)
    order = np.random.default_rng([0, 0x5C0]).permutation(16)
    for half, measured in ((order[::2], found.chosen_on), (order[1::2], found.reported)):
        at = np.isin(labels, half)
        own = np.unique(labels[at], return_inverse=True)[1]
        for one in measured:
            assert one.fnir == pytest.approx(fnir_by_hand(vectors[at], own, 2, 2, 0.1, one.rule))
    assert not set(order[::2]) & set(order[1::2])
    assert found.identities == (8, 8)
    assert not found.sufficient


def test_the_mean_is_chosen_where_templates_scatter_around_it():
    found = compare_scorings(*people(100, 9, 1.0), "cosine", 5, trials=3, fpir=0.05)
    assert found.chosen == "mean"
    assert found.of("mean").gain > 0
    assert [one.rule for one in found.reported] == list(SCORINGS)
    for one in (*found.reported, *found.chosen_on):
        assert 0 <= one.interval.low <= one.interval.high <= 1
        assert one.gain_interval.low <= one.gain_interval.high
    assert found.of("mean").tar > found.of("nearest").tar


def test_with_one_template_no_rule_gains_and_nearest_is_kept():
    found = compare_scorings(*people(20, 3, 0.6), "cosine", 1, trials=2, fpir=0.1)
    assert found.chosen == "nearest"
    for one in found.reported:
        assert one.gain == pytest.approx(0)
        assert (one.gain_interval.low, one.gain_interval.high) == pytest.approx((0, 0))


def test_too_few_people_are_refused():
    with pytest.raises(InputError, match="give at least 8"):
        compare_scorings(*people(7, 3, 0.5), "cosine", 2)
    with pytest.raises(InputError, match="no identity has more than 3 pictures"):
        compare_scorings(*people(8, 3, 0.5), "cosine", 3)
