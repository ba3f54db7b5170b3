import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distances import minkowski
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.identification.closed_and_open_set import cmc, open_set, rank_k, search, selectivity


@st.composite
def searches(draw):
    """Small one-dimensional galleries and probes on a grid, so that distances tie often."""
    point = st.integers(0, 8).map(float)
    identity = st.integers(0, 4)
    gallery = draw(st.lists(st.tuples(point, identity), min_size=1, max_size=8))
    mated = draw(st.lists(st.tuples(point, st.sampled_from([i for _, i in gallery])), min_size=1, max_size=8))
    strangers = draw(st.lists(st.tuples(point, st.integers(100, 103)), min_size=1, max_size=8))
    columns = [list(zip(*side, strict=True)) for side in (gallery, mated + strangers)]
    return tuple(part for x, labels in columns for part in (np.array(x)[:, None], list(labels)))


def slow_search(gallery, gallery_labels, probe, label):
    """Identities by distance; the mate after everybody it ties with."""
    nearest = {}
    for x, name in zip(gallery[:, 0], gallery_labels, strict=True):
        nearest[name] = min(nearest.get(name, np.inf), abs(x - probe))
    order = sorted(nearest, key=lambda name: (nearest[name], name == label))
    return order, nearest


@given(searches())
def test_search_equals_the_slow_way(case):
    gallery, gallery_labels, probes, probe_labels = case
    found = search(*case, "manhattan")
    assert found.enrolled == len(set(gallery_labels))
    for q, (probe, label) in enumerate(zip(probes[:, 0], probe_labels, strict=True)):
        order, nearest = slow_search(gallery, gallery_labels, probe, label)
        assert found.mated[q] == (label in nearest)
        assert found.top_distance[q] == nearest[order[0]]
        if label in nearest:
            assert found.rank[q] == order.index(label) + 1
            assert found.mate_distance[q] == nearest[label]
        else:
            assert found.rank[q] == 0
            assert np.isnan(found.mate_distance[q])


@given(searches(), st.floats(0, 9), st.sampled_from([0.01, 0.1, 0.3, 0.5, 1.0]))
def test_open_set_equals_the_slow_way(case, threshold, target):
    gallery, gallery_labels, probes, probe_labels = case
    result = open_set(*case, "manhattan")

    def rates(t):
        right = wrong = missed = alarms = strangers = 0
        for probe, label in zip(probes[:, 0], probe_labels, strict=True):
            order, nearest = slow_search(gallery, gallery_labels, probe, label)
            answer = order[0] if nearest[order[0]] <= t else None
            if label not in nearest:
                strangers += 1
                alarms += answer is not None
            elif answer is None:
                missed += 1
            elif answer == label:
                right += 1
            else:
                wrong += 1
        return right, wrong, missed, alarms, strangers

    counts = result.at_threshold(threshold)
    right, wrong, missed, alarms, strangers = rates(threshold)
    assert (counts.right, counts.wrong_name, counts.missed) == (right, wrong, missed)
    assert (counts.false_alarms, counts.non_mated) == (alarms, strangers)

    point = result.dir_at_fpir(target)
    right, wrong, missed, alarms, strangers = rates(point.threshold)
    assert alarms / strangers == point.fpir <= target, "the promise is kept, ties included"
    assert right / (right + wrong + missed) == point.dir
    assert point.non_mated == strangers

    curve = result.curve()
    assert (curve.fpir[0], curve.fnir[0], curve.fpir[-1]) == (0, 1, 1)
    assert (np.diff(curve.fpir) >= 0).all()
    assert (np.diff(curve.fnir) <= 0).all()
    best = min(fnir for fpir, fnir in zip(curve.fpir, curve.fnir, strict=True) if fpir <= target)
    assert 1 - point.dir == pytest.approx(best)


@given(searches(), st.floats(0, 9), st.sampled_from([0.01, 0.1, 0.3, 0.5, 1.0]), st.integers(1, 6))
def test_fnir_by_rank_and_selectivity_equal_the_slow_way(case, threshold, target, rank):
    gallery, gallery_labels, probes, probe_labels = case
    result = open_set(*case, "manhattan")

    def slow(t):
        missed = mated = alarms = strangers = returned = 0
        for probe, label in zip(probes[:, 0], probe_labels, strict=True):
            order, nearest = slow_search(gallery, gallery_labels, probe, label)
            if label in nearest:
                mated += 1
                missed += nearest[label] > t or label not in order[:rank]
            else:
                strangers += 1
                candidates = [name for name in order if nearest[name] <= t]
                alarms += bool(candidates)
                returned += len(candidates)
        return missed / mated, alarms / strangers, returned / strangers

    fnir, fpir, returned = slow(threshold)
    assert result.fnir(threshold, rank) == pytest.approx(fnir)
    assert selectivity(*case, threshold, "manhattan") == pytest.approx(returned)
    assert returned >= fpir, "a search that returns anybody returns at least one"
    point = result.fnir_at_fpir(target, rank)
    fnir, fpir, _ = slow(point.threshold)
    assert point.fnir == pytest.approx(fnir)
    assert point.fpir == fpir <= target
    thresholds = [-1.0, *np.arange(0, 9.5)]
    assert point.fnir == pytest.approx(min(f for f, a, _ in map(slow, thresholds) if a <= target))
    assert point.fnir <= result.fnir_at_fpir(target).fnir + 1e-12, "a longer list of candidates misses no more"
    assert result.fnir_at_fpir(target).fnir == pytest.approx(1 - result.dir_at_fpir(target).dir)
    assert result.fnir(rank=99) == 0


