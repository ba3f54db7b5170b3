import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import pair_confusion_matrix

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval.clustering import Agreement, evaluate_clusters, k_means

assignments = st.integers(1, 25).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)))
)


def slow_nmi(clusters, labels):
    n = len(labels)
    information = 0.0
    for c in set(clusters):
        for i in set(labels):
            both = sum(a == c and b == i for a, b in zip(clusters, labels, strict=True)) / n
            if both:
                information += both * math.log(both / (clusters.count(c) / n * labels.count(i) / n))
    entropies = [-sum(v.count(x) / n * math.log(v.count(x) / n) for x in set(v)) for v in (clusters, labels)]
    return 1.0 if sum(entropies) == 0 else information / (sum(entropies) / 2)


def slow_pairwise(clusters, labels):
    pairs = [(i, j) for i in range(len(labels)) for j in range(i)]
    put = {p for p in pairs if clusters[p[0]] == clusters[p[1]]}
    true = {p for p in pairs if labels[p[0]] == labels[p[1]]}
    return (len(put & true) / len(put) if put else 1.0), (len(put & true) / len(true) if true else 1.0)


def slow_bcubed(clusters, labels):
    precision, recall = [], []
    for c, i in zip(clusters, labels, strict=True):
        both = sum(a == c and b == i for a, b in zip(clusters, labels, strict=True))
        precision.append(both / clusters.count(c))
        recall.append(both / labels.count(i))
    return np.mean(precision), np.mean(recall)


@given(assignments)
def test_equals_counting_one_by_one(case):
    clusters, labels = case
    result = evaluate_clusters(clusters, labels)
    assert result.nmi == pytest.approx(slow_nmi(clusters, labels), abs=1e-12)
    assert (result.pairwise.precision, result.pairwise.recall) == pytest.approx(slow_pairwise(clusters, labels))
    assert (result.bcubed.precision, result.bcubed.recall) == pytest.approx(slow_bcubed(clusters, labels))
    assert (result.clusters, result.identities, result.pictures) == (len({*clusters}), len({*labels}), len(labels))


@given(assignments)
def test_equals_sklearn(case):
    clusters, labels = case
    result = evaluate_clusters(clusters, labels)
    assert result.nmi == pytest.approx(normalized_mutual_info_score(labels, clusters), abs=1e-9)
    (_, false), (missed, true) = pair_confusion_matrix(labels, clusters)
    if true:
        assert result.pairwise.precision == pytest.approx(true / (true + false))
        assert result.pairwise.recall == pytest.approx(true / (true + missed))


@given(assignments, st.permutations(range(5)))
def test_names_do_not_matter_and_sides_swap(case, names):
    clusters, labels = case
    result = evaluate_clusters(clusters, labels)
    renamed = evaluate_clusters([f"cluster {names[c]}" for c in clusters], labels)
    assert renamed.nmi == pytest.approx(result.nmi, abs=1e-12)
    assert (renamed.pairwise, renamed.bcubed.f) == (result.pairwise, pytest.approx(result.bcubed.f))
    swapped = evaluate_clusters(labels, clusters)
    assert swapped.nmi == pytest.approx(result.nmi, abs=1e-12)
    assert (swapped.pairwise.precision, swapped.bcubed.precision) == pytest.approx(
        (result.pairwise.recall, result.bcubed.recall)
    )


@given(assignments)
def test_the_truth_is_perfect_and_nothing_is_better(case):
    clusters, labels = case
    perfect = evaluate_clusters(labels, labels)
    assert (perfect.nmi, perfect.pairwise.f, perfect.bcubed.f) == pytest.approx((1, 1, 1))
    other = evaluate_clusters(clusters, labels)
    assert 0 <= other.nmi <= 1
    assert 0 <= other.pairwise.f <= 1
    assert 0 < other.bcubed.f <= 1 + 1e-12


def test_bcubed_of_a_worked_example():
    """One cluster of {a, a, a, b}, one of {b, b}: precision (3·3/4 + 1/4 + 2)/6, recall (3 + 1/3 + 2·2/3)/6."""
    result = evaluate_clusters([0, 0, 0, 0, 1, 1], list("aaabbb")).bcubed
    assert result.precision == pytest.approx((9 / 4 + 1 / 4 + 2) / 6)
    assert result.recall == pytest.approx((3 + 1 / 3 + 4 / 3) / 6)
    assert result.f == pytest.approx(2 * result.precision * result.recall / (result.precision + result.recall))


def test_everybody_alone_and_everybody_together():
    labels = list("aabb")
    alone, together = evaluate_clusters([0, 1, 2, 3], labels), evaluate_clusters([7, 7, 7, 7], labels)
    assert alone.pairwise == Agreement(1, 0)
    assert alone.pairwise.f == 0
    assert together.nmi == 0
    assert together.pairwise == Agreement(2 / 6, 1)
    assert evaluate_clusters([3], ["a"]).nmi == 1


def test_labels_too_large_for_floats_and_many_clusters():
    labels = [2**53 + i // 2 for i in range(200_000)]
    result = evaluate_clusters(np.arange(200_000) // 2, labels)
    assert result.nmi == pytest.approx(1)
    assert result.pairwise == Agreement(1, 1)


def test_k_means_finds_groups_and_is_repeatable():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 12)
    x = rng.normal(size=(10, 16))[labels] + 0.02 * rng.normal(size=(120, 16))
    found = k_means(x, 10, seed=3)
    assert found.shape == (120,)
    assert found.dtype == np.int64
    assert evaluate_clusters(found, labels).nmi > 0.9
    np.testing.assert_array_equal(found, k_means(x, 10, seed=3))
    assert any((k_means(x, 10, seed=seed) != found).any() for seed in (4, 5))


def test_k_means_settles_where_no_point_is_nearer_to_another_mean():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 3))
    found = k_means(x, 6, unit=False, iterations=200)
    means = np.array([x[found == c].mean(axis=0) for c in range(6)])
    np.testing.assert_array_equal(found, ((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1))


def test_k_means_of_unit_vectors_does_not_look_at_lengths():
    x = np.array([[1, 0.1], [0.1, 1], [1000, 90], [90, 1000]])
    assert evaluate_clusters(k_means(x, 2), [0, 1, 0, 1]).nmi == pytest.approx(1)
    assert evaluate_clusters(k_means(x, 2, unit=False), [0, 1, 0, 1]).nmi < 1


def test_k_means_says_nothing_on_standard_error(capfd):
    k_means(np.random.default_rng(0).normal(size=(30, 4)), 10)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda: evaluate_clusters([0, 1], ["a"]), VectorError, r"2 clusters were given for 1 label"),
        (lambda: evaluate_clusters([0.5], ["a"]), VectorError, "must be integers or strings"),
        (lambda: evaluate_clusters([], []), VectorError, "no labels"),
        (lambda: k_means([[1.0]], 2), InputError, "2 clusters of 1 vectors"),
        (lambda: k_means([[1.0]], 0), InputError, "give 1 to 1"),
        (lambda: k_means([[1.0]], 1, iterations=0), InputError, "0 iterations"),
        (lambda: k_means([[0.0, 0.0]], 1), VectorError, "all zeros"),
        (lambda: k_means([[1e200]], 1, unit=False), VectorError, "beyond float32"),
        (lambda: k_means([[np.nan]], 1), VectorError, r"vectors\[0\] holds NaN"),
    ],
)
def test_bad_input(run, error, message):
    with pytest.raises(error, match=message):
        run()
