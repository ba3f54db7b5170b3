"""Lookalike's kinds as runners of `ann_1m.py`: built by `build_index`, searched by `index.search`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ann_data import K
from ann_peers import Floats, Line, Peer, Search

from lookalike.index import build_index, load_index, tune_index
from lookalike.index.tuning.options import Objective

__all__ = ["OURS"]


class _Ours(Peer):
    """A kind with build settings."""

    library = "lookalike"

    def __init__(self, kind: str, lines: list[Line], **build: Any) -> None:
        settings = "".join(f" {name}={value}" for name, value in build.items())
        self.name, self.kind, self._lines, self._build = f"lookalike {kind}{settings}", kind, lines, build

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        import faiss

        faiss.omp_set_num_threads(threads)
        return build_index(vectors, self.kind, "cosine", **self._build)

    def save(self, engine: Any, folder: Path) -> None:
        engine.save(folder / "index")

    def load(self, folder: Path, dimension: int) -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        return load_index(folder / "index")

    def lines(self, engine: Any, count: int) -> list[Line]:
        return self._lines

    def searcher(self, engine: Any, settings: Mapping[str, Any], k: int) -> Search:
        if settings:
            engine.configure(**settings)

        def search(query: Floats) -> Any:
            return engine.search(query[None], k).ids[0]

        return search

    def search_batch(
        self, engine: Any, queries: Floats, settings: Mapping[str, Any], k: int, threads: int
    ) -> npt.NDArray[np.int64]:
        import faiss

        faiss.omp_set_num_threads(threads)
        if settings:
            engine.configure(**settings)
        return np.asarray(engine.search(queries, k).ids)


class _Auto(_Ours):
    """What `tune_index` makes of the vectors, when it may practise on queries of the same sort."""

    library = "lookalike auto"

    def __init__(self, recall: float, objective: Objective = "latency") -> None:
        super().__init__("auto", [])
        chosen = "" if objective == "latency" else f" {objective}"
        self.name, self._recall, self._objective = f"lookalike auto recall={recall:g}{chosen}", recall, objective

    def build(self, vectors: Floats, practice: Floats, threads: int) -> Any:
        import faiss

        faiss.omp_set_num_threads(threads)
        tuning = tune_index(
            vectors, recall=self._recall, k=K, queries=practice, objective=self._objective, progress=print
        )
        for trial in tuning.trials:
            print(json.dumps(trial.row()), flush=True)
        return tuning.index

    def lines(self, engine: Any, count: int) -> list[Line]:
        return [Line(fixed=engine.spec.search.model_dump()), *_LINES[engine.kind]]


def _reranked(knob: str, high: int, name: str, values: tuple[int, ...]) -> list[Line]:
    return [Line(knob, 1, high, {name: value}) for value in values]


# kind -> what to sweep
_LINES = {
    "exact": [],  # nothing to sweep: only its overhead is measured
    "trees": [Line("search_k", 1000, 500_000)],
    "nsw": [Line("ef_search", 10, 2000)],
    "hnsw": [Line("ef_search", 10, 2000)],
    "ivf": [Line("nprobe", 1, 1024)],
    "ivfpq": _reranked("nprobe", 1024, "rerank", (30, 60, 100, 200)),
    "vamana": [Line("search_window", 10, 2000)],
    "scann": _reranked("leaves_to_search", 1000, "reorder", (30, 60, 100, 200)),
}

OURS: list[Peer] = [*(_Ours(kind, lines) for kind, lines in _LINES.items()), _Auto(0.95), _Auto(0.95, "throughput")]
