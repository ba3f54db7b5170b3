"""Searching within a subset: recall and speed of ours beside faiss, hnswlib and usearch with their own filters.

300,000 × 128 generated vectors, cosine, one query at a time, one thread, k = 10. Of all vectors, 50, 10, 1 and 0.1% may
be found: chosen at random, or one region (whole cells around one vector, so that most queries lie elsewhere). Recall is
against exact search within the subset.

    python benchmarks/ann_1m.py --stage build --data generated --count 300000 --cache CACHE --engines \
        "lookalike hnsw" "lookalike ivf" "lookalike ivfpq" "lookalike scann" "lookalike vamana" \
        "faiss HNSW M=16 ef=100" "faiss IVF1024" "hnswlib M=16 ef=100" "usearch M=16 ef=128"
    python benchmarks/filtered_search.py --cache CACHE | tee rows.jsonl
    python benchmarks/filtered_search.py --from-rows rows.jsonl --plot filtered.png

- ours: `index.search(query, among=Subset(ids))`, at the setting that reaches the target without a filter; nobody turns
  it for the subset. Beside it the two ways that it chooses between, forced (`by engine`, `by one by one`).
- faiss: `SearchParameters(sel=IDSelectorBitmap)`, made once. hnswlib: `knn_query(filter=...)`, a Python function of a
  label, here membership in a set. usearch's Python binding takes no filter (2.26): its users fetch more and drop what
  is not in the subset, which is what is measured.

A peer's setting is swept for every subset until it reaches the target recall within it, or its end; then all take
turns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from ann_1m import ENGINES, folder_of
from ann_data import Dataset, K, generated
from peak_memory import machine

from lookalike.index import Subset, VectorIndex, build_index
from lookalike.index.core.filter_costs import FilterCosts

Ids = npt.NDArray[np.int64]
#: One query `(d,)` to the ids found.
Search = Callable[[npt.NDArray[np.float32]], Any]

SHARES = (0.5, 0.1, 0.01, 0.001)
#: Peers by the setting that is swept, and its end.
PEERS = {
    "faiss HNSW M=16 ef=100": ("ef", 10, 8000),
    "faiss IVF1024": ("nprobe", 1, 1024),
    "hnswlib M=16 ef=100": ("ef", 10, 4000),
    "usearch M=16 ef=128": ("fetched", 10, 20_000),
}
OURS = {
    "lookalike exact": {},
    "lookalike hnsw": "ef_search",
    "lookalike ivf": "nprobe",
    "lookalike ivfpq": "nprobe",
    "lookalike scann": "leaves_to_search",
    "lookalike vamana": "search_window",
}


@dataclass
class Case:
    """A subset, what is searched for, and the truth."""

    name: str
    share: float
    ids: Ids
    queries: npt.NDArray[np.float32]
    tenth: npt.NDArray[np.float32]
    vectors: npt.NDArray[np.float32]

    def recall(self, found: list[Any]) -> float:
        """A hit counts when it is in the subset and as near as the tenth nearest of it."""
        allowed = np.zeros(len(self.vectors), bool)
        allowed[self.ids] = True
        hits = 0
        for query, row, least in zip(self.queries, found, self.tenth, strict=True):
            unique = np.unique(np.asarray(row, np.int64)[:K])
            unique = unique[unique >= 0]
            assert allowed[unique].all(), "an id outside the subset was found"
            hits += min(K, int((self.vectors[unique] @ query >= least - 1e-6).sum()))
        return hits / (K * len(self.queries))


def cases(data: Dataset, queries: int, shares: list[float]) -> list[Case]:
    """Every share, at random and as one region."""
    rng = np.random.default_rng(0)
    count = len(data.vectors)
    anchors = data.vectors[rng.choice(count, 1000, replace=False)]
    nearest = np.concatenate([np.argmax(part @ anchors.T, axis=1) for part in np.array_split(data.vectors, 30)])
    from_first = np.empty(len(anchors), np.int64)
    from_first[np.argsort(-(anchors @ anchors[0]))] = np.arange(len(anchors))
    by_region = np.argsort(from_first[nearest], kind="stable")
    made = []
    for share in shares:
        size = round(share * count)
        for name, ids in (("random", rng.choice(count, size, replace=False)), ("region", by_region[:size])):
            ids = np.sort(ids)
            asked = data.queries[:queries]
            tenth = -np.partition(-(asked @ data.vectors[ids].T), K - 1, axis=1)[:, K - 1]
            made.append(Case(name, share, ids, asked, tenth, data.vectors))
    return made


def one_pass(search: Search, case: Case) -> tuple[float, float]:
    """Queries per second and recall."""
    for query in case.queries[:10]:
        search(query)
    start = time.perf_counter()
    found = [search(query) for query in case.queries]
    return len(found) / (time.perf_counter() - start), case.recall(found)


# --- peers ------------------------------------------------------------------------------------------------


def faiss_search(engine: Any, case: Case, name: str, value: int) -> Search:
    faiss: Any = importlib.import_module("faiss")
    mask = np.zeros(engine.ntotal, bool)
    mask[case.ids] = True
    bits = np.packbits(mask, bitorder="little")
    selector = faiss.IDSelectorBitmap(bits)
    parameters = (
        faiss.SearchParametersHNSW(efSearch=value, sel=selector)
        if name == "ef"
        else faiss.SearchParametersIVF(nprobe=value, sel=selector)
    )

    def search(query: npt.NDArray[np.float32], kept: Any = bits) -> Any:
        return engine.search(query[None], K, params=parameters)[1][0]

    return search


def hnswlib_search(engine: Any, case: Case, name: str, value: int) -> Search:
    allowed = set(case.ids.tolist())
    engine.set_ef(value)

    def search(query: npt.NDArray[np.float32]) -> Any:
        try:
            return engine.knn_query(query, K, filter=allowed.__contains__)[0][0]
        except RuntimeError:  # it met fewer than k
            return []

    return search


def usearch_search(engine: Any, case: Case, name: str, value: int) -> Search:
    mask = np.zeros(len(case.vectors), bool)
    mask[case.ids] = True

    def search(query: npt.NDArray[np.float32]) -> Any:
        engine.expansion_search = value
        keys = engine.search(query, value, threads=1).keys
        return keys[mask[keys]][:K]

    return search


def maker(name: str) -> Callable[[Any, Case, str, int], Search]:
    """How a peer of this name is asked."""
    return {"faiss": faiss_search, "hnswlib": hnswlib_search, "usearch": usearch_search}[name.split()[0]]


def swept(make: Callable[[int], Search], case: Case, low: int, high: int, target: float) -> tuple[int, float]:
    """The lowest setting that reaches the target, within 10%, else the one of most recall; and its recall."""
    points: dict[int, float] = {}
    quick = Case(case.name, case.share, case.ids, case.queries[:100], case.tenth[:100], case.vectors)

    def recall(value: int) -> float:
        if value not in points:
            points[value] = one_pass(make(value), quick)[1]
        return points[value]

    below, value = low, low
    begin = time.perf_counter()
    while recall(value) < target:
        if value == high or time.perf_counter() - begin > 20:
            best = max(points, key=lambda tried: points[tried])
            return best, points[best]
        below, value = value, min(high, 2 * value)
    while value - below > max(1, value // 10):
        middle = (below + value) // 2
        below, value = (below, middle) if recall(middle) >= target else (middle, value)
    return value, recall(value)


# --- ours -------------------------------------------------------------------------------------------------


def our_setting(index: VectorIndex, name: str | dict[str, Any], data: Dataset, target: float) -> dict[str, int]:
    """The setting that reaches the target over all vectors."""
    if isinstance(name, dict):
        return name
    case = Case("all", 1.0, np.arange(len(data.vectors)), data.queries[:300], data.tenth[:300], data.vectors)

    def make(value: int) -> Search:
        settings: dict[str, Any] = {name: value}
        return lambda query: index.search(query[None], K, **settings).ids[0]

    return {name: swept(make, case, 10, 4096, target)[0]}


def our_search(index: VectorIndex, case: Case) -> Search:
    subset = Subset(case.ids)
    return lambda query: index.search(query[None], K, among=subset).ids[0]


def forced(search: Search, engine: bool) -> Search:
    """The same search, made to believe that the engine takes no time, or for ever."""

    def ask(query: npt.NDArray[np.float32]) -> Any:
        before = FilterCosts.engine_seconds
        FilterCosts.engine_seconds = lambda self, work: 0.0 if engine else 1e9  # type: ignore[method-assign]
        try:
            return search(query)
        finally:
            FilterCosts.engine_seconds = before  # type: ignore[method-assign]

    return ask


def measured(searches: dict[str, Search], case: Case, passes: int) -> dict[str, tuple[float, float]]:
    """Median queries per second of passes in turn, and recall."""
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in searches}
    for _ in range(passes):
        for name, search in searches.items():
            rows[name].append(one_pass(search, case))
    return {name: (statistics.median(q for q, _ in found), found[0][1]) for name, found in rows.items()}


def plotted(rows: list[dict[str, Any]], path: Path) -> None:
    """Queries per second by share, random and region side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, constrained_layout=True)
    names = list(dict.fromkeys(row["engine"] for row in rows))
    for axis, subset in zip(axes, ("random", "region"), strict=True):
        for at, name in enumerate(names):
            own = [row for row in rows if row["engine"] == name and row["subset"] == subset]
            ours = name.startswith("lookalike")
            shares, speeds = [100 * row["share"] for row in own], [row["queries_per_second"] for row in own]
            axis.plot(shares, speeds, "-" if ours else ":", color=f"C{at % 10}", label=name)
            for row in own:  # hollow where the recall was missed
                face = f"C{at % 10}" if row["recall"] >= 0.94 else "none"
                axis.plot(100 * row["share"], row["queries_per_second"], "o", color=f"C{at % 10}", markerfacecolor=face)
        axis.set(xscale="log", yscale="log", xlabel="% of the vectors that may be found", title=subset)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("queries per second, one thread")
    axes[1].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("ann_1m.cache"))
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=[*OURS, *PEERS])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--from-rows", type=Path, help="only draw what an earlier run printed")
    given = parser.parse_args()
    if given.from_rows:
        lines = [json.loads(line) for line in given.from_rows.read_text().splitlines() if line.startswith("{")]
        plotted([row for row in lines if row.get("stage") == "race"], given.plot)
        return
    data = generated(given.cache, given.count)
    ours: dict[str, VectorIndex] = {}
    peers: dict[str, Any] = {}
    for name in given.engines:
        folder = folder_of(given.cache, data, ENGINES[name])
        if name == "lookalike exact":
            ours[name] = build_index(data.vectors, "exact", "cosine")
        elif not folder.is_dir():
            print(json.dumps({"engine": name, "skipped": "not built"}), flush=True)
        elif name in OURS:
            ours[name] = ENGINES[name].load(folder, data.vectors.shape[1])
        else:
            peers[name] = ENGINES[name].load(folder, data.vectors.shape[1])
    for name, index in ours.items():
        index.configure(**our_setting(index, OURS[name], data, given.target))  # type: ignore[arg-type]
        print(json.dumps({"stage": "setting", "engine": name, **index.spec.search.model_dump()}), flush=True)
    rows = []
    for case in cases(data, given.queries, given.shares):
        rows += raced(case, ours, peers, given.target, given.passes)
    print(json.dumps({"machine": machine()}))
    if given.plot:
        plotted(rows, given.plot)


