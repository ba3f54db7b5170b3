"""Ctrl-C, and real failures, at every step of every change: the index is as it was before, or as it is after.

`make test` interrupts each change of each kind at a sample of points, drawn with a seed; with the environment variable
`LOOKALIKE_EVERY_STEP=1` at all of them (an hour or more; give pytest `--timeout 0`).
"""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pytest

import lookalike.index
from lookalike import atomic_files
from lookalike.distances import pairwise
from lookalike.errors import StorageError
from lookalike.index import build_index, load_index
from lookalike.index.kinds.registry import KINDS

FILES = [Path(lookalike.index.__file__).parent, Path(atomic_files.__file__)]
EVERY_STEP = os.environ.get("LOOKALIKE_EVERY_STEP") == "1"
D = 6

#: So few vectors are all looked at under these settings, so that every kind must find all there are.
EVERYTHING = {
    "trees": {"n_trees": 5, "search_k": 100_000},
    "nsw": {"ef_search": 200},
    "hnsw": {"ef_search": 200},
    "ivf": {"nprobe": 1000, "nlist": 4},
    "ivfpq": {"nprobe": 1000, "nlist": 4, "rerank": 1000, "store": "float32", "opq": False},
    "vamana": {"search_window": 200, "window": 40},
    "scann": {"leaves_to_search": 1000, "reorder": 1000},
}


def case(kind, metric="euclidean", count=48, **settings):
    name = "-".join([kind, metric, str(count), *(f"{key}={value}" for key, value in settings.items())])
    installed = pytest.mark.skipif(not KINDS[kind].installed, reason=f"{kind} is not installed")
    return pytest.param(kind, metric, count, {**EVERYTHING.get(kind, {}), **settings}, id=name, marks=installed)


#: 48 vectors have an engine, 30 only a tail, which grows past 32 when more are added. Codes of 8 bits take 256.
CASES = [
    case("exact"),
    case("exact", "cosine"),
    case("nsw"),
    case("hnsw", "cosine"),
    case("ivf"),
    case("ivf", count=30),
    case("ivfpq"),
    case("ivfpq", "cosine", 260, code="pq", store="float16"),
    case("ivfpq", "inner_product", 260, code="pq", store="sq8"),
    case("ivfpq", code="rabitq"),
    case("ivfpq", "euclidean", 260, code="pq", store="none"),
    case("ivfpq", count=30),
    case("trees"),
    case("trees", count=30),
    case("vamana", "cosine"),
    case("vamana", count=30),
    case("scann"),
    case("scann", count=30),
]
changes = pytest.mark.parametrize("change", ["add", "add many", "remove", "compact", "save"])


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch):
    """Engines for few vectors, and additions in slices."""
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 32)
    monkeypatch.setattr("lookalike.index.core.vector_index.VectorIndex._slice", 3)
    monkeypatch.setattr("lookalike.index.graphs.small_world_graph.SmallWorldIndex._slice", 3)
    monkeypatch.setattr("lookalike.index.lists.inverted_file.InvertedFileIndex._slice", 3)


TABLE = np.random.default_rng(7).normal(size=(6000, D)).astype(np.float32)


