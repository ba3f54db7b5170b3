"""Are the plans of `plan_capacity` true? Builds real indexes, each in processes of its own, and compares.

For every kind and count: bytes of the folder, memory while serving (a fresh process that loaded the index), the most
memory while building, seconds of processor time to build (over all threads; others on the machine disturb it less than
they disturb the clock), milliseconds of one query on one thread, and recall@10 against exact search. Vectors are
`generated_vectors`, queries further pictures of some of the identities. Prints one JSON line per index, then a table of
predicted / actual.

    python benchmarks/capacity_check.py --counts 100k 1M
    python benchmarks/capacity_check.py --counts 1M --kinds hnsw ivfpq --sweep     # also the whole recall curve
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DIMENSION, QUERIES, K, SEED = 128, 300, 10, 1
#: What is swept to draw recall over time.
SWEEPS = {
    "exact": [0],
    "trees": [500, 1000, 2000, 4000, 8000, 16000, 32000, 64000],
    "nsw": [16, 32, 64, 128, 256, 512],
    "hnsw": [16, 32, 64, 128, 256, 512],
    "ivf": [4, 8, 16, 32, 64, 128, 256, 512],
    "ivfpq": [4, 8, 16, 32, 64, 128, 256, 512],
    "vamana": [10, 16, 32, 64, 128, 256],
    "scann": [4, 8, 16, 32, 64, 128, 256, 512],
}


def memory(name: str) -> int:
    """Bytes of this process by the kernel's count: RssAnon, VmRSS, VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def gallery(count: int, dimension: int) -> tuple[Any, Any]:
    from lookalike.index.generated_vectors import generated_probes, generated_vectors

    vectors, identities = generated_vectors(count, dimension, seed=SEED)
    who = np.random.default_rng(2).choice(identities[-1] + 1, min(QUERIES, int(identities[-1]) + 1), replace=False)
    return vectors, np.ascontiguousarray(generated_probes(who, dimension, seed=SEED))


def build(task: dict[str, Any]) -> dict[str, Any]:
    """Build, save, and keep queries and truth beside the folder; what it took."""
    import faiss

    from lookalike.index.kinds.registry import KINDS

    folder = Path(task["folder"])
    vectors, queries = gallery(task["count"], task["dimension"])
    np.save(folder / "queries.npy", queries)
    KINDS[task["kind"]].load()  # the libraries' own memory and time are not the index's
    before = memory("VmRSS") - vectors.nbytes
    processor, clock = processor_seconds(), time.perf_counter()
    from lookalike.index import build_index

    if task["kind"] == "ivfpq":  # planned as built from a stream
        found = streamed(task, folder, vectors)
    else:
        index = build_index(vectors, task["kind"], metric="cosine", **task["build"])
        found = {
            "build_cpu_s": round(processor_seconds() - processor, 2),
            "build_wall_s": round(time.perf_counter() - clock, 2),
            "building": memory("VmHWM") - before,
        }
        index.save(folder / "index")
    np.save(folder / "truth.npy", faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)[1])
    found["disk"] = sum(file.stat().st_size for file in (folder / "index").rglob("*") if file.is_file())
    return found


def streamed(task: dict[str, Any], folder: Path, vectors: Any) -> dict[str, Any]:
    """Build from a file, in this process after the generated vectors have left it."""
    from lookalike.index.bulk.build import BulkOptions, build_bulk
    from lookalike.index.spec import IndexSpec
    from lookalike.index.vector_files import open_vectors

    np.save(folder / "vectors.npy", vectors)
    before = memory("VmRSS")  # the vectors stay, for the truth; the stream reads its own from the file
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts here
    processor, clock = processor_seconds(), time.perf_counter()
    spec = IndexSpec.create("ivfpq", "cosine", vectors.shape[1], **task["build"])
    build_bulk(open_vectors(folder / "vectors.npy"), folder / "index", spec, BulkOptions(threads=task["threads"]))
    return {
        "build_cpu_s": round(processor_seconds() - processor, 2),
        "build_wall_s": round(time.perf_counter() - clock, 2),
        # Pages of the file that is read are the system's to take back.
        "building": memory("VmHWM") - before - resident("vectors.npy"),
    }


