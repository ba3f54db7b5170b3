"""What hosts with an index on them achieve: searches a second, the time of one, and the cost of a million."""

from __future__ import annotations

import math
from typing import Any

from lookalike.index.planning.assumptions import BUSY
from lookalike.index.planning.hosts.demand import Demand
from lookalike.index.planning.hosts.measurements import ROUND_TRIPS
from lookalike.index.planning.hosts.milvus_settings import SIZING_TOOL
from lookalike.index.planning.hosts.search_terms import OneSearch
from lookalike.index.planning.hosts.segment_terms import SegmentSizes
from lookalike.index.planning.hosts.terms import TermSheet, number

__all__ = ["rate_terms"]

#: Cores of the services in Milvus' sizing tool; and 2 cores of streaming nodes for every 16 of query nodes.
_SERVICE_CORES = {"proxy": 8, "coordinators": 8, "etcd": 3, "object storage": 4}
_STREAMING, _OF_QUERY_NODES = 2, 16


def rate_terms(
    sheet: TermSheet, demand: Demand, segments: SegmentSizes, search: OneSearch, hosts: int
) -> dict[str, Any]:
    """The figures of `HostedIndex` that follow from the number of hosts and the time of a search."""
    rate = _rate(sheet, demand, search, hosts)
    latency = _latency(sheet, demand, segments, search, hosts)
    services = _services(sheet, demand, hosts)
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


def _services(sheet: TermSheet, demand: Demand, hosts: int) -> int:
    """Hosts of the same size for what is not a query node."""
    fixed, cores = sum(_SERVICE_CORES.values()), demand.host_cores
    services = math.ceil((fixed + hosts * cores * _STREAMING / _OF_QUERY_NODES) / cores)
    named = " + ".join(f"{name} {count}" for name, count in _SERVICE_CORES.items())
    sheet.put(
        "hosts of services",
        services,
        f"ceil(({named} + cores of hosts × {_STREAMING} / {_OF_QUERY_NODES}) / cores)",
        f"ceil(({fixed} + {hosts} × {cores} × {_STREAMING} / {_OF_QUERY_NODES}) / {cores})",
        "documented",
        source=SIZING_TOOL,
    )
    return services


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
    """Milliseconds of a search while no other runs."""
    held = segments.spread_over(hosts, demand.replicas)
    rounds = math.ceil(held / demand.host_cores)
    # A host reads for its own segments only.
    reading = 1000 * search.reads * held / segments.count / demand.host_reads
    return sheet.put(
        "one search",
        rounds * search.segment_ms + reading + search.gathering_ms,
        f"ceil(segments of a host / cores) × search among others + reads + merging and {ROUND_TRIPS} round trips",
        f"ceil({held} / {demand.host_cores}) × {number(search.segment_ms)} + {number(reading)}"
        f" + {number(search.gathering_ms)}",
        "measured",
        unit="ms",
        source="while no other search runs; Milvus searches as many segments at a time as there are cores",
    )
