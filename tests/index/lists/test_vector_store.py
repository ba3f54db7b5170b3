import errno

import numpy as np
import pytest

from lookalike.errors import ArtefactError
from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
from lookalike.index.lists.vector_store import VectorStore

FORMS = ["float32", "float16", "sq8"]
#: How far a number may come back from what it was, of a standard normal one.
OFF = {"float32": 0.0, "float16": 2e-3, "sq8": 2e-2}


def rows(n, d=24, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def empty_store(form, x):
    return VectorStore(form, x.shape[1], VectorStore.learned_ranges(x) if form == "sq8" else None)


def store_of(form, x):
    store = empty_store(form, x)
    store.append(x)
    return store


def reopened(store, tmp_path, mapped):
    new = NewIndexFolder(tmp_path)
    store.write(new)
    return VectorStore.read(IndexFolder(tmp_path, new.files, mapped), store.form, store.dimension, len(store))


@pytest.mark.parametrize("form", FORMS)
def test_what_comes_back(form, tmp_path):
    x = rows(500)
    store = empty_store(form, x)
    store.append(x[:300])
    store.append(x[300:301])
    store.append(x[301:])
    at = np.array([499, 0, 300, 300])
    assert len(store) == 500
    np.testing.assert_allclose(store.vectors_at(at), x[at], atol=OFF[form] * 2, rtol=0 if form == "float32" else 1e-3)
    for mapped in (False, True):
        again = reopened(store, tmp_path, mapped)
        assert np.array_equal(again.vectors_at(at), store.vectors_at(at))
        assert again.bytes == (0 if mapped else store.dtype.itemsize * 500 * 24)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_compare_against_a_loop(form, mapped, metric, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.index.lists.vector_store._FETCH_FROM", 0)
    x, queries = rows(400), rows(30, seed=1)
    store = reopened(store_of(form, x), tmp_path, mapped)
    positions = np.random.default_rng(2).integers(0, 400, (30, 700))
    positions[3, 5] = positions[29, 699] = -1
    found = store.compare(queries, positions, metric)
    kept = store.vectors_at(np.arange(400)).astype(np.float64)
    for i, query in enumerate(queries.astype(np.float64)):
        for j in (0, 5, 350, 699):
            row = kept[positions[i, j]]
            true = query @ row if metric == "inner_product" else ((query - row) ** 2).sum()
            if positions[i, j] < 0:
                true = -np.inf if metric == "inner_product" else np.inf
            assert found[i, j] == pytest.approx(true, rel=1e-4, abs=1e-4)


def test_pages_are_asked_for_while_the_disk_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.index.lists.vector_store._FETCH_FROM", 0)
    store = reopened(store_of("sq8", rows(400)), tmp_path, mapped=True)
    read, asked = [(0, 0)], []
    monkeypatch.setattr("lookalike.index.lists.vector_store._reads", lambda: read[0])
    monkeypatch.setattr(store, "_fetch", lambda positions: asked.append(len(positions)))
    compared = store._compared

    def compare(reads=0):
        def reading(*given):
            read[0] = (read[0][0] + reads, 0)
            return compared(*given)

        monkeypatch.setattr(store, "_compared", reading)
        before = len(asked)
        store.compare(rows(1, seed=1), np.arange(20)[None], "euclidean")
        return len(asked) > before

    assert all(compare(reads=3) for _ in range(30))
    assert sum(compare() for _ in range(50)) == 8
    assert not compare(reads=1)  # had to wait; the next ones ask again
    assert sum(compare() for _ in range(50)) == 8
    # Where no system tells, they are always asked for.
    monkeypatch.setattr("lookalike.index.lists.vector_store._reads", lambda: None)
    compare()
    assert all(compare() for _ in range(20))


def test_sq8_clips_what_training_did_not_see():
    store = VectorStore("sq8", 1, VectorStore.learned_ranges(np.array([[0.0], [1.0]], np.float32)))
    store.append(np.array([[-5.0], [0.5], [5.0]], np.float32))
    assert store.vectors_at(np.arange(3)).ravel() == pytest.approx([-0.05, 0.5, 1.05], abs=0.01)


def test_equal_vectors_have_a_range():
    ones = np.ones((10, 3), np.float32)
    assert store_of("sq8", ones).vectors_at(np.arange(10)) == pytest.approx(ones)


def test_truncate():
    store = store_of("float32", rows(10))
    store.truncate(4)
    store.append(rows(1, seed=5))
    assert len(store) == 5
    assert np.array_equal(store.vectors_at(np.array([4])), rows(1, seed=5))


@pytest.mark.parametrize("form", FORMS)
def test_written_in_pieces(form, tmp_path):
    x = rows(100)
    store = store_of(form, x)
    path = tmp_path / "store.npy"
    store.allocate(path, 100)
    size = path.stat().st_size
    for start in (60, 0, 30, 90):
        with store.writer(path) as write:
            write(start, x[start : start + 30])
    assert path.stat().st_size == size
    np.save(tmp_path / "whole.npy", store.encoded(x))
    assert path.read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_no_room_for_the_store(tmp_path):
    # More than any disk has: the system itself refuses.
    with pytest.raises(OSError) as caught:
        VectorStore("float32", 1 << 10).allocate(tmp_path / "store.npy", 1 << 45)
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_something_else(tmp_path):
    store = store_of("sq8", rows(50))
    new = NewIndexFolder(tmp_path)
    store.write(new)
    folder = IndexFolder(tmp_path, new.files)
    with pytest.raises(ArtefactError, match=r"store.npy holds uint8 \(50, 24\), expected uint8 \(51, 24\)"):
        VectorStore.read(folder, "sq8", 24, 51)
    with pytest.raises(ArtefactError, match=r"store.npy holds uint8 .* expected float16"):
        VectorStore.read(folder, "float16", 24, 50)
    with pytest.raises(ArtefactError, match=r"store_ranges\.npy holds"):
        VectorStore.read(folder, "sq8", 25, 50)
