"""What hosts with an index on them achieve: searches a second, the time of one, and the cost of a million."""

from __future__ import annotations

import math
from typing import Any

from lookalike.index.planning.assumptions import BUSY
from lookalike.index.planning.hosts.hosted_index import Demand
from lookalike.index.planning.hosts.search_terms import OneSearch
from lookalike.index.planning.hosts.segment_terms import SegmentSizes
from lookalike.index.planning.hosts.terms import TermSheet, number

__all__ = ["rate_terms"]

#: Cores in the sizing tool for what is no query node: proxy 8, coordinators 8, etcd 3, object storage 4; and 2 of
#: streaming nodes for every 16 of query nodes.
_SERVICE_CORES = 8 + 8 + 3 + 4


def rate_terms(
    sheet: TermSheet, demand: Demand, segments: SegmentSizes, search: OneSearch, hosts: int
) -> dict[str, Any]:
    """The figures of `HostedIndex` that follow from the number of hosts and the time of a search."""
    rate = _rate(sheet, demand, search, hosts)
    latency = _latency(sheet, demand, segments, search, hosts)
    services = math.ceil((_SERVICE_CORES + hosts * demand.host_cores * 2 / 16) / demand.host_cores)
    sheet.put(
        "hosts of services",
        services,
        "ceil((proxy 8 + coordinators 8 + etcd 3 + object storage 4 + cores of hosts × 2 / 16) / cores)",
        f"ceil(({_SERVICE_CORES} + {hosts} × {demand.host_cores} × 2 / 16) / {demand.host_cores})",
        "documented",
        source="Milvus sizing tool",
    )
    asked = rate if demand.rate is None else demand.rate
    hours = sheet.put(
        "host-hours for a million searches",
        1e6 * (hosts + services) / (asked * 3600),
        "1,000,000 × (hosts + hosts of services) / (searches a second × 3600)",
        f"1,000,000 × ({hosts} + {services}) / ({number(asked)} × 3600)",
        "counted" if demand.rate is None else "asked",
        unit="h",
        source="at the rate that the hosts can answer" if demand.rate is None else "at the rate asked for",
    )
    cost = None
    if demand.host_price is not None:
        cost = sheet.put(
            "cost of a million searches",
            hours * demand.host_price,
            "host-hours × price of a host for an hour",
            f"{number(hours)} × {number(demand.host_price)}",
            "asked",
        )
    return {
        "service_hosts": services,
        "latency_ms": latency,
        "searches_per_second": rate,
        "host_hours_per_million": hours,
        "cost_per_million": cost,
    }


def _rate(sheet: TermSheet, demand: Demand, search: OneSearch, hosts: int) -> float:
    """Searches a second that the hosts answer."""
    rates = [
        sheet.put(
            "searches a second, by processors",
            BUSY * hosts * demand.host_cores / search.cpu_seconds,
            f"{BUSY} × hosts × cores / processor time of a search",
            f"{BUSY} × {hosts} × {demand.host_cores} / {number(search.cpu_seconds)}",
            "measured",
            "assumed",
            source="every core as fast as one alone",
        )
    ]
    if search.reads:
        rates.append(
            sheet.put(
                "searches a second, by reads",
                BUSY * hosts * demand.host_reads / search.reads,
                f"{BUSY} × hosts × reads a second / reads of a search",
                f"{BUSY} × {hosts} × {demand.host_reads:,} / {number(search.reads)}",
                "asked",
                "assumed",
                source="host_reads",
            )
        )
    return min(rates)


def _latency(sheet: TermSheet, demand: Demand, segments: SegmentSizes, search: OneSearch, hosts: int) -> float:
    """Milliseconds of a search while nothing else is asked."""
    held = math.ceil(segments.count / (hosts // demand.replicas))
    rounds = math.ceil(held / demand.host_cores)
    # Of the reads, a host does those of its own segments.
    reading = 1000 * search.reads * held / segments.count / demand.host_reads
    return sheet.put(
        "one search",
        rounds * search.segment_ms + reading + search.gathering_ms,
        "ceil(segments of a host / cores) × search among others + reads + merging and 3 round trips",
        f"ceil({held} / {demand.host_cores}) × {number(search.segment_ms)} + {number(reading)}"
        f" + {number(search.gathering_ms)}",
        "measured",
        unit="ms",
        source="nothing else asked meanwhile; Milvus searches as many segments at a time as there are cores",
    )
