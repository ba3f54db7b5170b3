import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.identification.closed_and_open_set import open_set
from lookalike.evaluation.identification.gallery_search import search
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs
from lookalike.evaluation.verification.model_comparison import (
    compare_means,
    compare_searches,
    compare_statistic,
    compare_verification,
)


def two_models(seed=0, identities=7, pictures=3, spreads=(0.7, 1.0)):
    """The same people by two models that share most of what is bad about a picture."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    centres = rng.normal(size=(identities, 4))[labels]
    shared = rng.normal(size=centres.shape)
    return [centres + spread * (shared + 0.3 * rng.normal(size=centres.shape)) for spread in spreads], labels


def repeated(result, counts):
    """The pairs, written down as often as their identities were drawn."""
    codes = result.codes
    times = counts[codes[result.genuine_pairs[:, 0]]], counts[codes[result.impostor_pairs]].prod(axis=1)
    distances = np.concatenate([np.repeat(result.genuine, times[0]), np.repeat(result.impostor, times[1])])
    truth = np.repeat([True, False], [times[0].sum(), times[1].sum()])
    return None if truth.all() or not truth.any() else from_scores(distances, truth)


def checked(difference, estimates, slow, larger=True):
    slow = np.array(slow)
    apart = slow[:, 0] - slow[:, 1]
    low, high = np.quantile(apart, [0.05, 0.95])
    assert (difference.a, difference.b) == pytest.approx(estimates)
    assert difference.difference == pytest.approx(estimates[0] - estimates[1])
    assert (difference.interval.low, difference.interval.high) == pytest.approx((low, high))
    better = np.where(np.abs(apart) < 1e-12, 0.5, (apart > 0) == larger)
    assert difference.a_better == pytest.approx(better.mean())
    assert difference.replicates == len(slow)


def test_verification_equals_measuring_both_models_on_the_drawn_people():
    vectors, labels = two_models(identities=3)
    a, b = (verify_all_pairs(x, labels, "euclidean") for x in vectors)
    rng = np.random.default_rng(2)
    slow = {"eer": [], "auc": [], "tar": []}
    for _ in range(50):
        counts = np.bincount(rng.integers(3, size=3), minlength=3)
        both = [repeated(result, counts) for result in (a, b)]
        if both[0] is None:
            continue
        slow["eer"].append([one.eer for one in both])
        slow["auc"].append([one.auc for one in both])
        slow["tar"].append([one.tar_at_far(0.1).tar for one in both])
    assert len(slow["eer"]) < 50, "replicates without impostors are left out, of both models alike"
    found = compare_verification(a, b, targets=(0.1,), replicates=50, level=0.9, seed=2)
    checked(found.eer, (a.eer, b.eer), slow["eer"], larger=False)
    checked(found.auc, (a.auc, b.auc), slow["auc"])
    checked(found.tar_at_far[0.1], (a.tar_at_far(0.1).tar, b.tar_at_far(0.1).tar), slow["tar"])


def test_searches_equal_searching_for_the_drawn_people():
    vectors, labels = two_models(identities=12)
    first = np.arange(0, 36, 3)[:5]  # five are enrolled with one picture, seven are strangers
    rest = np.setdiff1d(np.arange(36), first)
    sides = [(x[first], labels[first], x[rest], labels[rest]) for x in vectors]
    rngs = [np.random.default_rng([3, side]) for side in range(2)]
    slow = {"rank": [], "dir": []}
    for _ in range(40):
        drawn = [*rngs[0].integers(5, size=5), *(5 + rngs[1].integers(7, size=7))]
        rows = np.concatenate([np.flatnonzero(labels[rest] == identity) for identity in drawn])
        results = [open_set(g, gl, p[rows], pl[rows], "euclidean") for g, gl, p, pl in sides]
        slow["rank"].append([1 - result.fnir(rank=2) for result in results])
        slow["dir"].append([result.dir_at_fpir(0.2).dir for result in results])
    results = [open_set(*side, "euclidean") for side in sides]
    found = compare_searches(
        results[0].searches, results[1].searches, ranks=(1, 2), targets=(0.2,), replicates=40, level=0.9, seed=3
    )
    checked(found.rank_k[2], tuple(1 - result.fnir(rank=2) for result in results), slow["rank"])
    checked(found.dir_at_fpir[0.2], tuple(result.dir_at_fpir(0.2).dir for result in results), slow["dir"])
    assert list(found.rank_k) == [1, 2]


def test_means_and_any_statistic_agree():
    rng = np.random.default_rng(0)
    labels = [f"person {i}" for i in rng.integers(0, 6, 25)]
    numbers = rng.integers(0, 2, (2, 25))
    means = compare_means(*numbers, labels, replicates=60, level=0.9, seed=8, larger_is_better=False)
    any_statistic = compare_statistic(
        *(lambda weights, n=n: np.repeat(n, weights).mean() for n in numbers),
        labels,
        replicates=60,
        level=0.9,
        seed=8,
        larger_is_better=False,
    )
    assert (means.a, means.b, means.a_better) == (any_statistic.a, any_statistic.b, any_statistic.a_better)
    assert means.interval.low == pytest.approx(any_statistic.interval.low)
    assert means.interval.high == pytest.approx(any_statistic.interval.high)
    names = sorted(set(labels))
    draws, slow = np.random.default_rng(8), []
    for _ in range(60):
        rows = [
            row for i in draws.integers(len(names), size=len(names)) for row in range(25) if labels[row] == names[i]
        ]
        slow.append(numbers[:, rows].mean(axis=1))
    checked(means, tuple(numbers.mean(axis=1)), slow, larger=False)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 4)), min_size=3, max_size=15))
def test_exchanging_the_models_exchanges_the_answer(case):
    a, b, labels = zip(*case, strict=True)
    if len(set(labels)) < 2:
        return
    one, other = compare_means(a, b, labels, replicates=30), compare_means(b, a, labels, replicates=30)
    assert one.difference == -other.difference
    assert (one.interval.low, one.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))
    assert one.a_better == pytest.approx(1 - other.a_better)
    assert one.significant == other.significant
    same = compare_means(a, a, labels, replicates=30)
    assert (same.difference, same.interval.low, same.interval.high, same.a_better) == (0, 0, 0, 0.5)
    assert not same.significant


def test_a_model_compared_with_itself_is_no_better():
    vectors, labels = two_models()
    result = verify_all_pairs(vectors[0], labels, "euclidean")
    found = compare_verification(result, result, replicates=50)
    for difference in (found.eer, found.auc, found.tar_at_far[0.01]):
        assert (difference.difference, difference.interval.low, difference.interval.high) == (0, 0, 0)
        assert difference.a_better == 0.5


def test_pairing_finds_what_two_intervals_cannot():
    """Why this file exists: the two intervals overlap, the difference is still certain."""
    vectors, labels = two_models(1, identities=80, pictures=4, spreads=(0.8, 0.95))
    a, b = (verify_all_pairs(x, labels, "euclidean") for x in vectors)
    found = compare_verification(a, b, replicates=200).auc
    alone = [result.intervals(replicates=200).auc for result in (a, b)]
    assert alone[0].low < alone[1].high, "the two overlap"
    assert found.significant
    assert found.interval.low > 0
    assert found.a_better > 0.97


def test_the_interval_covers_the_true_difference():
    """Simulated: both models hit with a person's own probability, A 0.05 more; 95% intervals, 200 samples of people."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 5)
    covered = 0
    for trial in range(200):
        person = rng.uniform(0.1, 0.9, 60)[labels]
        luck = rng.uniform(size=300)
        a, b = luck < person + 0.05, luck < person  # the same luck: errors go together
        interval = compare_means(a, b, labels, replicates=200, seed=trial).interval
        covered += interval.low <= 0.05 <= interval.high
    assert 178 <= covered <= 199, "95% of 200 is 190, give or take four standard errors of a percentile interval"


