"""Settings under which every kind looks at all of a few hundred vectors, so that it must find the very nearest."""

__all__ = ["EVERYTHING"]

#: By kind; `exact` needs none.
EVERYTHING = {
    "trees": {"n_trees": 20, "search_k": 100_000},
    "nsw": {"ef_search": 1000},
    "hnsw": {"ef_search": 1000},
    "ivf": {"nprobe": 1000},
    "ivfpq": {"nprobe": 1000, "rerank": 1000, "store": "float32"},
    "vamana": {"search_window": 1000},
    "scann": {"leaves_to_search": 1000, "reorder": 1000},
}
