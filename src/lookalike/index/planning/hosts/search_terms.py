"""A search over all segments of an index over several hosts: its processor time, and how many hosts it asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.assumptions import BUSY
from lookalike.index.planning.hosts.demand import Demand
from lookalike.index.planning.hosts.measurements import (
    MERGE_MS,
    MERGE_MS_PER_CANDIDATE,
    MERGED_SHARE,
    ROUND_TRIP_MS,
    ROUND_TRIPS,
    SEGMENT_SUM,
    merge_ms,
)
from lookalike.index.planning.hosts.milvus_indexes import MilvusIndex
from lookalike.index.planning.hosts.segment_terms import SegmentSizes
from lookalike.index.planning.hosts.terms import TermSheet, number
from lookalike.index.planning.machine_speed import REFERENCE
from lookalike.index.planning.scaling import expected_recall, search_ms, setting_for_neighbours

__all__ = ["OneSearch", "hosts_needed", "search_terms"]

#: An SSD is read by pages of this size.
_PAGE = 4096


@dataclass(frozen=True)
class OneSearch:
    """One search over all segments.

    Attributes:
        value: of the search setting that reaches the recall (`Kind.recall_setting`).
        recall: within a segment, on average.
        segment_ms: processor time to search one segment among others, in milliseconds.
        gathering_ms: merging and round trips, which every search waits for, in milliseconds.
        cpu_seconds: processor time of the whole search, over all hosts.
        reads: pages read from SSDs, over all hosts.
    """

    value: int
    recall: float
    segment_ms: float
    gathering_ms: float
    cpu_seconds: float
    reads: float


def search_terms(sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes) -> OneSearch:
    """What a search takes, at the recall asked for."""
    value, recall, segment_ms = _one_segment(sheet, index, demand, segments)
    merging = sheet.put(
        "merging",
        2 * merge_ms(segments.count, demand.k),
        f"2 × ({MERGE_MS:g} + {MERGE_MS_PER_CANDIDATE:.7f} × segments × k)",
        f"2 × ({MERGE_MS:g} + {MERGE_MS_PER_CANDIDATE:.7f} × {segments.count:,} × {demand.k:,})",
        "measured",
        unit="ms",
        source="benchmarks/billion_terms.py: merge; on the query nodes, and at the proxy",
    )
    messages = segments.hosts // demand.replicas + ROUND_TRIPS - 1
    cpu = sheet.put(
        "processor time of a search",
        (segments.count * segment_ms + merging + messages * ROUND_TRIP_MS) / 1000,
        "(segments × search among others + merging + messages × round trip) / 1000",
        f"({segments.count:,} × {number(segment_ms)} + {number(merging)} + {messages:,} × {ROUND_TRIP_MS}) / 1000",
        "measured",
        unit="s",
        source="benchmarks/billion_terms.py: round_trip; a message for each host of a copy, proxy and delegator",
    )
    reads = 0.0
    if index.node_bytes is not None:
        pages = math.ceil(index.node_bytes(demand.dimension) / _PAGE)
        reads = sheet.put(
            "reads of a search",
            segments.count * value * pages,
            "segments × candidates × pages of a node",
            f"{segments.count:,} × {value:,} × {pages}",
            "assumed",
            source="each candidate is read once, none from a cache",
        )
    return OneSearch(value, recall, segment_ms, merging + ROUND_TRIPS * ROUND_TRIP_MS, cpu, reads)


def _one_segment(
    sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes
) -> tuple[int, float, float]:
    """Setting, recall and milliseconds of a segment."""
    rows, build = segments.rows, segments.build
    kind = KINDS[index.kind]
    value = setting_for_neighbours(index.kind, rows, demand.recall, demand.k, build)
    recall = expected_recall(index.kind, rows, value, build)
    sizes = ", ".join(f"{point.vectors:,}" for point in kind.costs.measured(kind.build(**build)))
    measured = f"our kind {index.kind} of {sizes} × 128, scaled to the segment; {index.stands_for}"
    setting = "" if kind.recall_setting is None else f"{kind.recall_setting.name} = {value}"
    sheet.put(f"recall@{demand.k} within a segment", recall, f"at {setting}", "", "measured", source=measured)
    alone = sheet.put(
        "search of one segment",
        search_ms(index.kind, rows, demand.dimension, value, build, demand.speed or REFERENCE),
        f"at {setting}",
        "",
        "measured",
        unit="ms",
        source=measured,
    )
    share = MERGED_SHARE[index.measured_as]
    among = sheet.put(
        "search of a segment among others",
        alone * SEGMENT_SUM * share,
        "search of one segment × factor of many segments × share at the merged answer's setting",
        f"{number(alone)} × {SEGMENT_SUM} × {share}",
        *(("measured", "assumed") if index.assumed else ("measured",)),
        unit="ms",
        source="benchmarks/billion_terms.py: additive, segments"
        + (f"; assumed for {index.name}" if index.assumed else ""),
    )
    return value, recall, among


def hosts_needed(sheet: TermSheet, demand: Demand, segments: SegmentSizes, search: OneSearch) -> tuple[int, str]:
    """How many hosts, and what they follow from: memory, disk, searches or reads; 0 where a host holds no segment."""
    if not segments.per_host:
        return 0, segments.bound
    needed = {segments.bound: segments.hosts}
    if demand.rate is not None:
        needed["searches"] = _hosts_for(sheet, demand, "processors", search.cpu_seconds, demand.host_cores)
        if search.reads:
            needed["reads"] = _hosts_for(sheet, demand, "reads", search.reads, demand.host_reads)
        sheet.put("hosts", max(needed.values()), "the most of these", f"max{tuple(needed.values())}", "counted")
    bound = max(needed, key=lambda name: needed[name])
    return needed[bound], bound


def _hosts_for(sheet: TermSheet, demand: Demand, what: str, of_a_search: float, of_a_host: int) -> int:
    """Hosts that answer the rate asked for, where a search takes `of_a_search` of what a host has `of_a_host` of."""
    rate = demand.rate or 0.0
    hosts = demand.replicas * math.ceil(rate * of_a_search / (BUSY * of_a_host) / demand.replicas)
    sheet.put(
        f"hosts for the searches, by {what}",
        hosts,
        f"replicas × ceil(searches a second × {what} of a search / ({BUSY} × {what} of a host) / replicas)",
        f"{demand.replicas} × ceil({number(rate)} × {number(of_a_search)}"
        f" / ({BUSY} × {of_a_host:,}) / {demand.replicas})",
        "asked",
        "assumed",
        source=f"a host is busy {BUSY} of its time",
    )
    return hosts
