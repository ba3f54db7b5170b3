"""The list measures everything on one context, in the order of the report."""

import json

import pytest

from lookalike.evaluation import sample as sampling
from lookalike.evaluation.evaluator import measure_all
from lookalike.evaluation.evaluators import EVALUATORS
from lookalike.json_values import plain

ALWAYS = [
    "The data",
    "In short",
    "Same or different? (verification, 1:1)",
    "Who is it, if anybody? (identification, 1:N)",
    "How sure identifications are",
    "Which pictures are nearest? (retrieval)",
    "Thresholds",
    "A map of the pictures",
    "Look-alikes",
    "What is promised",
    "Among strangers",
    "How this was measured",
]


@pytest.fixture
def measured(context_of, sixty_people):
    def run(people=6, **options):
        vectors, labels = sixty_people
        return measure_all(EVALUATORS, context_of(vectors[: 4 * people], labels[: 4 * people], trials=2, **options))

    return run


def test_what_was_not_asked_for_is_not_there(measured):
    found = measured()
    assert [section.heading for section in found.sections] == ALWAYS
    names = ["findings", "format_version", "bootstrap", "methods", "probabilities", "promise", "distractors"]
    assert list(found.metrics) == names
    json.dumps(plain(found.metrics), allow_nan=False)


def test_a_large_set_is_counted_whole(measured, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE", 16)
    found = measured()
    assert [section.heading for section in found.sections] == [*ALWAYS[:9], "All pairs", *ALWAYS[9:]]
    assert found.metrics["all_pairs"]["impostor_pairs"] == 24 * 20 / 2
    assert found.metrics["methods"]["toy"]["pictures"] == 16
