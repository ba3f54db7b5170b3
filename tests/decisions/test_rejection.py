"""What a gallery keeps of its rejection: written, read again, and refused where it is damaged."""

import json

import numpy as np
import pytest

from lookalike.decisions.promise import PromisedRate
from lookalike.decisions.rejection import Rejection
from lookalike.distances import unit_length
from lookalike.errors import ArtefactError, VectorError

PROMISED = PromisedRate(0.4, 0.05, 0.95, 30, 0, 0.0, 0.05, "counted", False)


@pytest.fixture
def rejection():
    bank = np.asarray(unit_length(np.random.default_rng(0).normal(size=(30, 6))), np.float32)
    return Rejection("cosine", PROMISED, 3, 1.0, 0.25, {"church": -0.2, "bridge": -0.3}, {"church": 0.2}, bank)


def test_survives_json(rejection):
    again = Rejection.from_dict(json.loads(json.dumps(rejection.to_dict())), rejection.bank)
    assert again.to_dict() == rejection.to_dict()
    probe = np.ones((1, 6))
    asked = (["church", "bridge"], [0.1, 0.3], [0.1, 0.3], float(rejection.density(probe)[0]))
    assert again.rule.decide(*asked) == rejection.rule.decide(*asked)
    assert again.density(probe).tolist() == rejection.density(probe).tolist()


def test_damaged_thresholds_are_named(rejection):
    stored = rejection.to_dict()
    for change, message in [
        ({"format_version": 9}, "version 9"),
        ({"metric": "hamming"}, "damaged at metric"),
        ({"densities": {"a": "near"}}, "damaged at densities.a"),
        ({"promised": {}}, "damaged at promised"),
        ({"query_weight": float("nan")}, "damaged at query_weight"),
        ({"promised": {**stored["promised"], "threshold": float("inf")}}, "damaged at promised.threshold"),
        ({"surplus": 1}, "damaged at surplus"),
    ]:
        with pytest.raises(ArtefactError, match=message):
            Rejection.from_dict({**stored, **change}, rejection.bank)
    with pytest.raises(ArtefactError, match="version None"):
        Rejection.from_dict([], rejection.bank)
    with pytest.raises(ArtefactError, match="30 float32"):
        Rejection.from_dict(stored, rejection.bank[1:])


def test_the_density_around_photos_is_that_of_the_nearest_non_landmarks(rejection):
    probes = np.asarray(unit_length(np.random.default_rng(1).normal(size=(4, 6))), np.float32)
    distances = np.sort(1 - probes @ rejection.bank.T, axis=1)
    assert rejection.density(probes) == pytest.approx(-distances[:, :3].mean(axis=1), abs=1e-6)
    unweighted = Rejection("cosine", PROMISED, 3, 0.0, 0.25, {}, {}, rejection.bank)
    assert unweighted.density(probes).tolist() == [0.0] * 4
    assert rejection.density(probes[:0]).shape == (0,)


def test_vectors_of_another_model_are_refused(rejection):
    for bad in (np.ones((1, 3)), np.ones(6)):
        with pytest.raises(VectorError, match="the non-landmarks 6 dimensions"):
            rejection.density(bad)
    with pytest.raises(VectorError, match="NaN"):
        rejection.density(np.full((1, 6), np.nan))
