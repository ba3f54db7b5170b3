"""What is counted on paper against real indexes: what they report, their files, and the memory of real processes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from lookalike.index import build_index, load_index
from lookalike.index.graphs.svs_codes import code_works
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.footprint import PROCESS_BYTES, footprint

COUNT, DIMENSION = 6000, 48
IVFPQ = [
    {"code": code, "store": store}
    for code, store in [
        ("fastscan", "float16"),
        ("fastscan", "sq8"),
        ("fastscan", "none"),
        ("pq", "float32"),
        ("rabitq", "float16"),
    ]
]
CODED = [("vamana", {"code": code}) for code in ("float16", "lvq8", "lvq4x8", "leanvec")]
OPTIONS = [(kind, {}) for kind in KINDS if kind != "ivfpq"] + [("ivfpq", build) for build in IVFPQ] + CODED


def name(option):
    kind, build = option
    return "-".join([kind, *build.values()])


def ready(kind):
    if KINDS[kind].requires:
        pytest.importorskip(KINDS[kind].requires, reason=f"kind {kind} needs it")


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).standard_normal((COUNT, DIMENSION)).astype(np.float32)


@pytest.mark.parametrize("option", OPTIONS, ids=name)
def test_bytes_of_a_real_index(option, vectors, tmp_path):
    kind, build = option
    ready(kind)
    if kind == "vamana" and not code_works(build.get("code", "float32")):
        pytest.skip("the code is for processors of Intel")
    # Random splits fill annoy's buckets as they please.
    memory, disk = (0.25, 0.25) if kind == "trees" else (0.12, 0.06)
    index = build_index(vectors, kind, **build)
    index.save(tmp_path / "index")
    files = sum(file.stat().st_size for file in (tmp_path / "index").rglob("*") if file.is_file())
    counted = footprint(kind, COUNT, DIMENSION, build)
    assert files == pytest.approx(counted.disk, rel=disk)
    loaded = load_index(tmp_path / "index", mapped=counted.mapped > 0)
    held = counted.serving
    if kind == "ivfpq":
        # A mapped index may hold its codes in the mapping as well; a loaded one holds the store in memory.
        # Lists of 47 vectors are half empty blocks, which `stats` leaves out.
        held, loaded, memory = counted.serving + counted.mapped, index, 0.2
    assert loaded.stats()["bytes"] == pytest.approx(held, rel=memory)


def test_ids_that_are_not_positions_take_sixteen_bytes_more(vectors):
    for own in (True, False):
        ids = np.arange(COUNT) if own else np.arange(COUNT) * 3 + 7
        index = build_index(vectors, "exact", ids=ids)
        index.remove([-5])  # looks ids up, which makes the table
        assert index.stats()["bytes"] == footprint("exact", COUNT, DIMENSION, own_ids=own).serving


def test_more_links_trees_and_lists_take_more():
    def bytes_of(kind, **build):
        return footprint(kind, 10**6, 128, build).serving

    assert bytes_of("hnsw", M=32) - bytes_of("hnsw", M=16) == pytest.approx(10**6 * 4 * 32, rel=0.01)
    assert bytes_of("trees", n_trees=100) > 1.4 * bytes_of("trees", n_trees=50)
    assert bytes_of("ivf", nlist=8192) - bytes_of("ivf", nlist=4096) == 4096 * (512 + 64)
    assert bytes_of("vamana", degree=64) - bytes_of("vamana", degree=32) == 10**6 * 128


def test_a_store_lies_on_disk_and_not_in_memory():
    with_store = footprint("ivfpq", 10**8, 128, {"store": "float16"})
    without = footprint("ivfpq", 10**8, 128, {"store": "none"})
    assert with_store.mapped == 10**8 * 128 * 2
    # Without a store, vectors are given back by their codes, which takes 8 bytes to find each.
    assert without.serving - with_store.serving == 8 * 10**8
    assert with_store.disk - without.disk == with_store.mapped - 8 * 10**8


def test_a_hundred_million_took_what_is_counted():
    # benchmarks/hundred_million.py --count 100M, 2026-11-25: sizes of the files, and the kernel's high-water mark.
    disk = 4_040_981_324 + 800_000_128 + 100_000_128 + 12_800_000_128 + 1152 + 128
    counted = footprint("ivfpq", 10**8, 128, {"store": "sq8", "nlist": 32768})
    assert counted.disk == pytest.approx(disk, rel=0.002)
    peak = 11.28 * 2**30
    assert peak <= counted.building + PROCESS_BYTES <= 1.1 * peak


#: Settings with which graphs are built in a third of the time; they take the memory that they always take.
QUICKLY = {"nsw": {"ef_construction": 30}, "hnsw": {"ef_construction": 30}, "vamana": {"window": 30}}

IN_A_PROCESS = """
import json, sys
import numpy as np
from lookalike.index import build_index, load_index
from lookalike.index.graphs.svs_codes import code_works
from lookalike.index.kinds.registry import KINDS

def memory(name):
    line = next(line for line in open("/proc/self/status") if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024

kind, build, count, dimension, path, step = sys.argv[1:]
count, dimension = int(count), int(dimension)
KINDS[kind].load()
import faiss  # every kind uses it when it is loaded; it belongs to the process, not to the index
if step == "build":
    vectors = np.random.default_rng(0).standard_normal((count, dimension), dtype=np.float32)
    before = memory("VmRSS") - vectors.nbytes
    index = build_index(vectors, kind, metric="euclidean", **json.loads(build))
    print(json.dumps(memory("VmHWM") - before))
    index.save(path)
else:
    start = memory("VmRSS")
    index = load_index(path)
    index.search(np.ones((1, dimension), np.float32))
    print(json.dumps([memory("VmRSS") - start, start]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ivfpq"])
def test_memory_of_real_processes(kind, tmp_path):
    ready(kind)
    # Graphs and cells take long to build, and allocate little besides; the others need more for it to weigh little.
    count, dimension = 30_000 if kind in {"nsw", "hnsw", "ivf", "vamana"} else 60_000, 128
    build = QUICKLY.get(kind, {})

    def run(step):
        arguments = [kind, json.dumps(build), str(count), str(dimension), str(tmp_path / "index"), step]
        command = [sys.executable, "-c", IN_A_PROCESS, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    counted = footprint(kind, count, dimension, build, metric="euclidean")
    building = run("build")
    serving, process = run("serve")
    # An upper bound while building, since arrays grow by copying; not one that wastes half a machine.
    assert 0.5 * counted.building <= building <= 1.15 * counted.building
    # What the library allocates for itself, beside 15 or 30 MB of vectors.
    assert serving == pytest.approx(counted.serving, rel=0.25)
    assert process <= PROCESS_BYTES
