"""Are vectors of an index good queries for measuring its recall, if their own vector does not count?

`tune_index` asks so where it is given no queries (`lookalike.index.tuning.asked`). For every kind, recall@10 of 4,000
vectors that are not indexed, and of 4,000 that are, at a few settings; the difference with its 95% interval.

    python benchmarks/own_queries.py --data synonyms --archives DOWNLOADS    # the data of ann_1m.py; a minute or two

Prints JSON lines.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import numpy as np
from ann_data import DATA, GENERATED, K, add_source_options, named

from lookalike.index import build_index
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.recall import exact_truth

COUNT, QUERIES = 60_000, 4_000
KINDS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "scann": ({"leaves": 490}, [{"leaves_to_search": n, "reorder": 60} for n in (6, 10, 16)]),
    "ivf": ({"nlist": 980}, [{"nprobe": n} for n in (10, 20, 40)]),
    "trees": ({"n_trees": 30}, [{"search_k": n} for n in (3000, 8000)]),
    "hnsw": ({"M": 16}, [{"ef_search": n} for n in (20, 40, 80)]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=GENERATED, choices=DATA)
    add_source_options(parser)
    given = parser.parse_args()
    data = named(given.data, given.cache, 100_000, given.archives, given.photographs)
    rng = np.random.default_rng(1)
    # A random part of them, so that the vectors and the queries are of one distribution.
    vectors = data.vectors[rng.permutation(len(data.vectors))[:COUNT]]
    own = rng.permutation(len(vectors))[:QUERIES]
    space = MetricSpace("cosine", vectors.shape[1])
    new = Asked(data.practice, exact_truth(vectors, data.practice, K, space))
    indexed = Asked(vectors[own], exact_truth(vectors, vectors[own], K, space, own=own), own)
    for kind, (build, searches) in KINDS.items():
        index = build_index(vectors, kind, **build)
        for settings in searches:
            outside, inside = new.recall(index, settings), indexed.recall(index, settings)
            spread = math.hypot(outside.high - outside.low, inside.high - inside.low) / 2
            row = {"data": data.name, "kind": kind, **settings, "recall": round(outside.mean, 4)}
            print(json.dumps({**row, "of_own": round(inside.mean - outside.mean, 4), "interval": round(spread, 4)}))


if __name__ == "__main__":
    main()
