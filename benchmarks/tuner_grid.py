"""How near does `tune_index` come to the best of a full grid, and at what part of its time?

    python benchmarks/tuner_grid.py --data generated --count 100000 --output tuner_grid.json
    python benchmarks/tuner_grid.py --data wink --kinds scann hnsw vamana

The grid: every kind with every build setting below is built over all vectors, and its search settings are walked up
until recall@10 passes the highest target; for each target the fastest measured point that reaches it is the best. The
tuner, for each target, gets the vectors and queries of the same sort (not the ones both are measured on). Then the
tuner's index and the grid's best three, built again, take turns over the same queries in one thread, and the ratio of
their queries per second is printed, with the recall both reach there. `share_of_time` is the tuner's time over the
grid's; so is `share_of_cpu_time`, which other work on the machine changes less; `times_winners_build` is the tuner's
time over the build of the index it chose. Prints JSON lines; the grid's points are kept in --cache, so that a second
call goes on. The data are those of `ann_1m.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

from ann_data import DATA, GENERATED, K, add_source_options, named
from peak_memory import machine

from lookalike.index import build_index, tune_index
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.candidates import Candidate
from lookalike.index.tuning.recall import exact_truth
from lookalike.index.tuning.speed import interleaved_seconds, seconds

TARGETS = (0.9, 0.95, 0.99)


def grid() -> list[Candidate]:
    """Every kind, with settings from too few to too many."""
    graphs = list(product((8, 16, 32, 48), (100, 200, 400)))
    codes: list[dict[str, Any]] = [
        {"code": "fastscan", "store": "float32"},
        {"code": "fastscan", "store": "float16"},
        {"code": "fastscan", "store": "sq8"},
        {"code": "pq", "store": "float32"},
        {"code": "rabitq", "store": "float32"},
    ]
    return [
        Candidate("exact"),
        *(Candidate("trees", {"n_trees": n}) for n in (10, 30, 100)),
        *(Candidate("nsw", {"M": m, "ef_construction": ef}) for m, ef in product((16, 24, 32), (100, 200))),
        *(Candidate("hnsw", {"M": m, "ef_construction": ef}) for m, ef in graphs),
        *(Candidate("ivf", {}, {"nlist": f}) for f in (1.0, 2.0, 4.0, 8.0)),
        *(Candidate("ivfpq", code, {"nlist": f}) for code, f in product(codes, (1.0, 2.0, 4.0))),
        *(Candidate("vamana", {"degree": d, "window": w}) for d, w in product((24, 32, 64), (100, 200))),
        *(Candidate("scann", {"soar": s}, {"leaves": f}) for s, f in product((0.0, 0.7, 1.5), (1.0, 2.0, 4.0))),
        Candidate("scann", {"dims_per_block": 1}, {"leaves": 2.0}),
    ]


def curve(index: Any, asked: Asked, slowest: float, highest: float) -> list[dict[str, Any]]:
    """Points of one built index: fine steps of the raised setting, for several values of the tried one.

    A line ends where it passes the highest target, gains nothing more, or is slower than `slowest` seconds a query.
    """
    setting = KINDS[index.kind].recall_setting
    points: list[dict[str, Any]] = []

    def point(settings: dict[str, Any]) -> float:
        recall = asked.recall(index, settings).mean
        points.append({"search": settings, "recall": recall, "seconds": seconds(index, asked.queries, K, settings)})
        return recall

    if setting is None:
        point({})
        return points
    reranked = setting.reranked
    for candidates in (20, 40, 80, 160, 320, 640) if reranked else (0,):
        value, before, flat = K if setting.counts_candidates else 1, -1.0, 0
        while True:
            recall = point({setting.name: value, **({reranked: candidates} if reranked else {})})
            flat = flat + 1 if before > 0.3 and recall < before + 0.0005 else 0
            if recall >= highest + 0.003 or flat == 4 or points[-1]["seconds"] > slowest:
                break
            before, value = recall, max(value + 1, int(value * (1.12 if recall > 0.8 else 1.4)))
    return points


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=GENERATED, choices=DATA)
    parser.add_argument("--count", type=int, default=100_000, help="of the generated vectors")
    parser.add_argument("--kinds", nargs="+", help="of the grid; the tuner tries all")
    parser.add_argument("--targets", nargs="+", type=float, default=TARGETS)
    add_source_options(parser)
    parser.add_argument("--points", type=Path, default=Path("tuner_grid.cache.jsonl"), help="the grid's, kept")
    parser.add_argument("--output", type=Path, default=Path("tuner_grid.json"))
    return parser.parse_args()


def main() -> None:
    given = arguments()
    data = named(given.data, given.cache, given.count, given.archives, given.photographs)
    vectors, count = data.vectors, len(data.vectors)
    space = MetricSpace("cosine", vectors.shape[1])
    asked = Asked(data.queries, exact_truth(vectors, data.queries, K, space))

    done = [json.loads(line) for line in given.points.read_text().splitlines()] if given.points.exists() else []
    known = {entry["candidate"] for entry in done}
    for candidate in grid():
        if str(candidate) in known or not KINDS[candidate.kind].installed:
            continue
        if candidate.kind not in (given.kinds or KINDS):
            continue
        start, begun = time.perf_counter(), time.process_time()
        index = build_index(vectors, candidate.kind, **candidate.settings(count))
        built = time.perf_counter() - start
        # Far slower than the best so far, nothing is worth measuring.
        reached = [p["seconds"] for entry in done for p in entry["points"] if p["recall"] >= min(given.targets)]
        points = curve(index, asked, 5 * min(reached, default=float("inf")), max(given.targets))
        entry = {
            "candidate": str(candidate),
            "build_seconds": round(built, 2),
            "seconds": round(time.perf_counter() - start, 2),
            "cpu_seconds": round(time.process_time() - begun, 2),
            "points": points,
        }
        done.append(entry)
        with given.points.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        best = min((p["seconds"] for p in points if p["recall"] >= 0.95), default=None)
        print(json.dumps({**entry, "points": len(points), "best_at_0.95": best and round(1 / best)}), flush=True)
    grid_seconds = sum(entry["seconds"] for entry in done)
    grid_cpu = sum(entry["cpu_seconds"] for entry in done)

    by_name = {str(candidate): candidate for candidate in grid()}
    rows = []
    for target in given.targets:
        begun = time.process_time()
        tuning = tune_index(vectors, recall=target, k=K, queries=data.practice)
        tuner_cpu = time.process_time() - begun
        good = [
            (p["seconds"], entry["candidate"], p["search"])
            for entry in done
            for p in entry["points"]
            if p["recall"] >= target
        ]
        # The three fastest points of different builds run again: on a shared machine one measurement says little.
        firsts: dict[str, Any] = {}
        for _, name, search in sorted(good, key=lambda item: item[0]):
            if len(firsts) < 3:
                firsts.setdefault(name, search)
        rivals = []
        for name, search in firsts.items():
            candidate = by_name[name]
            rivals.append((build_index(vectors, candidate.kind, **candidate.settings(count)), search))
        ours = (tuning.index, tuning.trials[0].point.settings)  # type: ignore[union-attr]
        taken = interleaved_seconds([ours, *rivals], data.queries, K, rounds=9)
        best = min(range(len(rivals)), key=lambda place: taken[1 + place])
        row = {
            "target": target,
            "tuned": f"{tuning.trials[0].candidate} {ours[1]}",
            "tuned_recall": asked.recall(*ours).mean,
            "tuned_queries_per_second": round(1 / taken[0]),
            "grid_best": f"{list(firsts)[best]} {rivals[best][1]}",
            "grid_recall": asked.recall(*rivals[best]).mean,
            "grid_queries_per_second": round(1 / taken[1 + best]),
            "speed_ratio": round(taken[1 + best] / taken[0], 3),
            "tuner_seconds": round(tuning.took, 1),
            "times_winners_build": round(tuning.took / tuning.trials[0].build_seconds, 2),
            "grid_seconds": round(grid_seconds, 1),
            "share_of_time": round(tuning.took / grid_seconds, 4),
            "share_of_cpu_time": round(tuner_cpu / grid_cpu, 4),
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    report = {"machine": machine(), "data": data.name, "count": count, "grid": len(done), "rows": rows}
    given.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report["machine"]))


if __name__ == "__main__":
    main()
