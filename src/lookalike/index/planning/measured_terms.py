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
    "HOP_MS",
    "MERGE_MS",
    "MERGE_MS_PER_CANDIDATE",
    "ROUND_TRIPS",
    "SEGMENT_FACTOR",
    "WRITE_BYTES_PER_SECOND",
    "merge_ms",
]

#: Time of a search over S segments, at a recall of the merged answer, by S x the time of one segment that is searched
#: again and again with the setting that reaches this recall within it. 200,000 vectors in 16 segments, recall@10 0.95.
#: Two things meet: what the merged answer needs of a segment is its very nearest, which are found with a lower
#: setting; and a segment that was not searched just before is no longer in the processor's caches.
SEGMENT_FACTOR = {"ivf": 1.0, "hnsw": 1.0, "ivfpq": 1.0, "vamana": 1.0}

#: A vector to another process and ten hits back, HTTP over the loopback of one machine, both ends in Python: what the
#: software takes. The network between hosts comes on top, and Milvus' gRPC may take less.
HOP_MS = 0.244

#: Client to proxy, proxy to the shard's delegator, delegator to a query node (milvus.io/docs/operational_faq.md).
ROUND_TRIPS = 3

#: K-means of an inverted file in faiss: rounds, vectors a centroid is learned from at most (`cp` of `IndexIVF`); and
#: multiply-adds of it and of putting vectors into cells, a second on one thread.
CELL_ROUNDS, CELL_SAMPLE, CELL_WORK_PER_SECOND = 10, 256, 10e9

#: To the local disk, in order, synced.
WRITE_BYTES_PER_SECOND = 1_000_000_000

#: Of merging: what a call takes, and what each candidate adds.
MERGE_MS = 0.006
MERGE_MS_PER_CANDIDATE = 3.5e-6


def merge_ms(lists: int, k: int) -> float:
    """Milliseconds to pick the k best of so many lists of k, by NumPy; Milvus does it in C++ and Go.

    Example:
        >>> round(merge_ms(512, 10), 4)    # measured: 0.0173
        0.0239
    """
    return MERGE_MS + MERGE_MS_PER_CANDIDATE * lists * k
