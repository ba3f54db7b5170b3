"""Bulk builds, killed for real at every step: a child process sends itself SIGKILL where the test says."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lookalike.distances import Covariance
from lookalike.errors import InputError, StorageError, VectorError
from lookalike.index import build_index, load_index
from lookalike.index.bulk.build import BulkOptions, build_bulk
from lookalike.index.spec import IndexSpec

COUNT, DIMENSION, SHARD = 6000, 16, 1024


class Rows:
    """A source over an array."""

    def __init__(self, array):
        self.array, self.count, self.dimension = array, len(array), array.shape[1]

    def blocks(self, size, start):
        for first in range(start, self.count, size):
            yield first, self.array[first : first + size]

    def rows(self, positions):
        return self.array[positions]


def vectors(n=COUNT, d=DIMENSION, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def spec(kind="ivfpq", metric="cosine", d=DIMENSION, **settings):
    return IndexSpec.create(kind, metric, d, **{"nlist": 20, "nprobe": 20, **settings})


def built(x, path, wanted=None, *, ids=None, covariance=None, progress=None, **options):
    how = BulkOptions(**{"shard": SHARD, "threads": 2, **options})
    wanted = wanted or spec(d=x.shape[1])
    return build_bulk(Rows(x), path, wanted, how, ids=ids, covariance=covariance, progress=progress)


def files(path):
    """Everything but what tells the seconds."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name not in ("index.toml", "build.json")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.index"
    built(vectors(), path)
    return files(path)


# --- what is built --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product", "mahalanobis"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ivf", {}),
        ("ivfpq", {"store": "float32", "rerank": 300}),
        ("ivfpq", {"store": "float16", "code": "rabitq", "rerank": 300}),
        ("ivfpq", {"store": "sq8", "code": "pq", "rerank": 300}),
    ],
)
def test_same_hits_as_exact_search(kind, settings, metric, tmp_path):
    x, queries = vectors(3000), vectors(20, seed=1)
    covariance = Covariance.fit(x) if metric == "mahalanobis" else None
    ids = np.random.default_rng(3).permutation(10**6)[:3000]
    summary = built(x, tmp_path / "a", spec(kind, metric, **settings), ids=ids, covariance=covariance)
    exact = build_index(x, "exact", metric, ids=ids, covariance=covariance).search(queries, 5)
    assert summary["count"] == 3000
    assert {"train", "encode", "merge", "write"} == set(summary["seconds"])
    for mapped in (False, True):
        hits = load_index(tmp_path / "a", mapped=mapped).search(queries, 5)
        assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(hits.ids, exact.ids, strict=True)]) > 0.95
        # Where a hit is missed the next one takes its place, so not all distances agree.
        assert np.isclose(hits.distances, exact.distances, rtol=0.01, atol=0.01).mean() > 0.9
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a"]


def test_a_built_index_lives_on(tmp_path):
    x = vectors()
    built(x, tmp_path / "a")
    index = load_index(tmp_path / "a")
    assert index.add(x[:2] + 1).tolist() == [COUNT, COUNT + 1]
    index.remove([7])
    assert index.search(x[7:8], 10).ids[0, 0] != 7
    index.save(tmp_path / "a")
    again = load_index(tmp_path / "a")
    assert (len(again), 7 in again) == (COUNT + 1, False)
    assert again.search(x[:2] + 1, 1).ids.ravel().tolist() == [COUNT, COUNT + 1]


def test_neither_threads_nor_shards_change_the_index(whole, tmp_path):
    built(vectors(), tmp_path / "a", threads=1, shard=1500)
    assert files(tmp_path / "a") == whole


def test_progress_counts_up(tmp_path):
    told = []
    built(vectors(), tmp_path / "a", progress=told.append)
    assert list(dict.fromkeys(event.stage for event in told)) == ["Training", "Encoding", "Merging", "Writing"]
    for stage, total in (("Training", 1), ("Encoding", COUNT), ("Merging", 20), ("Writing", 1)):
        done = [event.done for event in told if event.stage == stage and event.total == total]
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, total)


# --- killed, and called again ---------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
sys.path.insert(0, {here!r})
import numpy as np
import test_build as bulk

left = {left}

def die(step):
    global left
    if step == {step!r}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.{signal})

class Dying(bulk.Rows):
    def blocks(self, size, start):
        die("read")
        return super().blocks(size, start)

