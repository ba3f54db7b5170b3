import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.verification.all_pairs import from_scores
from lookalike.evaluation.verification.ten_folds import accuracy_over_folds, most_accurate_threshold, tar_over_folds


@st.composite
def pairs(draw):
    """Distances with many ties, and both kinds of pair."""
    values = draw(st.lists(st.integers(0, 12), min_size=2, max_size=30))
    truth = draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    truth[:2] = [True, False]
    return np.array(values, float), np.array(truth)


def slow_accuracy(values, truth, threshold):
    return sum((value <= threshold) == same for value, same in zip(values, truth, strict=True)) / len(values)


def slow_best(values, truth):
    """Every run of thresholds between neighbouring distances that is the best there is: (low, high)."""
    distinct = sorted(set(values))
    told = [(low, high, slow_accuracy(values, truth, low)) for low, high in itertools.pairwise(distinct)]
    best = max([slow_accuracy(values, truth, -1.0), slow_accuracy(values, truth, 99.0), *(a for _, _, a in told)])
    runs = []
    for low, high, accuracy in told:
        if accuracy == best:
            if runs and runs[-1][1] == low:
                runs[-1] = (runs[-1][0], high)
            else:
                runs.append((low, high))
    return best, runs


@given(pairs())
def test_no_threshold_is_more_accurate(given_pairs):
    values, truth = given_pairs
    threshold = most_accurate_threshold(values, truth)
    best, runs = slow_best(values.tolist(), truth.tolist())
    assert slow_accuracy(values, truth, threshold) == best
    if runs:
        low, high = max(runs, key=lambda run: (run[1] - run[0], -run[0]))
        assert threshold == (low + high) / 2
    else:
        assert threshold in (math.nextafter(values.min(), -math.inf), values.max())


@pytest.mark.parametrize(
    ("values", "truth", "threshold"),
    [
        ([1, 2, 4], [1, 1, 0], 3),  # the middle of the gap
        ([1, 2, 3, 6], [1, 0, 1, 0], 4.5),  # [1, 2) and [3, 6) are equally good: the wider
        ([1, 3, 4, 6], [1, 0, 1, 0], 2),  # equally wide: the stricter
        ([1, 2, 2, 3], [1, 1, 0, 0], 2),  # a tie of both kinds at 2 changes nothing: from 1 to 3
        ([1, 2], [0, 1], math.nextafter(1, 0)),  # accepting nothing and everything tie: nothing
        ([1, 1, 2], [0, 1, 1], 2),  # accepting everything is best
    ],
)
def test_ties(values, truth, threshold):
    assert most_accurate_threshold(np.array(values, float), np.array(truth, bool)) == threshold


def test_neighbouring_floats_have_no_middle():
    low, high = 1.0, math.nextafter(1.0, 2)
    assert low <= most_accurate_threshold(np.array([low, high]), np.array([True, False])) < high


