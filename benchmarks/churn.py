"""Half of an index replaced and a tenth removed, while it is searched: recall and speed beside a fresh build.

300,000 × 128 generated vectors, cosine, recall@10. In random order, 1,000 at a time, half of the vectors are removed
and as many others of the same sort are added; then a tenth is removed. Meanwhile another thread searches, one query at
a time, as a service does; its p50 and p99 before, during and after. Then one thread alone: recall and queries per
second at the same setting; then `compact()`, which builds anew over what is live, and the same again; and the speed of
the churned index at the setting that gives it the compacted one's recall.

hnswlib (`mark_deleted`, `add_items(replace_deleted=True)`) and usearch (`remove`, `add`) beside ours; neither says that
searching is safe while vectors are added, so nobody searches meanwhile, and what stands for compacting is a new build.

    python benchmarks/ann_1m.py --stage build --data generated --count 300000 --cache CACHE --engines NAMES
    python benchmarks/churn.py --cache CACHE --engines "lookalike hnsw"
    python benchmarks/churn.py --cache CACHE --engines "lookalike hnsw" --curve    # speed against the share removed
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import numpy.typing as npt
from ann_1m import ENGINES, folder_of
from ann_data import PER_IDENTITY, Dataset, K, generated
from peak_memory import machine

from lookalike.index.generated_vectors import generated_vectors

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

BATCH = 1000
#: Engines by the setting that is swept.
ENGINES_BY_SETTING = {
    "lookalike hnsw": "ef_search",
    "lookalike ivf": "nprobe",
    "lookalike ivfpq": "nprobe",
    "lookalike scann": "leaves_to_search",
    "lookalike vamana": "search_window",
    "hnswlib M=16 ef=100": "ef",
    "usearch M=16 ef=128": "expansion_search",
}
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)


class Churned:
    """An engine and the vectors that should be in it."""

    def __init__(self, name: str, folder: Path, data: Dataset) -> None:
        self.name, self.knob = name, ENGINES_BY_SETTING[name]
        self.ours = name.startswith("lookalike")
        self.vectors, self.queries = data.vectors, data.queries
        self.live = np.ones(len(data.vectors), bool)
        if name.startswith("hnswlib"):
            import hnswlib

            self.engine = hnswlib.Index(space="ip", dim=data.vectors.shape[1])
            self.engine.load_index(str(folder / "index.bin"), allow_replace_deleted=True)
            self.engine.set_num_threads(1)
        else:
            self.engine = ENGINES[name].load(folder, data.vectors.shape[1])

    def remove(self, ids: Ids) -> None:
        """As the library's users do."""
        self.live[ids] = False
        if self.name.startswith("hnswlib"):
            for value in ids.tolist():
                self.engine.mark_deleted(value)
        else:
            self.engine.remove(ids)

    def add(self, vectors: Floats, ids: Ids) -> None:
        """In this thread alone."""
        self.vectors = np.concatenate([self.vectors, vectors]) if ids[0] == len(self.vectors) else self.vectors
        self.live = np.concatenate([self.live, np.ones(len(ids), bool)])
        if self.ours:
            self.engine.add(vectors, ids)
        elif self.name.startswith("hnswlib"):
            self.engine.add_items(vectors, ids, num_threads=1, replace_deleted=True)
        else:
            self.engine.add(ids, vectors, threads=1)

    def searcher(self, value: int) -> Callable[[Floats], Any]:
        """Of one query, at a setting."""
        if self.ours:
            self.engine.configure(**{self.knob: value})
            return lambda query: self.engine.search(query[None], K).ids[0]
        return ENGINES[self.name].searcher(self.engine, {self.knob: value}, K)

    def fresh(self, threads: int) -> float:
        """Exchange the engine for a new build over what is live; the seconds it took."""
        import faiss

        start = time.perf_counter()
        if self.ours:
            faiss.omp_set_num_threads(threads)
            self.engine.compact()
            faiss.omp_set_num_threads(1)
        else:
            live = np.flatnonzero(self.live)
            rows = np.ascontiguousarray(self.vectors[live])
            self.engine = ENGINES[self.name].build(rows, rows[:1], threads)
            self.vectors, self.live = rows, np.ones(len(rows), bool)
        return time.perf_counter() - start


