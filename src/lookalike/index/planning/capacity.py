"""What an index will cost before it is built: memory, disk, hours, recall, latency; and what to take.

Bytes are counted from the engines' structures (`footprint`); times and recall are scaled from indexes that were built
for real (`scaling`) and come with a range. `benchmarks/capacity_check.py` builds what is planned here and compares.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.index.core.checks import check_recall, checked_k
from lookalike.index.core.flat_vectors import AUTO_EXACT_LIMIT
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.assumptions import PARALLEL, SSD_READS_PER_SECOND
from lookalike.index.planning.footprint import PROCESS_BYTES, footprint
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed
from lookalike.index.planning.options import PlanOptions
from lookalike.index.planning.scaling import (
    build_cpu_seconds,
    expected_recall,
    search_ms,
    setting_for_neighbours,
    uncertainty,
)
from lookalike.index.quantities import count_text, needed_text, parse_count, parse_size, short_text, size_text

if TYPE_CHECKING:
    from lookalike.index.planning.hosts.plan import HostsPlan

__all__ = ["CapacityPlan", "Option", "plan_capacity"]

#: A candidate whose page is not in memory costs a read; many are asked for at once.
_PAGE_READ_MS = 1000 / SSD_READS_PER_SECOND
#: What `VectorIndex.search` itself takes: checks, ids, settings.
_CALL_MS = 0.015
#: Latencies closer than this factor are a tie: the prediction cannot tell them apart.
_TIE = 1.15


@dataclass(frozen=True)
class Option:
    """One index that could be built.

    Attributes:
        name: kind, and what tells options of one kind apart.
        kind: a name in `lookalike.index.kinds.registry.KINDS`.
        build: its build settings, for `build_index`.
        search: its search settings.
        memory_bytes: while it serves, the process included; without pages of a mapped store.
        build_memory_bytes: the most while it is built from vectors in memory (`ivfpq`: streamed), process included.
        disk_bytes: size of its folder.
        mapped_bytes: the part of it that is read piece by piece while serving.
        build_cpu_seconds: processor time to build, over all threads.
        build_hours: on the threads of the plan.
        recall: recall@k expected; real embeddings may need a higher search setting for it (see `scaling`).
        latency_ms: one query on one thread.
        latency_range_ms: from `latency_ms / uncertainty` to `latency_ms * uncertainty`.
        uncertainty: that factor; it holds for `build_hours` as well.
        installed: whether its engine can be imported here.
        fits: whether it can be built here within the budgets, by this metric, with this recall.
        reasons: why not; empty where it fits.
    """

    name: str
    kind: str
    build: dict[str, Any]
    search: dict[str, Any]
    memory_bytes: int
    build_memory_bytes: int
    disk_bytes: int
    mapped_bytes: int
    build_cpu_seconds: float
    build_hours: float
    recall: float
    latency_ms: float
    latency_range_ms: tuple[float, float]
    uncertainty: float
    installed: bool
    fits: bool
    reasons: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Build and search settings together, as `build_index` takes them."""
        return {**self.build, **self.search}


