import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.calibration.impostor_tail import fit_impostor_tail
from lookalike.evaluation.calibration.near_impostors import NearImpostors
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(150), 2)[:-1]  # one of them has one picture
    centres = rng.normal(size=(150, 16)) * np.exp(-np.arange(16) / 8)
    return (centres[labels] + 0.2 * rng.normal(size=(len(labels), 16))).astype(np.float32), labels


@pytest.fixture(scope="module")
def kept(people):
    return NearImpostors.of_result(verify_all_pairs(*people))


@pytest.fixture(scope="module")
def counted(people):
    return NearImpostors.of_counts(count_all_pairs(*people), identity_codes(people[1])[0])


def test_kept_and_counted_are_the_same(kept, counted):
    assert (counted.total, len(counted.distances)) == (kept.total, len(kept.distances))
    # float32 matrix products round the distances in one of them.
    assert counted.distances == pytest.approx(kept.distances, abs=2e-6)
    assert counted.start == pytest.approx(kept.start, abs=2e-6)
    assert counted.involved.tolist() == kept.involved.tolist()
    pairs = [{tuple(sorted(pair)) for pair in near.pictures.tolist()} for near in (kept, counted)]
    assert len(pairs[0] ^ pairs[1]) <= 4, "pairs at nearly one distance may change places, at the end"
    at = np.linspace(kept.start, kept.bulk[-1], 20)
    assert counted.measured(at) == pytest.approx(kept.measured(at), abs=2e-3)
    assert (counted.measured(at) >= kept.measured(at - 1e-5)).all()


def test_the_tail_is_below_its_start_and_the_bulk_above(kept, counted):
    for near in (kept, counted):
        assert (near.distances < near.start).all()
        assert (np.diff(near.distances) >= 0).all()
        assert (near.bulk > near.start).all()
        assert (np.diff(near.bulk) > 0).all()
        assert len(near.distances) == near.total // 100


def test_who_is_involved_is_counted_pair_by_pair(people, kept):
    _, labels = people
    slow = np.zeros(150)
    for i in range(len(labels)):
        for j in range(i):
            if labels[i] != labels[j]:
                slow[labels[i]] += 1
                slow[labels[j]] += 1
    assert kept.involved.tolist() == slow.tolist()


def test_the_spread_is_that_of_resampled_identities(people, kept):
    """The slow way: draw identities, weigh every pair, and look at how the rate varies."""
    vectors, labels = people
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = 1 - unit @ unit.T
    impostor = np.triu(labels[:, None] != labels[None, :])
    rng = np.random.default_rng(1)
    at = kept.bulk[[0, 10, -1]]
    found = []
    for _ in range(300):
        weights = np.bincount(rng.integers(150, size=150), minlength=150)[labels]
        pair_weights = np.outer(weights, weights) * impostor
        found.append([(pair_weights * (distances <= one)).sum() / pair_weights.sum() for one in at])
    relative = np.std(found, axis=0) / np.mean(found, axis=0)
    assert kept.bulk_spread[[0, 10, -1]] == pytest.approx(relative, rel=0.25)


def test_tails_of_both_agree_and_the_counted_bound_is_no_bolder(kept, counted):
    of_kept, of_counted = (fit_impostor_tail(near, seed=3) for near in (kept, counted))
    for distance in np.linspace(0.3 * kept.start, kept.start, 12):
        assert of_counted.rate(distance) == pytest.approx(of_kept.rate(distance), rel=0.05)
        assert of_counted.upper_rate(distance) == pytest.approx(of_kept.upper_rate(distance), rel=0.1)
    for distance in kept.bulk[1::6]:
        assert of_counted.upper_rate(distance) >= of_kept.upper_rate(distance) * 0.97


def test_counts_of_other_pictures_are_refused(people):
    vectors, labels = people
    counts = count_all_pairs(vectors, labels)
    with pytest.raises(InputError, match="give the labels that count_all_pairs was given"):
        NearImpostors.of_counts(counts, identity_codes(labels[:-2])[0])
    few = PairCounts()
    few.add([0.1, 0.2], [True, False], [[0, 1], [0, 2]])
    with pytest.raises(InputError, match="1 impostor pairs are too few"):
        NearImpostors.of_counts(few, np.array([0, 0, 1]))
