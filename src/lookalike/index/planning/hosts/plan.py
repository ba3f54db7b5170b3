"""Every type of index in Milvus over several hosts: hosts, hours, cost of searches; and the one to take.

Nothing of it was run on several hosts: bytes are Milvus' own formulas, times are our measurements of one segment;
`index_terms` calculates hosts from them. docs/indexes.md has the limits.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from lookalike.errors import InputError
from lookalike.index.planning.hosts.demand import Demand, checked_demand
from lookalike.index.planning.hosts.hosted_index import HostedIndex
from lookalike.index.planning.hosts.index_terms import hosted_index
from lookalike.index.planning.hosts.milvus_indexes import MILVUS_INDEXES
from lookalike.index.planning.hosts.milvus_settings import MILVUS_METRICS
from lookalike.index.planning.hosts.options import HostOptions
from lookalike.index.planning.machine_speed import MachineSpeed
from lookalike.index.quantities import count_text, short_text, size_text

__all__ = ["HostsPlan", "plan_hosts"]


_short = partial(short_text, thousands=",")


@dataclass(frozen=True)
class HostsPlan:
    """Every type of index over the same hosts, and the one to take.

    Attributes:
        demand: what was asked.
        metric: what vectors are compared by.
        options: those that fit first, the cheapest searches first.
        recommended: None where none fits.
        advice: one sentence.
    """

    demand: Demand
    metric: str
    options: tuple[HostedIndex, ...]
    recommended: HostedIndex | None
    advice: str

    @property
    def title(self) -> str:
        """What the table is of."""
        asked = self.demand
        disk = "" if asked.host_disk is None else f", {size_text(asked.host_disk)} of SSD"
        rate = "" if asked.rate is None else f", {asked.rate:,g} searches a second"
        copies = "" if asked.replicas == 1 else f", {asked.replicas} replicas"
        return (
            f"{count_text(asked.vectors)} × {asked.dimension}, {self.metric}, Milvus over hosts of "
            f"{size_text(asked.host_memory)}, {asked.host_cores} cores{disk}{copies}{rate} (calculated, not run)"
        )

    @property
    def legend(self) -> str:
        """What the heads of the table mean."""
        cost = "" if self.demand.host_price is None else ", cost"
        rate = "at that rate" if self.demand.rate is None else "at the rate asked for"
        return (
            "hosts that search + hosts of services; memory and SSD in use on each; ms: one search alone; CPU s: of one "
            f"search, all hosts; per s: searches that the hosts answer; host-h{cost}: a million searches {rate}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON: bytes as integers, times in the unit that the name ends in, every term with its formula."""
        chosen = self.recommended and self.recommended.name
        return {
            "demand": asdict(self.demand),
            "metric": self.metric,
            "options": [asdict(option) for option in self.options],
            "recommended": chosen,
            "advice": self.advice,
        }

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of a table for people, explained by `legend`; the recommended type is marked with `*`."""
        heads = ["", "index", "hosts", "memory", "SSD", "build h", "recall ≥", "ms", "CPU s", "per s", "host-h"]
        heads += ([] if self.demand.host_price is None else ["cost"]) + ["verdict"]
        return heads, [self._row(option) for option in self.options]

    def _row(self, option: HostedIndex) -> list[str]:
        start = ["*" if option is self.recommended else "", option.name]
        recall = f"{math.floor(option.recall * 1000) / 1000:.3f}"
        if not option.hosts:
            cells = ["–", "–", "–", "–", recall, "–", "–", "–", "–"]
        else:
            cells = [
                f"{option.hosts}+{option.service_hosts}",
                size_text(option.memory_per_host_bytes),
                size_text(option.ssd_per_host_bytes) if option.ssd_per_host_bytes else "–",
                _short(option.build_hours),
                recall,
                _short(option.latency_ms),
                _short(option.cpu_seconds_per_search),
                _short(option.searches_per_second),
                _short(option.host_hours_per_million),
            ]
        cost = option.cost_per_million
        priced = [] if self.demand.host_price is None else ["–" if cost is None else _short(cost)]
        return [*start, *cells, *priced, f"by {option.bound}" if option.fits else "; ".join(option.reasons)]


def plan_hosts(
    vectors: int | str,
    dimension: int,
    *,
    metric: str = "cosine",
    recall: float = 0.95,
    k: int = 10,
    measured: MachineSpeed | None = None,
    **options: Any,
) -> HostsPlan:
    """What so many vectors take in Milvus over several identical hosts: hosts, hours, and cost of searches.

    Args:
        vectors: how many; a number or text such as `"1B"`.
        dimension: numbers per vector.
        metric: euclidean, cosine or inner_product.
        recall: recall@k to be reached, within each segment and of the merged answer.
        k: neighbours per query.
        measured: of `measure_machine()`, to scale times to this machine.
        **options: as `HostOptions` explains them.

    Raises:
        InputError: a number out of range, a metric that Milvus lacks, or hosts too small for a segment.
        TypeError: there is no such option.

    Example:
        >>> plan = plan_hosts("1B", 128, host_memory="64GiB", host_cores=16, searches_per_second=100)
        >>> len(plan.options), plan.options[0].hosts > 0
        (7, True)
    """
    demand = checked_demand(vectors, dimension, recall, k, measured, HostOptions(**options))
    if metric not in MILVUS_METRICS:
        raise InputError(f"Milvus cannot search by {metric!r}; choose one of {', '.join(MILVUS_METRICS)}")
    found = [hosted_index(index, demand) for index in MILVUS_INDEXES]
    if not any(option.hosts for option in found):
        raise InputError(_too_small(found, demand))
    found.sort(key=_order)
    chosen = found[0] if found[0].fits else None
    return HostsPlan(demand, metric, tuple(found), chosen, _advice(found, demand))


def _order(option: HostedIndex) -> tuple[bool, bool, float]:
    return not option.fits, not option.hosts, option.host_hours_per_million


def _too_small(found: list[HostedIndex], demand: Demand) -> str:
    reasons = "; ".join(f"{option.name}: {option.reasons[0]}" for option in found[:2])
    disk = "" if demand.host_disk is None else f" and {size_text(demand.host_disk)} of SSD"
    return (
        f"a host of {size_text(demand.host_memory)}{disk} holds no segment ({reasons}); give larger hosts, or smaller "
        "segments by --segment"
    )


def _advice(found: list[HostedIndex], demand: Demand) -> str:
    best = found[0]
    if not best.fits:
        return f"nothing fits; nearest is {best.name}: {'; '.join(best.reasons)}"
    fewest = min((option for option in found if option.fits), key=lambda option: option.hosts + option.service_hosts)
    rate = f"{demand.rate:,g} searches a second" if demand.rate else "what its hosts can answer"
    also = "" if fewest is best else f"; {fewest.name} needs the fewest hosts, {fewest.hosts} + {fewest.service_hosts}"
    return (
        f"{best.name} is the cheapest per search at {rate}, times known to a factor of {best.uncertainty:.1f}{also}; "
        "measure one segment on a host of yours"
    )
