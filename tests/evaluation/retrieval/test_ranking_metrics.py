import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from lookalike.distances import minkowski
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval.ranking_metrics import query_retrieval, self_retrieval


def slow_retrieval(x, labels, ks):
    recall, precision, r_precision, map_at_r = ({k: [] for k in ks}, {k: [] for k in ks}, [], [])
    d = minkowski(x, x, 1)
    for q in range(len(x)):
        others = [i for i in range(len(x)) if i != q]
        others.sort(key=lambda i: (d[q, i], labels[i] == labels[q]))
        hit = [labels[i] == labels[q] for i in others]
        r = sum(hit)
        if r == 0:
            continue
        for k in ks:
            recall[k].append(any(hit[:k]))
            precision[k].append(sum(hit[:k]) / k)
        r_precision.append(sum(hit[:r]) / r)
        map_at_r.append(sum(sum(hit[: i + 1]) / (i + 1) for i in range(r) if hit[i]) / r)
    return recall, precision, np.mean(r_precision), np.mean(map_at_r), len(r_precision)


@st.composite
def pictures(draw):
    points = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 4)), min_size=3, max_size=30))
    table = np.array(points)
    x, labels = table[:, :2].astype(float), table[:, 2]
    labels[1] = labels[0]
    return x, labels


@given(pictures())
def test_equals_the_slow_way_with_ties(case):
    x, labels = case
    result = self_retrieval(x, labels, "manhattan", ks=(1, 2))
    recall, precision, r_precision, map_at_r, queries = slow_retrieval(x, labels, (1, 2))
    for k in (1, 2):
        assert result.recall[k] == pytest.approx(np.mean(recall[k]))
        assert result.precision[k] == pytest.approx(np.mean(precision[k]))
    assert result.r_precision == pytest.approx(r_precision)
    assert result.map_at_r == pytest.approx(map_at_r)
    assert (result.queries, result.left_out) == (queries, len(x) - queries)


@given(pictures(), st.randoms(use_true_random=False))
def test_the_order_of_pictures_does_not_matter(case, random):
    x, labels = case
    order = list(range(len(x)))
    random.shuffle(order)
    a = self_retrieval(x, labels, "manhattan", ks=(1,))
    b = self_retrieval(x[order], labels[order], "manhattan", ks=(1,))
    assert (a.recall, a.queries) == (b.recall, b.queries)
    assert a.map_at_r == pytest.approx(b.map_at_r)


def test_equals_pytorch_metric_learning():
    torch = pytest.importorskip("torch")
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 12, 150)  # identities of unequal sizes
    x = (rng.normal(size=(12, 6))[labels] + rng.normal(size=(150, 6))).astype(np.float32)
    peer = AccuracyCalculator(
        include=("precision_at_1", "r_precision", "mean_average_precision_at_r"),
        k="max_bin_count",
        knn_func=CustomKNN(LpDistance(normalize_embeddings=False)),
        device=torch.device("cpu"),
    ).get_accuracy(torch.from_numpy(x), torch.from_numpy(labels))
    ours = self_retrieval(x, labels, "euclidean", ks=(1,))
    assert ours.precision[1] == pytest.approx(peer["precision_at_1"], abs=1e-6)
    assert ours.r_precision == pytest.approx(peer["r_precision"], abs=1e-6)
    assert ours.map_at_r == pytest.approx(peer["mean_average_precision_at_r"], abs=1e-6)


def test_blocks_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), rng.integers(0, 9, 60)
    whole = self_retrieval(x, labels)
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", 500)
    blocked = self_retrieval(x, labels)
    assert blocked.recall == whole.recall
    assert blocked.map_at_r == pytest.approx(whole.map_at_r, abs=1e-12)


def test_equal_vectors_do_not_flatter():
    result = self_retrieval(np.ones((6, 2)), [0, 0, 1, 1, 2, 2], "euclidean", ks=(1,))
    assert (result.recall[1], result.map_at_r) == (0, 0)


