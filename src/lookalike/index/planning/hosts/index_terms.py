"""One type of index over several hosts, calculated term by term: formula, numbers put in, and what they rest on.

Bytes come from `milvus_indexes`, the time of one segment from `scaling`, what many segments cost from `measurements`.
"""

from __future__ import annotations

import math
from typing import Any

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.hosts.build_terms import hour_terms, storage_terms
from lookalike.index.planning.hosts.demand import Demand
from lookalike.index.planning.hosts.hosted_index import HostedIndex
from lookalike.index.planning.hosts.milvus_indexes import MilvusIndex
from lookalike.index.planning.hosts.milvus_settings import DISK_SHARE, MEMORY_SHARE
from lookalike.index.planning.hosts.rate_terms import rate_terms
from lookalike.index.planning.hosts.search_terms import OneSearch, hosts_needed, search_terms
from lookalike.index.planning.hosts.segment_terms import SegmentSizes, segment_terms
from lookalike.index.planning.hosts.terms import TermSheet
from lookalike.index.planning.scaling import uncertainty
from lookalike.index.quantities import needed_text

__all__ = ["hosted_index"]


def hosted_index(index: MilvusIndex, demand: Demand) -> HostedIndex:
    """What a type of index takes on identical hosts."""
    sheet = TermSheet()
    segments = segment_terms(sheet, index, demand)
    search = search_terms(sheet, index, demand, segments)
    hosts, bound = hosts_needed(sheet, demand, segments, search)
    reasons = _reasons(index, demand, segments, search, hosts)
    figures = _figures(sheet, index, demand, segments, search, hosts) if hosts else _NO_FIGURES
    setting = KINDS[index.kind].recall_setting
    return HostedIndex(
        name=index.name,
        kind=index.kind,
        stands_for=index.stands_for,
        index_params={**({"nlist": segments.build["nlist"]} if index.cells else {}), **index.settings},
        search={} if setting is None else {setting.name: search.value},
        segments=segments.count,
        hosts=hosts,
        bound=bound,
        recall=search.recall,
        cpu_seconds_per_search=search.cpu_seconds,
        uncertainty=uncertainty(index.kind, segments.rows, demand.dimension, segments.build, demand.speed is not None),
        fits=not reasons,
        reasons=tuple(reasons),
        terms=tuple(sheet.terms),
        **figures,
    )


#: In place of what `_figures` gives, where a segment is too large for a host.
_NO_FIGURES: dict[str, Any] = {
    "service_hosts": 0,
    "memory_per_host_bytes": 0,
    "ssd_per_host_bytes": 0,
    "object_bytes": 0,
    "wal_bytes": 0,
    "build_cpu_seconds": 0.0,
    "build_hours": 0.0,
    "write_hours": 0.0,
    "latency_ms": 0.0,
    "searches_per_second": 0.0,
    "host_hours_per_million": 0.0,
    "cost_per_million": None,
}


def _reasons(index: MilvusIndex, demand: Demand, segments: SegmentSizes, search: OneSearch, hosts: int) -> list[str]:
    """Why the index is not usable as asked; empty where it is."""
    reasons = []
    if demand.dimension < KINDS[index.kind].least_dimension:
        reasons.append(f"needs {KINDS[index.kind].least_dimension} numbers a vector")
    if not segments.per_host:
        memory, disk = (segments.loaded + segments.room) / MEMORY_SHARE, segments.ssd / DISK_SHARE
        needed = f"{needed_text(disk)} of SSD" if segments.bound == "disk" else f"{needed_text(memory)} of memory"
        reasons.append(f"a segment needs {needed}")
    if search.recall < demand.recall:
        reasons.append(f"recall < {demand.recall:g}")
    if hosts > demand.replicas * segments.count:
        reasons.append(f"{hosts} hosts for {segments.count} segments: give more replicas or smaller segments")
    return reasons


def _figures(
    sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes, search: OneSearch, hosts: int
) -> dict[str, Any]:
    """What follows from the number of hosts."""
    held = segments.spread_over(hosts, demand.replicas)
    sheet.put(
        "segments of a host",
        held,
        "ceil(segments / (hosts / replicas))",
        f"ceil({segments.count:,} / ({hosts} / {demand.replicas}))",
        "counted",
    )
    memory = sheet.put(
        "memory in use on a host",
        held * segments.loaded + segments.room,
        "segments of a host × loaded segment + room for loading",
        f"{held} × {segments.loaded:,.0f} + {segments.room:,.0f}",
        "counted",
        unit="bytes",
    )
    ssd = sheet.put(
        "SSD in use on a host",
        held * segments.ssd,
        "segments of a host × segment on the SSD",
        f"{held} × {segments.ssd:,.0f}",
        "counted",
        unit="bytes",
    )
    return {
        "memory_per_host_bytes": math.ceil(memory),
        "ssd_per_host_bytes": math.ceil(ssd),
        **storage_terms(sheet, index, demand),
        **hour_terms(sheet, index, demand, segments, hosts),
        **rate_terms(sheet, demand, segments, search, hosts),
    }
