"""What our layer costs: `index.search(query[None])` against the library's own call on the very same engine object."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ann_data import Dataset, K
from ann_peers import Floats, Search
from ann_race import sweep

__all__ = ["overhead"]


def _exact(engine: Any, settings: Mapping[str, Any]) -> Search:
    def raw(query: Floats) -> Any:
        return engine.search(query[None], K)

    return raw


def _graph(engine: Any, settings: Mapping[str, Any]) -> Search:
    engine.hnsw.efSearch = settings["ef_search"]
    return _exact(engine, settings)


def _lists(engine: Any, settings: Mapping[str, Any]) -> Search:
    import faiss as _untyped

    faiss: Any = _untyped  # its type stubs lack the Python layer
    lists = faiss.extract_index_ivf(engine)
    lists.nprobe = settings["nprobe"]
    quantizer = faiss.downcast_index(lists.quantizer)
    if isinstance(quantizer, faiss.IndexHNSW):
        quantizer.hnsw.efSearch = max(32, 2 * settings["nprobe"])  # as ours does
    return _exact(engine, settings)


def _trees(engine: Any, settings: Mapping[str, Any]) -> Search:
    budget = settings["search_k"] or -1

    def raw(query: Floats) -> Any:
        return engine.trees.get_nns_by_vector(
            query.tolist(), K, budget, include_distances=True
        )  # of an array it is slower

    return raw


def _vamana(engine: Any, settings: Mapping[str, Any]) -> Search:
    native = engine.native
    native.search_window_size = settings["search_window"]

    def raw(query: Floats) -> Any:
        return native.search(query, K)

    return raw


def _scann(engine: Any, settings: Mapping[str, Any]) -> Search:
    native, leaves, reorder = engine.native, settings["leaves_to_search"], settings["reorder"]

    def raw(query: Floats) -> Any:
        return native.search(query, K, reorder, leaves)

    return raw


# ivfpq is not here: its re-ranking is our own work, not a layer over one call.
_RAW: dict[str, Callable[[Any, Mapping[str, Any]], Search]] = {
    "exact": _exact,
    "nsw": _graph,
    "hnsw": _graph,
    "ivf": _lists,
    "trees": _trees,
    "vamana": _vamana,
    "scann": _scann,
}


def overhead(engines: list[tuple[Any, Path]], data: Dataset, passes: int, target: float) -> list[dict[str, Any]]:
    """For every kind that is built: the median seconds of a query by ours over those of the raw call.

    Both search with the fastest settings that reach the target.

    The two take turns query by query, each time on another query: what one has just read lies warm in the cache for the
    other. Over a pass both answer every query. Of a pass counts the median query, and of the passes the median, so that
    what else the machine does weighs little.

    Args:
        engines: our kinds (`ann_ours.Ours`) and the folders they may be built in.
        data: what is searched.
        passes: over all queries.
        target: recall@10.
    """
    rows = []
    for engine, folder in engines:
        if engine.kind not in _RAW or not (folder / "built.json").is_file():
            continue
        index = engine.load(folder, data.vectors.shape[1])
        good = [row for row in sweep(engine, index, data, target) if row["recall"] >= target]
        if good:  # exact has nothing to set
            index.configure(**max(good, key=lambda row: row["queries_per_second"])["settings"])
        ours, raw = _ours(index), _RAW[engine.kind](index.engine, index.spec.search.model_dump())
        queries = data.queries[:100] if engine.kind == "exact" else data.queries
        ratios = [_pass(ours, raw, queries) for _ in range(passes + 1)][1:]
        ratio = statistics.median(first / second for first, second in ratios)
        taken = statistics.median(first for first, _ in ratios)
        layer = statistics.median(first - second for first, second in ratios)
        row = {
            "kind": engine.kind,
            "settings": index.spec.search.model_dump(),
            "overhead": round(ratio - 1, 4),
            "microseconds": round(taken * 1e6, 1),
        }
        rows.append({**row, "of_these_our_layer": round(layer * 1e6, 1)})
        spread = [round(first / second - 1, 4) for first, second in ratios]
        print(json.dumps({"stage": "overhead", "data": data.name, **rows[-1], "passes": spread}), flush=True)
    return rows


def _ours(index: Any) -> Search:
    def search(query: Floats) -> Any:
        return index.search(query[None], K)

    return search


def _pass(ours: Search, raw: Search, queries: Floats) -> tuple[float, float]:
    """Seconds of the median query by ours and by the raw call."""
    half = len(queries) // 2
    seconds: tuple[list[float], list[float]] = ([], [])
    for place, query in enumerate(queries):
        other = queries[(place + half) % len(queries)]
        turns = [(0, ours, query), (1, raw, other)]
        for which, search, asked in turns if place % 2 else reversed(turns):
            start = time.perf_counter()
            search(asked)
            seconds[which].append(time.perf_counter() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])
