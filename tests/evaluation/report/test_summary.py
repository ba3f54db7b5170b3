import json

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.report.summary import MethodResult, metrics_json, summarise
from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


@pytest.fixture(scope="module")
def method():
    rng = np.random.default_rng(0)
    labels = [f"p{i}" for i in np.repeat(np.arange(8), 6)]
    x = rng.normal(size=(8, 5)).repeat(6, axis=0) + 0.8 * rng.normal(size=(48, 5))
    return MethodResult(
        verify_all_pairs(x, labels),
        identify_trials(x, labels, trials=5, threshold=0.4),
        self_retrieval(x, labels),
        threshold=0.4,
        description="a toy",
    )


def test_json_is_plain_and_says_what_was_measured(method):
    numbers = json.loads(json.dumps(metrics_json({"toy": method}, replicates=100), allow_nan=False))
    toy = numbers["methods"]["toy"]
    assert toy["eer"] == method.verification.eer
    assert toy["eer_interval"]["low"] <= toy["eer"] <= toy["eer_interval"]["high"]
    assert toy["auc"] == method.verification.auc
    for entry in toy["tar_at_far"]:
        point = method.verification.tar_at_far(entry["target"])
        assert (entry["tar"], entry["far"], entry["threshold"]) == (point.tar, point.far, point.threshold)
        assert entry["impostor_pairs"] == 48 * 42 // 2
        assert entry["tar_interval"]["low"] <= entry["tar"] <= entry["tar_interval"]["high"]
    assert toy["rank_1"]["mean"] == method.identification.rank_1.mean
    assert [entry["target"] for entry in toy["dir_at_fpir"]] == [0.01, 0.1]
    assert toy["at_threshold"]["right"] == method.identification.at_threshold.right
    assert toy["identification"]["trials"] == 5
    assert toy["retrieval"]["recall_at_k"]["1"] == method.retrieval.recall[1]
    assert toy["map_at_r"] == method.retrieval.map_at_r
    assert numbers["bootstrap"]["replicates"] == 100


def test_curves_are_thin_and_keep_their_ends(method):
    roc = metrics_json({"toy": method}, replicates=10)["methods"]["toy"]["roc"]
    assert len(roc["fmr"]) == len(roc["tar"]) == 200
    assert (roc["fmr"][0], roc["tar"][0], roc["fmr"][-1], roc["tar"][-1]) == (0, 0, 1, 1)


def test_scores_alone_give_numbers_without_intervals():
    summary = summarise(MethodResult(from_scores([0.1, 0.5, 0.3, 0.9], [True, True, False, False])))
    assert (summary.auc, summary.eer_interval, summary.tar_intervals) == (0.75, None, (None,))
    assert (summary.identities, summary.rank_1, summary.map_at_r) == (0, None, None)
    json.dumps(metrics_json({"x": MethodResult(from_scores([0.1, 0.9], [True, False]))}), allow_nan=False)


def test_no_methods():
    with pytest.raises(InputError, match="no methods"):
        metrics_json({})