source = Dying(bulk.vectors())
options = bulk.BulkOptions(shard=bulk.SHARD, threads={threads})
bulk.build_bulk(source, {path!r}, bulk.spec(**{settings}), options, progress=lambda event: die(event.stage))
print("finished")
"""


def child(path, step="", left=0, threads=1, signal="SIGKILL", **settings):
    here = os.path.dirname(__file__)  # noqa: PTH120 - a string for the child
    code = CHILD.format(
        here=here, left=left, step=step, path=str(path), threads=threads, signal=signal, settings=settings
    )
    return [sys.executable, "-c", code]


#: Where to die: step and the how-manieth of it. Reads: 1 is the training sample's, then one a shard.
STEPS = [
    *(("Training", n) for n in (1, 2)),
    *(("read", n) for n in (1, 2, 4, 7)),
    *(("Encoding", n) for n in (1, 2, 4, 7)),
    ("Merging", 1),
    *(("Writing", n) for n in (1, 2)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "left"), STEPS)
def test_killed_at(step, left, whole, tmp_path):
    path = tmp_path / "a"
    died = subprocess.run(child(path, step, left), capture_output=True, text=True, timeout=300)
    assert died.returncode == -signal.SIGKILL, died.stderr
    summary = built(vectors(), path)
    assert files(path) == whole
    assert load_index(path).search(vectors()[:5], 1).ids.ravel().tolist() == [0, 1, 2, 3, 4]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a"]
    if step in ("Merging", "Writing"):
        assert summary["resumed"] == (6 if (step, left) != ("Writing", 2) else 0)


@pytest.mark.slow
def test_killed_again_and_again_at_any_time(whole, tmp_path):
    path = tmp_path / "a"
    delay, killed = 0.02, 0
    while not path.exists():
        running = subprocess.Popen(child(path, threads=2), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # From the moment there is something to lose: importing takes longer than building.
        while running.poll() is None and not (tmp_path / ".a.building" / "build.json").is_file():
            time.sleep(0.01)
        try:
            _, errors = running.communicate(timeout=delay)
            assert running.returncode == 0, errors
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            killed += 1
            delay *= 1.2  # so that it ends on a slow machine, too
    assert killed > 0
    built(vectors(), path)
    assert files(path) == whole
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a"]


def test_a_build_that_an_earlier_version_began_is_continued(tmp_path):
    """The folder was written by Lookalike before `BulkOptions`, interrupted after two of three shards."""
    i = np.arange(4400)
    x = ((i**3 * 7 + i * 13) % 10007 - 5003).astype(np.float32).reshape(1100, 4)
    shutil.copytree(Path(__file__).parents[1] / "fixtures" / "unfinished-bulk-build", tmp_path / ".a.building")
    wanted = spec(d=4, nlist=8, nprobe=8, rerank=50)
    assert built(x, tmp_path / "a", wanted, shard=500, threads=1)["resumed"] == 2
    assert load_index(tmp_path / "a").search(x[[0, 700, 1099]], 1).ids.ravel().tolist() == [0, 700, 1099]


def test_an_index_that_is_replaced_stays_until_the_end(tmp_path):
    path = tmp_path / "a"
    build_index(vectors(10), "exact").save(path)

    def interrupt(event):
        if event.stage == "Writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(vectors(), path, progress=interrupt)
    assert len(load_index(path)) == 10
    assert built(vectors(), path)["resumed"] == 6
    assert len(load_index(path)) == COUNT


def test_a_damaged_shard_is_made_again(whole, tmp_path):
    def stop(event):
        if event.stage == "Merging":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(vectors(), tmp_path / "a", progress=stop)
    with (tmp_path / ".a.building" / "codes-00002.npy").open("r+b") as file:
        file.seek(500)
        file.write(b"damage")
    assert built(vectors(), tmp_path / "a")["resumed"] == 5
    assert files(tmp_path / "a") == whole


def test_work_elsewhere(whole, tmp_path):
    built(vectors(), tmp_path / "a", work=tmp_path / "deep" / "work")
    assert files(tmp_path / "a") == whole
    assert list((tmp_path / "deep").iterdir()) == []


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path):
    """A path whose build was interrupted after the first shard."""

    def stop(event):
        if event.stage == "Encoding" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(vectors(), tmp_path / "a", progress=stop, threads=1)
    return tmp_path / "a"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wanted": spec(m=4)}, r"other settings \(build: .*'m': 0.* before, now .*'m': 4"),
        ({"wanted": spec(metric="euclidean")}, "metric: cosine before, now euclidean"),
        ({"shard": 2048}, "shard: 1024 before, now 2048"),
        ({"ids": np.arange(COUNT)[::-1]}, "ids: "),
        ({"x": vectors(COUNT + 1)}, r"another source \(6000 × 16, now 6001 × 16\)"),
        ({"x": vectors(seed=2)}, "another source"),
    ],
)
def test_going_on_with_something_else(change, message, unfinished):
    with pytest.raises(InputError, match=message):
        built(change.pop("x", vectors()), unfinished, **change)


def test_search_settings_may_change_meanwhile(unfinished):
    built(vectors(), unfinished, spec(nprobe=3))
    assert load_index(unfinished).spec.search.nprobe == 3


def test_two_builds_at_once(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def wait(event):
        entered.set()
        assert leave.wait(60)

    first = threading.Thread(target=built, args=(vectors(), tmp_path / "a"), kwargs={"progress": wait})
    first.start()
    try:
        assert entered.wait(60)
        with pytest.raises(StorageError, match="is being built by another process"):
            built(vectors(), tmp_path / "a")
    finally:
        leave.set()
        first.join()
    assert len(load_index(tmp_path / "a")) == COUNT


def test_a_build_of_another_process_is_respected_and_its_lock_ends_with_it(whole, tmp_path):
    path = tmp_path / "a"
    other = subprocess.Popen(child(path, "Encoding", 2, signal="SIGSTOP"), stdout=subprocess.DEVNULL)
    try:
        _, status = os.waitpid(other.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        before = files(tmp_path / ".a.building")
        with pytest.raises(StorageError) as refused:
            built(vectors(), path)
        assert str(refused.value) == (
            f"{tmp_path / '.a.building'} is being built by another process; wait for it, or give another work folder"
        )
        assert files(tmp_path / ".a.building") == before
    finally:
        other.kill()
        other.wait()
    assert (tmp_path / ".a.building" / "lock").exists()
    assert built(vectors(), path)["resumed"] == 1
    assert files(path) == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wanted": IndexSpec.create("hnsw", "cosine", DIMENSION)}, "'hnsw' is not built in bulk"),
        ({"wanted": spec(d=8)}, "the source has 16 dimensions, the spec 8"),
        ({"x": vectors(1000)}, "1000 vectors, a bulk build more than 1000"),
        ({"shard": 0}, "shard=0"),
        ({"wanted": spec(m=5)}, "m=5 does not divide"),
    ],
)
def test_wrong_from_the_start(options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        built(options.pop("x", vectors()), tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_ids_given_twice(tmp_path):
    with pytest.raises(VectorError, match="id 5 is given twice"):
        built(vectors(), tmp_path / "a", ids=np.maximum(np.arange(COUNT), 5))
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_cannot_be_indexed(tmp_path):
    x = vectors()
    x[4321] = np.nan
    with pytest.raises(VectorError, match=r"vectors of rows \d+\.\.\d+\[\d+\] holds NaN"):
        built(x, tmp_path / "a")


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"holds files but no build\.json"):
        built(vectors(), tmp_path / "a", work=tmp_path / "work")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="exists and is not an index"):
        built(vectors(), tmp_path / "a")


@pytest.mark.parametrize(
    ("store", "limit", "done"),
    [("sq8", 90_000, 0), ("none", 60_000, 6)],
    ids=["the store is too large", "the index is too large"],
)
def test_full_disk(store, limit, done, tmp_path):
    """A limit to the size of files stands for the full disk: the system refuses to write on, wherever that happens."""
    code = (
        f"import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    )
    *command, program = child(tmp_path / "a", store=store)
    died = subprocess.run([*command, code + program], capture_output=True, text=True, timeout=300)
    assert died.returncode == 1
    last = died.stderr.strip().splitlines()[-1]
    assert last.startswith("lookalike.errors.StorageError: the bulk build stopped: "), died.stderr
    assert "make the same call again" in last
    state = json.loads((tmp_path / ".a.building" / "build.json").read_text())
    assert len(state["shards"]) == done
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".a.building"]
    assert built(vectors(), tmp_path / "a", spec(store=store))["resumed"] == done
