import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval.ranked_retrieval import global_average_precision, mean_average_precision_at
from lookalike.evaluation.retrieval.ranking_metrics import query_retrieval


def slow_gap(predictions, confidences, truth):
    """The published formula, walking down the list: 1/M sum_i P(i) rel(i)."""
    made = [(c, p == t, p, t) for p, c, t in zip(predictions, confidences, truth, strict=True) if p is not None]
    made.sort(key=lambda entry: (-entry[0], entry[1]))
    total = 0.0
    for i in range(len(made)):
        precision = sum(right for _, right, _, _ in made[: i + 1]) / (i + 1)
        total += precision * made[i][1]
    return total / sum(t is not None for t in truth)


def slow_map(rankings, relevant, k):
    """The published formula: AP@k = 1/min(m, k) sum_{i<=k} P(i) rel(i)."""
    values = []
    for ranking, wanted in zip(rankings, relevant, strict=True):
        if not wanted:
            continue
        rel = [name in wanted and name not in ranking[:i] for i, name in enumerate(ranking[:k])]
        values.append(sum(sum(rel[: i + 1]) / (i + 1) * rel[i] for i in range(len(rel))) / min(len(set(wanted)), k))
    return np.mean(values), len(values)


label = st.sampled_from(["a", "b", "c", 1, 2**60])
queries = st.lists(
    st.tuples(st.none() | label, st.integers(0, 5).map(lambda v: v / 4), st.none() | label), min_size=1, max_size=20
).filter(lambda entries: any(t is not None for _, _, t in entries))


@given(queries)
def test_gap_equals_the_published_formula(entries):
    predictions, confidences, truth = zip(*entries, strict=True)
    result = global_average_precision(predictions, confidences, truth)
    assert result.gap == pytest.approx(slow_gap(predictions, confidences, truth))
    assert (result.landmarks, result.others) == (sum(t is not None for t in truth), truth.count(None))
    assert result.predicted == sum(p is not None for p in predictions)


@given(queries, st.randoms(use_true_random=False))
def test_gap_depends_neither_on_order_nor_on_the_scale_of_confidences(entries, random):
    shuffled = entries[:]
    random.shuffle(shuffled)
    a = global_average_precision(*zip(*entries, strict=True))
    predictions, confidences, truth = zip(*shuffled, strict=True)
    b = global_average_precision(predictions, [10 * c - 7 for c in confidences], truth)
    assert a.gap == pytest.approx(b.gap)
    assert 0 <= a.gap <= a.right / a.landmarks + 1e-12 <= 1 + 1e-12


@given(queries)
def test_a_prediction_where_there_is_no_landmark_never_helps(entries):
    predictions, confidences, truth = zip(*entries, strict=True)
    silent = [None if t is None else p for p, t in zip(predictions, truth, strict=True)]
    with_alarms = global_average_precision(predictions, confidences, truth).gap
    assert global_average_precision(silent, confidences, truth).gap >= with_alarms - 1e-12


def test_gap_of_a_worked_example():
    """The data set's own: right at ranks 1 and 3 of three predictions, the second on a query without landmark."""
    result = global_average_precision([7, 8, 9, None], [3.0, 2.0, 1.0, np.nan], [7, None, [9, 10], 11])
    assert result.gap == pytest.approx((1 + 2 / 3) / 3)
    assert (result.landmarks, result.others, result.predicted, result.right) == (3, 1, 3, 2)


def test_a_constant_confidence_earns_no_luck():
    assert global_average_precision(["a", "x"], [1, 1], ["a", "b"]).gap == pytest.approx(0.25)
    assert global_average_precision(["x", "a"], [1, 1], ["b", "a"]).gap == pytest.approx(0.25)


def test_several_labels_ties_and_silence():
    """A query of several landmarks counts once, whichever of them is named; ties put wrong predictions first."""
    truth = [["a", "b"], ("b",), {"c", "d"}, [], None]
    found = global_average_precision(["b", "x", "d", "a", None], [0.5, 0.5, 0.5, 0.9, 0.9], truth)
    # The ranking: a false alarm, then at 0.5 the wrong one, then the two that are right.
    assert found.gap == pytest.approx((1 / 3 + 2 / 4) / 3)
    assert (found.landmarks, found.others, found.predicted, found.right) == (3, 2, 4, 2)
    silent = global_average_precision([None] * 5, [0.0] * 5, truth)
    assert (silent.gap, silent.predicted, silent.right) == (0, 0, 0)