def resident(name: str) -> int:
    """Bytes of a mapped file that are in memory now."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0] and not line.split()[0].endswith(":"):
            inside = line.endswith(name)
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def serve(task: dict[str, Any]) -> dict[str, Any]:
    """Load in this fresh process, and search one query at a time on one thread."""
    import faiss

    from lookalike.index import load_index
    from lookalike.index.kinds.registry import KINDS

    faiss.omp_set_num_threads(1)
    folder = Path(task["folder"])
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    KINDS[task["kind"]].load()
    before = memory("VmRSS")
    index = load_index(folder / "index", mapped=task["mapped"])
    curve = []
    for settings in task["searches"]:
        index.search(queries[:1], K, **settings)
        taken, hits = [], 0
        rows = queries if task["kind"] != "exact" else queries[:50]
        for row, query in enumerate(rows):
            start = time.process_time()
            ids = index.search(query[None], K, **settings).ids
            taken.append(time.process_time() - start)
            hits += len(np.intersect1d(ids[0], truth[row]))
        curve.append([settings, round(hits / K / len(rows), 4), round(float(np.median(taken)) * 1e3, 4)])
    # Pages of the store come and go; the plan tells them apart as `mapped_bytes`.
    serving = memory("VmRSS") - before - resident("store.npy")
    return {"serving": serving, "anonymous": memory("RssAnon"), "curve": curve}


def in_a_process(step: str, task: dict[str, Any], threads: int) -> dict[str, Any]:
    """Run a step in a process of its own, so that each memory is that step's alone."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, json.dumps(task)],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def checked(option: Any, count: int, dimension: int, threads: int, sweep: bool, work: Path) -> dict[str, Any]:
    """Build and serve one option of a plan; predicted and actual side by side."""
    from lookalike.index.planning.footprint import PROCESS_BYTES

    mapped = option.kind == "ivfpq"
    task = {
        "kind": option.kind,
        "threads": threads,
        "count": count,
        "dimension": dimension,
        "build": option.build,
        "mapped": mapped,
    }
    name = {"ivf": "nprobe", "ivfpq": "nprobe", "trees": "search_k", "vamana": "search_window"}.get(option.kind)
    name = name or {"scann": "leaves_to_search", "exact": ""}.get(option.kind, "ef_search")
    searches = [option.search]
    if sweep and name:
        searches += [{**option.search, name: value} for value in SWEEPS[option.kind]]
    with tempfile.TemporaryDirectory(dir=work) as folder:
        task |= {"folder": folder, "searches": searches}
        actual = in_a_process("build", task, threads) | in_a_process("serve", task, 1)
    curve = actual.pop("curve")
    _, actual["recall"], actual["latency_ms"] = curve[0]
    return {
        "option": option.name,
        "kind": option.kind,
        "count": count,
        "dimension": dimension,
        "build": option.build,
        "search": option.search,
        "threads": threads,
        "predicted": {
            "serving": option.memory_bytes - PROCESS_BYTES,
            "building": option.build_memory_bytes - PROCESS_BYTES,
            "disk": option.disk_bytes,
            "build_cpu_s": round(option.build_cpu_seconds, 2),
            "latency_ms": round(option.latency_ms, 4),
            "latency_range_ms": [round(value, 4) for value in option.latency_range_ms],
            "recall": round(option.recall, 4),
        },
        "actual": actual,
        **({"curve": curve[1:]} if sweep else {}),
    }


def table(lines: list[dict[str, Any]]) -> str:
    heads = ["option", "vectors", "serving", "building", "disk", "build cpu", "latency", "in range", "recall"]
    rows = [heads]
    for line in lines:
        said, was = line["predicted"], line["actual"]
        ratios = [
            f"{said[name] / max(was[name], 1e-9):.2f}"
            for name in ("serving", "building", "disk", "build_cpu_s", "latency_ms")
        ]
        low, high = said["latency_range_ms"]
        inside = "yes" if low <= was["latency_ms"] <= high else "no"
        recalls = f"{said['recall']:.3f}/{was['recall']:.3f}"
        rows.append([line["option"], f"{line['count']:,}", *ratios, inside, recalls])
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", default=["100k", "1M"])
    parser.add_argument("--kinds", nargs="+", help="kinds or options of the plan, for example hnsw ivfpq")
    parser.add_argument("--dimension", type=int, default=DIMENSION)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sweep", action="store_true", help="also measure the whole recall curve")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps({"build": build, "serve": serve}[given.step[0]](json.loads(given.step[1]))))
        return
    from lookalike.index import plan_capacity
    from lookalike.index.quantities import parse_count

    lines = []
    given.work.mkdir(parents=True, exist_ok=True)
    for count in map(parse_count, given.counts):
        plan = plan_capacity(count, given.dimension, recall=given.recall, threads=given.threads)
        needed = max(option.disk_bytes for option in plan.options)
        if shutil.disk_usage(given.work).free < 2 * needed:
            raise SystemExit(f"{given.work} has less than {2 * needed} bytes free; choose another folder with --work")
        for option in plan.options:
            if option.installed and (not given.kinds or option.kind in given.kinds or option.name in given.kinds):
                line = checked(option, count, given.dimension, given.threads, given.sweep, given.work)
                print(json.dumps({**line, "machine": platform.processor() or platform.machine()}), flush=True)
                lines.append(line)
    print(table(lines))


if __name__ == "__main__":
    main()