class Meter:
    """Recall and speed on the queries, against the live vectors as they are now."""

    def __init__(self, churned: Churned) -> None:
        self.churned = churned
        self.queries = churned.queries[:400]
        live = churned.vectors[churned.live]
        self.tenth = -np.partition(-(self.queries @ live.T), K - 1, axis=1)[:, K - 1]

    def measure(self, value: int, passes: int = 3) -> tuple[float, float]:
        """Median queries per second, and recall."""
        search = self.churned.searcher(value)
        speeds, found = [], []
        for query in self.queries[:50]:
            search(query)
        for _ in range(passes):
            start = time.perf_counter()
            found = [search(query) for query in self.queries]
            speeds.append(len(found) / (time.perf_counter() - start))
        return float(np.median(speeds)), self.recall(found)

    def recall(self, found: list[Any]) -> float:
        """Fails where something was found that was removed."""
        hits = 0
        for query, row, least in zip(self.queries, found, self.tenth, strict=True):
            unique = np.unique(np.asarray(row, np.int64))
            unique = unique[unique >= 0]
            assert self.churned.live[unique].all(), "a removed vector was found"
            hits += min(K, int((self.churned.vectors[unique] @ query >= least - 1e-6).sum()))
        return hits / (K * len(self.queries))

    def reaching(self, target: float) -> int:
        """The lowest setting, within a twentieth, that reaches a recall."""
        below, value = 4, 8
        while self.measure(value, 1)[1] < target and value < 8192:
            below, value = value, 2 * value
        while value - below > max(1, value // 20):
            middle = (below + value) // 2
            below, value = (below, middle) if self.measure(middle, 1)[1] >= target else (middle, value)
        return value


class Searching:
    """A thread that searches until it is stopped, and the time each search took."""

    def __init__(self, churned: Churned, value: int) -> None:
        self._search, self._queries = churned.searcher(value), churned.queries
        self._stop = threading.Event()
        self.seconds: list[float] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # a number for every thread
        while not self._stop.is_set():
            for query in self._queries[:100]:
                start = time.perf_counter()
                self._search(query)
                self.seconds.append(time.perf_counter() - start)

    def stop(self) -> dict[str, Any]:
        """End it; what its searches took."""
        self._stop.set()
        self._thread.join()
        milliseconds = 1000 * np.array(self.seconds)
        return {
            "searches": len(milliseconds),
            "p50_ms": round(float(np.percentile(milliseconds, 50)), 3),
            "p99_ms": round(float(np.percentile(milliseconds, 99)), 3),
            "longest_ms": round(float(milliseconds.max()), 1),
        }


def say(**row: Any) -> None:
    print(json.dumps(row), flush=True)


def churn(churned: Churned, others: Floats, value: int) -> float:
    """Replace half and remove a tenth; seconds."""
    count = len(churned.vectors)
    order = np.random.default_rng(2).permutation(count)
    start = time.perf_counter()
    for at in range(0, count // 2, BATCH):
        churned.remove(order[at : at + BATCH])
        churned.add(others[at : at + BATCH], np.arange(count + at, count + at + BATCH))
    last = order[count // 2 : count // 2 + count // 10]
    for at in range(0, len(last), BATCH):
        churned.remove(last[at : at + BATCH])
    return time.perf_counter() - start


def whole(name: str, given: argparse.Namespace, data: Dataset, others: Floats) -> None:
    churned = Churned(name, folder_of(given.cache, data, ENGINES[name]), data)
    meter = Meter(churned)
    value = meter.reaching(given.target)
    speed, recall = meter.measure(value)
    say(engine=name, stage="before", setting=value, queries_per_second=round(speed), recall=round(recall, 4))
    if churned.ours:
        quiet = Searching(churned, value)
        time.sleep(3)
        say(engine=name, stage="searching before", **quiet.stop())
        searching = Searching(churned, value)
        seconds = churn(churned, others, value)
        say(engine=name, stage="searching meanwhile", churn_s=round(seconds, 1), **searching.stop())
        quiet = Searching(churned, value)
        time.sleep(3)
        say(engine=name, stage="searching after", **quiet.stop())
    else:
        say(engine=name, stage="churned", churn_s=round(churn(churned, others, value), 1))
    meter = Meter(churned)
    speed, recall = meter.measure(value)
    after = {"queries_per_second": round(speed), "recall": round(recall, 4)}
    if churned.ours:
        after |= {"slowdown_predicted": round(churned.engine.slowdown(), 3)}
    say(engine=name, stage="after", setting=value, **after)
    settings = range(4, 9) if churned.ours else ()
    curve = [(meter.measure(max(1, value * step // 6), 1), max(1, value * step // 6)) for step in settings]
    if not churned.ours:
        curve = [(meter.measure(max(1, value * step // 4), 1), max(1, value * step // 4)) for step in range(2, 17, 2)]
    seconds = churned.fresh(given.threads)
    fresh_speed, fresh_recall = Meter(churned).measure(value)
    row = {"queries_per_second": round(fresh_speed), "recall": round(fresh_recall, 4), "build_s": round(seconds, 1)}
    row |= {"speed_of_churned_at_this_setting": round(speed / fresh_speed, 3)}
    equal = [found[0] for found, _ in curve if found[1] >= fresh_recall - 0.002]
    at_recall = round(max(equal) / fresh_speed, 3) if equal else None
    stage = "compacted" if churned.ours else "built anew"
    say(engine=name, stage=stage, setting=value, **row, speed_of_churned_at_this_recall=at_recall)


def curve(name: str, given: argparse.Namespace, data: Dataset) -> None:
    """Speed and recall as vectors are removed, nothing added; then compacted."""
    churned = Churned(name, folder_of(given.cache, data, ENGINES[name]), data)
    value = Meter(churned).reaching(given.target)
    order = np.random.default_rng(2).permutation(len(data.vectors))
    gone = 0
    speed, recall = Meter(churned).measure(value)
    say(engine=name, stage="curve", removed=0, setting=value, queries_per_second=round(speed), recall=round(recall, 4))
    for share in SHARES:
        upto = round(share * len(order))
        churned.remove(order[gone:upto])
        gone = upto
        speed, recall = Meter(churned).measure(value)
        row = {"removed": share, "queries_per_second": round(speed), "recall": round(recall, 4)}
        say(engine=name, stage="curve", **row, slowdown_predicted=round(churned.engine.slowdown(), 3))
    seconds = churned.fresh(given.threads)
    fresh, recall = Meter(churned).measure(value)
    row = {"queries_per_second": round(fresh), "recall": round(recall, 4), "build_s": round(seconds, 1)}
    say(engine=name, stage="curve, compacted", **row, slowdown_measured=round(fresh / speed - 1, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--threads", type=int, default=2, help="of a build")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES_BY_SETTING), choices=list(ENGINES_BY_SETTING))
    parser.add_argument("--curve", action="store_true")
    given = parser.parse_args()
    import faiss

    faiss.omp_set_num_threads(1)
    data = generated(given.cache, given.count)
    others, _ = generated_vectors(given.count // 2, per_identity=PER_IDENTITY, start=given.count)
    for name in given.engines:
        if given.curve:
            curve(name, given, data)
        else:
            whole(name, given, data, others)
    say(**machine())


if __name__ == "__main__":
    main()
