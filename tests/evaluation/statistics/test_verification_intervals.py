import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.statistics.intervals import Bootstrap
from lookalike.evaluation.statistics.verification_intervals import ComparedPairs, bootstrap_verification
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


def people(identities, pictures, spread, seed, d=8):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    return rng.normal(size=(identities, d))[labels] + spread * rng.normal(size=(len(labels), d)), labels


@pytest.mark.parametrize("decimals", [12, 0])  # 0: many ties
def test_every_replicate_equals_measuring_the_repeated_pairs(decimals):
    """The slow way: write a pair down as often as its identities were drawn, and measure the list."""
    x, labels = people(5, 3, 0.8, 3)
    result = verify_all_pairs(np.round(x, decimals), labels, "manhattan")
    targets, threshold, replicates = (0.05, 0.2), float(np.median(result.impostor)), 25
    rng = np.random.default_rng(7)
    slow = []
    for _ in range(replicates):
        counts = np.bincount(rng.integers(5, size=5), minlength=5)
        times = [
            (counts[labels[result.genuine_pairs[:, 0]]]),
            (counts[labels[result.impostor_pairs]].prod(axis=1)),
        ]
        distances = np.concatenate([np.repeat(result.genuine, times[0]), np.repeat(result.impostor, times[1])])
        truth = np.repeat([True, False], [times[0].sum(), times[1].sum()])
        if truth.all() or not truth.any():
            continue
        one = from_scores(distances, truth)
        slow.append(
            [one.eer, one.auc, *(one.tar_at_far(t).tar for t in targets), one.fmr(threshold), one.fnmr(threshold)]
        )
    low, high = np.quantile(slow, [0.05, 0.95], axis=0)
    pairs = ComparedPairs(
        result.genuine, labels[result.genuine_pairs[:, 0]], result.impostor, labels[result.impostor_pairs], 5
    )
    found = bootstrap_verification(pairs, Bootstrap(replicates, 0.9, 7), targets=targets, thresholds=(threshold,))
    intervals = [
        found.eer,
        found.auc,
        *(found.tar_at_far[t] for t in targets),
        found.fmr_at[threshold],
        found.fnmr_at[threshold],
    ]
    np.testing.assert_allclose([interval.low for interval in intervals], low, atol=1e-12)
    np.testing.assert_allclose([interval.high for interval in intervals], high, atol=1e-12)
    assert found.used == len(slow)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_estimate_and_is_reproducible(seed):
    x, labels = people(20, 5, 0.9, seed)
    result = verify_all_pairs(x, labels, "euclidean")
    a = result.intervals((0.01, 0.1), replicates=300)
    b = verify_all_pairs(x, labels, "euclidean").intervals((0.01, 0.1), replicates=300)
    assert a == b
    assert a.eer.low <= result.eer <= a.eer.high
    assert a.auc.low <= result.auc <= a.auc.high
    for target, interval in a.tar_at_far.items():
        assert interval.low <= result.tar_at_far(target).tar <= interval.high
    assert a.eer != result.intervals((0.01, 0.1), replicates=300, seed=1).eer


def test_how_replicates_are_cut_into_chunks_does_not_matter(monkeypatch):
    x, labels = people(6, 4, 0.9, 0)
    whole = verify_all_pairs(x, labels, "euclidean").intervals(replicates=40)
    monkeypatch.setattr("lookalike.evaluation.statistics.intervals.CHUNK_NUMBERS", 1000)
    assert verify_all_pairs(x, labels, "euclidean").intervals(replicates=40) == whole


def test_intervals_over_identities_are_wider_than_over_pairs():
    """Why identities are resampled: pairs of one identity are not independent."""
    x, labels = people(10, 10, 0.7, 1)
    result = verify_all_pairs(x, labels, "euclidean")
    ours = result.intervals(replicates=400).auc
    rng = np.random.default_rng(0)
    aucs = []
    for _ in range(200):
        genuine = rng.choice(result.genuine, len(result.genuine))
        impostor = rng.choice(result.impostor, len(result.impostor))
        truth = np.repeat([True, False], [len(genuine), len(impostor)])
        aucs.append(from_scores(np.concatenate([genuine, impostor]), truth).auc)
    low, high = np.quantile(aucs, [0.025, 0.975])
    assert ours.high - ours.low > 2 * (high - low)


def test_replicates_without_impostors_are_left_out():
    # Two identities: half of all replicates draw one of them twice.
    result = verify_all_pairs([[0.0], [0.2], [1.0], [1.1]], [0, 0, 1, 1], "euclidean")
    intervals = result.intervals(replicates=200)
    assert 60 < intervals.used < 140
    assert intervals.replicates == 200


@pytest.mark.parametrize("keywords", [{"replicates": 0}, {"level": 1.0}, {"level": 0.0}])
def test_replicates_and_level_out_of_range(keywords):
    result = verify_all_pairs([[0.0], [0.2], [1.0], [1.1]], [0, 0, 1, 1], "euclidean")
    with pytest.raises(InputError, match="a bootstrap of 2 identities"):
        result.intervals(**keywords)


def test_no_replicate_with_both_kinds_of_pairs_is_an_error():
    result = verify_all_pairs([[0.0], [0.2], [1.0], [1.1]], [0, 0, 1, 1], "euclidean")
    for seed in range(20):
        if len(set(np.random.default_rng(seed).integers(2, size=2).tolist())) == 1:
            with pytest.raises(InputError, match="none of 1 replicates"):
                result.intervals(replicates=1, seed=seed)
            return
    raise AssertionError("twenty seeds, and none draws one identity twice")


def test_intervals_are_computed_once():
    x, labels = people(10, 10, 0.7, 1)
    result = verify_all_pairs(x, labels, "euclidean")
    first = result.intervals()
    assert result.intervals() is first