def vectors_of(ids, copies=False):
    """The vector of an id; with `copies` ten ids share each."""
    rows = np.array(ids, np.int64)
    return TABLE[rows // 10 if copies else rows]


class World:
    """An index and what is to be in it, before and after a change.

    Args:
        index: the index.
        held: ids in it.
        metric: of the index.
        off: how far its distances may be from the true ones; None where they are estimates.
        copies: whether many vectors are equal.
    """

    def __init__(self, index, held, metric, off, copies, folder):
        self.index, self.metric, self.off, self.copies, self.folder = index, metric, off, copies, folder
        self.before = self.after = frozenset(held)

    def change(self, name):
        """Prepare a change: a function that makes it."""
        index, held = self.index, self.before
        if name in ("add", "add many"):
            new = list(range(500, 507 if name == "add" else 530))
            self.after = held | set(new)
            return partial(index.add, vectors_of(new, self.copies), ids=new)
        if name == "remove":
            self.after = held - {3, 10, 11, 600}
            return partial(index.remove, [3, 10, 11, 600, 12345])
        if name == "compact":
            return index.compact
        self.folder.mkdir()
        index.save(self.folder / "x.index")  # there is something to be replaced
        return partial(index.save, self.folder / "x.index")

    def check(self, index, allowed):
        """The index holds exactly one of the sets of ids, by every way to ask; returns which."""
        held = frozenset(index.ids.tolist())
        assert held in allowed
        assert len(index) == len(held) == index.stats()["count"]
        for one in (0, 3, 10, 502, 506, 529, 600, -1):
            assert (one in index) == (one in held)
        ids = np.array(sorted(held), np.int64)
        queries = vectors_of([3, 502, 5000], self.copies)
        true = pairwise(queries.astype(float), vectors_of(ids, self.copies).astype(float), self.metric)
        self.found(index.search(queries, len(ids) + 2), ids, true)
        some = np.arange(0, len(ids), 3)
        self.found(index.search(queries, len(ids), among=[*ids[some].tolist(), 12345]), ids[some], true[:, some])
        nearest = index.search(queries[:1], 1)
        assert nearest.ids[0, 0] in held
        if self.off is not None:
            np.testing.assert_allclose(nearest.distances[0, 0], true[0].min(), atol=self.off)
        return held

    def found(self, hits, ids, true):
        """All of `ids` were found, each once, at its `true` distance, in order; and nothing else."""
        n = len(ids)
        assert (hits.ids[:, n:] == -1).all()
        assert np.isposinf(hits.distances[:, n:]).all()
        order = np.argsort(hits.ids[:, :n], axis=1)
        np.testing.assert_array_equal(np.take_along_axis(hits.ids[:, :n], order, 1), np.tile(ids, (len(true), 1)))
        assert (np.diff(hits.distances[:, :n]) >= 0).all()
        if self.off is not None:
            np.testing.assert_allclose(np.take_along_axis(hits.distances[:, :n], order, 1), true, atol=self.off)

    def go_on(self, change, far):
        """Whatever state it is in, the index can be used; another thread does, so that a lock left held shows."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._go_on, change, far).result(60)

    def _go_on(self, change, far):
        held = self.check(self.index, {self.before, self.after})
        if held == self.before:
            change()  # again, and this time to the end
            self.check(self.index, {self.after})
        more = [i for i in (600, *range(900, 905)) if i not in self.after]
        self.index.add(vectors_of(more, self.copies), ids=more)
        assert self.index.remove([0, 900, 5]) == 3
        now = (self.after | set(more)) - {0, 900, 5}
        self.check(self.index, {now})
        if far:
            path = self.folder.with_suffix(".saved")
            self.index.save(path)
            self.check(load_index(path), {now})
            self.index.compact()
            self.check(self.index, {now})
            self.index.add(vectors_of([0], self.copies), ids=[0])
            self.check(self.index, {now | {0}})


def off_of(kind, settings):
    """How far distances may be from the truth: float32, or what the store keeps of it."""
    if kind != "ivfpq":
        return 1e-5
    return {"float32": 1e-5, "float16": 1e-2, "sq8": 1.0, "none": None}[settings["store"]]


class Worlds:
    """Makes the same world again and again: an index with an engine, a tail, removed ids, and ids out of order."""

    def __init__(self, folder, kind, metric, count, settings, copies=False, loaded=True):
        self.folder, self.kind, self.metric, self.made = folder, kind, metric, 0
        self.count, self.settings, self.copies, self.loaded = count, settings, copies, loaded
        if loaded:
            self.build().save(folder / "first.index")

    def build(self):
        ids = list(range(self.count))
        ids[2], ids[7] = ids[7], ids[2]
        return build_index(vectors_of(ids, self.copies), self.kind, self.metric, ids=ids, **self.settings)

    def make(self):
        self.made += 1
        index = load_index(self.folder / "first.index") if self.loaded else self.build()
        index.remove([20, 21])
        if self.count > 32:
            index.add(vectors_of([600, 601], self.copies), ids=[600, 601])
        held = {*range(self.count), *([600, 601] if self.count > 32 else [])} - {20, 21}
        off = off_of(self.kind, self.settings)
        return World(index, held, self.metric, off, self.copies, self.folder / str(self.made))


def chosen(points, most):
    """Points to interrupt at: all where they are few or all are wanted, else a sample."""
    if EVERY_STEP or points <= most:
        return list(range(points))
    return sorted(np.random.default_rng(points).choice(points, most, replace=False).tolist())


def interrupt_at_steps(worlds, change, interrupted, most, bytecodes):
    act = worlds.make().change(change)
    points = interrupted(act, FILES, 10**9, bytecodes)
    assert points > 3
    for number, at in enumerate(chosen(points, most)):
        world = worlds.make()
        act = world.change(change)
        interrupted(act, FILES, at, bytecodes)
        if change == "save":  # what is on the disk is whole, too
            world.check(load_index(world.folder / "x.index"), {world.before})
        if number % 3:  # else the next change finds it first
            world.check(world.index, {world.before, world.after})
        world.go_on(act, far=EVERY_STEP or number % 4 == 1)


@changes
@pytest.mark.parametrize(("kind", "metric", "count", "settings"), CASES)
def test_an_interruption_leaves_the_old_state_or_the_new(tmp_path, interrupted, kind, metric, count, settings, change):
    worlds = Worlds(tmp_path, kind, metric, count, settings)
    interrupt_at_steps(worlds, change, interrupted, 1, bytecodes=False)
    interrupt_at_steps(worlds, change, interrupted, 2, bytecodes=True)


@pytest.mark.parametrize("change", ["add", "remove"])
@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivf"])
def test_an_interruption_behind_a_call(tmp_path, interrupted, kind, change):
    worlds = Worlds(tmp_path, kind, "euclidean", 48, EVERYTHING.get(kind, {}))
    interrupt_at_steps(worlds, change, interrupted, 25, bytecodes=False)


@pytest.mark.parametrize("kind", ["vamana", "hnsw"])
@changes
def test_an_interruption_where_many_vectors_are_equal(tmp_path, interrupted, kind, change):
    worlds = Worlds(tmp_path, kind, "cosine", 48, EVERYTHING[kind], copies=True)
    interrupt_at_steps(worlds, change, interrupted, 4, bytecodes=True)


@pytest.mark.parametrize("kind", ["trees", "scann"])
def test_an_interrupted_save_of_an_index_that_was_never_saved(tmp_path, interrupted, kind):
    """These exchange a copy in memory for the file, once it is there."""
    worlds = Worlds(tmp_path, kind, "euclidean", 48, EVERYTHING[kind], loaded=False)
    interrupt_at_steps(worlds, "save", interrupted, 10, bytecodes=False)


# --- real failures ------------------------------------------------------------------------------------------


def grown_whole(engine, vectors, add):
    add(engine, vectors)


def grown_in_part(engine, vectors, add):
    """As a signal or a failure in the middle of faiss' own loop leaves it: some are in."""
    add(engine, vectors[:1])


def grown_uncounted(engine, vectors, add):
    """The lists hold vectors that `ntotal` does not count."""
    before = engine.ntotal
    add(engine, vectors)
    engine.ntotal = before


def grown_without_links(engine, vectors, add):
    """The vectors of a graph are in, and their places in the tables of links are not."""
    faiss.downcast_index(engine.storage).add(vectors)
    engine.ntotal = engine.storage.ntotal


FAILURES = [
    ("exact", "euclidean", {}, "IndexFlat", grown_whole),
    ("exact", "cosine", {}, "IndexFlat", grown_in_part),
    ("hnsw", "euclidean", {}, "IndexHNSWFlat", grown_whole),
    ("hnsw", "cosine", {}, "IndexHNSWFlat", grown_in_part),
    ("hnsw", "euclidean", {}, "IndexHNSWFlat", grown_without_links),
    ("nsw", "inner_product", {}, "IndexHNSWFlat", grown_without_links),
    ("ivf", "euclidean", {}, "IndexIVFFlat", grown_whole),
    ("ivf", "cosine", {}, "IndexIVFFlat", grown_in_part),
    ("ivf", "euclidean", {}, "IndexIVFFlat", grown_uncounted),
    ("ivfpq", "euclidean", {}, "IndexIVFPQFastScan", grown_in_part),
    ("ivfpq", "cosine", {}, "IndexIVFPQFastScan", grown_uncounted),
    ("ivfpq", "euclidean", {"code": "rabitq"}, "IndexPreTransform", grown_in_part),
    ("trees", "euclidean", {}, "IndexFlat", grown_in_part),
]


@pytest.mark.parametrize(("kind", "metric", "settings", "engine", "failure"), FAILURES)
def test_an_engine_that_grew_and_failed(tmp_path, monkeypatch, interrupted, kind, metric, settings, engine, failure):
    worlds = Worlds(tmp_path, kind, metric, 48, {**EVERYTHING.get(kind, {}), **settings})
    owner, calls = getattr(faiss, engine), 0
    add = owner.add

    def failing(self, vectors):
        nonlocal calls
        calls += 1
        if calls != 2:  # the second slice of an addition
            return add(self, vectors)
        failure(self, vectors, add)
        raise MemoryError("std::bad_alloc")

    def fail(world, at):
        nonlocal calls
        act = world.change("add")
        with monkeypatch.context() as patch:
            calls = 0
            patch.setattr(owner, "add", failing)
            if at is None:
                with pytest.raises(MemoryError):
                    act()
            else:
                with contextlib.suppress(MemoryError):  # Ctrl-C before it, behind it, or while it is mended
                    interrupted(act, FILES, at)
        assert world.check(world.index, {world.before, world.after}) == world.before
        world.go_on(act, far=True)

    fail(worlds.make(), None)
    for at in range(30, 150, 40):
        fail(worlds.make(), at)


@pytest.mark.parametrize(("kind", "metric", "count", "settings"), CASES)
@pytest.mark.parametrize("full", ["at once", "at the end of the largest file"])
def test_a_full_disk_changes_nothing(tmp_path, small_files, kind, metric, count, settings, full):
    worlds = Worlds(tmp_path, kind, metric, count, settings, loaded=False)
    world = worlds.make()
    act = world.change("save")
    largest = max(path.stat().st_size for path in world.folder.rglob("*") if path.is_file())
    with small_files(100 if full == "at once" else largest - 1), pytest.raises(StorageError):
        act()
    assert [path.name for path in world.folder.iterdir()] == ["x.index"]
    world.check(load_index(world.folder / "x.index"), {world.before})
    world.go_on(act, far=True)


def test_an_engine_that_cannot_be_built_anew_leaves_none_of_the_addition(tmp_path, monkeypatch):
    world = Worlds(tmp_path, "trees", "euclidean", 30, EVERYTHING["trees"]).make()
    act = world.change("add many")
    with monkeypatch.context() as patch:
        patch.setattr("lookalike.index.kinds.trees.TreesIndex._new", lambda self: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            act()
    assert world.check(world.index, {world.before, world.after}) == world.before
    world.go_on(act, far=True)


SIGNALS = """
import signal, sys
import numpy as np
from lookalike.index import build_index

kind, repetitions = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(5)
signal.signal(signal.SIGALRM, signal.default_int_handler)  # as Ctrl-C, at a moment that is drawn
first = rng.normal(size=(3000, 24)).astype(np.float32)
index = build_index(first, kind, "euclidean", ids=np.arange(3000) + 10)
held = dict(zip(range(10, 3010), first))


def check():
    ids = np.array(sorted(held))
    assert sorted(index.ids.tolist()) == ids.tolist() and len(index) == len(ids)
    table = np.array([held[i] for i in ids.tolist()])
    rows = np.concatenate([rng.integers(0, len(ids), 20), np.arange(len(ids) - 5, len(ids))])
    hits = index.search(table[rows], 5, ef_search=400) if kind == "hnsw" else index.search(table[rows], 5)
    for row, found, distances in zip(rows, hits.ids.tolist(), hits.distances):
        true = [np.linalg.norm(held[i] - table[row]) for i in found]
        np.testing.assert_allclose(distances, true, atol=TOLERANCE)
    assert (hits.ids[:, 0] == ids[rows]).mean() > 0.8


TOLERANCE = 0.02 if kind == "ivfpq" else 1e-4  # float16
took, stopped, turn = 0.2, 0, 0
while stopped < repetitions:
    turn += 1
    vectors = rng.normal(size=(700, 24)).astype(np.float32)
    ids = np.arange(700) + 10_000 * turn
    try:
        signal.setitimer(signal.ITIMER_REAL, max(1e-6, rng.random() * took))
        index.add(vectors, ids=ids)
        index.remove(ids[:300])
        signal.setitimer(signal.ITIMER_REAL, 0)
        took *= 0.8  # too late: until it comes in time, whatever the machine
    except KeyboardInterrupt:
        stopped += 1
    inside = [i for i in ids.tolist() if i in index]
    assert len(inside) in (0, 400, 700), len(inside)
    if len(inside) != 400:
        if not inside:
            index.add(vectors, ids=ids)
        index.remove(ids[:300])
    held.update(zip(ids[300:].tolist(), vectors[300:]))
    check()
"""


@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivf", "ivfpq"])
def test_real_signals_at_any_moment(kind):
    repetitions = 200 if EVERY_STEP else 8
    child = subprocess.run(
        [sys.executable, "-c", SIGNALS, kind, str(repetitions)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert child.returncode == 0, child.stderr
