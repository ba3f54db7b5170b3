import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import pairwise
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.operating_point import allowed_errors
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs
from lookalike.progress import Progress

TARGETS = [0.001, 0.01, 0.05, 0.1, 0.29, 1 / 3, 0.5, 0.9, 1.0]


def people(identities=8, pictures=6, d=5, spread=1.0, seed=0):
    """In no order of identities."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(identities), pictures))
    return (rng.normal(size=(identities, d))[labels] + spread * rng.normal(size=(len(labels), d))), labels


whole_numbers = st.integers(0, 12)


@st.composite
def scores(draw, values=whole_numbers):
    """Distances with many ties, and at least one pair of each kind, in parts."""
    sides = [draw(st.lists(values, min_size=1, max_size=25)) for _ in range(2)]
    truth = np.repeat([True, False], [len(side) for side in sides])
    order = np.array(draw(st.permutations(range(len(truth)))))
    cut = draw(st.integers(0, len(truth)))
    return np.array(sides[0] + sides[1], float)[order], truth[order], cut


def counted(distances, truth, cut=0, tail=3):
    """In two parts, merged."""
    parts = [PairCounts(tail), PairCounts(tail)]
    for part, chosen in zip(parts, (slice(0, cut), slice(cut, None)), strict=True):
        if len(distances[chosen]):
            part.add(distances[chosen], truth[chosen])
    parts[0].merge(parts[1])
    return parts[0]


#: Distances that fall into few bins: some 1e-6 apart, some equal, some exactly at an edge.
crowded = st.sampled_from([0.5 + 1e-6 * step for step in range(12)] + [0.1, 0.3, 0.5, 0.75, 1.0])


@settings(max_examples=50)
@given(scores(st.one_of(whole_numbers, crowded)))
def test_what_is_kept_whole_is_measured_as_in_memory(given_scores):
    distances, truth, cut = given_scores
    result, counts = from_scores(distances, truth), counted(distances, truth, cut, tail=50)
    for name in ("thresholds", "fmr", "tar"):
        np.testing.assert_array_equal(getattr(counts.roc(), name), getattr(result.roc(), name))
    np.testing.assert_array_equal(counts.det().fnmr, result.det().fnmr)
    assert (counts.eer, counts.eer_threshold, counts.auc) == (result.eer, result.eer_threshold, result.auc)
    for target in TARGETS:
        assert counts.tar_at_far(target) == result.tar_at_far(target)


@settings(max_examples=30)
@given(scores(crowded), st.integers(1, 4))
def test_no_rate_is_better_than_the_exact_one(given_scores, tail):
    distances, truth, cut = given_scores
    counts, result = counted(distances, truth, cut, tail), from_scores(distances, truth)
    genuine, impostor = distances[truth], distances[~truth]
    for t in [-1.0, *distances.tolist(), *(distances + 1e-7).tolist()]:
        assert counts.fmr(t) >= np.mean(impostor <= t) - 1e-12
        assert counts.fnmr(t) >= np.mean(genuine > t) - 1e-12
    curve = counts.roc()
    assert (curve.fmr[0], curve.tar[0], curve.fmr[-1], curve.tar[-1]) == (0, 0, 1, 1)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.fmr) >= 0).all()
    assert (np.diff(curve.tar) >= 0).all()
    for t, fmr, tar in zip(curve.thresholds, curve.fmr, curve.tar, strict=True):
        assert (fmr, tar) == (np.mean(impostor <= t), np.mean(genuine <= t)), "each point is exact"
    most = max(np.mean((impostor > t * (1 - 2.0**-15)) & (impostor < t * (1 + 2.0**-15))) for t in distances)
    assert abs(counts.eer - result.eer) <= most + 1e-12
    low, high = counts.auc_bounds
    assert low - 1e-9 <= result.auc <= high + 1e-9
    for target in TARGETS:
        point = counts.tar_at_far(target)
        assert np.mean(impostor <= point.threshold) <= point.far <= target
        assert np.mean(genuine <= point.threshold) >= point.tar - 1e-12


@settings(max_examples=30)
@given(scores(), st.integers(1, 4))
def test_distances_each_in_a_bin_of_its_own_are_exact_whatever_is_kept(given_scores, tail):
    distances, truth, cut = given_scores
    counts, result = counted(distances, truth, cut, tail), from_scores(distances, truth)
    for t in range(-1, 14):
        assert counts.fmr(t + 0.5) == result.fmr(t + 0.5)
        assert counts.fnmr(t + 0.5) == pytest.approx(result.fnmr(t + 0.5), abs=1e-12)
    assert counts.eer == pytest.approx(result.eer, abs=1e-12)
    assert counts.auc == pytest.approx(result.auc, abs=1e-12)
    for target in TARGETS:
        ours, exact = counts.tar_at_far(target), result.tar_at_far(target)
        assert (ours.far, ours.tar) == (exact.far, exact.tar)


@settings(max_examples=30)
@given(scores(crowded), st.integers(1, 4))
def test_a_target_within_the_impostors_kept_has_the_exact_far(given_scores, tail):
    distances, truth, cut = given_scores
    point_of, exact_of = counted(distances, truth, cut, tail).tar_at_far, from_scores(distances, truth).tar_at_far
    for target in TARGETS:
        if allowed_errors(target, int((~truth).sum())) < tail:
            assert point_of(target).far == np.mean(distances[~truth] <= point_of(target).threshold)
            assert point_of(target).far == exact_of(target).far


@settings(max_examples=30)
@given(scores(crowded), st.sampled_from([0.001, 0.1, 0.29, 1 / 3, 0.5, 0.999, 1.0]), st.integers(1, 30))
def test_quantiles_are_within_a_bin_of_sorting(given_scores, share, tail):
    distances, truth, cut = given_scores
    counts = counted(distances, truth, cut, tail)
    for genuine in (True, False):
        values = np.sort(distances[truth == genuine])
        exact = next(v for i, v in enumerate(values, start=1) if i / len(values) >= share)
        found = counts.quantile(share, genuine)
        assert found == exact if len(values) <= tail else found == pytest.approx(exact, rel=2.0**-15, abs=1e-40)


def test_negative_distances_and_zero_are_in_order():
    values = np.array([-3.0, -0.25, -0.251, 0.0, -0.0, 1e-30, 0.5, 2.0])
    truth = np.arange(8) % 2 == 0
    counts, result = counted(values, truth, tail=1), from_scores(values, truth)
    assert counts.auc == result.auc
    assert counts.eer == result.eer
    for t in values:
        assert counts.fmr(t) >= result.fmr(t)
        assert counts.tar_at_far(0.5).far == 0.5


def test_the_nearest_point_of_the_curve_would_break_the_promise():
    # 100 impostors, 2 of them tied nearest: the point nearest to FAR 0.018 is 0.02, which exceeds it.
    impostor = np.concatenate([[1.0, 1.0], np.linspace(2, 3, 98)])
    for tail in (1, 2, 3, 200):
        counts = counted(np.concatenate([[0.5, 1.0], impostor]), np.arange(102) < 2, 0, tail)
        assert (counts.tar_at_far(0.018).far, counts.tar_at_far(0.018).tar) == (0, 0.5)
        assert counts.tar_at_far(0.02).far == 0.02


def test_an_impostor_that_float32_would_move_past_the_threshold_still_counts():
    # float32(0.3) is above 0.3: rounded to the nearest, the impostors would lie beyond a threshold that accepts them.
    assert float(np.float32(0.3)) > 0.3
    counts = counted(np.array([0.3] * 5 + [0.9] * 5), np.arange(10) >= 5, tail=1)
    assert counts.fmr(0.3) == 1


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan", "inner_product"])
@pytest.mark.parametrize("threads", [1, 3])
def test_all_pairs_equal_those_in_memory(metric, threads, monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.verification.pair_tiles.ROWS", 7)
    monkeypatch.setattr("lookalike.evaluation.verification.pair_tiles.COLUMNS", 5)
    x, labels = people()
    x = x.astype(np.float32)
    names = [f"person {label}" for label in labels]
    events = []
    counts = count_all_pairs(x, names, metric, events.append, threads=threads)
    exact = verify_all_pairs(x.astype(np.float64), labels, metric)
    assert (counts.genuine_pairs, counts.impostor_pairs) == (len(exact.genuine), len(exact.impostor))
    np.testing.assert_allclose(counts.roc().thresholds[1:], exact.roc().thresholds[1:], rtol=1e-5, atol=1e-6)
    assert counts.eer == pytest.approx(exact.eer, abs=1e-9)
    assert counts.auc == pytest.approx(exact.auc, abs=1e-9)
    for ours, theirs in (
        (counts.hardest_impostors(40), exact.hardest_impostors(40)),
        (counts.hardest_genuine(40), exact.hardest_genuine(40)),
    ):
        np.testing.assert_array_equal(ours.first, theirs.first)
        np.testing.assert_array_equal(ours.second, theirs.second)
        np.testing.assert_allclose(ours.distances, theirs.distances, rtol=1e-5, atol=1e-6)
    assert [event.done for event in events] == sorted(event.done for event in events)
    assert events[-1] == Progress("Comparing all pairs", 48 * 47 // 2, 48 * 47 // 2)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.verification.pair_tiles.ROWS", 11)
    x, labels = people(identities=20, pictures=5)
    one, three = (count_all_pairs(x, labels, tail=50, threads=threads) for threads in (1, 3))
    for name in ("thresholds", "fmr", "tar"):
        np.testing.assert_array_equal(getattr(one.roc(), name), getattr(three.roc(), name))
    np.testing.assert_array_equal(one.hardest_genuine(50).first, three.hardest_genuine(50).first)


def test_a_small_tail_of_many_pairs_is_exact_where_it_reaches():
    x, labels = people(identities=30, pictures=10, d=16)
    counts, exact = count_all_pairs(x, labels, tail=100), verify_all_pairs(x.astype(np.float32), labels)
    rate = 90 / len(exact.impostor)
    assert counts.tar_at_far(rate).far == exact.tar_at_far(rate).far == rate
    assert counts.tar_at_far(rate).tar == pytest.approx(exact.tar_at_far(rate).tar, abs=1 / len(exact.genuine))
    assert counts.eer == pytest.approx(exact.eer, abs=2e-4)
    assert exact.auc == pytest.approx(counts.auc, abs=1e-5)
    for target in (0.01, 0.1, 0.3):
        ours = counts.tar_at_far(target)
        assert target - 1e-4 <= np.mean(exact.impostor <= ours.threshold) <= target
        assert ours.tar == pytest.approx(exact.tar_at_far(target).tar, abs=1e-3)


@pytest.mark.parametrize("base", [2**24, 2**53])
def test_labels_too_large_for_floats_stay_two_identities(base):
    labels = np.array([base, base, base + 1, base + 1])
    counts = count_all_pairs(np.array([[0.0], [0.1], [5.0], [5.1]]), labels, "euclidean")
    assert (counts.genuine_pairs, counts.impostor_pairs, counts.eer) == (2, 4, 0)


def test_equal_vectors_of_everybody_accept_nobody():
    x, labels = np.ones((60, 8)), np.repeat(np.arange(20), 3)
    counts = count_all_pairs(x, labels, tail=10)
    assert counts.genuine_pairs == 60
    assert counts.eer == 0.5
    assert counts.auc == 0.5
    assert counts.tar_at_far(0.1).tar == 0
    pairs = counts.hardest_impostors(3)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 3), (0, 4), (0, 5)]


def test_near_duplicates_far_from_the_origin_keep_their_distance():
    # A matrix product of float32 would see 1e-3 at 1e3 from the origin as 0.
    x = np.array([[1000.0, 0], [1000.001, 0], [1000, 5], [1000, 5.002]])
    pairs = count_all_pairs(x, [0, 0, 1, 1], "euclidean").hardest_genuine(2)
    np.testing.assert_allclose(pairs.distances, [0.002, 0.001], rtol=1e-5)


def test_hardest_pairs_need_the_positions_of_every_pair():
    counts = PairCounts(tail=2)
    counts.add([0.5, 0.1, 0.2, 0.3], [True, False, False, False], pairs=[[0, 1], [2, 3], [4, 5], [6, 7]])
    assert counts.hardest_impostors(2).first.tolist() == [2, 4]
    with pytest.raises(InputError, match="k is 3, and 2 pairs were kept; count again with tail=3"):
        counts.hardest_impostors(3)
    with pytest.raises(InputError, match="k is 0"):
        counts.hardest_impostors(0)
    counts.add([0.05], [False])
    with pytest.raises(InputError, match="without their pictures"):
        counts.hardest_impostors(1)


def test_an_interrupted_count_stops_the_other_threads(monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.verification.pair_tiles.ROWS", 4)
    x, labels = people(identities=40)
    calls = []

    def interrupt(event):
        calls.append(event)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_all_pairs(x, labels, progress=interrupt, threads=2)
    assert len(calls) <= 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0.0], [np.nan], [1.0]], [0, 0, 1]), VectorError, r"embeddings\[1\] holds NaN"),
        (([[0.0], [1.0]], ["x", "x"]), InputError, "all 2 pictures are of one identity, 'x'"),
        (([[0.0], [1.0]], ["x", "y"]), InputError, "each of 2 identities has one picture"),
        (([[0.0], [1.0]], ["x", "y", "y"]), VectorError, r"3 labels were given for 2"),
        (([[0.0], [1.0], [2.0]], [0, 0, 1], "hamming"), VectorError, "metric 'hamming' is unknown"),
        (([[1.0], [0.0], [2.0]], [0, 0, 1], "cosine"), VectorError, "vector 1 is all zeros"),
    ],
)
def test_bad_vectors(arguments, error, message):
    with pytest.raises(error, match=message):
        count_all_pairs(*arguments)


@pytest.mark.parametrize("keywords", [{"threads": 0}, {"tail": 0}])
def test_nobody_counts_and_nothing_is_kept(keywords):
    with pytest.raises(InputError, match=f"{next(iter(keywords))} is 0"):
        count_all_pairs([[0.0], [1.0], [2.0]], [0, 0, 1], "euclidean", **keywords)


def test_parts_of_other_processes_are_merged():
    x, labels = people()
    i, j = np.triu_indices(len(x), 1)
    distances, truth, pairs = pairwise(x, x, "euclidean")[i, j], labels[i] == labels[j], np.stack([i, j], axis=1)
    halves = [count_part(distances[half], truth[half], pairs[half]) for half in (slice(0, None, 2), slice(1, None, 2))]
    parts = [pickle.loads(pickle.dumps(half)) for half in halves]  # as a process hands them back
    parts[0].merge(parts[1])
    whole = count_part(distances, truth, pairs)
    np.testing.assert_array_equal(parts[0].roc().fmr, whole.roc().fmr)
    assert parts[0].tar_at_far(0.1) == whole.tar_at_far(0.1)
    np.testing.assert_array_equal(parts[0].hardest_impostors(20).first, whole.hardest_impostors(20).first)


def count_part(distances, truth, pairs):
    counts = PairCounts(tail=20)
    counts.add(distances, truth, pairs)
    return counts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, np.nan], [True, False]), "finite"),
        (([0.1], [True, False]), "shape"),
        (([0.1], [0.5]), "true or false"),
        (([1e39], [True]), "float32"),
        (([0.1], [True], [0, 1]), r"expected \(1, 2\) integers"),
    ],
)
def test_bad_scores(arguments, message):
    with pytest.raises(VectorError, match=message):
        PairCounts().add(*arguments)


def test_one_kind_alone_has_no_rates():
    counts = PairCounts()
    counts.add([0.1], [True])
    for ask in (lambda: counts.eer, counts.roc, lambda: counts.fmr(0.1), lambda: counts.tar_at_far(0.1)):
        with pytest.raises(InputError, match="1 genuine and 0 impostor pairs were counted"):
            ask()


def test_tails_of_two_sizes_are_not_merged():
    with pytest.raises(InputError, match="one keeps 5 pairs, the other 6"):
        PairCounts(5).merge(PairCounts(6))
    with pytest.raises(InputError, match="tail is 0"):
        PairCounts(0)


def test_all_pairs_are_those_of_the_distances_module():
    x, labels = people(identities=5, pictures=3)
    i, j = np.triu_indices(len(x), 1)
    listed = PairCounts()
    listed.add(pairwise(x, x, "manhattan")[i, j], labels[i] == labels[j], np.stack([i, j], axis=1))
    counts = count_all_pairs(x, labels, "manhattan")
    assert counts.tar_at_far(0.1) == listed.tar_at_far(0.1) or counts.tar_at_far(0.1).threshold == pytest.approx(
        listed.tar_at_far(0.1).threshold
    )
    np.testing.assert_array_equal(counts.hardest_impostors(5).first, listed.hardest_impostors(5).first)
