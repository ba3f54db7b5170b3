import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distances import minkowski
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval import self_retrieval


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
