"""Vectors erased in the files of an index: in no byte of it, and the others are found as before."""

import numpy as np
import pytest

from lookalike.errors import ArtefactError, InputError
from lookalike.index import build_index, load_index
from lookalike.index.core import prefix_index
from lookalike.index.core.flat_vectors import FlatVectors
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.erasing import erase_vectors
from lookalike.index.erasing_lists import _Lists

D = 8


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


@pytest.fixture(params=["exact", "nsw", "hnsw", "ivf"])
def saved(request, tmp_path, monkeypatch):
    monkeypatch.setattr(prefix_index, "EXACT_BELOW", 100)
    path = tmp_path / "x.index"
    # As many lists as half the vectors: most hold one or two, and have them for a centroid.
    settings = {"nlist": 150} if request.param == "ivf" else {}
    build_index(vectors(300), request.param, "cosine", ids=np.arange(300) * 2, **settings).save(path)
    return path


def content(path):
    return b"".join(file.read_bytes() for file in path.iterdir())


def stored(n):
    return MetricSpace("cosine", D).vectors(vectors(300)[n : n + 1]).tobytes()


def test_what_is_erased_one_after_the_other_is_in_no_file(saved):
    """In a graph a place takes its neighbour's vector; when that is erased later, its copies are, too."""
    order = np.random.default_rng(1).permutation(300)[:240]
    erased = []
    for start in range(0, 240, 20):
        some = [int(2 * n) for n in order[start : start + 20]]
        assert erase_vectors(saved, some, erased) == 20
        erased += some
        held = content(saved)
        assert not any(stored(one // 2) in held for one in erased)
    alive = sorted(set(range(300)) - {one // 2 for one in erased})
    for mapped in (False, True):
        index = load_index(saved, mapped=mapped)
        if index.kind == "ivf":
            index.configure(nprobe=150)
        found = index.search(vectors(300)[alive], k=250)
        for own, ids, distances in zip(alive, found.ids, found.distances, strict=True):
            nearest = next(one for one in ids.tolist() if one not in set(erased))
            assert nearest == 2 * own
            assert distances[ids.tolist().index(nearest)] < 1e-6


def test_ids_that_are_not_held_are_passed_over(saved):
    before = content(saved)
    assert erase_vectors(saved, [1, 3, 10**6]) == 0
    assert content(saved) == before
    assert erase_vectors(saved, [1, 4]) == 1


def test_everything_can_be_erased(saved):
    assert erase_vectors(saved, list(range(0, 600, 2))) == 300
    held = content(saved)
    assert not any(stored(n) in held for n in range(300))


def test_other_kinds_and_damaged_files_are_refused(saved, tmp_path):
    build_index(vectors(300), "trees", "cosine").save(tmp_path / "trees.index")
    with pytest.raises(InputError, match="kind 'trees'"):
        erase_vectors(tmp_path / "trees.index", [1])
    (saved / "index.faiss").write_bytes(b"short")
    with pytest.raises(ArtefactError, match="damaged"):
        erase_vectors(saved, [2])
    with pytest.raises(ArtefactError):
        erase_vectors(tmp_path / "nothing", [2])


def test_no_centroid_tells_who_was_erased(tmp_path, monkeypatch):
    """A centroid is learned from the vectors of its list: of one alone it is that vector, of two it gives the other."""
    monkeypatch.setattr(prefix_index, "EXACT_BELOW", 100)
    path = tmp_path / "x.index"
    build_index(vectors(300), "ivf", "euclidean", nlist=200).save(path)
    erased = list(range(0, 300, 2))
    erase_vectors(path, erased)
    lists = _Lists(path / "index.faiss", 300, D)
    for number, centroid in enumerate(lists.centroids):
        if set(erased) & set(lists.positions(number).tolist()):
            stays = [row for row in lists.vectors(number) if row.any()]
            np.testing.assert_allclose(centroid, np.mean(stays or [np.zeros(D)], axis=0), atol=1e-5)
    apart = np.linalg.norm(lists.centroids[:, None] - vectors(300)[erased], axis=2)
    assert apart.min() > 0.01


def test_vectors_that_are_in_no_list_yet_are_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(prefix_index, "EXACT_BELOW", 400)
    build_index(vectors(300), "ivf", "cosine").save(tmp_path / "x.index")
    with pytest.raises(InputError, match="in no list yet"):
        erase_vectors(tmp_path / "x.index", [1])


def test_a_search_beside_erased_vectors_compares_once(tmp_path, monkeypatch):
    """Zeros are off the unit length; were they taken for vectors, float32 could decide no query."""
    path = tmp_path / "x.index"
    build_index(vectors(300), "exact", "cosine").save(path)
    erase_vectors(path, [5])
    index, compared, compare = load_index(path, mapped=True), [], FlatVectors._compare
    monkeypatch.setattr(
        FlatVectors, "_compare", lambda *given, **how: (compared.append(how), compare(*given, **how))[1]
    )
    found = index.search(vectors(300)[:5], k=3)
    assert found.ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert compared == [{}]


@pytest.mark.parametrize("ids", [np.arange(300) * 2, np.random.default_rng(0).permutation(300) * 2])
def test_ids_are_found_whatever_their_order(tmp_path, ids):
    path = tmp_path / "x.index"
    build_index(vectors(300), "exact", "cosine", ids=ids).save(path)
    wanted = [598, 0, 10, 10, 11, 700, -2]
    assert erase_vectors(path, wanted) == 3
    held = content(path)
    assert [n for n in range(300) if stored(n) not in held] == sorted(np.flatnonzero(np.isin(ids, wanted)).tolist())
