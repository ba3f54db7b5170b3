import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from lookalike.distances import minkowski, pairwise
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.verification import all_pairs as verification
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


def people(identities=8, pictures=6, d=5, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    return rng.normal(size=(identities, d))[labels] + spread * rng.normal(size=(len(labels), d)), labels


@st.composite
def scores(draw):
    """Distances with many ties, and at least one pair of each kind."""
    genuine = draw(st.lists(st.integers(0, 12), min_size=1, max_size=25))
    impostor = draw(st.lists(st.integers(0, 12), min_size=1, max_size=25))
    truth = [True] * len(genuine) + [False] * len(impostor)
    order = draw(st.permutations(range(len(truth))))
    values = np.array(genuine + impostor, float)
    return values[list(order)], np.array(truth)[list(order)]


def slow_pairs(x, labels, metric):
    genuine, impostor = [], []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            distance = float(pairwise(x[i : i + 1], x[j : j + 1], metric)[0, 0])
            (genuine if labels[i] == labels[j] else impostor).append(distance)
    return sorted(genuine), sorted(impostor)


def slow_auc(genuine, impostor):
    return np.mean([(g < i) + 0.5 * (g == i) for g in genuine for i in impostor])


def slow_eer(genuine, impostor):
    """Walk the curve; where FMR passes FNMR, solve for the crossing of the two straight lines."""
    before = (0.0, 1.0)
    for t in sorted({*genuine, *impostor}):
        now = (np.mean([i <= t for i in impostor]), np.mean([g > t for g in genuine]))
        if now[0] >= now[1]:
            s = (before[1] - before[0]) / ((before[1] - before[0]) + (now[0] - now[1]))
            return before[0] + s * (now[0] - before[0])
        before = now
    raise AssertionError("the curve ends at FMR 1, FNMR 0")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan", "inner_product"])
def test_all_pairs_equal_the_double_loop(metric, monkeypatch):
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", 200)  # several blocks
    x, labels = people()
    result = verify_all_pairs(x, labels, metric)
    genuine, impostor = slow_pairs(x, labels, metric)
    np.testing.assert_allclose(result.genuine, genuine, atol=1e-12)
    np.testing.assert_allclose(result.impostor, impostor, atol=1e-12)
    assert result.pictures == 48


def test_pairs_name_their_pictures():
    x, labels = people()
    result = verify_all_pairs(x, labels, "euclidean")
    d = minkowski(x, x)
    for distances, pairs, same in (
        (result.genuine, result.genuine_pairs, True),
        (result.impostor, result.impostor_pairs, False),
    ):
        np.testing.assert_allclose(d[pairs[:, 0], pairs[:, 1]], distances)
        assert ((labels[pairs[:, 0]] == labels[pairs[:, 1]]) == same).all()
    every = np.concatenate([result.genuine_pairs, result.impostor_pairs])
    assert len({tuple(sorted(pair)) for pair in every.tolist()}) == 48 * 47 // 2


def test_a_matrix_of_distances_gives_the_same():
    x, labels = people()
    a, b = verify_all_pairs(x, labels, "euclidean"), verify_all_pairs(None, labels, distances=minkowski(x, x))
    np.testing.assert_array_equal(a.genuine, b.genuine)
    np.testing.assert_array_equal(a.impostor_pairs, b.impostor_pairs)


@given(scores())
def test_rates_equal_slow_oracles_and_sklearn(given_scores):
    distances, truth = given_scores
    result = from_scores(distances, truth)
    genuine, impostor = distances[truth].tolist(), distances[~truth].tolist()
    assert result.auc == pytest.approx(slow_auc(genuine, impostor), abs=1e-12)
    assert result.auc == pytest.approx(roc_auc_score(truth, -distances), abs=1e-12)
    assert result.eer == pytest.approx(slow_eer(genuine, impostor), abs=1e-12)
    fpr, tpr, thresholds = roc_curve(truth, -distances, drop_intermediate=False)
    curve = result.roc()
    np.testing.assert_allclose(curve.fmr, fpr)
    np.testing.assert_allclose(curve.tar, tpr)
    np.testing.assert_allclose(curve.thresholds, -thresholds)
    for t in curve.thresholds:
        assert result.fmr(t) == np.mean(np.array(impostor) <= t)
        assert result.fnmr(t) == pytest.approx(np.mean(np.array(genuine) > t))


@given(scores())
def test_the_curve_is_monotone_and_det_is_its_mirror(given_scores):
    result = from_scores(*given_scores)
    roc, det = result.roc(), result.det()
    assert (roc.fmr[0], roc.tar[0], roc.fmr[-1], roc.tar[-1]) == (0, 0, 1, 1)
    assert (np.diff(roc.thresholds) > 0).all()
    assert (np.diff(roc.fmr) >= 0).all()
    assert (np.diff(roc.tar) >= 0).all()
    np.testing.assert_array_equal(det.fnmr, 1 - roc.tar)


@given(scores(), st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.29, 1 / 3, 0.5, 1.0]))
def test_far_never_exceeds_the_target(given_scores, target):
    distances, truth = given_scores
    point = from_scores(distances, truth).tar_at_far(target)
    assert np.mean(distances[~truth] <= point.threshold) == point.far <= target
    assert np.mean(distances[truth] <= point.threshold) == point.tar
    best = max(np.mean(distances[truth] <= t) for t in [-1.0, *distances] if np.mean(distances[~truth] <= t) <= target)
    assert point.tar == best, "and no other threshold that keeps the target accepts more"


