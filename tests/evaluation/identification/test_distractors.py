import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.progress import Progress


def slow_ranks(probes, labels, distractors, sizes, seed):
    """The protocol word by word, with Manhattan distances in one dimension: {(probe, mate): ranks}."""
    order = np.random.default_rng(seed).permutation(len(distractors))
    ranks = {}
    for mate in range(len(probes)):  # each picture in turn is enrolled ...
        for probe in range(len(probes)):  # ... and each other picture of its identity is a probe
            if probe != mate and labels[probe] == labels[mate]:
                own = abs(probes[probe, 0] - probes[mate, 0])
                ranks[probe, mate] = [
                    1 + sum(abs(probes[probe, 0] - x) <= own for x in distractors[order[:size], 0]) for size in sizes
                ]
    return ranks


@st.composite
def sides(draw):
    """On a grid, so that distances tie; some identities with many pictures, some with one."""
    probes = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=5, max_size=12))
    distractors = draw(st.lists(st.integers(0, 12), min_size=1, max_size=25))
    column = [np.array(side, np.float32)[:, None] for side in ([x for x, _ in probes], distractors)]
    sizes = draw(st.sets(st.integers(1, len(distractors)), min_size=1, max_size=4))
    return column[0], [name for _, name in probes], column[1], sorted(sizes)


@settings(deadline=None)
@given(sides(), st.integers(1, 9), st.sampled_from(["manhattan", "euclidean"]), st.integers(0, 3))
def test_ranks_equal_the_protocol_word_by_word(case, rows, metric, seed):
    probes, labels, distractors, sizes = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.evaluation.identification.distractors.GALLERY_ROWS", rows)
        patch.setattr("lookalike.evaluation.exact_search.distance_blocks.BLOCK_NUMBERS", 3 * rows)
        found = rank_among_distractors(probes, labels, distractors, metric, sizes=sizes, seed=seed)
    assert found.sizes == tuple(sizes)
    pairs = list(zip(found.probe.tolist(), found.mate.tolist(), strict=True))
    slow = slow_ranks(probes, labels, distractors, sizes, seed)
    assert len(set(pairs)) == len(pairs)
    assert dict(zip(pairs, found.ranks.T.tolist(), strict=True)) == slow
    assert [found.names[code] for code in found.identity] == [labels[probe] for probe, _ in pairs]
    assert found.left_out == sum(labels.count(name) == 1 for name in set(labels))
    for k in (1, 2, 5):
        np.testing.assert_allclose(found.rank_k(k), np.mean(np.array(list(slow.values())) <= k, axis=0))


@given(sides(), st.integers(0, 9))
def test_more_distractors_never_help(case, seed):
    probes, labels, distractors, _ = case
    every = range(1, len(distractors) + 1)
    ranks = rank_among_distractors(probes, labels, distractors, "euclidean", sizes=every, seed=seed).ranks
    assert (np.diff(ranks, axis=0) >= 0).all()
    assert (np.diff(ranks, axis=0) <= 1).all(), "one distractor more is one place at most"


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_many_dimensions_equal_float64(metric):
    distractors, _ = generated_vectors(3000, 64, per_identity=1, seed=1)
    people = np.repeat(np.arange(20), 4)
    probes = np.concatenate([generated_probes([i], 64, seed=2, sample=s) for i in range(20) for s in range(4)])
    found = rank_among_distractors(probes, people, distractors, metric, sizes=[3000])
    wide = [side.astype(np.float64) for side in (probes, distractors)]
    if metric == "euclidean":
        own, others = (np.linalg.norm(wide[0][:, None] - side[None], axis=2) for side in wide)
    else:  # the vectors are of unit length but for rounding
        sides = wide if metric == "inner_product" else [x / np.linalg.norm(x, axis=1, keepdims=True) for x in wide]
        own, others = -sides[0] @ sides[0].T, -sides[0] @ sides[1].T
    slow = 1 + (others[found.probe] <= own[found.probe, found.mate][:, None]).sum(axis=1)
    np.testing.assert_array_equal(found.ranks[0], slow)
    assert 0 < found.rank_k()[0] < 1


def test_a_copy_of_the_mate_among_the_distractors_comes_first():
    """Ties are pessimistic however a matrix product rounds them; and equal vectors for everybody identify nobody."""
    probes = generated_probes([0, 0, 1, 1], 61)
    probes[1::2] += generated_probes([5, 6], 61)
    distractors = np.concatenate([generated_vectors(1000, 61)[0] * 0 + probes[0], probes])
    found = rank_among_distractors(probes, [0, 0, 1, 1], distractors, "cosine", sizes=[1004])
    assert (found.rank_k() == 0).all()
    same = np.ones((4, 8))
    assert rank_among_distractors(same, [0, 0, 1, 1], np.ones((20, 8))).rank_k().tolist() == [0, 0]


