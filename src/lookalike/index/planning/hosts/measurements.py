"""What `benchmarks/billion_terms.py` measured for plans over several hosts.

On two cores of an AMD EPYC that other work shared, 128 dimensions. Every search visits every segment and merges what
they find (Milvus: "In-Memory Replica", milvus.io/docs/replica.md; the proxy gathers what the query nodes found,
milvus.io/docs/architecture_overview.md).
"""

from __future__ import annotations

__all__ = [
    "CELL_ROUNDS",
    "CELL_SAMPLE",
    "CELL_WORK_PER_SECOND",
    "MERGED_SHARE",
    "MERGE_MS",
    "MERGE_MS_PER_CANDIDATE",
    "ROUND_TRIPS",
    "ROUND_TRIP_MS",
    "SEGMENT_SUM",
    "WRITE_BYTES_PER_SECOND",
    "merge_ms",
]

#: Time of a search over S segments, divided by S × the time of one at the same setting: 4 segments of 200,000 vectors
#: in cells, none of which fits the processor's caches, one query at a time; seven rounds gave 1.04 to 1.42.
SEGMENT_SUM = 1.12

#: The merged answer needs of each segment only the very nearest, and a lower setting finds these. Time at the setting
#: that reaches recall@10 0.95 of the merged answer, divided by that at the setting that reaches it within each segment;
#: 200,000 vectors in 16 segments, by the code that is compared. Graphs were not measured, so nothing is saved.
MERGED_SHARE = {"flat": 0.48, "fastscan": 0.70, "rabitq": 0.55, "graph": 1.0}

#: A round trip: a vector to another process and ten hits back, HTTP over the loopback of one machine, client and server
#: in Python. That is what the software takes. The network between hosts comes on top, and Milvus' gRPC may take less.
ROUND_TRIP_MS = 0.275

#: Client to proxy, proxy to the shard's delegator, delegator to a query node (milvus.io/docs/operational_faq.md).
ROUND_TRIPS = 3

#: K-means of an inverted file in faiss: rounds, vectors a centroid is learned from at most (`cp` of `IndexIVF`); and
#: multiply-adds of it and of putting vectors into cells, a second on one thread.
CELL_ROUNDS, CELL_SAMPLE, CELL_WORK_PER_SECOND = 10, 256, 8.2e9

#: To the local disk, sequentially, synced.
WRITE_BYTES_PER_SECOND = 520_000_000

#: Of merging: what a call takes, and what each candidate adds.
MERGE_MS = 0.009
MERGE_MS_PER_CANDIDATE = 4.5e-6


def merge_ms(lists: int, k: int) -> float:
    """Milliseconds to pick the k best of so many lists of k, by NumPy; Milvus does it in C++ and Go.

    Example:
        >>> round(merge_ms(512, 10), 4)    # measured: 0.0253
        0.032
    """
    return MERGE_MS + MERGE_MS_PER_CANDIDATE * lists * k