def test_rankings_that_are_empty_or_long():
    assert mean_average_precision_at([[], ["a"]], [["a"], ["a"]]).mean_average_precision == 0.5
    late = [f"x{n}" for n in range(100)] + ["a"]
    assert mean_average_precision_at([late], [["a"]]).mean_average_precision == 0
    assert mean_average_precision_at([late[1:]], [["a"]]).mean_average_precision == pytest.approx(0.01)
    assert mean_average_precision_at([["a"]], [["a", "a"]]).mean_average_precision == 1, "relevant twice is one"


def test_gap_tells_neighbouring_large_labels_apart():
    labels = np.array([2**53, 2**53 + 1])
    assert global_average_precision(labels, [0.5, 0.4], labels[::-1]).gap == 0
    assert global_average_precision(labels, [0.5, 0.4], labels).gap == 1
    assert global_average_precision([1], [0.5], ["1"]).gap == 0


names = st.sampled_from([0, 1, 2, 3, 4, 5, "x"])
rankings = st.lists(st.tuples(st.lists(names, max_size=8), st.lists(names, max_size=4)), min_size=1, max_size=8).filter(
    lambda entries: any(wanted for _, wanted in entries)
)


@given(rankings, st.integers(1, 6))
def test_map_equals_the_published_formula(entries, k):
    found, wanted = zip(*entries, strict=True)
    result = mean_average_precision_at(found, wanted, k)
    mean, used = slow_map(found, wanted, k)
    assert result.mean_average_precision == pytest.approx(mean)
    assert (result.queries, result.left_out) == (used, len(found) - used)
    assert np.isnan(result.average_precision).tolist() == [not some for some in wanted]
    assert 0 <= result.mean_average_precision <= 1 + 1e-12


def test_more_relevant_than_places_can_still_be_perfect():
    ids = np.arange(300)
    assert mean_average_precision_at(ids[None, :100], [ids]).mean_average_precision == 1
    assert mean_average_precision_at(ids[None, :50], [ids]).mean_average_precision == 0.5


def test_a_repeated_id_takes_its_place_and_is_wrong():
    assert mean_average_precision_at([["a", "a", "b"]], [["a", "b"]]).mean_average_precision == pytest.approx(
        (1 + 2 / 3) / 2
    )


def test_equals_retrieval_from_vectors():
    rng = np.random.default_rng(0)
    labels, asked = rng.integers(0, 5, 80), rng.integers(0, 6, 30)
    x, q = rng.normal(size=(80, 3)), rng.normal(size=(30, 3))
    order = np.argsort(((q[:, None] - x) ** 2).sum(axis=2), axis=1)
    ranked = mean_average_precision_at(order, [np.flatnonzero(labels == who) for who in asked], 10)
    direct = query_retrieval(q, asked, x, labels, "euclidean", ks=(10,))
    assert ranked.mean_average_precision == pytest.approx(direct.map_at_k[10])
    assert (ranked.queries, ranked.left_out) == (direct.queries, direct.left_out)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], [0.1, 0.2], ["a"]), VectorError, "each query needs one of each"),
        ((["a"], ["sure"], ["a"]), VectorError, "a confidence is a number"),
        ((["a"], [np.nan], ["a"]), VectorError, "prediction 0 is nan"),
        (([0.5], [0.1], ["a"]), VectorError, "labels must be integers or strings"),
        ((["a"], [0.1], [["a", None]]), VectorError, "label 2 is None|label 1 is None"),
        ((["a"], [0.1], [None]), InputError, "none of 1 queries shows a landmark"),
        (([], [], []), InputError, "none of 0 queries"),
    ],
)
def test_bad_predictions(arguments, error, message):
    with pytest.raises(error, match=message):
        global_average_precision(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([["a"]], [["a"], ["b"]]), VectorError, "1 rankings were given for 2 queries"),
        (([["a"]], [[]]), InputError, "none of 1 queries has anything relevant"),
        (([["a"]], [["a"]], 0), InputError, "k is 0"),
        (([[0.5]], [["a"]]), VectorError, "must be integers or strings"),
    ],
)
def test_bad_rankings(arguments, error, message):
    with pytest.raises(error, match=message):
        mean_average_precision_at(*arguments)


def test_labels_in_another_spelling():
    assert global_average_precision(["Jose\u0301", "Bo"], [0.9, 0.8], ["José ", ["Bo ", "Cy"]]).gap == 1
    assert mean_average_precision_at([["Jose\u0301.jpg"]], [["José.jpg"]]).mean_average_precision == 1
