"""What is asked of several hosts, and what one type of index takes on them; `index_terms` works it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lookalike.index.planning.hosts.terms import Term
from lookalike.index.planning.machine_speed import MachineSpeed

__all__ = ["Demand", "HostedIndex"]


@dataclass(frozen=True)
class Demand:
    """What is asked of the hosts, checked.

    Attributes:
        vectors: how many.
        dimension: numbers per vector.
        recall: recall@k to be reached.
        k: neighbours.
        host_memory: bytes.
        host_cores: how many.
        host_disk: bytes of the SSD; None for any.
        host_reads: random reads a second of the SSD.
        replicas: copies of every segment.
        rate: searches a second; None: what the hosts can.
        host_price: of an hour; None where none is known.
        segment: bytes of vectors in a segment; None: as Milvus comes.
        speed: of this machine, or None.
    """

    vectors: int
    dimension: int
    recall: float
    k: int
    host_memory: int
    host_cores: int
    host_disk: int | None
    host_reads: int
    replicas: int
    rate: float | None
    host_price: float | None
    segment: int | None
    speed: MachineSpeed | None


@dataclass(frozen=True)
class HostedIndex:
    """A type of index over several hosts.

    Attributes:
        name: as Milvus names it.
        kind: of ours, whose measurements were used.
        stands_for: how alike the two are.
        index_params: for Milvus.
        search: the setting of our kind for every segment; Milvus names `ef_search` `ef`, `search_window` `search_list`.
        segments: of each copy of the vectors.
        hosts: that search; 0 where a segment does not fit into one, and then all that follows from hosts is 0.
        service_hosts: as many again in cores for proxy, coordinators, streaming nodes, etcd and object storage.
        bound: what the number of hosts follows from: memory, disk, searches or reads.
        memory_per_host_bytes: in use, while it loads.
        ssd_per_host_bytes: of local SSD.
        object_bytes: in object storage: rows and indexes.
        wal_bytes: of the write-ahead log, once, until it is cut.
        build_cpu_seconds: processor time of all indexes.
        build_hours: on these hosts before they serve.
        write_hours: writing log and rows, on these hosts.
        recall: recall@k within a segment at `search`, on average; that of the merged answer is no lower.
        latency_ms: one search while nothing else is asked; this and what follows at the lower setting by which the
            merged answer has the recall asked for (`measurements.MERGED_SHARE`).
        cpu_seconds_per_search: over all hosts.
        searches_per_second: what these hosts answer, `BUSY` of their time.
        host_hours_per_million: hosts, services included, for a million searches at the rate asked for, or without one
            at `searches_per_second`.
        cost_per_million: that times the price of a host for an hour; None without a price.
        uncertainty: a factor on times: from value / factor to value x factor.
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
