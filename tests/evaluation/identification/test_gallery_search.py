import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.identification.gallery_search import search
from lookalike.index.generated_vectors import generated_vectors
from lookalike.progress import Progress


@st.composite
def cases(draw):
    """Galleries with many pictures of some identities, in any order, on a grid, and cut at any place."""
    point = st.tuples(st.integers(-2, 2), st.integers(1, 3))
    gallery = draw(st.lists(st.tuples(point, st.integers(0, 5)), min_size=1, max_size=14))
    probes = draw(st.lists(st.tuples(point, st.integers(0, 9)), min_size=1, max_size=8))
    sides = [(np.array([p for p, _ in side], np.float32), [name for _, name in side]) for side in (gallery, probes)]
    return *sides[0], *sides[1], draw(st.integers(1, 6)), draw(st.integers(1, 20))


@given(cases(), st.sampled_from(["euclidean", "cosine", "inner_product", "manhattan"]), st.integers(0, 12))
def test_any_blocks_equal_the_slow_way(case, metric, within):
    gallery, gallery_labels, probes, probe_labels, rows, numbers = case
    limit = within / 4
    with pytest.MonkeyPatch.context() as patch:
        for module in ("exact_search.distance_blocks", "identification.gallery_search"):
            patch.setattr(f"lookalike.evaluation.{module}.GALLERY_ROWS", rows)
            patch.setattr(f"lookalike.evaluation.{module}.PAIR_NUMBERS", numbers)
        patch.setattr("lookalike.evaluation.exact_search.distance_blocks.BLOCK_NUMBERS", numbers)
        found = search(gallery, gallery_labels, probes, probe_labels, metric, within=limit)
    for q, label in enumerate(probe_labels):
        nearest = {}
        for y, name in zip(gallery, gallery_labels, strict=True):
            nearest[name] = min(nearest.get(name, np.inf), distance(probes[q], y, metric))
        assert found.top_distance[q] == min(nearest.values())
        assert found.within[q] == sum(value <= limit for value in nearest.values())
        assert found.mated[q] == (label in nearest)
        own = nearest.get(label, np.nan)
        assert found.rank[q] == sum(value <= own for value in nearest.values())
        np.testing.assert_array_equal(found.mate_distance[q], own)
    same = np.equal.outer(probe_labels, probe_labels)
    np.testing.assert_array_equal(np.equal.outer(found.identity, found.identity), same)


def distance(x, y, metric):
    x, y = x.astype(np.float64), y.astype(np.float64)
    if metric == "cosine":
        x, y = (v / np.abs(v).max() for v in (x, y))
        x, y = (v / np.sqrt((v**2).sum()) for v in (x, y))
        return min(((x - y) ** 2).sum() / 2, 2)
    return {
        "euclidean": np.sqrt(((x - y) ** 2).sum()),
        "manhattan": np.abs(x - y).sum(),
        "inner_product": -(x * y).sum(),
    }[metric]


def test_a_matrix_counts_within_too():
    found = search(None, ["a", "a", "b"], None, ["a", "x"], distances=[[0.1, 0.2, 0.9], [5, 0.9, 0.9]], within=0.9)
    assert found.within.tolist() == [2, 2]
    assert search(None, ["a"], None, ["a"], distances=[[0.1]]).within is None


def test_the_mate_comes_last_among_thousands_of_copies():
    """Float32 products of one vector at different places differ in the last bit; the tie must not be won by that."""
    gallery, _ = generated_vectors(3000, 96, per_identity=1)
    gallery[1::2] = gallery[1]
    found = search(gallery, np.arange(3000), gallery[[1]] * np.float32(1.5), [1], "cosine")
    assert found.rank.tolist() == [1500]
    assert found.mate_distance == found.top_distance


def test_a_memory_map_is_searched_as_the_array(tmp_path):
    gallery, labels = generated_vectors(4000, 32, per_identity=3, seed=5)
    probes, probe_labels = generated_vectors(60, 32, per_identity=1, seed=5)
    shuffled = np.random.default_rng(0).permutation(4000)
    np.save(tmp_path / "gallery.npy", gallery[shuffled])
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    done = []
    a = search(gallery, labels, probes, probe_labels)
    b = search(mapped, labels[shuffled], probes, probe_labels, progress=done.append)
    for name in ("mated", "rank", "mate_distance", "top_distance"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert done[-1] == Progress("Searching", 4000, 4000)
    assert [event.done for event in done] == sorted(event.done for event in done)


def test_threads_give_the_same(monkeypatch):
    gallery, labels = generated_vectors(3000, 16, per_identity=2, seed=5)
    probes, probe_labels = generated_vectors(500, 16, per_identity=1, seed=5)
    alone = search(gallery, labels, probes, probe_labels, within=0.02)
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks._blas_threads", lambda: 4)
    monkeypatch.setattr("lookalike.evaluation.exact_search.distance_blocks.BLOCK_NUMBERS", 30_000)
    together = search(gallery, labels, probes, probe_labels, within=0.02)
    for name in ("rank", "mate_distance", "top_distance", "within"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))


def test_bad_input():
    with pytest.raises(InputError, match="within is NaN"):
        search([[1.0]], ["a"], [[1.0]], ["a"], within=float("nan"))
    with pytest.raises(VectorError, match=r"gallery vectors\[1\] is all zeros"):
        search([[1.0], [0.0]], ["a", "b"], [[1.0]], ["a"])
