"""Measures of landmarks, against loops over queries and over copies of them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval import landmark_metrics as module
from lookalike.evaluation.retrieval.landmark_metrics import measure_recognition, measure_retrieval
from lookalike.evaluation.retrieval.ranked_retrieval import global_average_precision
from lookalike.evaluation.statistics.intervals import Bootstrap


def slow(predictions, confidences, truth, given):
    """GAP, top-1, right answers and false positives, by walking through the queries."""
    made, shown, best, right, alarms, others = [], 0, 0, 0, 0, 0
    for p, c, t, g in zip(predictions, confidences, truth, given, strict=True):
        labels = [] if t is None else list(t) if isinstance(t, tuple) else [t]
        if p is not None:
            made.append((-c, p in labels))
        if labels:
            shown += 1
            best += p in labels
            right += p in labels and g
        else:
            others += 1
            alarms += g
    area = hits = 0
    for place, (_, hit) in enumerate(sorted(made), start=1):
        hits += hit
        area += hits / place * hit
    return area / shown, best / shown, right / shown, alarms / others if others else None


place = st.sampled_from(["a", "b", "c", 7])
queries = st.lists(
    st.tuples(
        st.none() | place,
        st.integers(0, 4).map(lambda v: v / 4),
        st.none() | place | st.lists(place, min_size=1, max_size=3, unique=True).map(tuple),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
).filter(lambda entries: any(t is not None for _, _, t, _ in entries))


@given(queries)
def test_equals_the_loops(entries):
    predictions, confidences, truth, given_ = zip(*entries, strict=True)
    answered = [g and p is not None for g, p in zip(given_, predictions, strict=True)]
    found = measure_recognition(predictions, confidences, truth, answered, replicates=20)
    expected = slow(predictions, confidences, truth, answered)
    assert (found.gap, found.top_1, found.right_answers) == pytest.approx(expected[:3])
    assert (found.false_positives.value if found.false_positives else None) == expected[3]
    assert found.landmarks + found.non_landmarks == len(entries)
    assert found.right_answers <= found.top_1
    assert (found.gap_interval is None) == (found.places < 2)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["gap"] == found.gap


def test_a_hand_made_case():
    """Sure and right, sure and wrong, unsure and right, silent, a false alarm, and one that was held back."""
    predictions = ["a", "b", "c", None, "a", "b"]
    confidences = [0.9, 0.8, 0.3, 0.0, 0.85, 0.2]
    truth = ["a", "c", ["b", "c"], "a", None, None]
    found = measure_recognition(predictions, confidences, truth, [True, True, False, False, True, False])
    # The ranking: right, alarm, wrong, right, held back.
    assert found.gap == pytest.approx((1 / 1 + 2 / 4) / 4)
    assert (found.top_1, found.right_answers) == (0.5, 0.25)
    assert (found.false_positives.value, found.non_landmarks) == (0.5, 2)
    assert (found.landmarks, found.places, found.predicted, found.answered) == (4, 3, 5, 3)


def copies(entries, order):
    return [entries[i] for i in order]


@given(queries, st.integers(0, 99))
def test_a_replicate_equals_the_measures_of_its_copies(entries, seed):
    """Draw the places by hand as the bootstrap does, list every query as often, and measure that."""
    predictions, confidences, truth, _ = zip(*entries, strict=True)
    labels = [module._labels(t) for t in truth]
    names = sorted({some[0] for some in labels if some}, key=lambda v: (isinstance(v, str), str(v)))
    if len(names) < 2:
        return
    others = [i for i, some in enumerate(labels) if not some]
    right = np.array([p in some for p, some in zip(predictions, labels, strict=True)])
    made = np.array([p is not None for p in predictions])
    sure = np.array(confidences)
    order = np.flatnonzero(made)[np.lexsort((right[made], -sure[made]))]
    shows = np.array([bool(some) for some in labels])
    code = np.array([names.index(some[0]) for some in labels if some])
    values = module._Queries(code, shows, right, made, order).replicates(Bootstrap(3, seed=seed))
    first, second = np.random.default_rng(seed).spawn(2)
    drawn = first.integers(len(names), size=(3, len(names)))
    drawn_others = second.integers(len(others), size=(3, len(others))) if others else [[], [], []]
    for row, mine, strangers in zip(values, drawn, drawn_others, strict=True):
        listed = [i for n in mine for i, some in enumerate(labels) if some and some[0] == names[n]]
        listed += [others[i] for i in strangers]
        some = [copies(column, listed) for column in (predictions, confidences, truth)]
        assert row[0] == pytest.approx(global_average_precision(*some).gap)
        assert row[1] == pytest.approx(slow(*some, [p is not None for p in some[0]])[1])


def test_intervals_are_of_places_and_not_of_photos():
    """Of two places one is always found and one never: photos more do not make that surer."""
    few = measure_recognition(["a", "x"] * 2, [1.0] * 4, ["a", "b"] * 2)
    many = measure_recognition(["a", "x"] * 200, [1.0] * 400, ["a", "b"] * 200)
    for found in (few, many):
        assert (found.top_1_interval.low, found.top_1_interval.high) == (0, 1)
    # False positives are of pictures: there more of them do.
    assert measure_recognition(["a", "x"], [1, 1], ["a", None]).false_positives.low < 0.3
    assert measure_recognition(["a"] + ["x"] * 99, [1] * 100, ["a"] + [None] * 99).false_positives.low > 0.95


def test_the_interval_does_not_depend_on_how_replicates_are_cut(monkeypatch):
    rng = np.random.default_rng(0)
    truth = [None if t == 5 else str(t) for t in rng.integers(0, 6, 60)]
    guesses, sure = [str(g) for g in rng.integers(0, 5, 60)], rng.random(60)
    whole = measure_recognition(guesses, sure, truth, replicates=50)
    monkeypatch.setattr("lookalike.evaluation.statistics.intervals.CHUNK_NUMBERS", 7 * 60)
    assert measure_recognition(guesses, sure, truth, replicates=50) == whole
    assert whole.gap_interval.low <= whole.gap <= whole.gap_interval.high
    assert measure_recognition(guesses, sure, truth, replicates=50, seed=1) != whole


def test_one_place_has_no_interval_and_no_strangers_no_rate():
    found = measure_recognition(["a", "a"], [1, 1], ["a", "a"])
    assert (found.gap, found.gap_interval, found.false_positives) == (1, None, None)
    json.dumps(found.to_json(), allow_nan=False)


def test_nothing_predicted_at_all():
    found = measure_recognition([None, None, None], [0, 0, 0], ["a", "b", None])
    assert (found.gap, found.top_1, found.false_positives.value, found.answered) == (0, 0, 0, 0)
    assert (found.gap_interval.low, found.gap_interval.high) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], [1.0], ["a"], [1]), InputError, "answered has shape .* dtype int64"),
        ((["a"], [1.0], ["a"], [True, False]), InputError, "answered has shape"),
        (([None, "a"], [1.0, 1.0], ["a", "b"], [True, True]), InputError, "False where nothing is predicted"),
        (([], [], []), InputError, "none of 0 queries"),
        ((["a"], [1.0], [None]), InputError, "none of 1 queries shows a landmark"),
        ((["a"], [np.nan], ["a"]), VectorError, "is nan"),
        ((["a", "b"], [1.0], ["a"]), VectorError, "each query needs one of each"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        measure_recognition(*arguments)
    with pytest.raises(InputError, match="at least 2 identities, 1 replicate"):
        measure_recognition(["a", "b"], [1, 1], ["a", "b"], replicates=0)


def test_retrieval_groups_queries_by_place():
    rankings, relevant = [["x", "a"], ["x", "a"], ["c"]], [["a", "b"], ["b", "a"], ["c"]]
    found = measure_retrieval(rankings, relevant)
    assert found.mean_average_precision == pytest.approx((0.25 + 0.25 + 1) / 3)
    assert (found.places, found.queries, found.left_out, found.k) == (2, 3, 0, 100)
    assert (found.interval.low, found.interval.high) == (0.25, 1.0)
    assert measure_retrieval(rankings, relevant, places=[1, 2, 3]).places == 3
    alone = measure_retrieval([*rankings[:2], ["z"]], [*relevant[:2], []], k=1)
    assert (alone.interval, alone.left_out, alone.k) == (None, 1, 1)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["interval"]["low"] == 0.25


def test_bad_rankings():
    with pytest.raises(VectorError, match=r"2 labels were given for 1 vector"):
        measure_retrieval([["a"]], [["a"]], places=["x", "y"])
    with pytest.raises(InputError, match="nothing to find"):
        measure_retrieval([["a"]], [[]])


def test_places_in_another_spelling():
    found = measure_recognition(["Jose\u0301", "Bo"], [0.9, 0.8], ["José ", " Bo"])
    assert (found.gap, found.top_1, found.places) == (1, 1, 2)
