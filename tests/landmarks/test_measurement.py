"""Measurement of answers: every photo has one outcome, and GAP is the area that the figure shows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.answers import Identified, PlaceCandidate
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.promised_rate import promised_threshold
from lookalike.landmarks.measurement import OUTCOMES, measure_answers

PROMISED = promised_threshold(np.arange(1000.0), 0.01)


def answered(decision, place, confidence):
    """An answer whose first candidate is `place`."""
    distance = 0.5 if decision == "unknown" else 0.3
    best = PlaceCandidate(place, distance, 1, place, threshold=0.4, confidence=confidence, ranking=distance)
    named = place if decision == "match" else None
    return Identified(
        named, distance, 0.4, "", (best,), decision=decision, identities=3, promised=PROMISED, kind="landmarks"
    )


#: Answer, truth, outcome.
CASES = [
    (answered("match", "a", 0.9), "a", "right"),
    (answered("match", "b", 0.8), "a", "wrong place"),
    (answered("ambiguous", "b", 0.6), "b", "missed"),
    (answered("unknown", "c", 0.3), "c", "missed"),
    (answered("unknown", "a", 0.2), None, "refused"),
    (answered("match", "a", 0.7), None, "falsely accepted"),
    (answered("ambiguous", "c", 0.55), None, "falsely accepted"),
]


@pytest.fixture
def measured():
    return measure_answers([answer for answer, _, _ in CASES], [truth for _, truth, _ in CASES], replicates=20)


def test_every_outcome(measured):
    assert measured.outcomes == tuple(outcome for _, _, outcome in CASES)
    assert measured.counts == {
        "right": 1, "wrong place": 1, "missed": 2, "refused": 1, "falsely accepted": 2,
    }  # fmt: skip


def test_the_measures_agree_with_the_outcomes(measured):
    m = measured.measures
    assert (m.landmarks, m.non_landmarks, m.places) == (4, 3, 3)
    assert m.right_answers == 1 / 4
    assert m.top_1 == 3 / 4  # the ambiguous and the refused one were guessed right
    assert m.false_positives.value == 2 / 3


def test_an_ambiguous_answer_counts_against_either_way(measured):
    assert measured.outcomes[2] == "missed"
    assert measured.outcomes[6] == "falsely accepted"


def test_photos_of_an_outcome_come_surest_first(measured):
    assert measured.photos("falsely accepted") == [5, 6]
    assert measured.photos("missed") == [2, 3]
    with pytest.raises(InputError, match="no outcome; choose right"):
        measured.photos("perfect")


def test_beyond_is_at_most_zero_where_accepted(measured):
    accepted = [answer.decision != "unknown" for answer, _, _ in CASES]
    assert ((measured.beyond <= 0) == accepted).all()


def test_an_empty_gallery_misses_everything():
    nothing = Identified(None, math.inf, -math.inf, "", (), promised=PROMISED, kind="landmarks")
    measured = measure_answers([nothing, nothing], ["a", None])
    assert measured.outcomes == ("missed", "refused")
    assert np.isinf(measured.beyond).all()
    recall, precision = measured.precision_by_recall()
    assert recall.tolist() == [0, 0]
    assert precision.tolist() == [0, 0]


def test_not_one_truth_per_answer():
    with pytest.raises(VectorError, match="1 places given for 2 answers"):
        measure_answers([CASES[0][0]] * 2, ["a"])
    with pytest.raises(VectorError, match="one text"):
        measure_answers([CASES[0][0]], "a")


def test_no_landmark_among_the_questions():
    with pytest.raises(InputError, match="none of 1 queries shows a landmark"):
        measure_answers([CASES[0][0]], [None])


questions = st.lists(
    st.tuples(
        st.sampled_from(["match", "ambiguous", "unknown"]),
        st.sampled_from("abc"),
        st.integers(0, 20).map(lambda n: n / 20),
        st.sampled_from(["a", "b", "c", None]),
    ),
    min_size=1,
    max_size=30,
).filter(lambda rows: any(row[3] is not None for row in rows))


@given(questions)
def test_outcomes_and_gap_always_fit(rows):
    measured = measure_answers([answered(*row[:3]) for row in rows], [row[3] for row in rows], replicates=2)
    assert set(measured.outcomes) <= set(OUTCOMES)
    assert sum(measured.counts.values()) == len(rows)
    landmarks = measured.measures.landmarks
    assert measured.counts["right"] == round(measured.measures.right_answers * landmarks)
    assert sum(measured.counts[o] for o in ("right", "wrong place", "missed")) == landmarks
    # GAP is the mean precision at right guesses: where recall rises.
    recall, precision = measured.precision_by_recall()
    rises = np.diff(recall, prepend=0.0)
    assert float(rises @ precision) == pytest.approx(measured.measures.gap)
    assert recall[-1] == pytest.approx(measured.measures.top_1)
