"""What is peculiar to `ivf`; what all kinds share is in test_vector_index.py."""

import numpy as np
import pytest

from lookalike.index import build_index, empty_index, load_index
from lookalike.index.kinds.ivf import IvfSearch
from lookalike.index.lists.inverted_file import probing


def rows(n, d=12, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def test_probing_everything_is_exact():
    x, queries = rows(3000), rows(40, seed=1)
    for metric in ("euclidean", "cosine", "inner_product", "manhattan"):
        hits = build_index(x, "ivf", metric, nprobe=10_000).search(queries, 7)
        exact = build_index(x, "exact", metric).search(queries, 7)
        assert (hits.ids == exact.ids).mean() > 0.999
        np.testing.assert_allclose(hits.distances, exact.distances, rtol=1e-4, atol=1e-5)


def test_cells_are_learned_once_there_are_enough():
    x, index = rows(1200), empty_index(12, "ivf", "euclidean", nprobe=10_000)
    index.add(x[:1000])
    assert index.engine is None
    index.add(x[1000:1001])
    assert index.engine.ntotal == 1001
    index.add(x[1001:])
    assert index.engine.ntotal == 1200
    assert index.search(x, 1).ids.ravel().tolist() == list(range(1200))


def test_distances_computed_are_those_of_the_cells():
    index = build_index(rows(3000), "ivf", "euclidean", nlist=30)
    few, many = (index.search(rows(5, seed=1), 1, nprobe=n).computed for n in (3, 30))
    assert few < many == 5 * 3000


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_learning_anew_drops_what_was_removed(metric):
    x = rows(4000)
    index = build_index(x, "ivf", metric, nprobe=10_000)
    index.remove(np.arange(0, 4000, 2))
    assert index.compact() == 2000
    assert index.engine.ntotal == 2000
    assert index.search(x[1::2], 1).ids.ravel().tolist() == list(range(1, 4000, 2))


def test_a_filter_probes_more_lists_and_all_of_them_at_most():
    assert probing(IvfSearch(nprobe=16), 3.0).nprobe == 48
    x = rows(3000)
    index = build_index(x, "ivf", "euclidean", nlist=30, nprobe=probing(IvfSearch(nprobe=16), 1000.0).nprobe)
    assert index.search(x[:5], 1).ids.ravel().tolist() == list(range(5))


def test_mapped_and_read_answer_alike(tmp_path):
    index = build_index(rows(3000), "ivf", "cosine")
    index.save(tmp_path / "a")
    wanted = index.search(rows(30, seed=1), 5)
    for mapped in (False, True):
        again = load_index(tmp_path / "a", mapped=mapped)
        assert np.array_equal(again.search(rows(30, seed=1), 5).ids, wanted.ids)
    assert load_index(tmp_path / "a", mapped=True).stats()["bytes"] < index.stats()["bytes"]