def test_the_nearest_point_of_the_curve_would_break_the_promise():
    # 100 impostors, 2 of them tied nearest: the point nearest to FAR 0.018 is 0.02, which exceeds it.
    impostor = np.concatenate([[1.0, 1.0], np.linspace(2, 3, 98)])
    result = from_scores(np.concatenate([[0.5, 1.0], impostor]), np.arange(102) < 2)
    point = result.tar_at_far(0.018)
    assert (point.far, point.tar) == (0, 0.5)
    assert result.tar_at_far(0.02).far == 0.02


def test_sufficient_is_ten_impostors_per_allowed_error():
    truth = np.arange(1001) < 1
    result = from_scores(np.arange(1001.0), truth)
    assert result.tar_at_far(0.01).sufficient
    assert result.tar_at_far(0.01).impostor_pairs == 1000
    assert not result.tar_at_far(0.009).sufficient


@given(scores())
def test_rank_measures_do_not_change_under_a_strictly_increasing_map(given_scores):
    distances, truth = given_scores
    a, b = from_scores(distances, truth), from_scores(np.exp(distances / 3) - 7, truth)
    assert a.auc == b.auc
    assert a.eer == b.eer
    assert (a.tar_at_far(0.1).tar, a.tar_at_far(0.1).far) == (b.tar_at_far(0.1).tar, b.tar_at_far(0.1).far)


@given(st.permutations(range(20)))
def test_the_order_of_pictures_does_not_matter(order):
    rng = np.random.default_rng(1)
    x, labels = rng.integers(0, 6, size=(20, 3)).astype(float), np.repeat(np.arange(5), 4)
    a = verify_all_pairs(x, labels, "manhattan")
    b = verify_all_pairs(x[list(order)], labels[list(order)], "manhattan")
    assert (a.eer, a.auc, a.tar_at_far(0.1)) == (b.eer, b.auc, b.tar_at_far(0.1))
    assert a.intervals(replicates=20).auc.low == pytest.approx(b.intervals(replicates=20).auc.low, abs=1e-12)


def test_perfect_and_hopeless_scores():
    perfect = from_scores([0.1, 0.2, 0.6, 0.9], [True, True, False, False])
    assert (perfect.eer, perfect.auc, perfect.tar_at_far(0.01).tar) == (0, 1, 1)
    assert perfect.eer_threshold == pytest.approx(0.4), "in the middle of the gap"
    constant = from_scores([1.0] * 4, [True, True, False, False])
    assert (constant.eer, constant.auc, constant.tar_at_far(0.4).tar) == (0.5, 0.5, 0)
    inverted = from_scores([0.6, 0.9, 0.1, 0.2], [True, True, False, False])
    assert (inverted.eer, inverted.auc) == (1, 0)


def test_eer_threshold_has_both_rates_near_the_eer():
    x, labels = people(20, 8)
    result = verify_all_pairs(x, labels, "euclidean")
    assert result.fmr(result.eer_threshold) == pytest.approx(result.eer, abs=0.002)
    assert result.fnmr(result.eer_threshold) == pytest.approx(result.eer, abs=0.002)


@pytest.mark.parametrize("base", [2**24, 2**53])
def test_labels_too_large_for_floats_stay_two_identities(base):
    x = np.array([[0.0], [0.1], [5.0], [5.1]])
    result = verify_all_pairs(x, np.array([base, base, base + 1, base + 1]), "euclidean")
    assert (len(result.genuine), len(result.impostor)) == (2, 4)
    assert result.eer == 0


def test_hardest_pairs():
    x = np.array([[0.0], [1.0], [1.5], [5.0], [5.2], [9.0]])
    labels = ["a", "a", "b", "b", "c", "c"]
    result = verify_all_pairs(x, labels, "euclidean")
    hard = result.hardest_impostors(3)
    assert list(zip(hard.first.tolist(), hard.second.tolist(), strict=True)) == [(3, 4), (1, 2), (0, 2)]
    np.testing.assert_allclose(hard.distances, [0.2, 0.5, 1.5])
    once = result.hardest_impostors(10, one_per_identities=True)
    assert list(zip(once.first.tolist(), once.second.tolist(), strict=True)) == [(3, 4), (1, 2), (1, 4)]
    far = result.hardest_genuine(2)
    np.testing.assert_allclose(far.distances, [3.8, 3.5])
    assert (far.first.tolist(), far.second.tolist()) == ([4, 2], [5, 3])
    with pytest.raises(InputError, match="k is 0"):
        result.hardest_impostors(0)