@dataclass(frozen=True)
class CapacityPlan:
    """Every option with its cost, and the recommended one.

    Attributes:
        vectors: how many.
        dimension: numbers per vector.
        metric: one of `lookalike.index.core.kind.IndexMetric`.
        recall: recall@k asked for.
        k: neighbours.
        memory: bytes there are; None for any.
        disk: bytes there are; None for any.
        threads: that build.
        calibrated: whether times are scaled to this machine.
        options: all of them, those that fit first, the fastest first.
        recommended: the option to build; None where none fits.
        advice: one sentence: why this one, or what would be needed.
        hosts: the same vectors over several hosts, where that was planned as well (`lookalike.workflows.index_plan`).
    """

    vectors: int
    dimension: int
    metric: str
    recall: float
    k: int
    memory: int | None
    disk: int | None
    threads: int
    calibrated: bool
    options: tuple[Option, ...]
    recommended: Option | None
    advice: str
    hosts: HostsPlan | None = None

    @property
    def command(self) -> str:
        """The command that builds the recommended option, with VECTORS and INDEX to be filled in; "" without one."""
        if self.recommended is None:
            return ""
        chosen = self.recommended
        settings = "".join(f" --set {name}={value}" for name, value in chosen.settings.items())
        stream = " --stream" if KINDS[chosen.kind].streamed else ""
        return f"lookalike index build VECTORS -o INDEX --kind {chosen.kind} --metric {self.metric}{settings}{stream}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: bytes as integers, times in the unit that the name ends in."""
        options = [{**asdict(option), "settings": option.settings} for option in self.options]
        chosen = self.recommended and self.recommended.name
        hosts = self.hosts and self.hosts.to_dict()
        plain = asdict(replace(self, hosts=None))
        return {**plain, "options": options, "recommended": chosen, "command": self.command, "hosts": hosts}

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of a table for people, as plain text; the recommended option is marked with `*`."""
        heads = ["", "index", "memory", "to build", "disk", "hours", f"recall@{self.k}", "ms/query", "range", "verdict"]
        return heads, [self._row(option) for option in self.options]

    def _row(self, option: Option) -> list[str]:
        low, high = option.latency_range_ms
        return [
            "*" if option is self.recommended else "",
            option.name,
            size_text(option.memory_bytes),
            size_text(option.build_memory_bytes),
            size_text(option.disk_bytes),
            short_text(option.build_hours),
            f"{math.floor(option.recall * 1000) / 1000:.3f}",
            short_text(option.latency_ms),
            f"{short_text(low)}–{short_text(high)}",
            "fits" if option.fits else "; ".join(option.reasons),
        ]


def plan_capacity(
    vectors: int | str,
    dimension: int,
    *,
    measured: MachineSpeed | None = None,
    **options: Any,
) -> CapacityPlan:
    """What every kind of index over so many vectors costs, and which one to build; nothing is built.

    The fastest option is recommended among those that fit and, where some do, keep distances exact enough for a
    threshold (a store of bytes moves them by about a hundredth, no store by much more).

    Args:
        vectors: how many; a number or text such as `"100M"`.
        dimension: numbers per vector.
        measured: of `measure_machine()`, to scale times to this machine.
        **options: `memory` and `disk` (None: no limit; bytes or text such as `"24GiB"`), `metric` (`"cosine"`),
            `recall` (0.95), `k` (10) and `threads` (None: all processors), as `PlanOptions` explains them.

    Raises:
        InputError: a number out of range, or an unknown metric.
        TypeError: there is no such option.

    Example:
        >>> plan = plan_capacity("100M", 128, memory="24GiB", disk="80GiB")
        >>> plan.recommended.kind, plan.recommended.build["store"]
        ('ivfpq', 'float16')
    """
    wish = PlanOptions(**options)
    count = parse_count(vectors)
    limits = [None if limit is None else parse_size(limit) for limit in (wish.memory, wish.disk)]
    wanted = checked_k(wish.k)
    _check(dimension, wish.metric, wish.recall, wish.threads)
    used = wish.threads or os.cpu_count() or 1
    case = _Case(count, dimension, wish.metric, wish.recall, wanted, limits[0], limits[1], used, measured)
    offered = [case.option(name, build) for name, kind in KINDS.items() for build in kind.costs.planned]
    found = sorted(offered, key=lambda option: (not option.fits, option.latency_ms))
    chosen = _chosen(found, count)
    return CapacityPlan(
        vectors=count,
        dimension=dimension,
        metric=wish.metric,
        recall=wish.recall,
        k=wanted,
        memory=limits[0],
        disk=limits[1],
        threads=used,
        calibrated=measured is not None,
        options=tuple(found),
        recommended=chosen,
        advice=_reason(chosen, count) if chosen else _needed(found, case),
    )


def _check(dimension: int, metric: str, recall: float, threads: int | None) -> None:
    from lookalike.index.core.kind import ALL_METRICS

    if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= 1_000_000:
        raise InputError(f"dimension is {dimension!r}; give the numbers per vector, 1 to 1000000")
    if metric not in ALL_METRICS:
        raise InputError(f"metric {metric!r} is unknown; choose one of {', '.join(ALL_METRICS)}")
    check_recall(recall)
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads is {threads!r}; give at least 1, or None for all processors")


@dataclass(frozen=True)
class _Case:
    """What is asked for; makes options of it."""

    count: int
    dimension: int
    metric: str
    recall: float
    k: int
    memory: int | None
    disk: int | None
    threads: int
    measured: MachineSpeed | None

    def option(self, kind: str, worth: Mapping[str, Any]) -> Option:
        build = {**KINDS[kind].costs.by_count(self.count), **worth}
        size = footprint(kind, self.count, self.dimension, build, metric=self.metric, threads=self.threads)
        speed = self.measured or REFERENCE
        value = setting_for_neighbours(kind, self.count, self.recall, self.k, build)
        reached = expected_recall(kind, self.count, value, build)
        cpu = build_cpu_seconds(kind, self.count, self.dimension, build, speed)
        factor = uncertainty(kind, self.count, self.dimension, build, self.measured is not None)
        search = self._search(kind, value, build)
        latency = _CALL_MS * (REFERENCE.stream / speed.stream)
        latency += search_ms(kind, self.count, self.dimension, value, build, speed)
        latency += self._page_reads(size.serving, size.mapped, self._reranked(kind, build)) * _PAGE_READ_MS
        serving, building = size.serving + PROCESS_BYTES, size.building + PROCESS_BYTES
        installed = KINDS[kind].installed
        reasons = [] if installed else [f"not installed: {KINDS[kind].how_to_install}"]
        if self.metric not in KINDS[kind].metrics:
            reasons.append(f"cannot search by {self.metric}")
        if reached < self.recall:
            reasons.append(f"expected recall {math.floor(reached * 1000) / 1000:.3f} is below {self.recall:g}")
        reasons += self._over("memory while serving", serving, self.memory)
        if not any("serving" in reason for reason in reasons):
            reasons += self._over("memory while building", building, self.memory)
        reasons += self._over("disk", size.disk, self.disk)
        return Option(
            name=" ".join([kind, *KINDS[kind].costs.distinguishing(worth)]),
            kind=kind,
            build=build,
            search=search,
            memory_bytes=serving,
            build_memory_bytes=building,
            disk_bytes=size.disk,
            mapped_bytes=size.mapped,
            build_cpu_seconds=cpu,
            build_hours=cpu / 3600 / (1 if self.threads == 1 else self.threads * PARALLEL),
            recall=reached,
            latency_ms=latency,
            latency_range_ms=(latency / factor, latency * factor),
            uncertainty=factor,
            installed=installed,
            fits=not reasons,
            reasons=tuple(reasons),
        )

    def _search(self, kind: str, value: int, build: dict[str, Any]) -> dict[str, Any]:
        setting = KINDS[kind].recall_setting
        if setting is None:
            return {}
        reranked = {} if setting.reranked is None else {setting.reranked: self._reranked(kind, build)}
        return {setting.name: value, **reranked}

    def _reranked(self, kind: str, build: dict[str, Any]) -> int:
        """How many candidates are compared again."""
        setting = KINDS[kind].recall_setting
        if setting is None or setting.reranked is None or not KINDS[kind].costs.reranks(KINDS[kind].build(**build)):
            return 0
        return max(100, 10 * self.k)

    def _page_reads(self, serving: int, mapped: int, reranked: int) -> float:
        """Candidates of a query whose page is not in memory, where memory is limited."""
        if not mapped or self.memory is None:
            return 0.0
        room = max(0, self.memory - serving - PROCESS_BYTES)
        return reranked * (1 - min(1.0, room / mapped))

    @staticmethod
    def _over(what: str, needs: int, limit: int | None) -> list[str]:
        return [] if limit is None or needs <= limit else [f"needs {size_text(needs)} of {what}"]


def _chosen(options: Iterable[Option], count: int) -> Option | None:
    fitting = [option for option in options if option.fits]
    if count <= AUTO_EXACT_LIMIT:
        # Nothing to build or to tune, and a query takes well under a millisecond.
        fitting = [option for option in fitting if KINDS[option.kind].exhaustive] or fitting
    faithful = [option for option in fitting if not _rounds_distances(option)]
    best = faithful or fitting
    if not best:
        return None
    fastest = min(option.latency_ms for option in best)
    tied = [option for option in best if option.latency_ms <= fastest * _TIE]
    return min(tied, key=lambda option: (option.disk_bytes, option.memory_bytes))


def _rounds_distances(option: Option) -> bool:
    kind = KINDS[option.kind]
    return kind.costs.rounds_distances(kind.build(**option.build))


def _reason(chosen: Option, count: int) -> str:
    if KINDS[chosen.kind].exhaustive and count < 100_000:
        return f"{count_text(count)} vectors are searched exactly in about {short_text(chosen.latency_ms)} ms"
    kept = "; its distances are rounded, check thresholds" if _rounds_distances(chosen) else ""
    return f"{chosen.name} is the fastest that fits, to within what can be predicted{kept}; tune_index measures"


def _needed(options: Iterable[Option], case: _Case) -> str:
    """What would have to be given for something to fit: the least more of memory and disk, or another wish."""
    able = [
        option
        for option in options
        if option.installed and option.recall >= case.recall and case.metric in KINDS[option.kind].metrics
    ]
    if not able:
        return f"no installed kind reaches recall {case.recall:g} by {case.metric}; lower it or install an extra"

    def excess(option: Option) -> float:
        needs = max(option.memory_bytes, option.build_memory_bytes), option.disk_bytes
        limits = case.memory, case.disk
        return sum(max(0.0, math.log(need / limit)) for need, limit in zip(needs, limits, strict=True) if limit)

    nearest = min(able, key=excess)
    memory = max(nearest.memory_bytes, nearest.build_memory_bytes)
    return (
        f"nothing fits; nearest is {nearest.name}, which needs {needed_text(memory)} of memory "
        f"({needed_text(nearest.memory_bytes)} once built) and {needed_text(nearest.disk_bytes)} of disk"
    )