def test_labels_too_large_for_floats():
    base = 2**53
    result = self_retrieval([[0.0], [0.1], [5.0], [5.1]], [base, base + 1, base, base + 1], "euclidean", ks=(1,))
    assert result.recall[1] == 0, "every nearest picture is of the other identity; merged labels would give 1"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0.0], [1.0]], ["a", "b"]), InputError, "each of 2 identities has one picture"),
        (([[0.0], [np.nan]], ["a", "a"]), VectorError, "NaN"),
        (([[0.0], [1.0]], ["a"]), VectorError, "label"),
        (([[0.0], [1.0]], ["a", "a"], "euclidean", (2,)), InputError, "each must be from 1 to 1"),
        (([[0.0], [1.0]], ["a", "a"], "euclidean", ()), InputError, "each must be from 1 to 1"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        self_retrieval(*arguments)


def slow_query_retrieval(queries, query_labels, references, labels, ks):
    """One query at a time, the ranking written out: others first where distances tie."""
    lines = []
    for x, label in zip(queries, query_labels, strict=True):
        ranking = sorted((float(abs(x - y).sum()), other == label) for y, other in zip(references, labels, strict=True))
        hit = [own for _, own in ranking]
        r = sum(hit)
        if r:
            precision = [sum(hit[: i + 1]) / (i + 1) for i in range(len(hit))]
            lines.append(
                [any(hit[:k]) for k in ks]
                + [sum(hit[:k]) / k for k in ks]
                + [sum(p for p, own in zip(precision[:k], hit[:k], strict=True) if own) / min(r, k) for k in ks]
                + [sum(hit[:r]) / r]
                + [sum(p for p, own in zip(precision[:n], hit[:n], strict=True) if own) / r for n in (r, len(hit))]
            )
    return lines


@given(pictures(), pictures())
def test_queries_among_references_equal_the_slow_way(asked, searched):
    (queries, query_labels), (references, labels) = asked, searched
    query_labels[0] = labels[0]
    result = query_retrieval(queries, query_labels, references, labels, "manhattan", (1, 3), whole_ranking=True)
    lines = slow_query_retrieval(queries, query_labels, references, labels, (1, 3))
    per_k = (result.recall, result.precision, result.map_at_k)
    means = [*(mean for means in per_k for mean in means.values()), result.r_precision, result.map_at_r]
    assert [*means, result.mean_average_precision] == pytest.approx(np.mean(lines, axis=0).tolist())
    assert (result.queries, result.left_out) == (len(lines), len(queries) - len(lines))
    each = result.per_query
    per_k = (each.recall, each.precision, each.map_at_k)
    columns = [*(line for lines in per_k for line in lines.values()), each.r_precision, each.map_at_r]
    columns.append(each.average_precision)
    np.testing.assert_allclose(np.array(columns).T, lines)


@given(pictures(), st.integers(1, 2))
def test_what_always_holds(case, k):
    x, labels = case
    result = self_retrieval(x, labels, "manhattan", ks=(k,), whole_ranking=True)
    each = result.per_query
    assert (each.map_at_r <= each.r_precision + 1e-12).all()
    assert (each.map_at_r <= each.average_precision + 1e-12).all()
    assert (each.precision[k] <= each.recall[k]).all()
    assert (each.precision[k] * k <= each.own).all()
    assert ((each.average_precision > 0) & (each.average_precision <= 1 + 1e-12)).all()
    assert sorted(
        np.unique(labels, return_counts=True)[1][np.searchsorted(np.unique(labels), labels[each.positions])]
    ) == (sorted(each.own + 1))


def test_average_precision_equals_sklearn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, 120)
    x = rng.normal(size=(9, 4))[labels] + rng.normal(size=(120, 4))
    each = self_retrieval(x, labels, "euclidean", whole_ranking=True).per_query
    d = minkowski(x, x)
    others = ~np.eye(120, dtype=bool)
    truth = [average_precision_score(labels[others[q]] == labels[q], -d[q, others[q]]) for q in each.positions]
    np.testing.assert_allclose(each.average_precision, truth)