def test_other_pictures_are_refused():
    vectors, labels = two_models()
    a = verify_all_pairs(vectors[0], labels, "euclidean")
    shorter = verify_all_pairs(vectors[1][:-1], labels[:-1], "euclidean")
    renamed = verify_all_pairs(vectors[1], labels + 1, "euclidean")
    moved = verify_all_pairs(vectors[1], np.roll(labels, 1), "euclidean")
    for b in (shorter, renamed, moved):
        with pytest.raises(InputError, match="the same pictures in the same order"):
            compare_verification(a, b)
    pairs, truth = [[0, 1], [0, 3], [1, 4]], [True, False, False]
    listed = [from_scores([0.1, 0.2, 0.3], truth, pairs=p, labels=labels) for p in (pairs, [*pairs[:2], [1, 5]])]
    with pytest.raises(InputError, match="2 impostor pairs, model B on 2, and they are not the same"):
        compare_verification(*listed)
    turned = from_scores([0.3, 0.1, 0.2], truth, pairs=[[1, 0], [4, 1], [3, 0]], labels=labels)
    assert compare_verification(listed[0], turned, replicates=30).auc.a == listed[0].auc, "the order is no matter"
    with pytest.raises(InputError, match="only scores were given"):
        compare_verification(a, from_scores([0.1, 0.2], [True, False]))
    searches = [search(x[:2], labels[:2], x[2:], y[2:]) for x, y in ((vectors[0], labels), (vectors[1], labels[::-1]))]
    with pytest.raises(InputError, match="the same pictures in the same order"):
        compare_searches(*searches)


def test_bad_numbers():
    with pytest.raises(InputError, match="one finite number for each"):
        compare_means([1, 2], [1], ["a", "b"])
    with pytest.raises(InputError, match="one finite number for each"):
        compare_means([1, np.nan], [1, 2], ["a", "b"])
    with pytest.raises(VectorError, match="3 label"):
        compare_means([1, 2], [1, 2], ["a", "b", "c"])
    with pytest.raises(InputError, match="a bootstrap of 1 identities"):
        compare_means([1, 2], [1, 2], ["a", "a"])
    with pytest.raises(InputError, match="a bootstrap of 1 identities"):
        compare_statistic(np.mean, np.mean, ["a", "a"])
    with pytest.raises(InputError, match="computed in none of 5 replicates"):
        compare_statistic(lambda _: np.nan, lambda _: 1.0, ["a", "b"], replicates=5)
