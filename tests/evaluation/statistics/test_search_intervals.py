import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.identification.closed_and_open_set import open_set
from lookalike.evaluation.identification.gallery_search import search
from lookalike.evaluation.statistics.intervals import Bootstrap
from lookalike.evaluation.statistics.search_intervals import bootstrap_searches, search_replicates


def searched(seed=0, decimals=12, people=14, spread=0.9):
    """Of identities 0 to 5 enrolled, of all of them searched with different numbers of pictures."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(people, 3))
    labels = np.repeat(np.arange(people), rng.integers(1, 5, people))
    probes = np.round(centres[labels] + spread * rng.normal(size=(len(labels), 3)), decimals)
    return np.round(centres[:6], decimals), np.arange(6), probes, labels


@pytest.mark.parametrize("decimals", [12, 0])  # 0: many ties
def test_every_replicate_equals_searching_the_drawn_people(decimals):
    """The slow way: the pictures of the drawn identities, as often as drawn, searched again and measured."""
    gallery, names, probes, labels = searched(decimals=decimals)
    found = search(gallery, names, probes, labels, "manhattan")
    ranks, targets, thresholds, replicates = (1, 2), (0.1, 0.3), (1.0, 2.5), 30
    rngs = [np.random.default_rng([4, side]) for side in range(2)]
    slow = []
    for _ in range(replicates):
        drawn = [*rngs[0].integers(6, size=6), *(6 + rngs[1].integers(8, size=8))]
        rows = np.concatenate([np.flatnonzero(labels == identity) for identity in drawn])
        again = open_set(gallery, names, probes[rows], labels[rows], "manhattan")
        ranked = again.searches.rank[again.searches.mated]
        slow.append(
            [(ranked <= k).mean() for k in ranks]
            + [again.dir_at_fpir(target).dir for target in targets]
            + [again.at_threshold(t).false_alarms / again.at_threshold(t).non_mated for t in thresholds]
            + [again.fnir(t) for t in thresholds]
        )
    asked = {"ranks": ranks, "targets": targets, "thresholds": thresholds}
    values = search_replicates(found, Bootstrap(replicates, seed=4), **asked)
    np.testing.assert_allclose(values, slow, atol=1e-12)
    intervals = bootstrap_searches(found, replicates=replicates, level=0.9, seed=4, **asked)
    low, high = np.quantile(slow, [0.05, 0.95], axis=0)
    flat = [
        *intervals.rank_k.values(),
        *intervals.dir_at_fpir.values(),
        *intervals.fpir_at.values(),
        *intervals.fnir_at.values(),
    ]
    np.testing.assert_allclose([interval.low for interval in flat], low, atol=1e-12)
    np.testing.assert_allclose([interval.high for interval in flat], high, atol=1e-12)


def test_how_replicates_are_cut_into_chunks_does_not_matter(monkeypatch):
    found = search(*searched(), "euclidean")
    whole = search_replicates(found, Bootstrap(20), targets=(0.2,))
    monkeypatch.setattr("lookalike.evaluation.statistics.intervals.CHUNK_NUMBERS", 100)
    np.testing.assert_array_equal(search_replicates(found, Bootstrap(20), targets=(0.2,)), whole)


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_holds_the_estimate(seed):
    result = open_set(*searched(seed, people=60), "euclidean")
    intervals = bootstrap_searches(result.searches, targets=(0.1,), replicates=300)
    assert intervals.rank_k[1].low <= 1 - result.fnir() <= intervals.rank_k[1].high
    assert intervals.dir_at_fpir[0.1].low <= result.dir_at_fpir(0.1).dir <= intervals.dir_at_fpir[0.1].high


def test_a_closed_set_has_no_open_rates():
    gallery, names, probes, labels = searched()
    closed = search(gallery, names, probes[labels < 6], labels[labels < 6], "euclidean")
    assert bootstrap_searches(closed).dir_at_fpir == {}
    with pytest.raises(InputError, match="a bootstrap of 0 non-mated identities"):
        bootstrap_searches(closed, targets=(0.1,))
    with pytest.raises(InputError, match="a bootstrap of 1 mated identities"):
        bootstrap_searches(search([[0.0]], ["a"], [[0.0]], ["a"], "euclidean"))
    with pytest.raises(InputError, match="ranks start at 1"):
        bootstrap_searches(closed, ranks=(0,))
    with pytest.raises(InputError, match="level 1"):
        bootstrap_searches(closed, level=1)