@settings(max_examples=60)
@given(pairs(), st.integers(2, 5), st.integers(0, 99))
def test_each_fold_is_scored_at_a_threshold_of_the_others(given_pairs, count, seed):
    values, truth = (np.tile(side, count) for side in given_pairs)  # both kinds in every fold
    values = values + np.random.default_rng(seed).integers(0, 3, len(values))
    folds = np.repeat(np.arange(count) * 7 - 3, len(values) // count)
    result, tars = accuracy_over_folds(values, truth, folds), tar_over_folds(values, truth, folds, 0.3)
    assert result.folds.tolist() == tars.folds.tolist() == [7 * i - 3 for i in range(count)]
    for i, fold in enumerate(result.folds):
        own = folds == fold
        assert result.pairs[i] == own.sum()
        assert result.accuracies[i] == slow_accuracy(values[own], truth[own], result.thresholds[i])
        best = max(slow_accuracy(values[~own], truth[~own], t) for t in [-1.0, *values[~own]])
        assert slow_accuracy(values[~own], truth[~own], result.thresholds[i]) == best
        point = from_scores(values[~own], truth[~own]).tar_at_far(0.3)
        assert tars.thresholds[i] == point.threshold
        assert point.far <= 0.3
        assert tars.tars[i] == np.mean(values[own & truth] <= point.threshold)
        assert tars.fars[i] == np.mean(values[own & ~truth] <= point.threshold)
    mean = sum(result.accuracies) / count
    assert result.mean == pytest.approx(mean)
    deviation = math.sqrt(sum((a - mean) ** 2 for a in result.accuracies) / (count - 1))
    assert result.standard_error == pytest.approx(deviation / math.sqrt(count))
    assert tars.mean == pytest.approx(np.mean(tars.tars))
    assert tars.mean_far == pytest.approx(np.mean(tars.fars))
    assert tars.standard_error == pytest.approx(np.std(tars.tars, ddof=1) / math.sqrt(count))


def test_a_threshold_from_the_scored_pairs_would_flatter():
    # In fold 1 everything is 10 farther away. Its own threshold would tell all its pairs; that of fold 0 tells half.
    values = np.array([1, 2, 5, 6, 11, 12, 15, 16], float)
    truth, folds = np.tile([True, True, False, False], 2), np.repeat([0, 1], 4)
    result = accuracy_over_folds(values, truth, folds)
    in_sample = [
        slow_accuracy(values[folds == fold], truth[folds == fold], most_accurate_threshold(*part))
        for fold in (0, 1)
        for part in [(values[folds == fold], truth[folds == fold])]
    ]
    assert in_sample == [1, 1]
    assert result.thresholds.tolist() == [13.5, 3.5]
    assert result.accuracies.tolist() == [0.5, 0.5]
    whole = most_accurate_threshold(values, truth)
    assert slow_accuracy(values, truth, whole) > result.mean, "one threshold for all pairs flatters too"


def test_pure_chance_scores_a_half_and_not_more():
    rng = np.random.default_rng(0)
    truth, folds = np.tile(np.repeat([True, False], 10), 10), np.repeat(np.arange(10), 20)
    out, flattered = [], []
    for _ in range(60):
        values = rng.random(200)
        out.append(accuracy_over_folds(values, truth, folds).mean)
        flattered.append(slow_accuracy(values, truth, most_accurate_threshold(values, truth)))
    assert np.mean(out) == pytest.approx(0.5, abs=0.02)
    assert np.mean(flattered) > 0.53, "what thresholds chosen on the scored pairs would report"


@settings(max_examples=30)
@given(st.permutations(range(20)))
def test_the_order_of_pairs_does_not_matter(order):
    rng = np.random.default_rng(2)
    values, truth, folds = rng.integers(0, 9, 20).astype(float), np.arange(20) % 2 == 0, np.arange(20) // 5
    a, b = accuracy_over_folds(values, truth, folds), accuracy_over_folds(values[order], truth[order], folds[order])
    np.testing.assert_array_equal(a.thresholds, b.thresholds)
    np.testing.assert_array_equal(a.accuracies, b.accuracies)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.1, 0.2], [True, False], [1, 1]), InputError, "all pairs are in fold 1"),
        (([0.1, 0.2], [True, False], [0, 1]), InputError, "all folds but 0: 0 genuine and 1 impostor"),
        (([0.1, 0.2], [True, False], [0]), VectorError, "folds have shape"),
        (([0.1, 0.2], [True, False], [0.0, 1.0]), VectorError, "integer"),
        (([0.1, np.nan], [True, False], [0, 1]), VectorError, "finite"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        accuracy_over_folds(*arguments)
    assert "\n" not in str(caught.value)
    with pytest.raises(error, match=r"fold|finite"):
        tar_over_folds(*arguments)


def test_tar_needs_both_kinds_in_every_fold():
    values, truth, folds = [0.1, 0.9, 0.2, 0.3, 0.8], [True, False, True, True, False], [0, 0, 1, 2, 2]
    assert accuracy_over_folds(values, truth, folds).mean == 1
    with pytest.raises(InputError, match=r"fold 1: 1 genuine and 0 impostor"):
        tar_over_folds(values, truth, folds)