def test_from_scores_with_pairs_equals_all_pairs():
    x, labels = people()
    whole = verify_all_pairs(x, labels, "euclidean")
    i, j = np.triu_indices(len(x), 1)
    listed = from_scores(minkowski(x, x)[i, j], labels[i] == labels[j], pairs=np.stack([i, j], axis=1), labels=labels)
    assert whole.intervals(replicates=50) == listed.intervals(replicates=50)
    np.testing.assert_array_equal(whole.hardest_impostors(5).first, listed.hardest_impostors(5).first)


def test_scores_alone_have_no_intervals_and_no_names():
    result = from_scores([0.1, 0.2], [True, False])
    with pytest.raises(InputError, match="resample identities"):
        result.intervals()
    with pytest.raises(InputError, match="name the hardest"):
        result.hardest_impostors(1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0.0], [np.nan], [1.0]], [0, 0, 1]), VectorError, r"embeddings\[1\] holds NaN"),
        (([[0.0], [1.0]], ["x", "x"]), InputError, "all 2 pictures are of one identity, 'x'"),
        (([[0.0], [1.0]], ["x", "y"]), InputError, "each of 2 identities has one picture"),
        (([[0.0], [1.0]], ["x", "y", "y"]), VectorError, r"3 labels were given for 2"),
        ((np.zeros((0, 3)), []), VectorError, "shape"),
        (([0.0, 1.0], [0, 1]), VectorError, "shape"),
        ((None, [0, 0, 1]), VectorError, "not both and not neither"),
        (([[0.0], [1.0], [2.0]], [0, 0, 1], "hamming"), VectorError, "metric 'hamming' is unknown"),
        (([[0.0], [1.0], [2.0]], [0, 0, 1], "cosine"), VectorError, "all zeros"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        verify_all_pairs(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((3, 2)), "square"),
        (np.array([[0, 1, 2], [5, 0, 1], [2, 1, 0.0]]), "not symmetric"),
        (np.full((3, 3), np.nan), "NaN"),
    ],
)
def test_bad_matrices(matrix, message):
    with pytest.raises(VectorError, match=message):
        verify_all_pairs(None, [0, 0, 1], distances=matrix)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (([0.1], [True]), {}, InputError, "1 genuine and 0 impostor"),
        (([0.1], [False]), {}, InputError, "0 genuine and 1 impostor"),
        (([], []), {}, VectorError, "at least one"),
        (([0.1, 0.2], [True]), {}, VectorError, "shape"),
        (([0.1, np.nan], [True, False]), {}, VectorError, "finite"),
        (([0.1, 0.2], [0.3, 0.9]), {}, VectorError, "true or false"),
        (([0.1, 0.2], [True, False]), {"labels": [1, 2]}, VectorError, "without pairs"),
        (([0.1, 0.2], [True, False]), {"pairs": [[0, 1]]}, VectorError, "expected"),
        (([0.1, 0.2], [True, False]), {"pairs": [[0, 1], [0, 9]], "labels": [1, 1, 2]}, VectorError, "0 to 9"),
        (([0.1, 0.2], [True, False]), {"pairs": [[0, 2], [0, 1]], "labels": [1, 1, 2]}, VectorError, "pair 0"),
    ],
)
def test_bad_scores(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        from_scores(*arguments, **keywords)


def test_too_many_pairs_are_refused_before_any_is_computed(monkeypatch):
    monkeypatch.setattr(verification, "MAX_PAIRS", 1000)
    with pytest.raises(InputError, match=r"48 pictures make 1,128 pairs; .* use pair_counts.count_all_pairs"):
        verify_all_pairs(*people())
    with pytest.raises(InputError, match=r"1,001 pairs were given; .* add them in parts to pair_counts.PairCounts"):
        from_scores(np.zeros(1001), np.arange(1001) < 5)


def test_evaluation_loads_no_torch_and_no_plots():
    code = (
        "import sys; from lookalike.evaluation import identification, retrieval, thresholds, verification;"
        "from lookalike.evaluation.identification import distractors, enrolment_trials;"
        "from lookalike.evaluation.statistics import search_intervals;"
        "from lookalike.evaluation.verification import groups, pair_counts, templates, ten_folds;"
        "print([m for m in ('torch', 'faiss', 'matplotlib', 'jinja2', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