def test_ten_allowed_errors_make_fnir_sufficient():
    probes = np.arange(1001.0)[:, None]
    result = open_set([[0.0]], ["a"], probes, ["a", *range(1000)], "euclidean")
    assert result.fnir_at_fpir(0.01, 2).sufficient
    assert not result.fnir_at_fpir(0.0099).sufficient
    with pytest.raises(InputError, match="ranks start at 1"):
        result.fnir_at_fpir(0.01, 0)
    with pytest.raises(InputError, match="no probe is non-mated"):
        selectivity([[0.0]], ["a"], [[0.0]], ["a"], 1.0, "euclidean")


def test_fpir_counts_searches_not_pairs():
    """One stranger near the gallery is one false alarm in two searches, though only 1 of 200 comparisons matches."""
    gallery = np.arange(100.0)[:, None] * 10
    probes = np.array([[0.0], [0.4], [505.0]])  # a mate, a stranger near picture 0, a stranger near nobody
    result = open_set(gallery, list(range(100)), probes, [0, "near", "far"], "euclidean")
    counts = result.at_threshold(0.5)
    assert (counts.false_alarms, counts.non_mated) == (1, 2)
    assert result.dir_at_fpir(0.01).fpir == 0
    assert result.dir_at_fpir(0.5).fpir == 0.5


def test_without_strangers_there_is_no_fpir():
    with pytest.raises(InputError, match="1 mated and 0 non-mated"):
        open_set([[0.0]], ["a"], [[0.0]], ["a"], "euclidean")
    with pytest.raises(InputError, match="0 mated and 1 non-mated"):
        open_set([[0.0]], ["a"], [[0.0]], ["b"], "euclidean")


@given(searches())
def test_cmc_rises_to_one_and_ranks_are_read_from_it(case):
    gallery, gallery_labels, probes, probe_labels = case
    keep = [q for q, label in enumerate(probe_labels) if label in gallery_labels]
    mated = (gallery, gallery_labels, probes[keep], [probe_labels[q] for q in keep])
    curve = cmc(*mated, "euclidean")
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == pytest.approx(1)
    slow = [
        slow_search(gallery, gallery_labels, probes[q, 0], probe_labels[q])[0].index(probe_labels[q]) < 1 for q in keep
    ]
    assert rank_k(*mated, k=1, metric="euclidean") == pytest.approx(np.mean(slow))
    assert rank_k(*mated, k=99, metric="euclidean") == pytest.approx(1)


def test_equal_vectors_for_everybody_identify_nobody():
    x = np.ones((6, 4))
    assert rank_k(x, [0, 0, 1, 1, 2, 2], x, [0, 0, 1, 1, 2, 2], metric="cosine") == 0


def test_blocks_and_matrices_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    gallery, probes = rng.normal(size=(40, 8)), rng.normal(size=(60, 8))
    labels = (rng.integers(0, 15, 40), rng.integers(0, 20, 60))
    whole = search(gallery, labels[0], probes, labels[1], "euclidean")
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", 300)
    for other in (
        search(gallery, labels[0], probes, labels[1], "euclidean"),
        search(None, labels[0], None, labels[1], distances=minkowski(probes, gallery)),
    ):
        np.testing.assert_array_equal(whole.rank, other.rank)
        np.testing.assert_allclose(whole.mate_distance, other.mate_distance)
        np.testing.assert_allclose(whole.top_distance, other.top_distance)


def test_ranks_do_not_change_under_a_strictly_increasing_map():
    rng = np.random.default_rng(0)
    d = rng.integers(0, 9, size=(30, 12)).astype(float)
    labels = (rng.integers(0, 5, 12), rng.integers(0, 7, 30))
    a = search(None, labels[0], None, labels[1], distances=d)
    b = search(None, labels[0], None, labels[1], distances=np.log1p(d) * 4 - 9)
    np.testing.assert_array_equal(a.rank, b.rank)


@pytest.mark.parametrize("base", [2**24, 2**53, 2**63])
def test_a_neighbouring_large_label_is_a_stranger(base):
    found = search([[0.0], [9.0]], [base, base + 2], [[0.0], [0.0]], [base, base + 1], "euclidean")
    assert found.mated.tolist() == [True, False]


def test_a_closed_set_refuses_strangers():
    with pytest.raises(InputError, match="1 of 2 probes have no picture in the gallery"):
        cmc([[0.0]], ["a"], [[0.0], [1.0]], ["a", "b"], "euclidean")
    with pytest.raises(InputError, match="ranks start at 1"):
        rank_k([[0.0]], ["a"], [[0.0]], ["a"], k=0, metric="euclidean")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0]], ["a"], [[np.nan]], ["a"]), r"probes\[0\] holds NaN"),
        (([[np.nan]], ["a"], [[0.0]], ["a"]), r"gallery vectors\[0\] holds NaN"),
        (([[0.0]], ["a", "b"], [[0.0]], ["a"]), r"2 labels"),
        (([[0.0]], ["a"], [[0.0, 1.0]], ["a"]), "dimensions"),
        ((np.zeros((0, 2)), [], [[0.0, 0.0]], ["a"]), "shape"),
        ((None, ["a"], [[0.0]], ["a"]), "give either"),
        ((None, ["a"], None, ["a"]), "give either"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(VectorError, match=message):
        search(*arguments, "euclidean")