def test_differences_below_the_rounding_of_float32_are_decided_in_float64():
    """Distractors a billionth nearer and farther than the nearer of two mates, far below float32's reach."""
    rng = np.random.default_rng(0)
    probe, step = rng.normal(size=(2, 61))
    # The others are far away, lest centring on the mean of all makes the case an easy one.
    probes = np.concatenate([[probe, probe + step, probe + 2 * step], 40 + rng.normal(size=(2, 61))])
    distractors = probe + step * np.repeat([1 - 1e-9, 1 + 1e-9], [100, 300])[:, None]
    found = rank_among_distractors(probes, ["a", "a", "a", "b", "b"], distractors, "euclidean", sizes=[400])
    ranks = dict(zip(zip(found.probe.tolist(), found.mate.tolist(), strict=True), found.ranks[0], strict=True))
    assert (ranks[0, 1], ranks[0, 2]) == (101, 401)


def test_blocks_of_an_iterator_and_a_memory_map(tmp_path):
    """An iterator's blocks are taken as they come; the sizes cut them."""
    distractors, _ = generated_vectors(1234, 16, seed=1)
    probes, labels = generated_vectors(40, 16, per_identity=4, seed=2)
    order = np.random.default_rng(7).permutation(1234)
    whole = rank_among_distractors(probes, labels, distractors, seed=7)
    assert whole.sizes == (10, 100, 1000, 1234)
    parts = (distractors[order[start : start + 77]] for start in range(0, 1234, 77))
    streamed = rank_among_distractors(probes, labels, parts)
    np.save(tmp_path / "distractors.npy", distractors)
    done = []
    mapped = rank_among_distractors(
        probes, labels, np.load(tmp_path / "distractors.npy", mmap_mode="r"), seed=7, progress=done.append
    )
    for other in (streamed, mapped):
        assert other.sizes == whole.sizes
        np.testing.assert_array_equal(other.ranks, whole.ranks)
    assert [event.done for event in done] == sorted(event.done for event in done)
    assert done[-1] == Progress("Comparing with distractors", 1234, 1234)


def test_threads_give_the_same(monkeypatch):
    distractors, _ = generated_vectors(3000, 16, seed=1)
    probes, labels = generated_vectors(200, 16, per_identity=4, seed=2)
    alone = rank_among_distractors(probes, labels, distractors)
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks._blas_threads", lambda: 4)
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks.BLOCK_NUMBERS", 30_000)
    monkeypatch.setattr("lookalike.evaluation.identification.distractors.GALLERY_ROWS", 1000)
    np.testing.assert_array_equal(rank_among_distractors(probes, labels, distractors).ranks, alone.ranks)


def test_an_iterator_is_not_read_beyond_the_largest_size():
    probes, labels = generated_vectors(8, 4, per_identity=4)

    def endless():
        while True:
            yield np.ones((7, 4))

    assert rank_among_distractors(probes, labels, endless(), sizes=[5, 12]).sizes == (5, 12)


def test_intervals_resample_identities():
    distractors, _ = generated_vectors(500, 16, per_identity=1, seed=1)
    probes, labels = generated_vectors(90, 16, per_identity=3, seed=2)
    found = rank_among_distractors(probes, labels, distractors, sizes=[50, 500])
    for rate, interval in zip(found.rank_k(), found.intervals(replicates=300), strict=True):
        assert interval.low < rate < interval.high
    assert found.intervals(replicates=300) == found.intervals(replicates=300)


def test_bad_input(monkeypatch):
    x, labels = np.eye(4), ["a", "a", "b", "b"]
    with pytest.raises(InputError, match="each of 4 identities has one picture"):
        rank_among_distractors(x, [1, 2, 3, 4], x)
    with pytest.raises(InputError, match="such as 'b'; a distractor must be of another"):
        rank_among_distractors(x, labels, x[:2], distractor_labels=["b", "c"])
    with pytest.raises(InputError, match="10 distractors were asked for and 4 given"):
        rank_among_distractors(x, labels, x, sizes=[10])
    with pytest.raises(InputError, match="10 distractors were asked for and 4 came"):
        rank_among_distractors(x, labels, iter([x]), sizes=[10])
    with pytest.raises(InputError, match="no distractors were given"):
        rank_among_distractors(x, labels, iter([]))
    with pytest.raises(InputError, match="go with an array"):
        rank_among_distractors(x, labels, iter([x]), distractor_labels=["c"])
    for sizes in ([0], [], [1.5]):
        with pytest.raises(InputError, match="give whole numbers of distractors"):
            rank_among_distractors(x, labels, x, sizes=sizes)
    with pytest.raises(VectorError, match=r"distractors\[5\] holds NaN"):
        rank_among_distractors(x, labels, iter([x, np.array([[1, 1, 1, 1], [1, 1, 1, np.nan]])]))
    with pytest.raises(VectorError, match=r"distractors have shape \(4, 3\)"):
        rank_among_distractors(x, labels, x[:, :3])
    with pytest.raises(InputError, match="ranks start at 1"):
        rank_among_distractors(x, labels, x).rank_k(0)
    monkeypatch.setattr("lookalike.evaluation.identification.distractors.MAX_PAIRS", 3)
    with pytest.raises(InputError, match="4 pairs of probe and mate; at most 3"):
        rank_among_distractors(x, labels, x)
