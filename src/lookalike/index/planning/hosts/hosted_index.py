"""What one type of index takes on several hosts; `index_terms` calculates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lookalike.index.planning.hosts.terms import Term

__all__ = ["HostedIndex"]


@dataclass(frozen=True)
class HostedIndex:
    """A type of index over several hosts.

    Attributes:
        name: as Milvus names it, and what candidates are compared with again.
        kind: our kind, whose measurements were used.
        stands_for: how similar our kind and the type of Milvus are.
        index_params: for Milvus.
        search: the setting of our kind for every segment; Milvus names `ef_search` `ef`, `search_window` `search_list`.
        segments: of each copy of the vectors.
        hosts: that search; 0 where a segment does not fit into one, and then all that follows from hosts is 0.
        service_hosts: hosts of the same size for proxy, coordinators, streaming nodes, etcd and object storage.
        bound: what the number of hosts follows from: memory, disk, searches or reads.
        memory_per_host_bytes: in use on a host while it loads segments.
        ssd_per_host_bytes: in use on the local SSD of a host.
        object_bytes: in object storage: rows and indexes.
        wal_bytes: of one copy of the write-ahead log, before Milvus deletes what is older than 3 days.
        build_cpu_seconds: processor time of all indexes.
        build_hours: on these hosts before they serve.
        write_hours: writing log and rows, on these hosts.
        recall: recall@k within a segment at `search`, on average; that of the merged answer is no lower.
        latency_ms: one search while no other runs; this and what follows at the lower setting at which the merged
            answer has the recall asked for (`measurements.MERGED_SHARE`).
        cpu_seconds_per_search: over all hosts.
        searches_per_second: what these hosts answer in the share `assumptions.BUSY` of their time.
        host_hours_per_million: hosts, services included, for a million searches at the rate asked for, or without one
            at `searches_per_second`.
        cost_per_million: that times the price of a host for an hour; None without a price.
        uncertainty: a factor on times: from value / factor to value × factor.
        fits: whether a segment fits and the recall is reached.
        reasons: why not; empty where it fits.
        terms: every figure with its formula.
    """

    name: str
    kind: str
    stands_for: str
    index_params: dict[str, Any]
    search: dict[str, int]
    segments: int
    hosts: int
    service_hosts: int
    bound: str
    memory_per_host_bytes: int
    ssd_per_host_bytes: int
    object_bytes: int
    wal_bytes: int
    build_cpu_seconds: float
    build_hours: float
    write_hours: float
    recall: float
    latency_ms: float
    cpu_seconds_per_search: float
    searches_per_second: float
    host_hours_per_million: float
    cost_per_million: float | None
    uncertainty: float
    fits: bool
    reasons: tuple[str, ...]
    terms: tuple[Term, ...]