def test_queries_equal_pytorch_metric_learning():
    torch = pytest.importorskip("torch")
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    rng = np.random.default_rng(1)
    labels, asked = rng.integers(0, 12, 200), rng.integers(0, 15, 60)  # three identities have no reference
    centres = rng.normal(size=(15, 6))
    x, queries = ((centres[who] + rng.normal(size=(len(who), 6))).astype(np.float32) for who in (labels, asked))
    names = ("precision_at_1", "r_precision", "mean_average_precision_at_r", "mean_average_precision")
    peer = AccuracyCalculator(include=names, device=torch.device("cpu")).get_accuracy(
        *map(torch.from_numpy, (queries, asked, x, labels))
    )
    ours = query_retrieval(queries, asked, x, labels, "euclidean", ks=(1,), whole_ranking=True)
    assert ours.left_out == (asked >= 12).sum() > 0
    found = (ours.precision[1], ours.r_precision, ours.map_at_r, ours.mean_average_precision)
    assert found == pytest.approx([peer[name] for name in names], abs=1e-6)


def test_labels_that_pytorch_metric_learning_merges():
    """It compares labels as float32, in which these four are one."""
    base = 2**24
    x, labels = [[0.0], [0.1], [0.2], [5.0]], [base, base + 1, base, base + 1]
    result = query_retrieval([[0.11]], [base], x, labels, "euclidean", ks=(1, 2))
    assert result.recall == {1: 0, 2: 1}
    assert (
        query_retrieval([[0.0]], [str(base)], x, [str(v) for v in labels], ks=(1,), metric="euclidean").recall[1] == 1
    )


def test_nobody_finds_himself_but_a_copy_is_found():
    x = [[0.0], [0.0], [1.0], [1.2]]
    found = self_retrieval(x, ["a", "a", "b", "b"], "euclidean", ks=(1,))
    assert found.recall[1] == 1
    alone = self_retrieval(x, ["a", "c", "b", "b"], "euclidean", ks=(1,))
    assert (alone.queries, alone.left_out) == (2, 2)
    both = query_retrieval(x, ["a", "c", "b", "b"], x, ["a", "c", "b", "b"], "euclidean", ks=(1, 2))
    assert both.left_out == 0
    assert both.recall == {1: 0.5, 2: 1.0}, "a and c are copies: each finds the other first, for ties do not flatter"


def test_the_whole_ranking_is_costly_and_so_told_only_when_asked():
    x, labels = [[0.0], [1.0], [0.1], [3.0]], ["a", "b", "b", "a"]
    assert self_retrieval(x, labels, "euclidean", ks=(1,)).mean_average_precision is None
    result = self_retrieval(x, labels, "euclidean", ks=(1,), whole_ranking=True)
    assert result.mean_average_precision == pytest.approx(np.mean([1 / 3, 1, 1 / 2, 1 / 3]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0.0]], ["a"], [[0.0], [1.0]], ["b", "c"]), InputError, "none of 1 queries is of an identity"),
        (([[0.0]], [1], [[0.0], [1.0]], ["1", "2"]), InputError, "name identities alike"),
        (([[0.0]], ["a"], [[0.0, 1.0]], ["a"]), VectorError, "queries have 1 dimensions and references 2"),
        (([[np.inf]], ["a"], [[0.0]], ["a"]), VectorError, r"queries\[0\] holds NaN"),
        (([[0.0]], ["a"], [[0.0]], ["a", "b"]), VectorError, "2 label"),
        (([[0.0]], ["a"], [[0.0], [1.0]], ["a", "b"], "euclidean", (3,)), InputError, "each must be from 1 to 2"),
        (([[0.0]], ["a"], [[0.0], [1.0]], ["a", "b"], "chebyshev", (1,)), VectorError, "unknown"),
    ],
)
def test_bad_queries(arguments, error, message):
    with pytest.raises(error, match=message):
        query_retrieval(*arguments)