def raced(
    case: Case, ours: dict[str, VectorIndex], peers: dict[str, Any], target: float, passes: int
) -> list[dict[str, Any]]:
    """All engines on one subset, in turns."""
    searches: dict[str, Search] = {}
    settings: dict[str, int] = {}
    for name, engine in peers.items():
        knob, low, high = PEERS[name]

        def make(value: int, name: str = name, engine: Any = engine, knob: str = knob) -> Search:
            return maker(name)(engine, case, knob, value)

        settings[name] = swept(make, case, low, high, target)[0]
        searches[name] = make(settings[name])
    for name, index in ours.items():
        searches[name] = our_search(index, case)
    # At low shares the engine alone takes for ever, at high ones the comparison.
    for name, index in ours.items():
        if name != "lookalike exact" and case.share >= 0.01:
            searches[f"{name}: engine"] = forced(our_search(index, case), engine=True)
            searches[f"{name}: one by one"] = forced(our_search(index, case), engine=False)
    found = measured(searches, case, passes)
    fastest = max((q for name, (q, r) in found.items() if name in peers and r >= target - 0.01), default=None)
    rows = []
    for name in [*peers, *ours]:
        speed, recall = found[name]
        row: dict[str, Any] = {"stage": "race", "subset": case.name, "share": case.share, "engine": name}
        row |= {"queries_per_second": round(speed, 1), "recall": round(recall, 4), "setting": settings.get(name)}
        if name in ours:
            row["ratio_to_best_peer"] = None if fastest is None else round(speed / fastest, 2)
            ways = {way: found[f"{name}: {way}"] for way in ("engine", "one by one") if f"{name}: {way}" in found}
            if ways:
                row |= {f"by {way}": [round(speed, 1), round(recall, 4)] for way, (speed, recall) in ways.items()}
                row["ratio_to_better_way"] = round(found[name][0] / max(q for q, _ in ways.values()), 2)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


if __name__ == "__main__":
    main()
